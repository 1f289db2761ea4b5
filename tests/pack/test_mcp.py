"""The MCP server over stdio, as a client sees it; and what it costs to have it around."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import mcp_server, recorder

TOP = Path(__file__).parent.parent.parent
SNAPSHOT = Path(__file__).parent / "mcp_tools.json"
CHARACTERS_A_TOKEN = 4
pytestmark = pytest.mark.filterwarnings("ignore")


def tools(*, write: bool = False) -> list[dict[str, Any]]:
    listed = asyncio.run(mcp_server.build(write=write).list_tools())
    return [tool.model_dump(mode="json", exclude_none=True) for tool in listed]


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

    async def ask() -> tuple[Any, Any, Any]:
        async with stdio_client(command) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            spend = await session.call_tool("finops_get_spend", {"by": "model", "last": "1d"})
            budget = await session.call_tool("finops_get_budget", {"cost_usd": "0.40"})
            wrong = await session.call_tool("finops_get_spend", {"by": "nope"})
            return spend.structuredContent, budget.structuredContent, wrong

    spend, budget, wrong = asyncio.run(ask())
    assert wrong.isError
    assert "use one of model" in wrong.content[0].text
    assert spend["total_usd"] == "2.5"
    assert spend["rows"][0]["key"] == "gpt-4o"
    assert budget["text"].startswith("yes: $0.4")
