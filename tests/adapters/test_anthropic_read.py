"""What Anthropic's answers bill by: whole, streamed, from the real SDK on the wire."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import anthropic
import pytest

import finops_pack
from finops_pack.errors import BudgetExceeded
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire
from finops_pack.testing._anthropic import messages_whole

Calls = Callable[[], list[Call]]
MODEL = "claude-opus-5-5"  # $4 a million tokens in, $20 out
SAID: Any = {"model": MODEL, "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
COUNTS = {"input_tokens": 1000, "output_tokens": 100}
COMPACTION = {
    "type": "compaction",
    "input_tokens": 5000,
    "cache_read_input_tokens": 3000,
    "cache_creation_input_tokens": 0,
    "output_tokens": 300,
}


def whole(client: Any) -> None:
    client.beta.messages.create(**SAID)


def streamed(client: Any) -> None:
    list(client.beta.messages.create(**SAID, stream=True))


@pytest.fixture(params=[whole, streamed])
def row(request: Any, wire: Wire, calls: Calls) -> Callable[..., Call]:
    """Ask once, whole or streamed; the row of it."""

    def ask(**usage: Any) -> Call:
        wire.script(Reply(usage={**COUNTS, **usage}))
        with anthropic.Anthropic(base_url=wire.url, api_key="none") as client:
            request.param(client)
        (made,) = calls()
        return made

    return ask


def test_a_compaction_is_billed_beside_the_totals(row: Callable[..., Call]) -> None:
    message = {**COUNTS, "type": "message", "model": MODEL}
    made = row(iterations=[COMPACTION, message])
    assert made.usage == Usage(9000, 400, 3000)


def test_an_advisor_has_a_price_of_his_own(row: Callable[..., Call]) -> None:
    made = row(iterations=[{**COMPACTION, "type": "advisor_message", "model": "claude-opus-4-8"}])
    assert (made.input_tokens, made.cost_state) == (1000, "partial")
    assert made.missing == ("advisor_message",)


def test_a_model_that_declined_has_a_price_of_its_own(row: Callable[..., Call]) -> None:
    attempt = {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, **COUNTS}
    told = [
        {"type": "message", "model": MODEL, **attempt},
        {"type": "message", "model": MODEL, **attempt, "output_tokens": 0},
        {"type": "fallback_message", "model": "claude-opus-4-8", **attempt},
    ]
    made = row(iterations=told)
    assert (made.model, made.served_model) == (MODEL, "claude-opus-4-8")
    assert (made.input_tokens, made.output_tokens, made.cost_state) == (1000, 100, "partial")
    assert (made.missing, made.extra) == (("declined_message",), {"declined_message": 1})


@pytest.mark.parametrize(
    ("said", "usd"),
    [
        ({"inference_geo": "us"}, "0.0066"),
        ({"inference_geo": "global"}, "0.006"),
        ({"inference_geo": "not_available"}, "0.006"),
        ({"speed": "fast"}, "0.012"),
        ({"speed": "fast", "inference_geo": "us"}, "0.0132"),
        ({"speed": "standard", "service_tier": "standard"}, "0.006"),
        ({"service_tier": "batch"}, "0.003"),
    ],
)
def test_tier_speed_and_place_are_priced(
    row: Callable[..., Call], said: dict[str, str], usd: str
) -> None:
    made = row(**said)
    assert (made.cost_state, made.amount_usd) == ("priced", Decimal(usd))


def test_a_framework_above_is_told_what_it_loses(wire: Wire, calls: Calls) -> None:
    from langchain_anthropic import ChatAnthropic

    wire.script(Reply(usage={**COUNTS, "speed": "fast", "inference_geo": "us"}))
    ChatAnthropic(model=MODEL, base_url=wire.url, api_key="none").invoke("hi")
    (made,) = calls()
    assert (made.adapter, made.amount_usd) == ("langchain", Decimal("0.0132"))


def test_and_of_a_stream_that_is_left(wire: Wire, calls: Calls) -> None:
    from langchain_anthropic import ChatAnthropic

    wire.script(*[Reply(usage={**COUNTS, "speed": "fast", "inference_geo": "us"})] * 2)
    model = ChatAnthropic(model=MODEL, base_url=wire.url, api_key="none")
    for pieces in (1, 100):
        stream = model.stream("hi")
        list(zip(range(pieces), stream, strict=False))
        stream.close()
    left, whole = calls()
    assert (left.service_tier, left.region, left.response_id) == ("fast", "us", "msg_1")
    assert (whole.service_tier, whole.region, whole.response_id) == ("fast", "us", "msg_2")


@pytest.fixture
def vertex(wire: Wire) -> Callable[[str], None]:
    """Ask Claude on Vertex, at the endpoint of a region."""

    def ask(region: str) -> None:
        there = {"region": region, "project_id": "p", "access_token": "none"}
        wire.script(Reply(body=messages_whole(Reply(usage=COUNTS), SAID, 1)))
        with anthropic.AnthropicVertex(base_url=wire.url, **there) as client:
            client.messages.create(**SAID)

    return ask


PLACES = [("global", "0.006"), ("us-east5", "0.0066"), ("eu", "0.0066")]


@pytest.mark.parametrize(("region", "usd"), PLACES)
def test_vertex_is_dearer_anywhere_but_at_its_global_endpoint(
    vertex: Callable[[str], None], calls: Calls, region: str, usd: str
) -> None:
    vertex(region)
    (made,) = calls()
    assert (made.provider, made.region, made.amount_usd) == ("vertex_ai", region, Decimal(usd))


def test_a_model_of_langchain_over_vertex_has_its_price(
    vertex: Callable[[str], None], calls: Calls
) -> None:
    from langchain_core.language_models import SimpleChatModel

    class ChatAnthropicVertex(SimpleChatModel):
        model: str = MODEL

        @property
        def _llm_type(self) -> str:
            return "vertex"

        def _call(self, *_: Any, **__: Any) -> str:
            vertex("us-east5")
            return "Hello"

    ChatAnthropicVertex().invoke("hi")
    (made,) = calls()
    assert (made.adapter, made.provider, made.region) == ("langchain", "vertex_ai", "us-east5")
    assert made.amount_usd == Decimal("0.0066")


@pytest.mark.parametrize(("more", "calls"), [({}, 1), ({"inference_geo": "us"}, 0)])
def test_a_budget_knows_the_place_that_was_asked_for(wire: Wire, more: Any, calls: int) -> None:
    said = {**SAID, "max_tokens": 1000, **more}  # $0.02 and some input; a tenth more
    refused = nullcontext() if calls else pytest.raises(BudgetExceeded)
    with (
        anthropic.Anthropic(base_url=wire.url, api_key="none") as client,
        finops_pack.task("t", budget="0.021 USD/task"),
        refused,
    ):
        client.messages.create(**said)
    assert wire.calls == calls


def test_a_tier_without_a_price_has_none(row: Callable[..., Call]) -> None:
    made = row(service_tier="priority")
    assert (made.service_tier, made.cost_state) == ("priority", "unpriced")


def test_cache_writes_keep_their_split(row: Callable[..., Call]) -> None:
    split = {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}
    made = row(cache_creation=split, cache_creation_input_tokens=30)
    assert (made.cache_write_5m_tokens, made.cache_write_1h_tokens) == (20, 10)
