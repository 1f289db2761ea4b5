"""Issues of others that must not be ours (CrewAI, AutoGen, transcripts), by their numbers.

The others stand in `test_issues_langchain.py`; `handling.py` says what keeps each from us.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import config, importers
from finops_pack.importers import Options
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
FULL = Usage(1000, 200, 600, reasoning_tokens=50)
pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


def crew_of(llm: Any, agents: int = 1, at_once: int = 0) -> Any:
    """Agents that share a model, a task each; the first `at_once` tasks run in threads."""
    from crewai import Agent, Crew, Task

    team = [Agent(role=f"role{i}", goal="g", backstory="b", llm=llm) for i in range(agents)]
    tasks = [
        Task(
            name=f"task{i}",
            description=f"subject{i}",
            expected_output="e",
            agent=agent,
            async_execution=i < at_once,
        )
        for i, agent in enumerate(team)
    ]
    return Crew(agents=team, tasks=tasks)


def test_8_crewai_7259_a_shared_llm_is_counted_once_a_call(
    wire: Wire, llm: Any, calls: Calls
) -> None:
    """`crew.usage_metrics` says 4,800 tokens for these 2,400, and counts on with each kickoff."""
    crew = crew_of(llm(), agents=2)
    for kickoff in (1, 2):
        crew.kickoff()
        rows = calls()
        assert sum(row.input_tokens + row.output_tokens for row in rows) == kickoff * 2400
    assert len({row.task for row in rows}) == 2


def test_9_crewai_4056_streams_of_kickoff_async_are_not_zero(
    wire: Wire, llm: Any, calls: Calls
) -> None:
    asyncio.run(crew_of(llm(stream=True)).kickoff_async())
    [row] = calls()
    assert wire.requests[0].body["stream"] is True
    assert row.usage_basis == "measured"
    assert row.usage == FULL


def test_9_crewai_4170_streams_over_litellm_are_not_zero(
    wire: Wire, llm: Any, calls: Calls
) -> None:
    pytest.importorskip("litellm")
    llm(model="openrouter/openai/gpt-4o", is_litellm=True, stream=True).call("hi")
    [row] = calls()
    assert row.usage_basis == "measured"
    assert (wire.calls, row.adapter, row.usage) == (1, "crewai", FULL)


def test_10_crewai_4168_tasks_at_once_keep_what_is_theirs(
    wire: Wire, llm: Any, calls: Calls
) -> None:
    def by_subject(path: str, body: Mapping[str, Any]) -> Reply:
        number = next(i for i in range(3) if f"subject{i}" in json.dumps(body))
        counts = {"prompt_tokens": number + 1, "completion_tokens": 1, "total_tokens": number + 2}
        return Reply(usage=counts, delay=0.1)

    wire.answer = by_subject
    crew_of(llm(), agents=3, at_once=2).kickoff()
    rows = sorted((row.input_tokens, row.agent, row.action) for row in calls())
    assert len({agent for _, agent, _ in rows}) == 3
    assert rows == [(1, "role0", "task0"), (2, "role1", "task1"), (3, "role2", "task2")]
    assert len({row.task for row in calls()}) == 1


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
    rows = calls()  # at once: no handler of the bus's pool is waited for
    assert [(row.status, row.usage_basis) for row in rows] == [("ok", "estimated")]
    assert rows[0].input_tokens > 0


def test_12_autogen_6548_streams_are_not_zero(wire: Wire, client: Any, calls: Calls) -> None:
    from autogen_core.models import UserMessage

    async def read() -> list[Any]:
        asked = client.create_stream([UserMessage(content="hi", source="user")])
        return [item async for item in asked]

    assert isinstance(asyncio.run(read())[-1].content, str)
    [row] = calls()
    assert row.usage_basis == "measured"
    assert row.usage == FULL
    assert wire.requests[0].body["stream_options"] == {"include_usage": True}


def test_13_autogen_6141_the_reason_survives_a_team_that_loses_the_type(
    wire: Wire, client: Any
) -> None:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import RoundRobinGroupChat

    tracker = finops_pack.track(budget="0.0000001 USD/day")
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
    rows = calls()
    assert len(rows) == 1
    assert rows[0].output_tokens == 70
    assert rows[0].usage == Usage(903, 70, 900)
