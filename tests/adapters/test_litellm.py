"""litellm against the wire: over the OpenAI SDK and over clients of its own, one row a call."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import pytest

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import asks another host
os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")  # and its calls, too

import finops_pack
from finops_pack.adapters import _litellm_read
from finops_pack.errors import BudgetExceeded
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire
from finops_pack.testing._openai import CHAT_USAGE

litellm = pytest.importorskip("litellm", reason="litellm is not in this environment")
pytestmark = pytest.mark.filterwarnings("ignore")  # litellm's own

Calls = Callable[[], list[Call]]
GPT, CLAUDE = "openai/gpt-4o", "anthropic/claude-opus-4-6"
FULL = Usage(1000, 200, 600, reasoning_tokens=50)
FULL_OF = {GPT: FULL, CLAUDE: Usage(1000, 200, 600, 200, 100), "openrouter/openai/gpt-4o": FULL}
COSTS = {GPT: "0.00375", CLAUDE: "0.00805", "openrouter/openai/gpt-4o": "0.00375"}
WITH_USAGE = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """litellm asks for a loop where there is none, and would leave the one so made open."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.close()


@pytest.fixture
def asking(wire: Wire) -> Callable[..., dict[str, Any]]:
    """The arguments of a call of this model that ask the wire."""

    def made(model: str, **more: Any) -> dict[str, Any]:
        base = wire.url if model == CLAUDE else wire.openai_url
        said = [{"role": "user", "content": "hi"}]
        return {"model": model, "messages": said, "api_key": "none", "api_base": base, **more}

    return made


@pytest.mark.parametrize("model", FULL_OF)
def test_every_way_is_one_full_row(wire: Wire, asking: Any, calls: Calls, model: str) -> None:
    async def awaited() -> None:
        await litellm.acompletion(**asking(model))
        await asyncio.gather(*(litellm.acompletion(**asking(model)) for _ in range(3)))
        async for _ in await litellm.acompletion(**asking(model, **WITH_USAGE)):
            pass

    litellm.completion(**asking(model))
    assert list(litellm.completion(**asking(model, **WITH_USAGE)))
    asyncio.run(awaited())
    rows = calls()
    assert wire.calls == len(rows) == 7
    assert {row.usage == FULL_OF[model] for row in rows} == {True}
    assert {row.amount_usd for row in rows} == {Decimal(COSTS[model])}
    assert {(row.adapter, row.status, row.usage_basis) for row in rows} == {
        ("litellm", "ok", "measured")
    }
    assert {row.provider for row in rows} == {model.partition("/")[0]}
    assert {row.action for row in rows} == {"test_every_way_is_one_full_row", "awaited"}


def test_responses_and_embeddings(wire: Wire, calls: Calls) -> None:
    to = {"input": "hi", "api_key": "none", "api_base": wire.openai_url}
    litellm.responses(model=GPT, **to)
    assert list(litellm.responses(model=GPT, stream=True, **to))
    litellm.embedding(model="openai/text-embedding-3-small", **to)
    asyncio.run(litellm.aembedding(model="openai/text-embedding-3-small", **to))
    rows = calls()
    assert wire.calls == len(rows) == 4
    assert [row.usage for row in rows] == [FULL, FULL, Usage(8, 0), Usage(8, 0)]
    assert {row.adapter for row in rows} == {"litellm"}
    assert {row.billed_source for row in rows} == {None}


@pytest.mark.parametrize("more", [{}, {"stream": True}])
@pytest.mark.parametrize("tools", [(), [("c1", "look", {})]])
def test_one_api_over_another_keeps_usage_and_tool_calls(
    wire: Wire, asking: Any, calls: Calls, more: Any, tools: Any
) -> None:
    """Responses of who has only a chat, a chat of who has only responses: gpt-5-codex and such."""
    wire.script(*[Reply(tools=tools)] * 2)
    said = asking(CLAUDE, **more) | {"input": "hi"}
    del said["messages"]
    assert list(litellm.responses(**said))
    assert list(litellm.completion(**asking("openai/responses/gpt-4o", **more)))
    rows = calls()
    assert [row.usage for row in rows] == [FULL_OF[CLAUDE], FULL]
    assert {row.usage_basis for row in rows} == {"measured"}
    assert [[c["name"] for c in row.tool_calls] for row in rows] == [[n for _, n, _ in tools]] * 2


def test_a_stream_without_usage_is_estimated_not_taken_from_its_tokenizer(
    asking: Any, calls: Calls
) -> None:
    assert list(litellm.completion(**asking("openrouter/openai/gpt-4o", stream=True)))
    [row] = calls()
    assert row.usage_basis == "estimated"


