"""The most a call may cost: what its request asks for, and what such requests came to."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest

import finops_pack.auto
from finops_pack import recorder
from finops_pack.errors import BudgetExceeded
from finops_pack.testing import Reply, Wire

LONG = "word " * 2000
CLAUDE = "claude-opus-4-6"
SEARCH: Any = {"type": "web_search_20250305", "name": "web_search"}
MARK: Any = {"type": "ephemeral"}
HOUR: Any = {**MARK, "ttl": "1h"}


@pytest.fixture
def ask(wire: Wire) -> Callable[..., Any]:
    """Asks GPT-4o for 100 tokens on the SDK, unless told otherwise."""

    def made(**more: Any) -> Any:
        client = openai.OpenAI(base_url=wire.openai_url, api_key="none", max_retries=0)
        prompt: Any = [{"role": "user", "content": LONG}]
        said: Any = {"model": "gpt-4o", "max_tokens": 100, "messages": prompt, **more}
        client.chat.completions.create(**said)

    return made


@pytest.fixture
def ask_claude(wire: Wire) -> Callable[..., Any]:
    """The same of Claude; `mark` is put on the text."""

    def made(mark: Any = None, **more: Any) -> Any:
        client = anthropic.Anthropic(base_url=wire.url, api_key="none", max_retries=0)
        text: Any = {"type": "text", "text": LONG, **({"cache_control": mark} if mark else {})}
        said: Any = {"model": CLAUDE, "max_tokens": 10, **more}
        client.messages.create(messages=[{"role": "user", "content": [text]}], **said)

    return made


def bound(asking: Callable[..., Any], **more: Any) -> Decimal:
    """What a call may cost at most, as the refusal of a budget says it."""
    with finops_pack.task(budget="0.000001 USD/task"), pytest.raises(BudgetExceeded) as caught:
        asking(**more)
    usd = caught.value.refusal.asked_usd
    assert usd is not None
    return usd


# --- the service tier ----------------------------------------------------------------------------
def _langchain(wire: Wire, ask: Any = LONG, **more: Any) -> Any:
    from langchain_openai import ChatOpenAI

    server: Any = {"base_url": wire.openai_url, "api_key": "none", "model": "gpt-4o"}
    return ChatOpenAI(**server, max_completion_tokens=100, **more).invoke(ask)


def _litellm(wire: Wire, **more: Any) -> Any:
    import litellm

    said: Any = {"messages": [{"role": "user", "content": LONG}], "max_tokens": 100, **more}
    litellm.completion(model="openai/gpt-4o", api_base=wire.openai_url, api_key="none", **said)


def _crewai(wire: Wire, **more: Any) -> Any:
    crewai = pytest.importorskip("crewai", reason="the set with openai 3 has no CrewAI")
    server = {"base_url": wire.openai_url, "api_key": "none", "max_tokens": 100}
    crewai.LLM(model="openai/gpt-4o", **server, **more).call(LONG)


@pytest.mark.parametrize("asking", [_langchain, _litellm, _crewai])
def test_the_tier_that_a_framework_asks_for_counts(wire: Wire, asking: Any) -> None:
    plain = bound(lambda: asking(wire))
    assert bound(lambda: asking(wire, service_tier="priority")) == plain * Decimal("1.7")
    assert wire.calls == 0


@pytest.mark.parametrize(
    ("said", "times"),
    [
        ({"service_tier": "priority"}, "1.7"),
        ({"extra_body": {"service_tier": "priority"}}, "1.7"),
        ({"service_tier": "auto"}, "1"),
        ({"service_tier": "flex", "model": "gpt-5.1"}, "0.5"),
    ],
)
def test_the_tier_that_is_asked_for_counts(ask: Any, said: Any, times: str) -> None:
    plain = bound(ask, model=said.get("model", "gpt-4o"))
    assert bound(ask, **said) == plain * Decimal(times)


def test_a_tier_that_is_served_unasked_counts_from_then_on(wire: Wire, ask: Any) -> None:
    wire.script(Reply(service_tier="priority"))
    with finops_pack.task(budget="1 USD/task"):
        ask()
    first = bound(ask)
    assert bound(ask, service_tier="flex", model="gpt-5.1") < first
    recorder.close()
    with finops_pack.task(budget="1 USD/task"):
        ask()
    assert first == bound(ask) * Decimal("1.7")


def test_a_tier_without_a_price_is_refused_by_its_name(wire: Wire, ask: Any) -> None:
    with finops_pack.task(budget="1 USD/task"), pytest.raises(BudgetExceeded) as caught:
        ask(service_tier="scale")
    assert caught.value.reason == "unpriced"
    assert 'service_tier "scale"' in str(caught.value)
    assert wire.calls == 0


def test_a_region_that_only_the_answer_tells_counts_from_then_on(
    wire: Wire, ask_claude: Any
) -> None:
    usage = {"input_tokens": 2000, "output_tokens": 9}
    found = []
    for place in ("global", "us"):  # a tenth more
        wire.script(Reply(usage={**usage, "inference_geo": place}))
        with finops_pack.task(budget="1 USD/task"):
            ask_claude()
        found.append(bound(ask_claude))
    assert found[1] == found[0] * Decimal("1.1")


# --- caches --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "times"),
    [
        ({"mark": MARK}, "1.25"),
        ({"mark": HOUR}, "2"),
        ({"system": [{"type": "text", "text": "Be brief.", "cache_control": HOUR}]}, "2"),
        ({"tools": [{"name": "t", "input_schema": {"type": "object"}, "cache_control": HOUR}]},
         "2"),
        ({"extra_body": {"cache_control": HOUR}}, "2"),
        ({"service_tier": "standard_only"}, "1"),
    ],
)  # fmt: skip
def test_what_may_be_put_into_a_cache_is_priced_so(ask_claude: Any, said: Any, times: str) -> None:
    plain, dear = bound(ask_claude), bound(ask_claude, **said)
    assert round(dear / plain / Decimal(times), 1) == 1


def test_crewais_own_mark_puts_a_prompt_into_a_cache(wire: Wire) -> None:
    crewai = pytest.importorskip("crewai", reason="the set with openai 3 has no CrewAI")
    from crewai.llms.cache import mark_cache_breakpoint

    llm = crewai.LLM(model=f"anthropic/{CLAUDE}", base_url=wire.url, api_key="none", max_tokens=1)
    prompt: Any = {"role": "user", "content": LONG}
    plain = bound(lambda: llm.call([prompt]))
    assert round(bound(lambda: llm.call([mark_cache_breakpoint(prompt)])) / plain, 2) == Decimal(
        "1.25"
    )


def test_a_prompt_that_was_put_into_a_cache_unasked_may_be_again(wire: Wire, ask: Any) -> None:
    usage = {"prompt_tokens": 2000, "completion_tokens": 10, "total_tokens": 2010}
    written = {"prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 1900}}
    found = []
    for details in ({}, written):
        wire.script(Reply(usage={**usage, **details}))
        with finops_pack.task(budget="1 USD/task"):
            ask(model="gpt-5.6")
        found.append(bound(ask, model="gpt-5.6"))
    assert found[1] > found[0]


def test_what_an_answer_asked_of_tools_is_part_of_the_next_prompt(wire: Wire) -> None:
    from langchain_core.messages import AIMessage, ToolMessage

    def asking(text: str) -> None:
        asked: Any = {"id": "c1", "name": "write", "args": {"text": text}}
        done = [AIMessage("", tool_calls=[asked]), ToolMessage("done", tool_call_id="c1")]
        _langchain(wire, ask=[("user", "hi"), *done])

    assert bound(lambda: asking(LONG)) - bound(lambda: asking("")) > Decimal("0.009")


# --- what is billed beside one plain answer ------------------------------------------------------
def test_spoken_answers_are_priced_so(ask: Any) -> None:
    plain = bound(ask, model="gpt-audio")
    spoken: Any = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    assert bound(ask, model="gpt-audio", **spoken) == plain + 100 * Decimal("54e-6")


@pytest.mark.parametrize(("limit", "searches"), [({"max_uses": 5}, 5), ({}, 1)])
def test_searches_of_its_own_count_as_many_as_it_may_make(
    ask_claude: Any, limit: Any, searches: int
) -> None:
    dear = bound(ask_claude, tools=[{**SEARCH, **limit}])
    without = bound(ask_claude, tools=[{**SEARCH, **limit, "type": "other"}])
    assert 0 <= dear - without - searches * Decimal("0.01") < Decimal("0.0001")


def test_searches_without_a_limit_count_as_many_as_were_seen(wire: Wire, ask_claude: Any) -> None:
    usage = {"input_tokens": 2000, "output_tokens": 9}
    found = []
    for made in (0, 3):
        wire.script(Reply(usage={**usage, "server_tool_use": {"web_search_requests": made}}))
        with finops_pack.task(budget="1 USD/task"):
            ask_claude(tools=[SEARCH])
        found.append(bound(ask_claude, tools=[SEARCH]))
    assert found[1] - found[0] == Decimal("0.02")


def test_answers_without_a_limit_count_as_the_longest_seen_each(wire: Wire, ask: Any) -> None:
    with finops_pack.task(budget="1 USD/task"):
        ask(max_tokens=None)  # 200 tokens
    one, ten = (bound(ask, max_tokens=None, n=n) for n in (1, 10))
    assert ten - one == 9 * 229 * Decimal("10e-6")
    wire.script(Reply(usage={"prompt_tokens": 1000, "completion_tokens": 2000}))
    with finops_pack.task(budget="1 USD/task"):
        ask(max_tokens=None, n=10)  # 200 each
    assert round(bound(ask, max_tokens=None) - one, 4) == 0


def test_completions_answer_each_prompt(wire: Wire) -> None:
    client = openai.OpenAI(base_url=wire.openai_url, api_key="none")
    said: Any = {"model": "gpt-3.5-turbo-instruct", "max_tokens": 1000}
    one, more = (
        bound(lambda prompt=p: client.completions.create(prompt=prompt, best_of=2, **said))
        for p in (["a"], ["a", "b", "c"])
    )
    assert more - one > 2 * 2 * 1000 * Decimal("2e-6") * Decimal("0.99")


@pytest.mark.parametrize(("quality", "tokens"), [("low", 700), ("auto", 6600)])
def test_images_are_as_long_as_their_quality(wire: Wire, quality: Any, tokens: int) -> None:
    client = openai.OpenAI(base_url=wire.openai_url, api_key="none")
    said: Any = {"model": "gpt-image-1", "prompt": "a cat", "quality": quality}
    one, three = (bound(lambda n=n: client.images.generate(**said, n=n)) for n in (1, 3))
    assert three - one == 2 * tokens * Decimal("40e-6")


@pytest.mark.parametrize("odd", [{"n": "2"}, {"modalities": 5}, {"tools": "x"}, {"max_tokens": -1}])
def test_an_odd_request_is_held_all_the_same(ask: Any, odd: dict[str, Any]) -> None:
    assert bound(ask, **odd) > 0


def test_an_image_by_address_weighs_as_an_image(ask: Any) -> None:
    image: Any = {"type": "image_url", "image_url": {"url": "https://images.example/cat.png"}}
    assert bound(ask, messages=[{"role": "user", "content": [image]}]) > Decimal("0.004")


def test_the_schema_of_the_answer_is_input(ask: Any) -> None:
    schema: Any = {"name": "x", "schema": {"type": "object", "description": LONG}}
    form: Any = {"type": "json_schema", "json_schema": schema}
    assert bound(ask, response_format=form) - bound(ask) > Decimal("0.009")


def test_of_the_models_that_a_name_stands_for_the_dearest_counts(wire: Wire, ask: Any) -> None:
    dear = bound(ask)
    usage = {"prompt_tokens": 4000, "completion_tokens": 10}
    for served in ("gpt-4o", "gpt-4o-mini"):
        wire.script(Reply(model=served, usage=usage))
        with finops_pack.task(budget="1 USD/task"):
            ask(model="gpt-4o-mini")
    assert bound(ask, model="gpt-4o-mini") > dear / 2
