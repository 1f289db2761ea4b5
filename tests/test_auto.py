"""One line, before or after the frameworks; nothing under FINOPS_DISABLE; light to import."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import finops_pack
from finops_pack.errors import ConfigError


def run(code: str, **environment: str) -> str:
    """A fresh interpreter in this test's empty home."""
    import os

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout.strip()


ASK = """
from finops_pack.testing import Wire
def ask():
    FakeListChatModel(responses=["an answer of some length"]).invoke("hi")
    with Wire() as wire, OpenAI(base_url=wire.openai_url, api_key="none") as client:
        client.embeddings.create(model="text-embedding-3-small", input="hi")
"""
FRAMEWORKS = """
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from openai import OpenAI
"""
SHOW = """
from finops_pack import config, flush
from finops_pack.ledger import open_ledger
from finops_pack.model import Where
flush(5)
rows = list(open_ledger(config.load().ledger).calls(Where()))
print([(row.adapter, row.input_tokens, row.output_tokens) for row in rows])
"""
BOTH = "[('langchain', 5, 6), ('openai', 8, 0)]"


def test_before_the_frameworks_and_reloaded() -> None:
    again = "import importlib\nimportlib.reload(finops_pack.auto)\nimportlib.reload(finops_pack)"
    code = f"import finops_pack.auto\n{FRAMEWORKS}\n{again}\n{ASK}\nask()\n{SHOW}"
    assert run(code) == BOTH


def test_after_the_frameworks() -> None:
    assert run(f"{FRAMEWORKS}\nimport finops_pack.auto\n{ASK}\nask()\n{SHOW}") == BOTH


def test_disabled_it_is_a_true_no_op(empty_home: Path) -> None:
    code = (
        "import sys\nbefore = list(sys.meta_path)\nimport finops_pack, finops_pack.auto\n"
        f"{FRAMEWORKS}\n{ASK}\nask()\n"
        "from finops_pack.adapters.langchain import FinOpsCallbackHandler\n"
        "FinOpsCallbackHandler().on_chat_model_start({}, [[]], run_id=1)\n"
        "with finops_pack.track(budget='1 USD/day') as t, finops_pack.task('t') as task:\n"
        "    finops_pack.record(model='m', usage=finops_pack.Usage(1, 1))\n"
        "assert finops_pack.flush() and task.calls == 0\n"
        "from langchain_core.tracers import context as c, langchain as l\n"
        "import openai._base_client as b\n"
        "assert not hasattr(b.SyncAPIClient.request, 'finops')\n"
        "assert not [h for h in c._configure_hooks if 'FinOps' in str(h[2])]\n"
        "assert sys.meta_path == before\nprint('quiet')"
    )
    assert run(code, FINOPS_DISABLE="1") == "quiet"
    assert list(empty_home.rglob("*finops*")) == []


def test_the_pack_imports_light() -> None:
    code = (
        "import sys, finops_pack\n"
        "heavy = {'pydantic', 'httpx', 'yaml', 'rich', 'asyncio', 'logging', 'sqlite3',"
        " 'dataclasses', 'inspect', 'typing_extensions', 'langchain_core', 'openai'}\n"
        "print(sorted(heavy & set(sys.modules)), sorted(n for n in dir(finops_pack)"
        " if n in finops_pack.__all__) == sorted(finops_pack.__all__))"
    )
    assert run(code) == "[] True"


def test_every_public_name_is_there() -> None:
    for name in finops_pack.__all__:
        assert getattr(finops_pack, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        finops_pack.nonsense  # noqa: B018


def test_track_is_idempotent_and_its_arguments_win(calls: object) -> None:
    from finops_pack import recorder

    first = finops_pack.track(project="desk", tags={"customer": "a"})
    held = recorder.get()
    finops_pack.track(project="desk", tags={"customer": "a"})
    assert recorder.get() is held
    finops_pack.record(model="gpt-4o", usage=finops_pack.Usage(1, 1))
    (row,) = calls()  # type: ignore[operator]
    assert (row.project, row.tags) == ("desk", {"customer": "a"})
    first.close()
    finops_pack.record(model="gpt-4o", usage=finops_pack.Usage(1, 1))
    assert len(calls()) == 1  # type: ignore[operator]


def test_the_reading_side_knows_what_track_was_told(tmp_path: Path) -> None:
    here = str(tmp_path / "elsewhere" / "mine.db")
    finops_pack.track(ledger=here, budget="5 USD/day")
    finops_pack.record(model="gpt-4o", usage=finops_pack.Usage(1000, 100))
    assert finops_pack.flush()
    assert [row["calls"] for row in finops_pack.spend().to_dicts()] == [1]
    assert finops_pack.find_waste().total_usd == Decimal("0.0035")
    (line,) = finops_pack.budget().to_dicts()
    assert (line["spec"], line["spent_usd"]) == ("5 USD/day", "0.0035")
    finops_pack.track()
    assert (finops_pack.spend().to_dicts(), finops_pack.budget().to_dicts()) == ([], [])


@pytest.mark.parametrize("ask", ["spend", "budget", "find_waste"])
def test_every_answer_is_a_table_in_a_notebook(ask: str) -> None:
    answer = getattr(finops_pack, ask)
    assert "<table>" in answer()._repr_html_()
    assert answer().to_dicts() == []
    assert "<td>0</td>" not in answer()._repr_html_()  # empty is not zero
    assert str(answer()).startswith(("nothing recorded yet", "no waste found: nothing"))


def test_a_budget_that_cannot_be_read_is_told_to_its_author() -> None:
    with pytest.raises(ConfigError, match="budget"):
        finops_pack.track(budget="lots of money")


def test_a_budget_of_the_environment_that_cannot_be_read_breaks_no_agent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from finops_pack import config

    monkeypatch.setenv("FINOPS_BUDGET", "lots of money")
    config.reload()
    finops_pack.record(model="gpt-4o", usage=finops_pack.Usage(1, 1))
    assert any("budget is not in force" in record.message for record in caplog.records)


def test_arguments_that_cannot_be_read_change_nothing() -> None:
    with pytest.raises(ConfigError):
        finops_pack.track(budget="five dollars")
    assert finops_pack.budget().lines == ()
