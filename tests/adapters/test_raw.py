"""Responses that the SDKs hand over raw: however they are read, their usage is."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

import finops_pack
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
FULL = Usage(1000, 200, 600, reasoning_tokens=50)
CLAUDE = Usage(1000, 200, 600, 200, 100)
SAID: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
STREAM: Any = {**SAID, "stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture
def client(wire: Wire) -> Any:
    with openai.OpenAI(base_url=wire.openai_url, api_key="none", max_retries=0) as made:
        yield made


READ: dict[str, Callable[[Any], Any]] = {
    "lines": lambda raw: list(raw.iter_lines()),
    "bytes": lambda raw: list(raw.iter_bytes(7)),
    "text": lambda raw: list(raw.iter_text()),
    "read": lambda raw: raw.read(),
}


@pytest.mark.parametrize("said", [SAID, STREAM], ids=["whole", "streamed"])
@pytest.mark.parametrize("how", READ)
def test_a_body_that_the_user_reads_is_one_full_row(
    client: Any, calls: Calls, said: Any, how: str
) -> None:
    with client.chat.completions.with_streaming_response.create(**said) as raw:
        came = READ[how](raw)
    assert came
    (row,) = calls()
    assert (row.usage, row.status, row.usage_basis) == (FULL, "ok", "measured")
    assert row.response_id


@pytest.mark.parametrize("how", READ)
def test_exact_streams_show_no_raw_reader_what_he_did_not_ask_for(
    client: Any, calls: Calls, how: str
) -> None:
    with (
        finops_pack.track(exact_streams=True),
        client.chat.completions.with_streaming_response.create(**SAID, stream=True) as raw,
    ):
        assert "prompt_tokens" not in str(READ[how](raw))
        parsed = client.chat.completions.with_raw_response.create(**SAID, stream=True).parse()
        assert all(chunk.choices for chunk in parsed)
        assert [row.usage_basis for row in calls()] == ["estimated", "measured"]


def test_responses_and_messages_as_lines(wire: Wire, client: Any, calls: Calls) -> None:
    asked = client.responses.with_streaming_response
    with asked.create(model="gpt-4o", input="hi", stream=True) as raw:
        assert list(raw.iter_lines())
    claude: Any = {**SAID, "model": "claude-opus-4-6", "max_tokens": 10, "stream": True}
    with (
        anthropic.Anthropic(base_url=wire.url, api_key="none") as other,
        other.messages.with_streaming_response.create(**claude) as raw,
    ):
        assert list(raw.iter_lines())
    assert [row.usage for row in calls()] == [FULL, CLAUDE]


def test_async_lines(wire: Wire, calls: Calls) -> None:
    async def ask(said: Any) -> None:
        async with openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none") as client:
            asked = client.chat.completions.with_streaming_response
            async with asked.create(**said) as raw:
                assert [line async for line in raw.iter_lines()]

    asyncio.run(ask(SAID))
    asyncio.run(ask(STREAM))
    assert [row.usage for row in calls()] == [FULL, FULL]


def test_the_http_response_of_a_raw_stream(client: Any, calls: Calls) -> None:
    raw = client.chat.completions.with_raw_response.create(**STREAM)
    assert raw.http_response.read()
    (row,) = calls()
    assert row.usage == FULL


def test_lines_left_early_are_estimated(client: Any, calls: Calls) -> None:
    with client.chat.completions.with_streaming_response.create(**STREAM) as raw:
        for number, _ in enumerate(raw.iter_lines()):
            if number == 4:
                break
    gc.collect()
    (row,) = calls()
    assert (row.status, row.usage_basis, row.input_tokens) == ("cancelled", "estimated", 5)


def test_half_a_body_and_an_unread_stream_are_unknown(client: Any, calls: Calls) -> None:
    asked = client.chat.completions.with_streaming_response
    with asked.create(**SAID) as raw:
        next(raw.iter_bytes(7))
    with asked.create(**STREAM):
        pass
    gc.collect()
    assert [(row.status, row.missing) for row in calls()] == [("unknown", ("usage",))] * 2


@pytest.mark.parametrize("way", ["with_raw_response", "with_streaming_response"])
def test_a_body_that_is_no_json_ends_its_call(
    wire: Wire, client: Any, calls: Calls, way: str
) -> None:
    wire.script(Reply(body="hello"))
    said: Any = {"model": "whisper-1", "file": ("a.wav", b"x"), "response_format": "text"}
    asked = getattr(client.audio.transcriptions, way).create(**said)
    if way == "with_raw_response":
        assert asked.parse()
    else:
        with asked as raw:
            assert raw.read()
    (row,) = calls()
    assert (row.usage_basis, row.missing) == ("unknown", ("usage",))
