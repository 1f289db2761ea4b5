"""CrewAI against the wire: accounted by call, never by `crew.usage_metrics`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from decimal import Decimal
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

import finops_pack
from finops_pack import recorder
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
FULL = Usage(1000, 200, 600, reasoning_tokens=50)
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # CrewAI's own, at import
    pytest.mark.skipif(find_spec("crewai") is None, reason="the set with openai 3 has no CrewAI"),
]


def crew_of(llm: Any, agents: int = 1, name: str = "support") -> Any:
    from crewai import Agent, Crew, Task

    team = [
        Agent(role=f"role{i}", goal="g", backstory="b", llm=llm, max_retry_limit=0)
        for i in range(agents)
    ]
    tasks = [
        Task(name=f"task{i}", description="d", expected_output="e", agent=agent)
        for i, agent in enumerate(team)
    ]
    return Crew(name=name, agents=team, tasks=tasks)


def test_one_full_row_a_call_with_role_and_task(wire: Wire, llm: Any, calls: Calls) -> None:
    crew_of(llm(), agents=2).kickoff()
    rows = calls()
    assert wire.calls == len(rows) == 2
    assert {row.usage == FULL for row in rows} == {True}
    assert {row.amount_usd for row in rows} == {Decimal("0.00375")}
    assert [(row.agent, row.action) for row in rows] == [("role0", "task0"), ("role1", "task1")]
    assert len({row.task for row in rows}) == 1
    assert {row.project for row in rows} == {"support"}
    assert {row.adapter for row in rows} == {"crewai"}


def test_the_text_of_a_task_without_a_name_is_not_kept(wire: Wire, llm: Any, calls: Calls) -> None:
    """CrewAI calls it by its description, which is prompt, or what a model wrote to delegate it."""
    crew = crew_of(llm())
    crew.tasks[0].name, crew.tasks[0].description = None, "Tell Jane Doe that she is fired"
    crew.kickoff()
    [row] = calls()
    assert "Jane" in str(wire.requests[0].body)
    assert row.action == "test_the_text_of_a_task_without_a_name_is_not_kept"


def test_a_failure_is_told_twice_and_counted_once(wire: Wire, llm: Any, calls: Calls) -> None:
    wire.script(Reply(status=400))
    with pytest.raises(Exception, match="scripted"):
        llm().call("hi")
    [row] = calls()
    assert (row.status, row.amount_usd) == ("error", 0)
    assert row.error_type == "BadRequestError"


def test_direct_calls_are_seen(wire: Wire, llm: Any, calls: Calls) -> None:
    llm().call("hi")
    [row] = calls()
    assert (row.usage, row.provider, row.model) == (FULL, "openai", "gpt-4o")


def test_the_users_task_wins_over_the_kickoff(wire: Wire, llm: Any, calls: Calls) -> None:
    with finops_pack.task("ticket-7") as task:
        crew_of(llm()).kickoff()
    [row] = calls()
    assert (row.task, task.calls, task.cost) == ("ticket-7", 1, Decimal("0.00375"))


def test_a_custom_llm_that_emits_nothing_is_seen_in_the_sdk(
    wire: Wire, llm: Any, calls: Calls
) -> None:
    import openai
    from crewai import BaseLLM

    class Own(BaseLLM):
        def call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
            client = openai.OpenAI(base_url=wire.openai_url, api_key="none")
            answer = client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
            )
            return answer.choices[0].message.content or ""

    crew_of(Own(model="own")).kickoff()
    rows = calls()
    assert wire.calls == len(rows)
    assert {row.usage == FULL for row in rows} == {True}
    assert len({row.task for row in rows}) == 1


def ask_openai(wire: Wire) -> None:
    import openai

    openai.OpenAI(base_url=wire.openai_url, api_key="none").chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
    )


@pytest.mark.parametrize("told", ["no usage", "usage"])
def test_a_custom_llm_whose_events_share_no_id_is_one_row(
    wire: Wire, calls: Calls, told: str
) -> None:
    """Outside of `llm_call_context` CrewAI gives each event of a call an id of its own."""
    from crewai import BaseLLM
    from crewai.events.types.llm_events import LLMCallType

    usage = {"prompt_tokens": 1000, "completion_tokens": 200} if told == "usage" else None

    class Own(BaseLLM):
        def call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
            self._emit_call_started_event(messages=messages)
            ask_openai(wire)
            for _ in range(2):  # as where a tool is run on the way
                self._emit_call_completed_event("hello", LLMCallType.LLM_CALL, usage=usage)
            return "hello"

    own = Own(model="gpt-4o")
    own.call("hi")
    ask_openai(wire)  # the user's own
    own.call("hi")
    rows = calls()
    assert wire.calls == len(rows) == 3
    assert [row.adapter for row in rows] == ["crewai", "openai", "crewai"]
    assert {row.usage == FULL for row in rows} == {True}


def test_calls_below_a_custom_llm_that_never_ends_are_not_lost(wire: Wire, calls: Calls) -> None:
    from crewai import BaseLLM

    class Own(BaseLLM):
        def call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
            self._emit_call_started_event(messages=messages)
            raise RuntimeError("without a word of it")

    with pytest.raises(RuntimeError):
        Own(model="gpt-4o").call("hi")
    ask_openai(wire)
    ask_openai(wire)
    recorder.get().sweep(0)
    rows = calls()
    assert wire.calls == len(rows) == 2
    assert [(row.usage, row.amount_usd) for row in rows] == [(FULL, Decimal("0.00375"))] * 2


def test_an_answer_that_is_there_is_counted_not_refused(calls: Calls) -> None:
    """A custom model that tells only how its calls end is heard of when they are paid."""
    from crewai import BaseLLM
    from crewai.events.types.llm_events import LLMCallType

    class Own(BaseLLM):
        def call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
            said = {"prompt_tokens": 1000, "completion_tokens": 200}
            self._emit_call_completed_event("hello", LLMCallType.LLM_CALL, usage=said)
            return "hello"

    finops_pack.track(budget="0.0000001 USD/day")
    assert Own(model="gpt-4o").call("hi") == "hello"
    [row] = calls()
    assert (row.usage, row.adapter, row.framework) == (Usage(1000, 200), "crewai", "crewai")


def test_events_of_older_versions_say_less(
    wire: Wire, llm: Any, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before 1.14.7: each call was for nobody and for nothing, with two warnings of ours."""
    from finops_pack.adapters import _crewai_read, crewai

    def older(look: Any) -> Any:
        def seen(source: Any, event: Any) -> None:
            absent = {"max_tokens", "n", "finish_reason", "response_id"}
            look(
                source, SimpleNamespace(**{k: v for k, v in vars(event).items() if k not in absent})
            )

        return seen

    for kind in ("llm_call_started", "llm_call_completed"):
        monkeypatch.setitem(crewai._LOOKS, kind, older(crewai._LOOKS[kind]))
    crew_of(llm()).kickoff()
    [row] = calls()
    assert (row.agent, row.action, row.adapter, row.usage) == ("role0", "task0", "crewai", FULL)
    assert _crewai_read.bound(SimpleNamespace(max_tokens=7), SimpleNamespace()) == 7


