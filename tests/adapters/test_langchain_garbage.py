"""Ten thousand malformed events: no handler method ever raises, and good calls still count."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult

from finops_pack.adapters.langchain import FinOpsCallbackHandler
from finops_pack.model import Call

Calls = Callable[[], list[Call]]


class Hostile:
    """Raises whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __iter__(self) -> Any:
        raise RuntimeError("iter")

    def __bool__(self) -> bool:
        raise RuntimeError("bool")


def result(**fields: Any) -> LLMResult:
    message = AIMessage("x")
    for name, value in fields.items():
        object.__setattr__(message, name, value)
    return LLMResult(generations=[[ChatGeneration.model_construct(message=message)]])


RUNS = [UUID(int=number) for number in range(4)]
ODD: list[Any] = [
    None,
    0,
    -1,
    2**80,
    float("nan"),
    "",
    "text",
    b"\xff",
    [],
    [[]],
    [[None]],
    {},
    {"input_tokens": "many"},
    {"input_tokens": -5, "output_tokens": None, "input_token_details": 7},
    {"usage": {"prompt_tokens": {}}},
    {"model": object()},
    {"ls_provider": 3, "thread_id": {}, "langgraph_node": []},
    object(),
    Hostile(),
    ValueError("x"),
    KeyboardInterrupt(),
    HumanMessage("hi"),
    [[HumanMessage("hi")]],
    LLMResult(generations=[]),
    LLMResult(generations=[[]]),
    LLMResult(generations=[[Generation(text="x")]]),
    result(usage_metadata={"input_tokens": 1}, response_metadata=None),
    result(usage_metadata=[1], response_metadata={"body": "text", "id": 7}),
    result(usage_metadata=Hostile(), tool_calls=[None, {"id": None}, 3]),
    result(response_metadata=Hostile()),
]
METHODS = [
    "on_chat_model_start",
    "on_llm_start",
    "on_llm_new_token",
    "on_llm_end",
    "on_llm_error",
    "on_chain_start",
    "on_chain_end",
    "on_chain_error",
    "on_tool_start",
    "on_tool_end",
    "on_tool_error",
    "on_retriever_start",
    "on_retriever_end",
    "on_retriever_error",
]
STARTS = {name for name in METHODS if name.endswith("_start")}
NAMES = (
    *("parent_run_id", "metadata", "name", "tags", "invocation_params", "tool_call_id"),
    *("chunk", "response", "run_type", "batch_size", "something_new"),
)


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20")
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_ten_thousand_malformed_events(seed: int) -> None:
    copy_context().run(malformed_events, Random(seed))  # runs that never end are left in there


def malformed_events(chance: Random) -> None:
    handler = FinOpsCallbackHandler()
    for _ in range(100):
        method = chance.choice(METHODS)
        arguments = chance.choices(ODD, k=2 if method in STARTS else 1)
        names = chance.sample(NAMES, chance.randrange(5))
        more = {name: chance.choice(ODD + RUNS) for name in names}
        getattr(handler, method)(*arguments, run_id=chance.choice(ODD + RUNS * 8), **more)


def test_good_calls_still_count_after_it(chat: Any, calls: Calls) -> None:
    handler = FinOpsCallbackHandler()
    handler.on_llm_end(Hostile(), run_id=RUNS[0])
    handler.on_chat_model_start(Hostile(), Hostile(), run_id=RUNS[0])
    chat().invoke("hi")
    rows = [row for row in calls() if row.model == "gpt-4o"]
    assert [row.input_tokens for row in rows] == [1000]
