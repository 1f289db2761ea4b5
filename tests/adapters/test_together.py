"""All frameworks in one process, imported before and after us: each call is one row of its own."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.adapters import ways

ROOT = Path(__file__).parents[2]
NAMES = (
    "langchain_openai", "langgraph.graph", "crewai", "autogen_ext.models.openai",
    "autogen_agentchat.teams", "openai", "anthropic", "litellm", "agents", "pydantic_ai",
    "agent_framework", "ag2",
)  # fmt: skip
FRAMEWORKS = "".join(
    f"\nimport {name}" for name in NAMES if find_spec(name.partition(".")[0]) is not None
)
ASK = """
import warnings, logging
warnings.simplefilter("ignore")
logging.disable()
from finops_pack import config, flush
from finops_pack.ledger import open_ledger
from finops_pack.model import Where
from finops_pack.testing import Wire
from tests.adapters import ways
asked = {}
for name in filter(ways.here, ways.FRAMEWORKS):
    with Wire() as wire:
        held = ways.FRAMEWORKS[name].ways(wire)
        held["plain"]()
        held["async"]()
        asked[name] = wire.calls
flush(10)
rows = list(open_ledger(config.load().ledger).calls(Where()))
print(asked, [(row.adapter, row.usage_basis, str(row.amount_usd)) for row in rows], sep="\\n")
"""


@pytest.mark.parametrize(
    "lines",
    ["import finops_pack.auto" + FRAMEWORKS, FRAMEWORKS + "\nimport finops_pack.auto"],
    ids=["before", "after"],
)
def test_all_at_once(lines: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", lines + ASK],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"CREWAI_DISABLE_TELEMETRY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "1"},
    )
    asked, rows = map(ast.literal_eval, done.stdout.splitlines()[-2:])
    assert set(asked.values()) == {2}
    expected = [
        (ways.FRAMEWORKS[name].ADAPTER, "measured", str(ways.FRAMEWORKS[name].EXACT[1]))
        for name in asked
        for _ in range(2)
    ]
    assert [(adapter, basis, usd.rstrip("0")) for adapter, basis, usd in rows] == expected
