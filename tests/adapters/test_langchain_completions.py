"""LangChain's models that complete text: a request below is theirs, also where it is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import openai
import pytest
from langchain_core.language_models.llms import LLM

import finops_pack
from finops_pack import recorder
from finops_pack.errors import BudgetExceeded
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
FULL = Usage(1000, 200, 600, reasoning_tokens=50)


class Completing(LLM):
    """A model of the user's own over an SDK."""

    ask: Callable[[], str]
    sdk: Callable[[], Any]

    def _call(self, *_: Any, **__: Any) -> str:
        return self.ask()

    async def _acall(self, *_: Any, **__: Any) -> str:
        said: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
        answer = await self.sdk().chat.completions.create(**said)
        return str(answer.choices[0].message.content)

    @property
    def _llm_type(self) -> str:
        return "completing"


@pytest.fixture
def completing(gpt: Any, sdk: Any) -> Completing:
    """One that asks gpt-4o."""
    return Completing(ask=gpt, sdk=sdk)


@pytest.fixture
def instruct(wire: Wire) -> Any:
    """OpenAI's model that completes text, asking the wire."""
    from langchain_openai import OpenAI

    server: Any = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0}
    return OpenAI(model="gpt-3.5-turbo-instruct", **server)


def completed(prompts: int = 1) -> Reply:
    """The answer to so many prompts in one request."""
    counts = {"prompt_tokens": 100 * prompts, "completion_tokens": 10 * prompts}
    choice = {"text": "hi", "finish_reason": "stop", "logprobs": None}
    choices = [{**choice, "index": at} for at in range(prompts)]
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "instruct"}
    usage = {**counts, "total_tokens": 110 * prompts}
    return Reply(body={**head, "choices": choices, "usage": usage})


def test_a_text_completion_model(wire: Wire, calls: Calls) -> None:
    from langchain_core.language_models.fake import FakeListLLM

    FakeListLLM(responses=["a completion of some length"]).invoke("a prompt of some length")
    (row,) = calls()
    assert (row.usage_basis, row.input_tokens, row.output_tokens) == ("estimated", 10, 7)


def test_a_text_completion_model_over_an_sdk(completing: Completing, calls: Calls) -> None:
    async def stream() -> None:
        async for _ in completing.astream("hi"):
            pass

    completing.invoke("hi")
    asyncio.run(completing.ainvoke("hi"))
    asyncio.run(stream())
    rows = calls()
    assert [row.usage for row in rows] == [FULL] * 3
    assert {(row.adapter, row.usage_basis, row.provider) for row in rows} == {
        ("langchain", "measured", "openai")
    }


def test_several_prompts_of_one_that_asks_for_each(completing: Completing, calls: Calls) -> None:
    completing.batch(["a", "b"])
    asyncio.run(completing.abatch(["a", "b", "c"]))
    assert [row.usage for row in calls()] == [FULL] * 5


def test_several_prompts_in_one_request_are_one_row(
    wire: Wire, instruct: Any, calls: Calls
) -> None:
    wire.script(completed(), completed(2), completed(3))
    asyncio.run(instruct.ainvoke("a"))
    instruct.batch(["a", "b"])
    asyncio.run(instruct.abatch(["a", "b", "c"]))
    rows = calls()
    assert wire.calls == 3
    assert [(row.adapter, row.usage) for row in rows] == [
        ("langchain", Usage(100, 10)),
        ("langchain", Usage(200, 20)),
        ("langchain", Usage(300, 30)),
    ]


@pytest.mark.parametrize("asynchronous", [True, False])
def test_of_prompts_of_which_one_is_refused_none_owns_what_follows(
    wire: Wire, instruct: Any, gpt: Any, calls: Calls, asynchronous: bool
) -> None:
    async def ask() -> None:
        with finops_pack.task("t", budget="0.0008 USD/task"), pytest.raises(BudgetExceeded):
            if asynchronous:
                await instruct.abatch(["a", "b", "c"])  # one of them would fit
            else:
                instruct.batch(["a", "b", "c"])
        gpt()

    asyncio.run(ask())
    (row,) = calls()
    assert (wire.calls, row.adapter) == (1, "openai")
    recorder.get().sweep(0)
    assert len(calls()) == 1


def test_what_was_awaited_and_failed_owns_nothing_after_it(
    wire: Wire, instruct: Any, sdk: Any, calls: Calls
) -> None:
    async def both() -> None:
        said: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
        wire.script(Reply(status=400), Reply(delay=0.3))
        with pytest.raises(openai.BadRequestError):
            await instruct.ainvoke("a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(instruct.ainvoke("a"), 0.1)
        await sdk().chat.completions.create(**said)

    asyncio.run(both())
    assert [(row.adapter, row.status) for row in calls()] == [
        ("langchain", "error"),
        ("langchain", "cancelled"),
        ("openai", "ok"),
    ]
