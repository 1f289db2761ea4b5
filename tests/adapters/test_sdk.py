"""The SDKs themselves: every way to ask is one row, and silent below another adapter."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest

import finops_pack
from finops_pack import context, recorder
from finops_pack.adapters import _openai_read
from finops_pack.errors import BudgetExceeded
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
FULL = Usage(1000, 200, 600, reasoning_tokens=50)
CLAUDE = Usage(1000, 200, 600, 200, 100)
ASK: Any = [{"role": "user", "content": "hi"}]
MODEL = "claude-opus-4-6"


@pytest.fixture
def client(wire: Wire) -> Any:
    with openai.OpenAI(base_url=wire.openai_url, api_key="none", max_retries=1) as made:
        yield made


@pytest.fixture
def claude(wire: Wire) -> Any:
    with anthropic.Anthropic(base_url=wire.url, api_key="none") as made:
        yield made


def stream_chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="gpt-4o", messages=ASK, stream=True, **more)


def parsed(client: Any) -> Any:
    from pydantic import BaseModel

    class Anything(BaseModel):
        pass

    return client.chat.completions.parse(model="gpt-4o", messages=ASK, response_format=Anything)


def raw_stream(client: Any) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4o", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    assert [chunk for chunk in raw.parse() if chunk.usage]


def streaming_response(client: Any) -> None:
    with client.chat.completions.with_streaming_response.create(
        model="gpt-4o", messages=ASK
    ) as raw:
        assert raw.parse().usage


def streamed_response(client: Any) -> None:
    with client.responses.stream(model="gpt-4o", input="hi") as events:
        for _ in events:
            pass
        assert events.get_final_response().usage


def helper_stream(client: Any) -> None:
    with client.chat.completions.stream(
        model="gpt-4o", messages=ASK, stream_options={"include_usage": True}
    ) as events:
        assert events.get_final_completion().usage


WAYS: dict[str, Callable[[Any], Any]] = {
    "chat": lambda c: c.chat.completions.create(model="gpt-4o", messages=ASK),
    "chat, streamed": lambda c: list(stream_chat(c, stream_options={"include_usage": True})),
    "chat, stream helper": helper_stream,
    "chat, parsed": parsed,
    "chat, raw": lambda c: c.chat.completions.with_raw_response.create(
        model="gpt-4o", messages=ASK
    ).parse(),
    "chat, raw stream": raw_stream,
    "chat, streaming response": streaming_response,
    "responses": lambda c: c.responses.create(model="gpt-4o", input="hi"),
    "responses, streamed": streamed_response,
}


@pytest.mark.parametrize("way", WAYS)
def test_openai_every_way_is_one_full_row(wire: Wire, client: Any, calls: Calls, way: str) -> None:
    wire.script(Reply(text="{}"))

    def summarise() -> Any:
        return WAYS[way](client)

    summarise()
    (row,) = calls()
    assert wire.calls == 1
    assert (row.usage, row.status, row.usage_basis) == (FULL, "ok", "measured")
    assert row.amount_usd == Decimal("0.00375")
    assert row.action in ("summarise", "stream_chat", WAYS[way].__name__)
    assert row.response_id
    assert (row.adapter, row.provider, row.model) == ("openai", "openai", "gpt-4o")


@pytest.mark.parametrize("path", ["chat/completions", "{}/v1/chat/completions", "/responses?x=1"])
def test_a_path_in_the_users_own_words_is_a_row(
    wire: Wire, client: Any, calls: Calls, path: str
) -> None:
    body = {"model": "gpt-4o", "messages": ASK, "input": "hi"}
    client.post(path.format(wire.url), body=body, cast_to=object)
    assert [row.usage for row in calls()] == [FULL]


@pytest.mark.parametrize("path", ["v1/messages", "/v1/messages?beta=true", "{}/v1/messages"])
def test_and_a_path_of_anthropics(wire: Wire, claude: Any, calls: Calls, path: str) -> None:
    body = {"model": MODEL, "max_tokens": 10, "messages": ASK}
    claude.post(path.format(wire.url), body=body, cast_to=object)
    assert [row.usage for row in calls()] == [CLAUDE]


def test_openai_async(wire: Wire, calls: Calls) -> None:
    async def ask() -> None:
        async with openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none") as client:
            await asyncio.gather(
                *(client.chat.completions.create(model="gpt-4o", messages=ASK) for _ in range(3))
            )
            options: Any = {"include_usage": True}
            stream = await client.chat.completions.create(
                model="gpt-4o", messages=ASK, stream=True, stream_options=options
            )
            async for _ in stream:
                pass
            async with client.responses.stream(model="gpt-4o", input="hi") as events:
                async for _ in events:
                    pass

    asyncio.run(ask())
    assert [row.usage for row in calls()] == [FULL] * 5


def test_anthropic_every_way_is_one_full_row(wire: Wire, claude: Any, calls: Calls) -> None:
    def ask(**more: Any) -> Any:
        return claude.messages.create(model=MODEL, max_tokens=10, messages=ASK, **more)

    ask()
    list(ask(stream=True))
    with claude.messages.stream(model=MODEL, max_tokens=10, messages=ASK) as events:
        events.get_final_message()
    claude.messages.with_raw_response.create(model=MODEL, max_tokens=10, messages=ASK).parse()

    async def later() -> None:
        async with anthropic.AsyncAnthropic(base_url=wire.url, api_key="none") as client:
            await client.messages.create(model=MODEL, max_tokens=10, messages=ASK)

    asyncio.run(later())
    rows = calls()
    assert wire.calls == len(rows) == 5
    assert {row.usage == CLAUDE for row in rows} == {True}
    assert len({row.amount_pico for row in rows}) == 1
    assert len({row.response_id for row in rows}) == 5


def test_a_stream_without_usage_is_estimated(client: Any, calls: Calls) -> None:
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream_chat(client))
    (row,) = calls()
    assert (row.usage_basis, row.usage_method) == ("estimated", "utf8 bytes / 4")
    assert (row.input_tokens, row.output_tokens) == (5, 6)


NONE = dict.fromkeys(("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"), 0)


def test_counts_that_a_gateway_keeps_back_are_estimated(
    wire: Wire, client: Any, claude: Any, calls: Calls
) -> None:
    wire.script(*[Reply("Hello you", usage=NONE)] * 4)
    client.chat.completions.create(model="gpt-4o", messages=ASK)
    client.responses.create(model="gpt-4o", input="hi")
    list(stream_chat(client, stream_options={"include_usage": True}))
    claude.messages.create(model=MODEL, max_tokens=9, messages=ASK)
    assert {call.usage_basis for call in calls()} == {"estimated"}
    assert all(call.output_tokens and call.cost_pico for call in calls())


def test_exact_streams_hide_the_chunk_that_we_asked_for(
    wire: Wire, client: Any, calls: Calls
) -> None:
    import finops_pack

    with finops_pack.track(exact_streams=True):
        assert all(chunk.choices for chunk in stream_chat(client))
        shown = list(stream_chat(client, stream_options={"include_usage": True}))
        assert not shown[-1].choices
        assert [row.usage for row in calls()] == [FULL, FULL]
    assert all(seen.body["stream"] for seen in wire.requests)


@pytest.mark.parametrize("how", ["with", "drop", "break off"])
def test_a_stream_left_early_is_cancelled(wire: Wire, client: Any, calls: Calls, how: str) -> None:
    if how == "break off":
        wire.script(Reply(cut=3))
        with pytest.raises(Exception, match=r".+"):
            list(stream_chat(client))
    elif how == "with":
        with stream_chat(client) as stream:
            next(stream)
            next(stream)
    else:
        next(stream_chat(client))
        gc.collect()
    (row,) = calls()
    assert row.status == ("error" if how == "break off" else "cancelled")
    assert row.usage_basis == "estimated"
    assert row.input_tokens == 5


def test_a_helper_left_early_ends_its_call_at_once(
    wire: Wire, client: Any, claude: Any, calls: Calls
) -> None:
    said: Any = {"messages": ASK, "max_tokens": 10}
    with client.chat.completions.stream(model="gpt-4o", **said) as chat:
        next(chat)
    with client.responses.stream(model="gpt-4o", input="hi") as response:
        next(response)
    with claude.messages.stream(model=MODEL, **said) as message:
        next(message)

    async def later() -> None:
        async with openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none") as other:
            async with other.chat.completions.stream(model="gpt-4o", **said) as chat:
                await anext(chat)
            assert [row.status for row in calls()] == ["cancelled"] * 4

    asyncio.run(later())


def test_anthropic_streams_left_early_keep_the_inputs_counts(claude: Any, calls: Calls) -> None:
    with claude.messages.stream(model=MODEL, max_tokens=10, messages=ASK) as events:
        next(iter(events))
    (row,) = calls()
    assert (row.status, row.usage_basis) == ("cancelled", "estimated")
    assert (row.input_tokens, row.cache_read_tokens, row.cache_write_1h_tokens) == (1000, 600, 100)
    assert row.output_tokens < 200


def test_errors_cost_nothing_and_show_attempts(wire: Wire, client: Any, calls: Calls) -> None:
    busy = Reply(status=429, headers={"retry-after-ms": "30"})
    wire.script(busy, busy)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="gpt-4o", messages=ASK)
    (row,) = calls()
    assert (row.status, row.error_type, row.attempts) == ("error", "RateLimitError", 2)
    assert (row.cost_pico, row.cost_state) == (0, "priced")
    assert 30 <= row.lost_ms <= row.duration_ms


def test_an_error_in_the_place_of_an_answer_costs_nothing(
    wire: Wire, client: Any, calls: Calls
) -> None:
    """As OpenRouter says that a provider of its own failed."""
    wire.script(Reply(body={"error": {"message": "upstream", "code": 502}}))
    client.chat.completions.create(model="gpt-4o", messages=ASK)
    (row,) = calls()
    assert (row.status, row.error_type, row.cost_pico) == ("error", "502", 0)


def test_a_refused_parse_is_billed(wire: Wire, client: Any, calls: Calls) -> None:
    with pytest.raises(ValueError, match="JSON"):
        parsed(client)
    (row,) = calls()
    assert (row.usage, row.verifier, row.error_type) == (FULL, "schema", "ValidationError")


def test_a_body_that_nobody_reads_is_unknown(client: Any, calls: Calls) -> None:
    asked = client.chat.completions.with_streaming_response
    with asked.create(model="gpt-4o", messages=ASK):
        pass
    (row,) = calls()
    assert (row.status, row.missing) == ("unknown", ("usage",))


def test_a_stream_that_is_parsed_later_is_one_full_row(wire: Wire, calls: Calls) -> None:
    """As the OpenAI Agents SDK asks."""

    async def ask() -> None:
        async with openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none") as client:
            asked = client.responses.with_streaming_response
            async with asked.create(model="gpt-4o", input="hi", stream=True) as raw:
                assert [event async for event in await raw.parse()]

    asyncio.run(ask())
    (row,) = calls()
    assert (row.usage, row.status, row.usage_basis) == (FULL, "ok", "measured")


def test_a_gateways_own_price_is_what_was_billed(wire: Wire, client: Any, calls: Calls) -> None:
    counted = {"prompt_tokens": 1000, "completion_tokens": 200, "cost": 0.0042}
    wire.script(Reply(headers={"x-litellm-response-cost": "0.0123"}), Reply(usage=counted))
    for _ in range(2):
        client.chat.completions.create(model="gpt-4o", messages=ASK)
    litellm, openrouter = calls()
    assert (litellm.amount_usd, litellm.billed_source) == (Decimal("0.0123"), "litellm")
    assert (openrouter.amount_usd, openrouter.billed_source) == (Decimal("0.0042"), "provider")
    assert litellm.cost_pico == 3_750_000_000


def test_units_beyond_tokens(wire: Wire, client: Any, calls: Calls) -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    body = {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-4o",
        "output": [search, search],
        "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
    }
    wire.script(Reply(body=body))
    client.responses.create(model="gpt-4o", input="hi")
    (row,) = calls()
    assert row.extra == {"web_search": 2}


def test_embeddings_are_counted_even_below_an_adapter(client: Any, calls: Calls) -> None:
    above = recorder.get().begin(model="gpt-4o", adapter="somebody")
    before = context.own(above)
    client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    client.chat.completions.create(model="gpt-4o", messages=ASK)
    context.disown(above, before)
    told = above.told
    above.finish(told[0]["usage"])
    one, two = calls()
    assert {one.model, two.model} == {"gpt-4o", "text-embedding-3-small"}
    embedding = one if one.model.startswith("text") else two
    assert (embedding.input_tokens, embedding.amount_usd) == (8, Decimal("0.00000016"))
    assert len(told) == 1
    assert told[0]["usage"] == FULL


def test_silent_below_an_adapter_but_its_retries_are_told(
    wire: Wire, client: Any, calls: Calls
) -> None:
    wire.script(Reply(status=500, headers={"retry-after-ms": "10"}))
    above = recorder.get().begin(model="gpt-4o", adapter="somebody")
    before = context.own(above)
    client.chat.completions.create(model="gpt-4o", messages=ASK)
    context.disown(above, before)
    above.finish(above.told[0]["usage"])
    (row,) = calls()
    assert (row.adapter, row.attempts, row.usage) == ("somebody", 2, FULL)


def test_batches_are_booked_when_their_results_are_fetched(
    wire: Wire, client: Any, claude: Any, calls: Calls
) -> None:
    from finops_pack.testing import _anthropic, _openai

    chat = _openai.chat_whole(Reply(), {"model": "gpt-4o"}, 1)
    lines = [
        {"id": "batch_req_1", "custom_id": "a", "response": {"status_code": 200, "body": chat}},
        {"id": "batch_req_2", "custom_id": "b", "response": None, "error": {"code": "expired"}},
    ]
    output = Reply(body="".join(json.dumps(line) + "\n" for line in lines))
    message = _anthropic.messages_whole(Reply(), {"model": MODEL}, 2)
    results = [
        {"custom_id": "a", "result": {"type": "succeeded", "message": message}},
        {"custom_id": "b", "result": {"type": "expired"}},
    ]
    ended = {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": "ended",
        "results_url": f"{wire.url}/v1/messages/batches/msgbatch_1/results",
    }
    fetched = Reply(body="".join(json.dumps(line) + "\n" for line in results))
    wire.script(output, output, Reply(body=ended), fetched)
    for _ in range(2):  # fetched again: the same rows
        assert client.files.content("file-1").text
    assert len(list(claude.messages.batches.results("msgbatch_1"))) == 2
    first, second = sorted(calls(), key=lambda row: row.model)
    assert (second.id, second.source, second.processing) == ("batch_req_1", "openai-batch", "batch")
    assert (second.usage, second.amount_usd) == (FULL, Decimal("0.00225"))
    assert (first.source, first.usage, first.processing) == ("anthropic-batch", CLAUDE, "batch")


def test_what_is_no_model_call_is_no_row(wire: Wire, client: Any, calls: Calls) -> None:
    wire.script(Reply(body={"input_tokens": 3}))
    anthropic.Anthropic(base_url=wire.url, api_key="none").messages.count_tokens(
        model=MODEL, messages=ASK
    )
    assert calls() == []


def test_our_own_fault_leaves_the_answer_alone(
    client: Any, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("ours")

    monkeypatch.setattr(recorder.Pending, "finish", broken)
    monkeypatch.setattr("finops_pack.adapters._providers.of", broken)
    answer = client.chat.completions.create(model="gpt-4o", messages=ASK)
    assert answer.choices[0].message.content
    monkeypatch.undo()


@pytest.mark.parametrize("sent", ["hello", [[1, 2, 3] * 500]])
def test_a_hard_budget_lets_embeddings_through(wire: Wire, calls: Calls, sent: Any) -> None:
    client = openai.OpenAI(base_url=wire.openai_url, api_key="none")
    with finops_pack.task("t", budget="0.01 USD/task"):
        client.embeddings.create(model="text-embedding-3-small", input=sent)
    (row,) = calls()
    assert row.cost_state == "priced"


def test_a_hard_budget_counts_each_of_several_answers(wire: Wire) -> None:
    client = openai.OpenAI(base_url=wire.openai_url, api_key="none")
    said: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "n": 10}
    with finops_pack.task("t", budget="0.005 USD/task"), pytest.raises(BudgetExceeded):
        client.chat.completions.create(**said, max_tokens=200)
    assert wire.calls == 0


def test_a_response_in_the_background_is_not_known_yet(wire: Wire, calls: Calls) -> None:
    queued = {"id": "resp_1", "object": "response", "status": "queued", "output": [], "usage": None}
    wire.script(Reply(body={**queued, "model": "gpt-4o", "created_at": 1}))
    client = openai.OpenAI(base_url=wire.openai_url, api_key="none")
    client.responses.create(model="gpt-4o", input="hi", background=True)
    (row,) = calls()
    assert (row.status, row.usage_basis, row.missing) == ("unknown", "unknown", ("usage",))


@pytest.mark.parametrize("raw", [True, False])
def test_but_it_is_once_it_is_fetched(wire: Wire, client: Any, calls: Calls, raw: bool) -> None:
    made = {"id": "resp_7", "object": "response", "output": [], "usage": None, "model": "gpt-4o"}
    counts = {"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200}
    for status in ("queued", "in_progress", "completed", "completed"):
        done = {"usage": counts} if status == "completed" else {}
        wire.script(Reply(body={**made, "status": status, **done}))
    asked = client.responses.with_raw_response if raw else client.responses
    with finops_pack.task("deep", budget="1 USD/task") as task:
        asked.create(model="gpt-4o", input="hi", background=True)
        assert (task.calls, task.cost) == (1, 0)
        for _ in range(3):
            client.responses.retrieve("resp_7")
    (row,) = calls()
    assert (row.status, row.usage, row.missing) == ("ok", Usage(1000, 200), ())
    assert (task.calls, task.cost) == (1, row.amount_usd) == (1, Decimal("0.0045"))


def test_and_once_it_is_fetched_as_a_stream(wire: Wire, client: Any, calls: Calls) -> None:
    made = {"id": "resp_9", "object": "response", "output": [], "usage": None, "model": "gpt-4o"}
    done = {**made, "status": "completed", "usage": {"input_tokens": 1000, "output_tokens": 200}}
    events = [
        {"type": "response.queued", "response": {**made, "status": "queued"}},
        {"type": "response.output_text.delta", "delta": "a"},
        {"type": "response.completed", "response": done},
    ]
    wire.script(Reply(body={**made, "status": "queued"}))
    wire.script(Reply(body="".join(f"data: {json.dumps(event)}\n\n" for event in events)))
    client.responses.create(model="gpt-4o", input="hi", background=True)
    with client.responses.retrieve("resp_9", stream=True) as stream:
        assert [event.type for event in stream] == [event["type"] for event in events]
    (row,) = calls()
    assert (row.status, row.usage, row.missing) == ("ok", Usage(1000, 200), ())


def test_what_failed_in_the_background_costs_nothing(wire: Wire, client: Any, calls: Calls) -> None:
    made = {"id": "resp_8", "object": "response", "output": [], "usage": None, "model": "gpt-4o"}
    failed = {"status": "failed", "error": {"code": "server_error", "message": "no"}}
    wire.script(Reply(body={**made, "status": "queued"}), Reply(body={**made, **failed}))
    client.responses.create(model="gpt-4o", input="hi", background=True)
    client.responses.retrieve("resp_8")
    (row,) = calls()
    assert (row.status, row.error_type, row.cost_state) == ("error", "server_error", "priced")
    assert row.amount_usd == 0


def test_of_a_web_search_only_the_search_is_billed() -> None:
    kinds = ("search", "open_page", "find_in_page")
    output = [{"type": "web_search_call", "action": {"type": kind}} for kind in kinds]
    body = {"usage": {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}, "output": output}
    assert _openai_read.answered("responses", body)["usage"].extra == {"web_search": 1}


def test_claude_at_microsofts_foundry_is_azures(wire: Wire, calls: Calls) -> None:
    with anthropic.AnthropicFoundry(base_url=wire.url, api_key="none") as client:
        client.messages.create(model=MODEL, max_tokens=10, messages=ASK)
    (row,) = calls()
    assert (row.provider, row.cost_state) == ("azure", "priced")
