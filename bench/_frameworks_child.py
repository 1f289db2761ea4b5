"""One framework under one tracker: for each line of standard input, a block of calls, timed.

`python _frameworks_child.py FRAMEWORK TRACKER SINK`. Providers are answered inside the process,
where their HTTP client would open a connection; SINK takes what the rivals export. The first line
of the answer is how many calls of a block the tracker saw with their usage, or why this pair cannot
be measured; then one of µs a call, on the clock and of this thread, for each block.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

CALLS = 25  # in a block
SAID: list[Any] = [{"role": "user", "content": "hi"}]
PAGES = {
    "/v1/chat/completions": {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                     "message": {"role": "assistant", "content": "hello", "refusal": None}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200,
                  "prompt_tokens_details": {"cached_tokens": 600},
                  "completion_tokens_details": {"reasoning_tokens": 50}},
    },
    "/v1/messages": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-4-6",
        "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 100, "output_tokens": 200, "cache_read_input_tokens": 600},
    },
}  # fmt: skip


def answer_inside() -> None:
    """Answer a provider's requests where httpx would open a connection."""
    import httpx

    def answer(request: Any) -> httpx.Response:
        return httpx.Response(200, json=PAGES[request.url.path], request=request)

    async def answer_later(_: Any, request: Any) -> httpx.Response:
        return answer(request)

    httpx.HTTPTransport.handle_request = lambda _, request: answer(request)  # type: ignore[method-assign,assignment]
    httpx.AsyncHTTPTransport.handle_async_request = answer_later  # type: ignore[method-assign,assignment]


KEYS: dict[str, Any] = {"api_key": "none", "base_url": "http://provider.invalid/v1"}


def openai(tracker: str) -> Callable[[], Any]:
    """The SDK."""
    name = "langfuse.openai" if tracker == "langfuse" else "openai"
    client = importlib.import_module(name).OpenAI(**KEYS)
    return lambda: client.chat.completions.create(model="gpt-4o", messages=SAID)


def anthropic(tracker: str) -> Callable[[], Any]:
    """The SDK."""
    from anthropic import Anthropic

    client = Anthropic(api_key="none", base_url="http://provider.invalid")
    return lambda: client.messages.create(model="claude-opus-4-6", messages=SAID, max_tokens=9)


def langchain(tracker: str) -> Callable[[], Any]:
    """ChatOpenAI."""
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model="gpt-4o", **KEYS)
    config: Any = None
    if tracker == "langfuse":
        config = {"callbacks": [importlib.import_module("langfuse.langchain").CallbackHandler()]}
    return lambda: model.invoke("hi", config=config)


def crewai(tracker: str) -> Callable[[], Any]:
    """crewai.LLM."""
    from crewai import LLM

    llm = LLM(model="openai/gpt-4o", **KEYS)
    return lambda: llm.call("hi")


def autogen(tracker: str) -> Callable[[], Any]:
    """OpenAIChatCompletionClient, in a loop of its own."""
    from autogen_core.models import UserMessage
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    client = OpenAIChatCompletionClient(model="gpt-4o", **KEYS)
    said = [UserMessage(content="hi", source="user")]
    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(client.create(said))


FRAMEWORKS = {f.__name__: f for f in (openai, anthropic, langchain, crewai, autogen)}
INSTRUMENTORS = {
    "openai": {"openai": "OpenAIInstrumentor"},
    "anthropic": {"anthropic": "AnthropicInstrumentor"},
    "langchain": {"langchain": "LangChainInstrumentor"},
    # CrewAI's own sees crews, not what its native client asks.
    "crewai": {"crewai": "CrewAIInstrumentor", "openai": "OpenAIInstrumentor"},
    "autogen": {"autogen_agentchat": "AutogenAgentChatInstrumentor"},
}
MODULES = {
    "openai": "openai", "anthropic": "anthropic", "langchain": "langchain_openai",
    "crewai": "crewai", "autogen": "autogen_ext.models.openai",
}  # fmt: skip
LANGFUSE = ("openai", "langchain")


def track(framework: str, tracker: str, sink: str) -> None:
    """Switch one tracker on, as its documentation says; raises LookupError where it has none."""
    if tracker == "finops_pack":
        importlib.import_module("finops_pack.auto")
    elif tracker == "langfuse":
        if framework not in LANGFUSE:
            raise LookupError("has none of its own")
        keys = {"LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk", "LANGFUSE_HOST": sink}
        os.environ.update(keys)
        importlib.import_module("langfuse").get_client()
    elif tracker == "openinference":
        _openinference(framework, sink)
    elif tracker == "agentops":
        importlib.import_module(MODULES[framework])  # it breaks the imports that it watches
        agentops = importlib.import_module("agentops")
        agentops.init(
            api_key="00000000-0000-4000-8000-000000000000", endpoint=sink,
            exporter_endpoint=f"{sink}/v1/traces", log_level="CRITICAL", fail_safe=True,
        )  # fmt: skip


def _openinference(framework: str, sink: str) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{sink}/v1/traces")))
    trace.set_tracer_provider(provider)
    for module, name in INSTRUMENTORS[framework].items():
        found = importlib.import_module(f"openinference.instrumentation.{module}")
        getattr(found, name)().instrument(tracer_provider=provider)


def seen(tracker: str, ask: Callable[[], Any]) -> int:
    """How many calls of a block the tracker saw, with what they used."""
    if tracker == "none":
        block(ask)
        return 0
    count = _rows if tracker == "finops_pack" else _spans()
    before = count()
    block(ask)
    return count() - before


def _rows() -> int:
    from finops_pack import config, recorder
    from finops_pack.ledger import open_ledger
    from finops_pack.model import Where

    recorder.flush(10)
    rows = open_ledger(config.load().ledger).calls(Where())
    return sum(row.usage_basis == "measured" for row in rows)


def _spans() -> Callable[[], int]:
    """Rivals make spans: those that say anything of tokens are counted."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import SpanProcessor

    ended: list[Any] = []

    class Counter(SpanProcessor):
        def on_end(self, span: Any) -> None:
            ended.append(span.attributes)

    trace.get_tracer_provider().add_span_processor(Counter())  # type: ignore[attr-defined]
    words = ("token", "usage")
    return lambda: sum(any(w in name for name in held for w in words) for held in ended)


def block(ask: Callable[[], Any]) -> tuple[float, float]:
    """µs a call, on the clock and of this thread."""
    began, thread = time.perf_counter(), time.thread_time()
    for _ in range(CALLS):
        ask()
    wall, cpu = time.perf_counter() - began, time.thread_time() - thread
    return wall / CALLS * 1e6, cpu / CALLS * 1e6


def main(framework: str, tracker: str, sink: str) -> None:
    """Say what it sees or why not; then a block for each line."""
    talk, sys.stdout = sys.stdout, sys.stderr

    def say(what: Any) -> None:
        print(json.dumps(what), file=talk, flush=True)

    try:
        answer_inside()
        track(framework, tracker, sink)
        ask = FRAMEWORKS[framework](tracker)
        block(ask)
        say(seen(tracker, ask))
    except Exception as error:
        say(f"{type(error).__name__}: {error}"[:200])
        return
    for _ in sys.stdin:
        say(block(ask))


if __name__ == "__main__":
    main(*sys.argv[1:])
