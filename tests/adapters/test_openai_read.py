"""What OpenAI bills beside chat, and what its answers ask for: the real SDK on the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import openai
import pytest

import finops_pack
from finops_pack.errors import BudgetExceeded
from finops_pack.model import Call
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
ASK: Any = [{"role": "user", "content": "hi"}]
PICTURE = {
    "input_tokens": 300,
    "input_tokens_details": {"image_tokens": 200, "text_tokens": 100},
    "output_tokens": 1000,
    "output_tokens_details": {"image_tokens": 1000, "text_tokens": 0},
    "total_tokens": 1300,
}
DRAWN = {"created": 1, "data": [{"b64_json": "AA=="}], "usage": PICTURE}
FILE = ("a.png", b"x")


@pytest.fixture
def client(wire: Wire) -> Any:
    with openai.OpenAI(base_url=wire.openai_url, api_key="none", max_retries=0) as made:
        yield made


def edit(client: Any, model: str) -> Any:
    return client.images.edit(model=model, image=FILE, prompt="a fox")


def generate(client: Any, model: str) -> Any:
    return client.images.generate(model=model, prompt="a fox")


@pytest.mark.parametrize("ask", [edit, generate])
@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gpt-image-1.5", "0.0341"),  # 100 × $5 + 200 × $8 + 1000 × $32 a million
        ("gpt-image-1", "0.0425"),  # 100 × $5 + 200 × $10 + 1000 × $40: pictures are its output
    ],
)
def test_pictures_are_billed_at_their_own_price(
    wire: Wire, client: Any, calls: Calls, ask: Any, model: str, usd: str
) -> None:
    wire.script(Reply(body=DRAWN))
    ask(client, model)
    (row,) = calls()
    assert (row.input_tokens, row.output_tokens, row.model) == (300, 1000, model)
    assert (row.cost_state, row.amount_usd) == ("priced", Decimal(usd))


def test_a_streamed_picture_is_one_full_row(wire: Wire, client: Any, calls: Calls) -> None:
    done = {"type": "image_edit.completed", "b64_json": "AA==", "usage": PICTURE}
    wire.script(Reply(body=f"event: {done['type']}\ndata: {json.dumps(done)}\n\n"))
    said: Any = {"model": "gpt-image-1.5", "image": FILE, "prompt": "a fox", "stream": True}
    assert [event.type for event in client.images.edit(**said)] == [done["type"]]
    (row,) = calls()
    assert (row.usage_basis, row.amount_usd) == ("measured", Decimal("0.0341"))


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # by openai 3
def test_a_variation_has_no_usage_but_its_pictures(wire: Wire, client: Any, calls: Calls) -> None:
    wire.script(Reply(body={"created": 1, "data": [{"url": "u"}, {"url": "v"}]}))
    client.images.create_variation(image=FILE, model="dall-e-2", n=2)
    (row,) = calls()
    assert row.extra == {"image": 2}
    assert row.cost_state == "unpriced"


TOKENS = {
    "type": "tokens",
    "input_tokens": 100,
    "input_token_details": {"audio_tokens": 90, "text_tokens": 10},
    "output_tokens": 20,
    "total_tokens": 120,
}


@pytest.mark.parametrize(
    ("model", "usage", "usd"),
    [
        ("gpt-4o-transcribe", TOKENS, "0.000765"),  # 10 × $2.50 + 90 × $6 + 20 × $10 a million
        ("whisper-1", {"type": "duration", "seconds": 60}, "0.006"),
    ],
)
def test_transcriptions(
    wire: Wire, client: Any, calls: Calls, model: str, usage: Any, usd: str
) -> None:
    wire.script(Reply(body={"text": "hello", "usage": usage}))
    client.audio.transcriptions.create(model=model, file=FILE)
    (row,) = calls()
    assert (row.cost_state, row.amount_usd) == ("priced", Decimal(usd))


@pytest.mark.parametrize(("limit", "asked"), [("1 USD", 1), ("0.3 USD", 0)])
def test_a_hard_budget_holds_an_hour_of_what_is_billed_by_the_second(
    wire: Wire, client: Any, limit: str, asked: int
) -> None:
    wire.script(Reply(body={"text": "hello", "usage": {"type": "duration", "seconds": 60}}))
    refused = nullcontext() if asked else pytest.raises(BudgetExceeded)
    with finops_pack.task("t", budget=f"{limit}/task"), refused:
        client.audio.transcriptions.create(model="whisper-1", file=FILE)
    assert wire.calls == asked


def test_a_transcription_without_usage_is_unknown(wire: Wire, client: Any, calls: Calls) -> None:
    wire.script(Reply(body="hello"))
    said: Any = {"model": "whisper-1", "file": FILE, "response_format": "text"}
    client.audio.transcriptions.create(**said)
    (row,) = calls()
    assert (row.usage_basis, row.missing) == ("unknown", ("usage",))


def test_compaction_is_billed_and_counting_is_not(wire: Wire, client: Any, calls: Calls) -> None:
    counts = {"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200}
    head = {"id": "resp_1", "object": "response.compaction", "created_at": 1}
    wire.script(Reply(body={**head, "output": [], "usage": counts}), Reply(body=counts))
    client.responses.compact(model="gpt-4o", input="hi")
    client.responses.input_tokens.count(model="gpt-4o", input="hi")
    (row,) = calls()
    assert (row.amount_usd, row.response_id) == (Decimal("0.0045"), "resp_1")


def respond(wire: Wire, client: Any, *output: dict[str, Any]) -> None:
    counts = {"input_tokens": 1000, "output_tokens": 0, "total_tokens": 1000}
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o"}
    wire.script(Reply(body={**head, "output": output, "usage": counts}))
    client.responses.create(model="gpt-4o", input="hi")


def test_file_searches_are_billed(wire: Wire, client: Any, calls: Calls) -> None:
    search = {"type": "file_search_call", "id": "fs_1", "queries": ["a"], "status": "completed"}
    respond(wire, client, search, search)
    (row,) = calls()
    assert row.extra == {"storage_search": 2}
    assert (row.cost_state, row.amount_usd) == ("priced", Decimal("0.0075"))


def test_code_is_billed_by_the_container(wire: Wire, client: Any, calls: Calls) -> None:
    def run(container: str) -> dict[str, Any]:
        return {"type": "code_interpreter_call", "id": "ci", "container_id": container}

    respond(wire, client, run("c1"), run("c1"), run("c2"))
    (row,) = calls()
    assert row.extra == {"code_execution": 2}
    assert (row.cost_state, row.missing) == ("partial", ("code_execution",))


def test_what_every_answer_asks_for_is_noticed(wire: Wire, client: Any, calls: Calls) -> None:
    def choice(index: int, call: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return {"index": index, "message": message, "finish_reason": "tool_calls"}

    one = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    two = {"id": "b", "type": "custom", "custom": {"name": "run", "input": "ls"}}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    body = {"id": "c", "object": "chat.completion", "model": "gpt-4o", "usage": usage}
    wire.script(Reply(body={**body, "choices": [choice(0, one), choice(1, two)]}))
    client.chat.completions.create(model="gpt-4o", messages=ASK, n=2)
    (row,) = calls()
    assert [call["name"] for call in row.tool_calls] == ["look", "run"]


def test_streamed_answers_keep_their_tool_calls_apart(
    wire: Wire, client: Any, calls: Calls
) -> None:
    def chunk(index: int) -> str:
        function = {"name": f"tool{index}", "arguments": "{}"}
        call = {"index": 0, "id": f"call{index}", "type": "function", "function": function}
        choice = {"index": index, "delta": {"tool_calls": [call]}, "finish_reason": None}
        head = {"id": "c", "object": "chat.completion.chunk", "model": "gpt-4o"}
        return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"

    wire.script(Reply(body=chunk(0) + chunk(1) + "data: [DONE]\n\n"))
    list(client.chat.completions.create(model="gpt-4o", messages=ASK, n=2, stream=True))
    (row,) = calls()
    assert [call["name"] for call in row.tool_calls] == ["tool0", "tool1"]