@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_a_stream_left_early_is_cancelled(asking: Any, calls: Calls, model: str) -> None:
    stream = litellm.completion(**asking(model, stream=True))
    next(stream)
    stream.close()
    [row] = calls()
    assert (row.status, row.usage_basis) == ("cancelled", "estimated")


@pytest.mark.parametrize("more", [{}, {"stream": True}])
@pytest.mark.parametrize("model", FULL_OF)
def test_messages_of_any_provider(asking: Any, calls: Calls, model: str, more: Any) -> None:
    """Anthropic's own, and made of responses and of chats where a provider has none."""

    async def ask() -> None:
        said = await litellm.anthropic_messages(**asking(model, max_tokens=9, **more))
        assert [piece async for piece in said] if more else said["content"]

    asyncio.run(ask())
    [row] = calls()
    assert (row.usage, row.amount_usd) == (FULL_OF[model], Decimal(COSTS[model]))
    assert (row.adapter, row.status, row.usage_basis) == ("litellm", "ok", "measured")


@pytest.mark.parametrize("model", FULL_OF)
def test_an_answer_that_its_schema_check_refuses_is_billed(
    wire: Wire, asking: Any, calls: Calls, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pydantic import BaseModel

    class Answer(BaseModel):
        word: str

    monkeypatch.setattr(litellm, "enable_json_schema_validation", True)
    wire.script(Reply(text="no"), Reply(text="no"))
    with pytest.raises(litellm.JSONSchemaValidationError):
        litellm.completion(**asking(model, response_format=Answer))
    with pytest.raises(litellm.JSONSchemaValidationError):
        asyncio.run(litellm.acompletion(**asking(model, response_format=Answer)))
    rows = calls()
    assert [row.usage for row in rows] == [FULL_OF[model]] * 2
    assert {(row.verifier, row.error_type) for row in rows} == {
        ("schema", "JSONSchemaValidationError")
    }


def test_errors_cost_nothing_and_retries_are_attempts(
    wire: Wire, asking: Any, calls: Calls
) -> None:
    wire.script(Reply(status=400))
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**asking(CLAUDE))
    again = Reply(status=429, headers={"retry-after-ms": "5"})
    wire.script(again)
    litellm.completion(**asking(GPT, max_retries=1))
    wire.script(again)
    litellm.completion(**asking(CLAUDE, num_retries=1))
    refused, sdk, own = calls()
    assert (refused.status, refused.error_type, refused.amount_usd) == (
        "error", "BadRequestError", 0,
    )  # fmt: skip
    assert (sdk.attempts, own.attempts, wire.calls) == (2, 2, 5)
    assert (sdk.usage, own.usage) == (FULL, FULL_OF[CLAUDE])


async def _awaited(**said: Any) -> None:
    await litellm.acompletion(**said)


async def _in_a_loop(**said: Any) -> None:
    """As in a notebook: litellm asks in a thread then."""
    litellm.completion(**said)


_EACH = [litellm.completion, _awaited, _in_a_loop]


def _done(act: Callable[..., Any], **said: Any) -> None:
    made = act(**said)
    if asyncio.iscoroutine(made):
        asyncio.run(made)


@pytest.mark.parametrize("act", _EACH[:2])
@pytest.mark.parametrize("positional", [False, True])
def test_what_a_later_retry_is_answered_is_billed(
    wire: Wire, asking: Any, calls: Calls, act: Any, positional: bool
) -> None:
    wire.script(Reply(status=429), Reply(status=429))
    if positional and act is litellm.completion:
        said = asking(CLAUDE)
        act(said.pop("model"), said.pop("messages"), **said, num_retries=3)
    else:
        _done(act, **asking(CLAUDE, num_retries=3))
    refused, paid = calls()
    assert (refused.error_type, refused.amount_usd) == ("RateLimitError", 0)
    assert (paid.usage, paid.provider, paid.model) == (
        FULL_OF[CLAUDE], "anthropic", "claude-opus-4-6",
    )  # fmt: skip
    assert refused.attempts + paid.attempts == wire.calls == 3


@pytest.mark.parametrize("act", _EACH)
@pytest.mark.parametrize(("model", "other"), [(GPT, CLAUDE), (CLAUDE, GPT)])
def test_what_a_fallback_is_answered_is_one_row(
    wire: Wire, asking: Any, calls: Calls, act: Any, model: str, other: str
) -> None:
    """With the action and the task of who asked, in litellm's thread, too."""
    with finops_pack.task("t"):
        _done(act, **asking(model, fallbacks=[asking(other)]))
        wire.script(Reply(status=400))
        _done(act, **asking(model, fallbacks=[asking(other)]))
    first, refused, paid = calls()
    assert (first.usage, refused.error_type) == (FULL_OF[model], "BadRequestError")
    assert (paid.usage, paid.status, paid.adapter) == (FULL_OF[other], "ok", "litellm")
    assert {row.task for row in (first, refused, paid)} == {"t"}
    assert first.action is not None
    assert first.action == refused.action == paid.action
    assert wire.calls == 3


