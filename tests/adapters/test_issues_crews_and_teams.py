"""Issues of others that must not be ours (CrewAI, AutoGen, transcripts), by their numbers.

The others stand where they belong: `test_issues_langchain.py`, `test_crewai.py` (8, 9, 10),
`test_autogen.py` (12), `tests/gate/test_stopping.py` (16).
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import config, importers
from finops_pack.importers import Options
from finops_pack.model import Call, Usage
from finops_pack.testing import Wire

for name in ("CREWAI_DISABLE_TELEMETRY", "OTEL_SDK_DISABLED", "LITELLM_LOCAL_MODEL_COST_MAP"):
    os.environ.setdefault(name, "true")

Calls = Callable[[], list[Call]]
FULL = Usage(1000, 200, 600, reasoning_tokens=50)
pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


@pytest.fixture
def llm(wire: Wire) -> Callable[..., Any]:
    crewai = pytest.importorskip("crewai")

    def make(**settings: Any) -> Any:
        server = {"base_url": wire.openai_url, "api_key": "none"}
        return crewai.LLM(**{"model": "openai/gpt-4o", **server, **settings})

    return make


def test_9_crewai_4170_streams_over_litellm_are_not_zero(
    wire: Wire, llm: Any, calls: Calls
) -> None:
    pytest.importorskip("litellm")
    llm(model="openrouter/openai/gpt-4o", is_litellm=True, stream=True).call("hi")
    [row] = calls()
    assert (wire.calls, row.adapter, row.usage) == (1, "crewai", FULL)


def test_10_crewai_4822_a_thread_that_loses_context_loses_no_call(
    wire: Wire, llm: Any, calls: Calls
) -> None:
    with finops_pack.task("mine"):
        threads = [threading.Thread(target=llm().call, args=("hi",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    rows = calls()
    assert wire.calls == len(rows) == 4
    assert {row.usage == FULL for row in rows} == {True}


def test_11_crewai_6122_an_end_without_usage_is_counted_and_marked(calls: Calls) -> None:
    """The bus may say that a call is over and nothing of its tokens; its handlers come late."""
    crewai = pytest.importorskip("crewai")
    from crewai.events.types.llm_events import LLMCallType
    from crewai.llms.base_llm import llm_call_context

    class Own(crewai.BaseLLM):  # type: ignore[misc,name-defined]
        def call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
            with llm_call_context():
                self._emit_call_started_event(messages=messages)
                self._emit_call_completed_event(
                    response="hello", call_type=LLMCallType.LLM_CALL, messages=messages, usage=None
                )
            return "hello"

    Own(model="own").call([{"role": "user", "content": "a question"}])
    [row] = calls()  # at once: no handler of the bus's pool is waited for
    assert (row.status, row.usage_basis) == ("ok", "estimated")
    assert row.input_tokens > 0


def test_13_autogen_6141_the_reason_survives_a_team_that_loses_the_type(wire: Wire) -> None:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import RoundRobinGroupChat
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    tracker = finops_pack.track(budget="0.0000001 USD/day")
    client = OpenAIChatCompletionClient(model="gpt-4o", base_url=wire.openai_url, api_key="none")
    team = RoundRobinGroupChat(
        [AssistantAgent("a", client)], termination_condition=MaxMessageTermination(3)
    )
    with pytest.raises(RuntimeError):
        asyncio.run(team.run(task="go"))
    assert tracker.refusal is not None
    assert (tracker.refusal.reason, wire.calls) == ("exceeded", 0)


def test_15_ccusage_888_a_streamed_answers_lines_are_one_call_the_last_wins(
    tmp_path: Path, calls: Calls
) -> None:
    lines = [
        {
            "type": "assistant", "sessionId": "s", "uuid": f"u{number}", "requestId": "req_1",
            "timestamp": f"2026-02-11T20:00:0{number}Z",
            "message": {
                "id": "msg_1", "model": "claude-opus-4-6", "content": [],
                "usage": {"input_tokens": 3, "cache_read_input_tokens": 900, "output_tokens": made},
            },
        }
        for number, made in enumerate((1, 1, 70))
    ]  # fmt: skip
    for name in ("a.jsonl", "resumed.jsonl"):  # a resumed session repeats the old one's lines
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    claude = importers.load("claude-code")
    importers.run(claude, [tmp_path], Options(ledger=config.load().ledger, billing="metered"))
    [row] = calls()
    assert row.usage == Usage(903, 70, 900)
