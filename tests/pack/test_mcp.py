"""The MCP server over stdio, as a client sees it; and what it costs to have it around."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import config, mcp_server, recorder
from finops_pack import tools as tools_of_a_framework
from finops_pack.errors import InputError
from finops_pack.ledger import open_ledger, spool

TOP = Path(__file__).parent.parent.parent
SNAPSHOT = Path(__file__).parent / "mcp_tools.json"
CHARACTERS_A_TOKEN = 4
pytestmark = pytest.mark.filterwarnings("ignore")


def sent(message: Any) -> dict[str, Any]:
    """As it goes over the wire: the SDK's own names differ from version to version."""
    return dict(message.model_dump(mode="json", exclude_none=True, by_alias=True))


def tools(*, write: bool = False) -> list[dict[str, Any]]:
    listed = asyncio.run(mcp_server.build(write=write).list_tools())
    return list(map(sent, listed))


def test_tools_are_as_they_were_agreed() -> None:
    """A change is meant: renew with `finops mcp --list --json`, tools only."""
    assert tools() == json.loads(SNAPSHOT.read_text())


def test_reading_is_marked_and_writing_is_asked_for() -> None:
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools())
    assert all(tool["outputSchema"] for tool in tools())
    added = {tool["name"] for tool in tools(write=True)} - {tool["name"] for tool in tools()}
    assert added == {"finops_set_budget"}


def test_they_cost_less_than_500_tokens() -> None:
    shown = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in tools()]
    assert len(json.dumps(shown)) / CHARACTERS_A_TOKEN <= 500


def test_a_client_over_stdio_gets_the_ledgers_figures(empty_home: Path) -> None:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    finops_pack.record(model="gpt-4o", provider="openai", usage=finops_pack.Usage(1_000_000, 0))
    finops_pack.flush()
    recorder.close()
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "finops_pack", "mcp"],
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )

    async def ask(log: Any) -> tuple[Any, ...]:
        client = stdio_client(command, errlog=log)
        async with client as (read, write), ClientSession(read, write) as session:
            us = sent(await session.initialize())["serverInfo"]
            spend = await session.call_tool("finops_get_spend", {"by": "model", "last": "1d"})
            budget = await session.call_tool("finops_get_budget", {"cost_usd": 0.4})
            wrong = await session.call_tool("finops_get_spend", {"by": "nope"})
            return us, *map(sent, (spend, budget, wrong))

    said = empty_home / "stderr"
    with said.open("w") as log:
        us, spend, budget, wrong = asyncio.run(ask(log))
    assert (us["name"], us["version"]) == ("finops", finops_pack.__version__)  # not the SDK's
    assert wrong["isError"]
    assert "use one of model" in wrong["content"][0]["text"]
    assert spend["structuredContent"]["total_usd"] == "2.5"
    assert spend["structuredContent"]["rows"][0]["key"] == "gpt-4o"
    assert budget["structuredContent"]["text"].startswith("yes: $0.4")
    assert "Traceback" not in said.read_text()


def test_the_budget_waits_for_no_prompts(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(spool, "before_reading", [waited.append])
    finops_pack.record(model="gpt-4o", provider="openai", usage=finops_pack.Usage(1_000_000, 0))
    assert "$2.50" in mcp_server.get_budget().text
    assert mcp_server.get_budget(0.4).allowed
    assert waited == []
    mcp_server.find_waste()
    assert waited


def test_an_empty_ledger_says_so_in_every_answer(empty_home: Path) -> None:
    for note in (mcp_server.get_spend().note, mcp_server.find_waste().note):
        assert "nothing recorded yet" in str(note)
    for answer in (tools_of_a_framework.get_spend(), tools_of_a_framework.find_waste()):
        assert "nothing recorded yet" in answer


def test_a_flat_plan_is_not_nothing(empty_home: Path) -> None:
    plan = {"type": "call", "id": "c1", "start_us": time.time_ns() // 1000}
    with contextlib.closing(open_ledger(config.load().ledger)) as ledger:
        ledger.book([{**plan, "billing_mode": "subscription"}])
    assert "only calls of flat plans" in str(mcp_server.get_spend().note)
    assert "only calls of flat plans" in tools_of_a_framework.get_spend()


def test_what_has_no_price_stands_beside_the_total(empty_home: Path) -> None:
    for model in ("house-llm", "gpt-4o"):
        finops_pack.record(model=model, provider="openai", usage=finops_pack.Usage(1_000_000, 0))
    finops_pack.flush()
    recorder.close()
    spend = mcp_server.get_spend(limit=1)
    assert (spend.total_usd, spend.unpriced_calls) == ("2.5", 1)
    assert "rows left out: 1, ask" in str(spend.note)
    none = mcp_server.get_spend(limit=-1)
    assert (none.rows, "rows left out: 2" in str(none.note)) == ([], True)
    without = "1 of 2 calls has no price: not in these dollars"
    for said in (
        spend.note, mcp_server.find_waste().note,
        tools_of_a_framework.get_spend(), tools_of_a_framework.find_waste(),
    ):  # fmt: skip
        assert without in str(said)


def test_what_is_estimated_or_priced_in_part_is_said_so(empty_home: Path) -> None:
    line = {"type": "call", "start_us": time.time_ns() // 1000, "cost_pico": 10**12}
    with contextlib.closing(open_ledger(config.load().ledger)) as ledger:
        ledger.book([
            {**line, "id": "e", "cost_state": "priced", "usage_basis": "estimated"},
            {**line, "id": "p", "cost_state": "partial", "missing": ["image"]},
        ])  # fmt: skip
    for said in (mcp_server.get_spend().note, tools_of_a_framework.get_spend()):
        assert "1 of 2 calls has a price in part" in str(said)
        assert "tokens of 1 call are estimated" in str(said)


def test_what_nobody_can_judge_is_not_no_waste(empty_home: Path) -> None:
    line = {"type": "call", "id": "e", "start_us": time.time_ns() // 1000, "input_tokens": 9_000}
    with contextlib.closing(open_ledger(config.load().ledger)) as ledger:
        ledger.book([{**line, "cost_pico": 10**12, "cost_state": "priced", "source": "log"}])
    answers = (mcp_server.find_waste().note, tools_of_a_framework.find_waste())
    for said in (*answers, finops_pack.find_waste()):
        assert "unused context: unknown for 9,000 tokens in 1 call" in str(said)


@pytest.mark.parametrize("wrong", ["abc", "-1", "NaN", "Infinity", -1])
def test_only_an_amount_is_checked(empty_home: Path, wrong: str | float) -> None:
    with pytest.raises(InputError, match="must be an amount in USD"):
        mcp_server.get_budget(wrong)
    assert mcp_server.get_budget("").allowed is None
    assert mcp_server.get_budget(0.4).allowed is True