@pytest.mark.parametrize(("model", "other"), [(GPT, CLAUDE), (CLAUDE, GPT)])
def test_a_fallback_below_a_framework_is_of_who_answered(
    wire: Wire, asking: Any, calls: Calls, model: str, other: str
) -> None:
    crewai = pytest.importorskip("crewai", reason="the set with openai 3 has no CrewAI")
    said = {name: asking(model)[name] for name in ("model", "api_key", "api_base")}
    wire.script(Reply(status=400))
    crewai.LLM(**said, is_litellm=True, fallbacks=[asking(other)]).call("hi")
    (row,) = calls()
    assert (row.adapter, row.cost_state) == ("crewai", "priced")
    assert f"{row.provider}/{row.model}" == other
    assert row.usage == FULL_OF[other]


@pytest.mark.parametrize("named", [True, False])
def test_a_batch_is_a_task_unless_it_is_part_of_one(asking: Any, calls: Calls, named: bool) -> None:
    """Each of its requests is made in a thread of its own."""
    with finops_pack.task("t") if named else nullcontext():
        litellm.batch_completion(**asking(GPT, messages=[[{"role": "user", "content": "hi"}]] * 3))
    rows = calls()
    assert len(rows) == 3
    assert len({row.task for row in rows}) == 1
    assert (rows[0].task == "t") is named
    assert {row.action for row in rows} == {"test_a_batch_is_a_task_unless_it_is_part_of_one"}
    litellm.batch_completion_models(models=[GPT, "openai/gpt-4.1"], **asking(GPT))
    assert len({row.task for row in calls()}) == 2


def test_a_model_with_a_larger_window_is_counted(wire: Wire, asking: Any, calls: Calls) -> None:
    wire.script(Reply(status=400, error="This model's maximum context length is 4097 tokens"))
    litellm.completion(**asking(GPT, context_window_fallback_dict={GPT: "openai/gpt-4.1"}))
    gc.collect()
    [row] = calls()
    assert (row.usage, row.status, row.attempts) == (FULL, "ok", 2)


def test_a_cancelled_call_leaves_nothing_behind(wire: Wire, asking: Any, calls: Calls) -> None:
    import openai

    async def cut() -> None:
        wire.script(Reply(delay=0.5))
        asked = asyncio.ensure_future(litellm.acompletion(**asking(CLAUDE)))
        while not wire.calls:
            await asyncio.sleep(0.01)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        del asked
        gc.collect()
        async with openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none") as client:
            await client.embeddings.create(model="text-embedding-3-small", input="hi")

    asyncio.run(cut())
    cancelled, after = calls()
    assert (cancelled.adapter, cancelled.status) == ("litellm", "cancelled")
    assert (after.adapter, after.status) == ("openai", "ok")


def test_what_follows_a_call_cancelled_in_its_own_task_is_counted(
    wire: Wire, asking: Any, calls: Calls
) -> None:
    import openai

    async def impatient() -> None:
        await litellm.acompletion(**asking(CLAUDE))  # what it imports takes its time
        said: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
        wire.script(Reply(delay=2))
        async with openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none") as client:
            try:
                async with asyncio.timeout(1):
                    await litellm.acompletion(**asking(CLAUDE))
            except TimeoutError:
                await client.chat.completions.create(**said)
                await litellm.acompletion(**asking(CLAUDE))
                await litellm.acompletion(**asking(GPT))

    asyncio.run(impatient())
    gc.collect()
    rows = calls()
    assert wire.calls == len(rows) == 5
    assert [(row.adapter, row.status) for row in rows] == [
        ("litellm", "ok"),
        ("litellm", "cancelled"),
        ("openai", "ok"),
        ("litellm", "ok"),
        ("litellm", "ok"),
    ]


@pytest.mark.parametrize("model", ["litellm_proxy/gpt-4o", "openrouter/openai/gpt-4o"])
def test_a_gateways_header_is_what_was_billed(
    wire: Wire, asking: Any, calls: Calls, model: str
) -> None:
    """Over the OpenAI SDK and over litellm's own client; its own reckoning is no bill."""
    wire.script(Reply(headers={"x-litellm-response-cost": "0.0123"}))
    litellm.completion(**asking(model))
    assert list(litellm.completion(**asking(model, **WITH_USAGE)))
    billed, ours = calls()
    assert (billed.amount_usd, billed.billed_source) == (Decimal("0.0123"), "litellm")
    assert (ours.amount_usd, ours.billed_source) == (Decimal("0.00375"), None)


