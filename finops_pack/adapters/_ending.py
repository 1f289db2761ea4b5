"""The last word of an agent whose budget is used up, instead of an exception.

Without `ask` it is a message of ours and no call is made. With `ask` the model is asked once
more, with that as its last instruction, in the money that the budget holds back for an answer.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from finops_pack import context
from finops_pack.budgets import FINAL_ANSWER
from finops_pack.errors import BudgetExceeded

MESSAGE = "I stopped here because the budget for this work is used up. {reason}"
Model = TypeVar("Model")


def answered(act: Callable[[], Any]) -> Any:
    """What the model says to its last question; None when that is refused too."""
    try:
        with context.action(FINAL_ANSWER):
            return act()
    except BudgetExceeded:
        return None


async def answered_later(act: Callable[[], Awaitable[Any]]) -> Any:
    """The same, awaited."""
    try:
        with context.action(FINAL_ANSWER):
            return await act()
    except BudgetExceeded:
        return None


def crewai_llm(llm: Model, message: str = MESSAGE, ask: str | None = None) -> Model:
    """Let a crew end well: this LLM answers with the message where a hard budget refuses it."""
    call: Any = llm.call  # type: ignore[attr-defined]
    acall: Any = llm.acall  # type: ignore[attr-defined]

    def last(said: Any, refused: BudgetExceeded) -> str:
        return said if isinstance(said, str) else message.format(reason=refused)

    @functools.wraps(call)
    def ending(messages: Any, *args: Any, **options: Any) -> Any:
        try:
            return call(messages, *args, **options)
        except BudgetExceeded as refused:
            again = _asking(messages, ask)
            said = answered(lambda: call(again, *args, **options)) if ask else None
            return last(said, refused)

    @functools.wraps(acall)
    async def ending_later(messages: Any, *args: Any, **options: Any) -> Any:
        try:
            return await acall(messages, *args, **options)
        except BudgetExceeded as refused:
            again = _asking(messages, ask)
            said = await answered_later(lambda: acall(again, *args, **options)) if ask else None
            return last(said, refused)

    _set(llm, call=ending, acall=ending_later)
    return llm


def _asking(messages: Any, ask: str | None) -> Any:
    if isinstance(messages, str):
        return f"{messages}\n\n{ask}"
    return [*messages, {"role": "user", "content": ask}]


def autogen_client(client: Model, message: str = MESSAGE, ask: str | None = None) -> Model:
    """Let agents end well: this client answers with the message where a hard budget refuses it."""
    create: Any = client.create  # type: ignore[attr-defined]
    create_stream: Any = client.create_stream  # type: ignore[attr-defined]

    async def last(messages: Any, options: Any, refused: BudgetExceeded) -> Any:
        from autogen_core.models import CreateResult, RequestUsage, UserMessage

        if ask:
            again = [*messages, UserMessage(content=ask, source="user")]
            said = await answered_later(lambda: create(again, **options))
            if said is not None and isinstance(said.content, str):
                return said
        usage = RequestUsage(prompt_tokens=0, completion_tokens=0)
        text = message.format(reason=refused)
        return CreateResult(finish_reason="stop", content=text, usage=usage, cached=False)

    @functools.wraps(create)
    async def ending(messages: Any, **options: Any) -> Any:
        try:
            return await create(messages, **options)
        except BudgetExceeded as refused:
            return await last(messages, options, refused)

    @functools.wraps(create_stream)
    async def ending_stream(messages: Any, **options: Any) -> Any:
        try:
            async for item in create_stream(messages, **options):
                yield item
        except BudgetExceeded as refused:
            kept = {k: v for k, v in options.items() if k != "include_usage"}
            result = await last(messages, kept, refused)
            yield result.content
            yield result

    _set(client, create=ending, create_stream=ending_stream)
    return client


def _set(thing: object, **methods: Any) -> None:
    """On this object alone, also where its class (pydantic's) would refuse."""
    for name, method in methods.items():
        object.__setattr__(thing, name, method)
