"""What others got wrong, by the issue that says so; each fails without our handling of it.

`handling.py` says what that is, and `test_without_our_handling.py` that the test then fails.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

import finops_pack
from finops_pack import context, recorder
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
FULL = Usage(1000, 200, 600, reasoning_tokens=50)


def test_1_langchain_32300_no_hook_is_leaked() -> None:
    from langchain_core.tracers import context as tracers

    from finops_pack import adapters
    from finops_pack.adapters import langchain

    before = len(tracers._configure_hooks)
    for _ in range(5):
        langchain.install()
        adapters.install("langchain")
        with finops_pack.track():
            pass
    leaked = len(tracers._configure_hooks) - before
    assert leaked == 0
    ours = [hook for hook in tracers._configure_hooks if "FinOps" in str(hook[2])]
    assert len(ours) == 1


def test_2_langchain_32818_cache_tokens_of_streams_are_not_doubled(
    claude: Any, calls: Calls
) -> None:
    claude.invoke("hi")
    whole = list(claude.stream("hi"))
    assert whole
    one, two = calls()
    assert two.cache_read_tokens == one.cache_read_tokens
    assert one.usage == two.usage == Usage(1000, 200, 600, 200, 100)


def test_3_langfuse_12306_cached_tokens_are_part_of_the_input(chat: Any, calls: Calls) -> None:
    chat().invoke("hi")
    (row,) = calls()
    assert (row.usage.uncached_tokens, row.cache_read_tokens) == (400, 600)
    # 400 at 2.50, 600 at 1.25, 200 at 10.00 USD per million
    assert row.amount_usd == Decimal("0.00375")


def test_4_langfuse_2112_a_hit_in_langchains_cache_costs_nothing(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    from langchain_core.caches import InMemoryCache

    model = chat(cache=InMemoryCache())
    model.invoke("hi")
    model.invoke("hi")
    paid, hit = calls()
    assert wire.calls == 1
    assert (paid.status, hit.status) == ("ok", "cache_hit")
    assert (hit.cost_pico, hit.cost_state, hit.usage) == (0, "free", Usage())
    assert not hit.reached_provider


@pytest.mark.parametrize("mode", ["messages", "values"])
def test_5_langgraph_4848_streams_without_usage_are_estimated(
    chat: Any, calls: Calls, mode: Any
) -> None:
    from langchain.agents import create_agent

    for _ in create_agent(chat(), []).stream({"messages": "hi"}, stream_mode=mode):
        pass
    (row,) = calls()
    basis, counted = ("estimated", Usage(5, 6)) if mode == "messages" else ("measured", FULL)
    assert row.usage_basis == basis
    assert row.usage == counted
    assert row.amount_pico > 0


def test_6_langchain_15253_embeddings_are_counted_once(wire: Wire, calls: Calls) -> None:
    from langchain_core.vectorstores import InMemoryVectorStore
    from langchain_openai import OpenAIEmbeddings

    model = OpenAIEmbeddings(
        model="text-embedding-3-small",
        base_url=wire.openai_url,
        api_key="none",
        check_embedding_ctx_length=False,
    )
    store = InMemoryVectorStore(model)
    store.add_texts(["a", "b"])
    store.similarity_search("a")
    rows = calls()
    assert wire.calls == len(rows) == 2
    assert {(row.model, row.input_tokens) for row in rows} == {("text-embedding-3-small", 8)}


def test_7_local_deep_research_6294_thirteen_http_calls_are_thirteen_full_rows(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    from langchain_core.runnables import RunnableLambda

    model = chat()

    async def gathered() -> None:
        await asyncio.gather(*(model.ainvoke("hi") for _ in range(3)))
        await asyncio.get_running_loop().run_in_executor(None, model.invoke, "hi")

    model.invoke("hi")
    thread = threading.Thread(target=model.invoke, args=("hi",))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(model.invoke, ["a", "b"]))
    asyncio.run(gathered())
    nested = RunnableLambda(lambda text: model.invoke(text)) | RunnableLambda(
        lambda answer: model.invoke(answer.content)
    )
    nested.invoke("hi")
    model.batch(["a", "b", "c"])

    rows = calls()
    assert wire.calls == len(rows) == 13
    assert {row.adapter for row in rows} == {"langchain"}
    assert {row.usage == FULL for row in rows} == {True}
    assert {row.amount_usd for row in rows} == {Decimal("0.00375")}
    assert {row.model for row in rows} == {"gpt-4o"}
    assert all(row.response_id and row.provider == "openai" for row in rows)


def test_7_neuro_san_1357_executors_that_lose_context_lose_no_call(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    model = chat()
    wire.script(Reply(status=500, headers={"retry-after-ms": "5"}))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(None, model.invoke, "hi") for _ in range(3)))

    asyncio.run(main())
    rows = calls()
    assert {row.adapter for row in rows} == {"langchain"}
    assert sorted(row.attempts for row in rows) == [1, 1, 2]


def test_7_opik_8295_a_retry_is_told_to_the_async_call_that_waits(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    wire.script(Reply(status=500, headers={"retry-after-ms": "5"}))
    asyncio.run(chat().ainvoke("hi"))
    assert [(row.adapter, row.attempts) for row in calls()] == [("langchain", 2)]


def test_14_phoenix_5628_framework_and_sdk_tracked_together_count_once(
    wire: Wire, chat: Any, claude: Any, calls: Calls
) -> None:
    chat().invoke("hi")
    claude.invoke("hi")
    list(chat().stream("hi"))
    asyncio.run(chat().ainvoke("hi"))
    rows = calls()
    assert wire.calls == len(rows) == 4
    assert {row.adapter for row in rows} == {"langchain"}


class Refusing:
    """A gate that refuses everything."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def active(self, call: Any = None) -> bool:
        return True

    def reserve(self, call: Any, request: Any = None) -> None:
        from finops_pack.errors import Refusal

        raise self.error(Refusal("exceeded", limit_usd=Decimal(1)))  # type: ignore[call-arg]

    def settle(self, call: Any, pico: int) -> None:
        raise AssertionError("nothing was reserved")

    def close(self) -> None:
        pass


# LangChain leaves a coroutine of its own behind when a BaseException passes it.
@pytest.mark.filterwarnings(
    "ignore:.*ahandle_event", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("error", [finops_pack.BudgetExceeded, finops_pack.BudgetStop])
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "batch", "agent", "sdk"])
def test_16_riskkernel_55_a_refused_call_is_never_sent(
    wire: Wire, chat: Any, calls: Calls, error: Any, way: str
) -> None:
    import openai
    from langchain.agents import create_agent

    model = chat()
    ways: dict[str, Callable[[], Any]] = {
        "invoke": lambda: model.invoke("hi"),
        "ainvoke": lambda: asyncio.run(model.ainvoke("hi")),
        "stream": lambda: list(model.stream("hi")),
        "batch": lambda: model.batch(["hi"]),
        "agent": lambda: create_agent(model, []).invoke({"messages": "hi"}),
        "sdk": lambda: openai.OpenAI(
            base_url=wire.openai_url, api_key="none"
        ).chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}]),
    }
    recorder.get()._gate = Refusing(error)  # type: ignore[assignment]
    with pytest.raises(error):
        ways[way]()
    assert wire.calls == 0
    assert calls() == []
    assert not context.owned()
    with finops_pack.track() as tracker:
        assert tracker.refusal is not None
        assert tracker.refusal.reason == "exceeded"