def test_openrouters_own_cost_is_what_was_billed(wire: Wire, asking: Any, calls: Calls) -> None:
    wire.script(
        Reply(usage={**CHAT_USAGE, "cost": 0.0123}), Reply(usage=CHAT_USAGE | {"cost": 0.5})
    )
    litellm.completion(**asking("openrouter/openai/gpt-4o"))
    assert list(litellm.completion(**asking("openrouter/openai/gpt-4o", **WITH_USAGE)))
    rows = calls()
    assert [row.amount_usd for row in rows] == [Decimal("0.0123"), Decimal("0.5")]
    assert {row.billed_source for row in rows} == {"provider"}


@pytest.mark.parametrize("stream", [False, True])
def test_speed_and_place_are_priced(wire: Wire, asking: Any, calls: Calls, stream: bool) -> None:
    said = {"speed": "fast", "inference_geo": "us"}
    wire.script(Reply(usage={"input_tokens": 1000, "output_tokens": 100, **said}))
    more = {"api_base": wire.url, "stream": stream}
    answer = litellm.completion(**{**asking("anthropic/claude-opus-5-5"), **more})
    if stream:
        list(answer)
    (row,) = calls()
    assert row.amount_usd == Decimal("0.0132")


def test_the_region_of_vertex_is_the_calls_else_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    region = _litellm_read.region
    assert region("vertex_ai", {}) is None
    monkeypatch.setenv("VERTEXAI_LOCATION", "eu")
    assert region("vertex_ai", {}) == "eu"
    monkeypatch.setattr(litellm, "vertex_location", "us")
    assert region("vertex_ai_beta", {}) == "us"
    assert region("vertex_ai", {"vertex_location": "us-east5"}) == "us-east5"
    assert region("openai", {"vertex_location": "us-east5"}) is None


def test_the_region_of_vertex_is_priced(asking: Any, calls: Calls) -> None:
    """It is known before litellm finds that it cannot log in there: the row tells."""
    there = {"vertex_location": "us-east5", "vertex_project": "p"}
    with pytest.raises(litellm.InternalServerError):
        litellm.completion(**asking("vertex_ai/claude-opus-4-6", **there))
    [row] = calls()
    assert (row.provider, row.region) == ("vertex_ai", "us-east5")


@pytest.mark.parametrize("more", [{"mock_response": "a"}, {"mock_response": "a", "stream": True}])
def test_a_mocked_answer_is_no_call(wire: Wire, asking: Any, calls: Calls, more: Any) -> None:
    with finops_pack.task("t", budget="0.0000001 USD/task"):
        assert list(litellm.completion(**asking(GPT, **more)))
    assert wire.calls == 0
    assert calls() == []


def test_an_answer_from_its_cache_is_free(
    wire: Wire, asking: Any, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    from litellm.caching import Cache

    monkeypatch.setattr(litellm, "cache", Cache(type="local"))
    litellm.completion(**asking(GPT, caching=True))
    litellm.completion(**asking(GPT, caching=True))
    paid, hit = calls()
    assert wire.calls == 1
    assert (paid.usage, hit.status, hit.amount_usd) == (FULL, "cache_hit", 0)


@pytest.mark.parametrize("model", FULL_OF)
def test_a_refused_budget_stops_it_under_its_own_name(wire: Wire, asking: Any, model: str) -> None:
    finops_pack.track(budget="0.0000001 USD/day")
    with pytest.raises(BudgetExceeded):
        litellm.completion(**asking(model, num_retries=2))
    with pytest.raises(BudgetExceeded):
        asyncio.run(litellm.acompletion(**asking(model)))
    assert wire.calls == 0


def test_a_router_and_names_bound_before_us(wire: Wire, asking: Any, calls: Calls) -> None:
    router = litellm.Router(
        [{"model_name": "any", "litellm_params": {k: v for k, v in asking(GPT).items()
                                                  if k != "messages"}}]
    )  # fmt: skip
    with finops_pack.task("ticket-1"), finops_pack.action("draft"):
        asyncio.run(router.acompletion(model="any", messages=asking(GPT)["messages"]))
    [row] = calls()
    assert (row.usage, row.task, row.action) == (FULL, "ticket-1", "draft")


def test_below_a_framework_it_is_silent(wire: Wire, calls: Calls) -> None:
    crewai = pytest.importorskip("crewai")
    os.environ.setdefault("OTEL_SDK_DISABLED", "true")
    llm = crewai.LLM(model=CLAUDE, base_url=wire.url, api_key="none", is_litellm=True)
    llm.call("hi")
    [row] = calls()
    assert (wire.calls, row.adapter, row.provider) == (1, "crewai", "anthropic")
    assert row.usage == FULL_OF[CLAUDE]