def test_a_budget_holds_where_crewai_has_no_exception_for_it(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before 1.15.3: a model that asks no SDK we know went on over the budget."""
    from crewai import BaseLLM

    asked = []

    class Own(BaseLLM):
        def call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
            self._emit_call_started_event(messages=messages)
            asked.append(messages)
            return "hello"

    monkeypatch.setitem(sys.modules, "crewai.hooks.dispatch", None)
    finops_pack.track(budget="0.0000001 USD/day")
    with pytest.raises(finops_pack.BudgetExceeded):
        Own(model="gpt-4o").call("hi")
    assert not asked
    assert not calls()


def test_structured_output_that_fails_is_billed_and_rejected(
    wire: Wire, llm: Any, calls: Calls
) -> None:
    """Native structured output that does not parse: HTTP calls without usage on the bus."""
    from pydantic import BaseModel

    class Answer(BaseModel):
        number: int

    wire.script(Reply(text="no json"), Reply(text="no json"), Reply(text="no json"))
    with contextlib.suppress(Exception):  # whether it gives up is CrewAI's affair
        llm().call("hi", response_model=Answer)
    rows = calls()
    assert wire.calls == len(rows)
    assert {row.usage == FULL for row in rows} == {True}


def test_listener_by_hand_changes_nothing(wire: Wire, llm: Any, calls: Calls) -> None:
    from finops_pack.adapters.crewai import FinOpsListener

    FinOpsListener()
    llm().call("hi")
    assert wire.calls == len(calls()) == 1


def test_anthropic_usage_of_the_bus_is_read_as_a_total() -> None:
    from finops_pack.adapters._crewai_read import usage_of

    bus = {"input_tokens": 1000, "output_tokens": 200, "cached_prompt_tokens": 600,
           "cache_creation_tokens": 300}  # fmt: skip
    assert usage_of(bus) == Usage(1000, 200, 600, 300)
    gemini = {"prompt_token_count": 1000, "candidates_token_count": 150,
              "thoughts_token_count": 50, "cached_content_token_count": 600}  # fmt: skip
    assert usage_of(gemini) == FULL
    assert usage_of({"inputTokens": 400, "outputTokens": 200, "cacheReadInputTokens": 600}) == (
        Usage(1000, 200, 600)
    )


def test_what_follows_a_call_cancelled_in_its_own_task_is_counted(wire: Wire, calls: Calls) -> None:
    import asyncio

    from crewai import BaseLLM

    class Slow(BaseLLM):
        def call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
            raise NotImplementedError

        async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> str:
            self._emit_call_started_event(messages=messages)
            if messages == "ask":
                ask_openai(wire)
            await asyncio.sleep(5)
            return "hello"

    async def impatient(said: str) -> None:
        try:
            async with asyncio.timeout(0.2):
                await Slow(model="own").acall(said)
        except TimeoutError:
            ask_openai(wire)

    asyncio.run(impatient("hi"))
    asyncio.run(impatient("ask"))  # below it, an SDK's answer is told to it as ever
    recorder.get().sweep(0)
    rows = calls()
    assert [(row.adapter, row.usage_basis) for row in rows] == [
        ("crewai", "unknown"),
        ("openai", "measured"),
        ("crewai", "measured"),
        ("openai", "measured"),
    ]
    assert wire.calls == 3


def test_kickoff_async_and_sdk_retries(wire: Wire, llm: Any, calls: Calls) -> None:
    import asyncio

    wire.script(Reply(status=429, headers={"retry-after-ms": "5"}))
    asyncio.run(crew_of(llm()).kickoff_async())
    [row] = calls()
    assert (wire.calls, row.attempts, row.usage) == (2, 2, FULL)
    assert (row.agent, row.action, row.project) == ("role0", "task0", "support")
