"""LangChain and LangGraph against the wire: every HTTP call one row, every bucket full."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypedDict

import anthropic
import openai
import pytest
from langchain_core.language_models import BaseChatModel, SimpleChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, ChatMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda, RunnableParallel

import finops_pack
from finops_pack import recorder
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
FULL = Usage(1000, 200, 600, reasoning_tokens=50)
CLAUDE = Usage(1000, 200, 600, 200, 100)
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}


def test_both_ways_at_once_are_one_row(wire: Wire, chat: Any, calls: Calls) -> None:
    from finops_pack.adapters.langchain import FinOpsCallbackHandler

    own = FinOpsCallbackHandler()
    chat(callbacks=[own]).invoke("a", config={"callbacks": [FinOpsCallbackHandler()]})
    chain = RunnableLambda(lambda text: chat(callbacks=[own]).invoke(text))
    chain.invoke("b", config={"callbacks": [own]})
    assert wire.calls == len(calls()) == 2


def test_the_innermost_function_of_the_user_names_the_work(chat: Any, calls: Calls) -> None:
    def streams() -> None:
        for _ in chat().stream("a"):
            pass

    def invokes() -> None:
        chat().invoke("b")

    def generates() -> None:
        chat().generate([[HumanMessage("c")]])

    for step in (streams, invokes, generates):
        step()
    assert [row.action for row in calls()] == ["streams", "invokes", "generates"]


def test_steps_that_run_in_threads_are_the_work_of_who_asked_the_chain(
    chat: Any, calls: Calls
) -> None:
    chain = chat() | RunnableLambda(lambda answer: answer.content)

    def parallel() -> None:
        RunnableParallel(a=chain, b=chain).invoke("a")

    def many() -> None:
        chain.batch(["b", "c"])

    def raw() -> None:
        chat().with_structured_output({"title": "T"}, method="json_mode", include_raw=True).invoke(
            "d"
        )

    for step in (parallel, many, raw):
        step()
    assert [row.action for row in calls()] == ["parallel"] * 2 + ["many"] * 2 + ["raw"]


def test_and_those_that_run_in_tasks_of_their_own_in_a_script(chat: Any, calls: Calls) -> None:
    async def answer() -> None:
        await RunnableParallel(a=chat(), b=chat()).ainvoke("a")

    known = {"asyncio": asyncio, "answer": answer}
    exec(compile("asyncio.run(answer())", "/home/me/script.py", "exec"), known)
    assert [row.action for row in calls()] == ["answer"] * 2


def test_anthropic_whole_and_streamed_are_the_same(claude: Any, calls: Calls) -> None:
    claude.invoke("hi")
    for _ in claude.stream("hi"):
        pass
    whole, streamed = calls()
    assert whole.usage == streamed.usage == CLAUDE
    assert whole.amount_usd == streamed.amount_usd > 0
    assert streamed.response_id
    assert streamed.ttft_ms is not None


def test_a_service_tier_renames_the_keys_not_the_counts(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    wire.script(Reply(service_tier="flex"), Reply(service_tier="priority"))
    chat(model="o3").invoke("a")
    chat().invoke("b")
    flex, priority = calls()
    assert (flex.service_tier, priority.service_tier) == ("flex", "priority")
    assert flex.usage == priority.usage == FULL


def test_a_streams_missing_usage_is_estimated_and_marked(chat: Any, calls: Calls) -> None:
    for _ in chat().stream("Tell me about the wire, please, in a few words."):
        pass
    (row,) = calls()
    assert row.usage_basis == "estimated"
    assert row.usage_method == "utf8 bytes / 4"
    assert (row.input_tokens, row.output_tokens) == (16, 6)


def test_exact_streams_on_request(chat: Any, calls: Calls) -> None:
    with finops_pack.track(exact_streams=True):
        for _ in chat().stream("hi"):
            pass
        for _ in chat(stream_usage=False).stream("hi"):
            pass
        exact, refused = calls()
    assert (exact.usage, exact.usage_basis) == (FULL, "measured")
    assert refused.usage_basis == "estimated"


def test_a_stream_cut_short_is_cancelled_and_estimated(chat: Any, calls: Calls) -> None:
    stream = chat().stream("hi")
    for _, _chunk in zip(range(3), stream, strict=False):
        pass
    stream.close()
    (row,) = calls()
    assert (row.status, row.error_type, row.usage_basis) == (
        "cancelled",
        "GeneratorExit",
        "estimated",
    )
    assert row.input_tokens == 5
    assert 1 <= row.output_tokens < 6


@pytest.mark.parametrize("way", ["responses", "blocks", "tool"])
def test_a_stream_cut_short_has_all_that_came(
    wire: Wire, chat: Any, claude: Any, calls: Calls, way: str
) -> None:
    """Text that stands in blocks, and the arguments of a tool."""
    long = "a considerable word " * 40
    wire.script(Reply(tools=[("t", "f", {"a": long})]) if way == "tool" else Reply(text=long))
    models = {"responses": chat(use_responses_api=True), "blocks": claude.bind_tools([FUNCTION])}
    stream = models.get(way, chat().bind_tools([FUNCTION])).stream("hi")
    came = 0
    for piece in stream:
        came += len(piece.text) + sum(len(c["args"] or "") for c in piece.tool_call_chunks)
        if came > 300:
            break
    stream.close()
    [row] = calls()
    assert (row.status, row.output_tokens) == ("cancelled", (came + 3) // 4)


def test_a_stream_of_claude_cut_short_has_the_prompt_that_its_first_event_told(
    wire: Wire, claude: Any, calls: Calls
) -> None:
    stream = claude.stream("hi")
    assert [next(stream), next(stream)]
    stream.close()
    wire.script(Reply(cut=5))
    with pytest.raises(Exception, match="closed"):
        list(claude.stream("hi"))
    left, broken = calls()
    assert (left.status, broken.status) == ("cancelled", "error")
    for row in (left, broken):
        made = row.output_tokens
        assert row.usage == Usage(1000, made, 600, 200, 100)
        assert (row.usage_basis, 1 <= made < 6) == ("estimated", True)


def test_a_stream_cut_short_has_the_usage_of_all_its_pieces(calls: Calls) -> None:
    class Gemini(Own):
        """Tells of the prompt with its first piece, and with each what that one added."""

        def _stream(self, *_: Any, **__: Any) -> Any:
            for sent, read, made in ((1000, 600, 2), (0, 0, 7), (0, 0, 90)):
                counts: Any = {"input_tokens": sent, "output_tokens": made}
                counts |= {"total_tokens": sent + made, "input_token_details": {"cache_read": read}}
                yield ChatGenerationChunk(message=AIMessageChunk("a", usage_metadata=counts))

    stream = Gemini(ask=str, model_name="gemini-2.5-flash", provider="google_genai").stream("hi")
    assert [next(stream), next(stream)]
    stream.close()
    [row] = calls()
    assert (row.status, row.usage) == ("cancelled", Usage(1000, 9, 600))


def test_a_stream_that_is_left_after_its_usage_is_whole_and_not_rejected(
    chat: Any, calls: Calls
) -> None:
    stream = chat(stream_usage=True).stream("hi")
    for chunk in stream:
        if chunk.usage_metadata:
            break
    stream.close()
    (row,) = calls()
    assert (row.usage, row.status, row.error_type, row.verifier) == (FULL, "ok", None, None)
    assert (row.response_id, row.finish_reason) == ("chatcmpl-1", "stop")


def test_a_later_request_that_fails_does_not_reject_the_answer_before_it(
    wire: Wire, gpt: Callable[[], str], calls: Calls
) -> None:
    class Twice(SimpleChatModel):
        @property
        def _llm_type(self) -> str:
            return "twice"

        def _call(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> str:
            return gpt() + gpt()

    wire.script(Reply(), Reply(status=400))
    with pytest.raises(openai.BadRequestError):
        Twice().invoke("hi")
    (row,) = calls()
    assert (row.usage, row.status, row.error_type, row.verifier) == (FULL, "ok", None, None)


def test_calls_between_the_pieces_of_a_stream_are_calls_of_their_own(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    client = openai.OpenAI(base_url=wire.openai_url, api_key="none")

    def ask() -> None:
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])

    async def asynchronous() -> None:
        async for _ in chat(stream_usage=True).astream("hi"):
            ask()
            break
        ask()

    stream = chat(stream_usage=True).stream("hi")
    next(stream)
    ask()
    for _ in stream:
        pass
    asyncio.run(asynchronous())
    rows = calls()
    assert wire.calls == len(rows) == 5
    assert [row.adapter for row in rows].count("openai") == 3
    assert all(row.usage == FULL for row in rows if row.adapter == "openai")
    assert rows[0].usage == FULL


@pytest.fixture
def graph(chat: Any, gpt: Any) -> Any:
    """A graph of two nodes, each of which asks LangChain and the SDK."""
    from langgraph.graph import START, StateGraph

    def node(state: Any) -> Any:
        gpt()
        return {"text": chat().invoke("hi").content}

    made = StateGraph(TypedDict("State", {"text": str}))  # type: ignore[operator]
    made.add_node("one", node)
    made.add_node("two", node)
    made.add_edge(START, "one")
    made.add_edge("one", "two")
    return made.compile()


def test_calls_between_the_steps_of_a_graph_are_not_its_work(
    chat: Any, gpt: Any, graph: Any, calls: Calls
) -> None:
    async def asynchronous() -> None:
        async for _ in chain.astream("hi"):
            gpt()
        async for _ in graph.astream({"text": ""}):
            gpt()

    chain = RunnableLambda(lambda text: text) | chat(stream_usage=True)
    for mode in ("updates", "messages"):
        steps = graph.stream({"text": ""}, stream_mode=mode)
        next(steps)
        gpt()
        assert list(steps)
    for _ in chain.stream("hi"):
        gpt()
    asyncio.run(asynchronous())
    rows = calls()
    between = [row for row in rows if row.action not in ("one", "two") and row.adapter == "openai"]
    assert {row.task for row in between} == {None}
    inside = [row for row in rows if row.action in ("one", "two")]
    assert [row.adapter for row in inside].count("openai") == len(inside) / 2 == 6
    assert len({row.task for row in inside}) == 3


def test_what_follows_a_chain_in_a_node_is_the_nodes(gpt: Any, calls: Calls) -> None:
    from finops_pack import context

    async def node(text: str) -> str:
        for _ in range(3):
            await (RunnableLambda(str) | RunnableLambda(str)).ainvoke(text)
        return str(gpt())

    async def many() -> None:
        for _ in range(3):
            await RunnableLambda(node).ainvoke("hi")

    asyncio.run(many())
    assert len({row.task for row in calls()} - {None}) == 3
    assert context.around() is None


def test_runs_that_are_over_hold_no_others() -> None:
    from finops_pack.context import _around

    async def many() -> Any:
        for _ in range(5):
            await (RunnableLambda(str) | RunnableLambda(str)).ainvoke("hi")
        return _around._around.get()

    last = asyncio.run(many())
    assert last is None or last.before is None


def test_a_budget_holds_between_the_pieces_of_a_stream(wire: Wire, chat: Any) -> None:
    client = openai.OpenAI(base_url=wire.openai_url, api_key="none")
    said = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "max_tokens": 200}
    with finops_pack.task("t", budget="0.02 USD/task"):
        stream = chat(max_tokens=10).stream("hi")
        next(stream)
        with pytest.raises(finops_pack.BudgetExceeded):
            for _ in range(20):
                client.chat.completions.create(**said)  # type: ignore[call-overload]
        stream.close()
    assert wire.calls < 10


def test_a_budget_knows_how_long_an_answer_may_be_by_langchains_own_word(gpt: Any) -> None:
    """Ollama's models have another word for it, and tell LangChain."""

    class Brief(Own):
        def _get_ls_params(self, *args: Any, **said: Any) -> Any:
            return {**super()._get_ls_params(*args, **said), "ls_max_tokens": 50}

    with (
        finops_pack.task(budget="0.000001 USD/task"),
        pytest.raises(finops_pack.BudgetExceeded) as caught,
    ):
        Brief(ask=gpt, model_name="gpt-4o").invoke("hi")
    asked = caught.value.refusal.asked_usd
    assert asked is not None
    assert 0 < asked - 50 * Decimal("10e-6") < Decimal("0.001")


def test_a_model_of_the_users_own_that_asks_twice_is_two_rows(wire: Wire, calls: Calls) -> None:

    client = openai.OpenAI(base_url=wire.openai_url, api_key="none")

    class Twice(SimpleChatModel):
        def _call(self, *_: Any, **__: Any) -> str:
            said: Any = [{"role": "user", "content": "x"}]
            for _ in range(2):
                answer = client.chat.completions.create(model="gpt-4o", messages=said)
            return str(answer.choices[0].message.content)

        @property
        def _llm_type(self) -> str:
            return "twice"

    Twice().invoke("hi")
    rows = calls()
    assert [row.usage for row in rows] == [FULL, FULL]
    assert {row.usage_basis for row in rows} == {"measured"}


class Own(SimpleChatModel):
    """A model of the user's own, over whatever `ask` asks."""

    ask: Callable[[], str]
    model_name: str = ""
    provider: str | None = None

    def _call(self, *_: Any, **__: Any) -> str:
        return self.ask()

    def _get_ls_params(self, *args: Any, **said: Any) -> Any:
        params = super()._get_ls_params(*args, **said)
        return {**params, "ls_provider": self.provider} if self.provider else params

    @property
    def _llm_type(self) -> str:
        return "own"


@pytest.fixture
def opus(wire: Wire) -> Callable[[], str]:
    """Asks Claude over the SDK."""
    client = anthropic.Anthropic(base_url=wire.url, api_key="none")

    def ask() -> str:
        said: Any = [{"role": "user", "content": "x"}]
        client.messages.create(model="claude-opus-4-6", max_tokens=9, messages=said)
        return "Hello"

    return ask


def test_a_model_of_the_users_own_has_the_price_of_the_sdk_below(
    gpt: Any, opus: Any, calls: Calls
) -> None:
    def both() -> str:
        return gpt() + opus()

    def breaks() -> str:
        raise ValueError(both())

    asked = [("openai", "gpt-4o"), ("anthropic", "claude-opus-4-6")]
    Own(ask=gpt).invoke("hi")
    Own(ask=opus, model_name="mine").invoke("hi")
    Own(ask=both).invoke("hi")
    with pytest.raises(ValueError, match="Hello"):
        Own(ask=breaks).invoke("hi")
    rows = calls()
    assert sorted((row.provider, row.model) for row in rows) == sorted(asked * 3)
    assert {row.amount_usd for row in rows} == {Decimal("0.00375"), Decimal("0.00805")}
    assert [row.verifier for row in rows].count("schema") == 1


def test_and_so_has_its_stream_that_is_left(wire: Wire, claude: Any, calls: Calls) -> None:
    class Wrapped(Own):
        def _stream(self, *args: Any, **said: Any) -> Any:
            yield from claude._stream(*args, **said)

        async def _astream(self, *args: Any, **said: Any) -> Any:
            async for piece in claude._astream(*args, **said):
                yield piece

    async def cancelled() -> None:
        async with asyncio.timeout(0.3):
            async for _ in Wrapped(ask=str).astream("hi"):
                pass

    stream = Wrapped(ask=str).stream("hi")
    assert [next(stream), next(stream)]
    stream.close()
    wire.script(Reply(pace=0.1))
    with pytest.raises(TimeoutError):
        asyncio.run(cancelled())
    rows = calls()
    assert [(row.provider, row.model) for row in rows] == [("anthropic", "claude-opus-4-6")] * 2
    assert all(row.amount_usd > Decimal("0.003") for row in rows)


@pytest.mark.parametrize("named", ["azure", "a-gateway-of-theirs"])
def test_a_provider_that_langchain_was_told_is_believed(gpt: Any, calls: Calls, named: str) -> None:
    Own(ask=gpt, model_name="gpt-4o", provider=named).invoke("hi")
    [row] = calls()
    assert (row.provider, row.usage) == (named, FULL)
    assert row.unpriced == (named != "azure")


def test_the_name_of_a_class_is_no_provider(wire: Wire, calls: Calls) -> None:
    with finops_pack.task("t", budget="1 USD/task"):
        Own(ask=lambda: "Hello", model_name="gpt-4o").invoke("hi")
        with pytest.raises(finops_pack.BudgetExceeded, match="no price"):
            Own(ask=lambda: "Hello", model_name="theirs").invoke("hi")
    [row] = calls()
    assert (row.provider, row.model, row.usage_basis) == (None, "gpt-4o", "estimated")
    assert not row.unpriced


def test_an_answer_of_any_role_is_a_row(calls: Calls) -> None:
    class Speaker(Own):
        """Answers with a message that has no usage of LangChain's, no tool calls."""

        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            counts = {"prompt_tokens": 1000, "completion_tokens": 200}
            said = ChatMessage("Hello", role="expert", response_metadata={"token_usage": counts})
            return ChatResult(generations=[ChatGeneration(message=said)])

    Speaker(ask=str, model_name="gpt-4o", provider="openai").invoke("hi")
    [row] = calls()
    assert (row.usage, row.status) == (Usage(1000, 200), "ok")


def test_an_answer_that_is_said_to_have_no_tokens_is_estimated(calls: Calls) -> None:
    class Headless(Own):
        """As ChatBedrock answers behind a gateway that passes on no headers of Amazon's."""

        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            counts: Any = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
            raw = {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}
            said = AIMessage("Hello you", usage_metadata=counts, response_metadata=raw)
            return ChatResult(generations=[ChatGeneration(message=said)])

    Headless(ask=str, model_name="gpt-4o", provider="openai").invoke("hi")
    [row] = calls()
    assert (row.usage, row.usage_basis) == (Usage(5, 3), "estimated")


def test_what_openrouter_charged_is_read_where_its_package_keeps_it(calls: Calls) -> None:
    class Routed(Own):
        """As langchain-openrouter answers: no usage as it came, what it cost beside the model."""

        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            said: Any = AIMessage(
                "Hello",
                usage_metadata={"input_tokens": 32, "output_tokens": 9, "total_tokens": 41},
                response_metadata={"model_provider": "openrouter", "cost": 0.0123},
            )
            return ChatResult(generations=[ChatGeneration(message=said)])

    Routed(ask=str, model_name="anthropic/claude-sonnet-4.5", provider="openrouter").invoke("hi")
    [row] = calls()
    assert (row.amount_usd, row.usage) == (Decimal("0.0123"), Usage(32, 9))


class Passing(BaseChatModel):
    """A model of the user's own that passes on what others answer; told its own usage, it adds."""

    others: list[Any]
    counts: Any = None

    def _answer(self, message: Any) -> ChatResult:
        if self.counts:
            message.usage_metadata = self.counts
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        return self._answer([other.invoke(messages) for other in self.others][-1])

    async def _agenerate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        return self._answer([await other.ainvoke(messages) for other in self.others][-1])

    @property
    def _llm_type(self) -> str:
        return "passing"


class Streaming(Passing):
    """The same in pieces."""

    def _stream(self, messages: Any, *_: Any, **__: Any) -> Any:
        for piece in self.others[0].stream(messages):
            yield ChatGenerationChunk(message=piece)


@pytest.mark.parametrize("usage", [True, False])
def test_a_model_that_asks_another_is_one_row(
    wire: Wire, chat: Any, claude: Any, calls: Calls, usage: bool
) -> None:
    asked = chat(stream_usage=usage)
    Passing(others=[asked]).invoke("hi")
    asyncio.run(Passing(others=[asked]).ainvoke("hi"))
    asyncio.run(Passing(others=[Passing(others=[claude, asked])]).ainvoke("hi"))
    assert list(Streaming(others=[asked]).stream("hi"))
    rows = calls()
    assert wire.calls == len(rows) == 5
    assert [row.model for row in rows] == ["gpt-4o"] * 2 + ["claude-opus-4-6"] + ["gpt-4o"] * 2
    assert [row.usage_basis for row in rows[:4]] == ["measured"] * 4
    assert rows[4].usage_basis == ("measured" if usage else "estimated")


class Thinking(SimpleChatModel):
    """A model of the user's own that has said something before it asks, and asks twice."""

    ask: Callable[[], str]
    ask_async: Callable[[], Any]

    def _call(self, *_: Any, **__: Any) -> str:
        raise NotImplementedError

    def _stream(self, *_: Any, **__: Any) -> Any:
        yield piece("so")
        for _number in range(2):
            yield piece(self.ask())

    async def _astream(self, *_: Any, **__: Any) -> Any:
        yield piece("so")
        for _number in range(2):
            yield piece(await self.ask_async())

    @property
    def _llm_type(self) -> str:
        return "thinking"


def piece(text: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(text))


@pytest.mark.parametrize("over", ["langchain", "sdk"])
def test_a_stream_that_asks_between_its_pieces_is_no_row_of_its_own(
    wire: Wire, chat: Any, gpt: Any, sdk: Any, calls: Calls, over: str
) -> None:
    async def later() -> str:
        if over == "langchain":
            return str((await chat().ainvoke("hi")).content)
        said: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
        return str((await sdk().chat.completions.create(**said)).choices[0].message.content)

    async def stream() -> None:
        async for _ in model.astream("hi"):
            gpt()

    asks = (lambda: str(chat().invoke("hi").content)) if over == "langchain" else gpt
    model = Thinking(ask=asks, ask_async=later)
    for _ in model.stream("hi"):
        gpt()
    asyncio.run(stream())
    rows = calls()
    pieces = len(rows) - 4
    assert wire.calls == len(rows)
    assert [row.usage for row in rows] == [FULL] * len(rows)
    assert [row.adapter for row in rows].count("openai") == pieces  # what the reader asks


def test_calls_between_the_pieces_of_a_stream_are_not_what_it_asks(calls: Calls) -> None:
    from langchain_core.language_models import FakeListChatModel

    model = FakeListChatModel(responses=["Hello"])
    for _ in model.stream("hi"):
        model.invoke("hi")
        list(model.stream("hi"))
    assert len(calls()) == 11


def test_two_that_are_awaited_one_after_the_other_are_two_rows(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    wire.script(*[Reply(usage={"prompt_tokens": n, "completion_tokens": 1}) for n in (5, 7)])
    asyncio.run(Passing(others=[chat(), chat()]).ainvoke("hi"))
    assert [row.input_tokens for row in calls()] == [5, 7]


def test_a_model_that_asks_another_counts_what_it_counts_besides(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    own = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    Passing(others=[chat()], counts=own).invoke("hi")
    wire.script(Reply(status=400))
    with pytest.raises(openai.BadRequestError):
        Passing(others=[chat()]).invoke("hi")
    assert [(row.status, row.input_tokens) for row in calls()] == [
        ("ok", 7),
        ("ok", 1000),
        ("error", 0),
    ]


def test_several_prompts_at_once_are_no_models_that_ask_each_other(chat: Any, calls: Calls) -> None:
    from langchain_core.language_models.fake_chat_models import FakeListChatModel

    said = [[HumanMessage("a")], [HumanMessage("b")], [HumanMessage("c")]]
    FakeListChatModel(responses=["x"]).generate(said)
    asyncio.run(FakeListChatModel(responses=["x"]).agenerate(said))
    assert len(calls()) == 6


@pytest.mark.filterwarnings("ignore:Unexpected type for token usage")  # LangChain's own
@pytest.mark.parametrize("asynchronous", [True, False])
def test_several_prompts_at_once_over_an_sdk_are_a_row_each(
    wire: Wire, chat: Any, calls: Calls, asynchronous: bool
) -> None:
    said = [[HumanMessage("a")], [HumanMessage("b")], [HumanMessage("c")]]
    if asynchronous:
        asyncio.run(chat().agenerate(said))
    else:
        chat().generate(said)
    rows = calls()
    assert wire.calls == len(rows) == 3
    assert [row.usage for row in rows] == [FULL] * 3


@pytest.mark.filterwarnings("ignore:Unexpected type for token usage")  # LangChain's own
@pytest.mark.parametrize("fails", ["a", "b", "c"])
@pytest.mark.parametrize("asynchronous", [True, False])
def test_of_several_prompts_at_once_one_may_fail(
    wire: Wire, chat: Any, gpt: Callable[[], str], calls: Calls, asynchronous: bool, fails: str
) -> None:
    def answer(path: str, body: Any) -> Reply:
        failing = body["messages"][0]["content"] == fails
        return Reply(status=400, delay=0.1) if failing else Reply()

    wire.answer = answer
    said = [[HumanMessage("a")], [HumanMessage("b")], [HumanMessage("c")]]
    with pytest.raises(openai.BadRequestError):
        if asynchronous:
            asyncio.run(chat().agenerate(said))
        else:
            chat().generate(said)
    gpt()
    *rows, after = calls()
    answered = [row for row in rows if row.usage == FULL]
    assert len(answered) == (2 if asynchronous else "abc".index(fails))
    assert {(row.status, row.error_type, row.verifier) for row in answered} <= {("ok", None, None)}
    assert {row.status for row in rows if row not in answered} <= {"error"}
    assert (after.adapter, after.usage) == ("openai", FULL)


def test_a_model_that_passes_on_holds_no_money_when_it_is_over(chat: Any, calls: Calls) -> None:
    with finops_pack.track(budget="0.06 USD/day"):
        for _ in range(12):  # 0.045 USD in all
            Passing(others=[chat(max_tokens=200)]).bind(model="gpt-4o").invoke("hi")
        assert len(calls()) == 12


def test_a_cancelled_call_is_known_at_once(wire: Wire, chat: Any, calls: Calls) -> None:
    wire.script(Reply(delay=0.5))

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(chat().ainvoke("hi"), 0.1)
        await chat().ainvoke("hi")  # and what follows in the same context is counted

    asyncio.run(impatient())
    cut, after = calls()
    assert (cut.status, cut.usage_basis, cut.missing) == ("cancelled", "unknown", ("usage",))
    assert cut.unpriced
    assert after.usage == FULL


def test_a_cancelled_call_of_a_model_without_an_sdk_owns_nothing_after_it(
    wire: Wire, calls: Calls
) -> None:

    class Slow(SimpleChatModel):
        async def _agenerate(self, *_: Any, **__: Any) -> Any:
            await asyncio.sleep(5)

        def _call(self, *_: Any, **__: Any) -> str:
            raise NotImplementedError

        @property
        def _llm_type(self) -> str:
            return "slow"

    async def impatient() -> None:
        said: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
        async with openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none") as client:
            try:
                async with asyncio.timeout(0.05):
                    await Slow().ainvoke("hi")
            except TimeoutError:
                await client.chat.completions.create(**said)
            await client.chat.completions.create(**said)
            with (
                finops_pack.task("t", budget="0.0000001 USD/task"),
                pytest.raises(finops_pack.BudgetExceeded),
            ):
                await client.chat.completions.create(**said)

    asyncio.run(impatient())
    recorder.get().sweep(0)
    cut, *after = calls()
    assert (cut.status, cut.missing) == ("unknown", ("usage",))
    assert [row.usage for row in after] == [FULL, FULL]
    assert wire.calls == 2


def test_what_was_cancelled_is_not_remembered_for_ever(
    wire: Wire, chat: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finops_pack.adapters import _langchain_runs as runs
    from finops_pack.adapters._langchain_live import in_flight

    in_flight.clear()
    monkeypatch.setattr(runs, "ROOM", 2)
    wire.script(*[Reply(delay=0.2)] * 4)

    async def impatient() -> None:
        for _ in range(4):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(chat().ainvoke("hi"), 0.02)

    asyncio.run(impatient())
    assert len(in_flight) == 2
    assert [live.call.messages for live in in_flight.values()] == [None, None]  # no prompts


def test_an_orphan_is_swept_and_a_late_end_amends_it(calls: Calls) -> None:
    from uuid import uuid4

    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, LLMResult

    from finops_pack.adapters.langchain import FinOpsCallbackHandler

    handler, run = FinOpsCallbackHandler(), uuid4()
    handler.on_chat_model_start({}, [[]], run_id=run, invocation_params={"model": "gpt-4o"})
    recorder.get().sweep(0)
    (row,) = calls()
    assert (row.status, row.error_type, row.missing) == ("unknown", "NoEnd", ("usage",))

    counted = {"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200}
    message = AIMessage("late", usage_metadata=counted)
    handler.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=run)
    (row,) = calls()
    assert (row.status, row.error_type, row.missing) == ("ok", None, ())
    assert row.amount_usd == Decimal("0.0045")


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_refused_structure_is_billed_and_says_which_check(
    wire: Wire, chat: Any, calls: Calls, method: str
) -> None:
    from pydantic import BaseModel, ValidationError

    class Answer(BaseModel):
        number: int

    wrong = {"number": "many"}
    wire.script(
        Reply(
            text='{"number": "many"}', tools=[("c1", "Answer", wrong)] * (method != "json_schema")
        )
    )
    with pytest.raises(ValidationError):
        chat().with_structured_output(Answer, method=method).invoke("hi")
    (row,) = calls()
    assert (row.usage, row.verifier) == (FULL, "schema")
    assert row.amount_usd == Decimal("0.00375")


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_refused_structure_is_rejected_where_its_error_is_caught(
    wire: Wire, chat: Any, calls: Calls, asynchronous: bool
) -> None:
    from pydantic import BaseModel

    class Answer(BaseModel):
        number: int

    wire.script(*(Reply(tools=[("c1", "Answer", {"number": said})]) for said in ("many", 1)))
    asking = chat().with_structured_output(Answer, method="function_calling", include_raw=True)
    for wrong in (True, False):
        said = asyncio.run(asking.ainvoke("hi")) if asynchronous else asking.invoke("hi")
        assert (said["parsing_error"] is not None) == wrong
    assert [row.verifier for row in calls()] == ["schema", None]


def test_a_response_in_the_background_is_not_guessed(wire: Wire, chat: Any, calls: Calls) -> None:
    made = {"id": "resp_3", "object": "response", "output": [], "usage": None, "model": "gpt-4o"}
    more = {"created_at": 1, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    counts = {"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200}
    wire.script(
        Reply(body={**made, **more, "status": "queued"}),
        Reply(body={**made, **more, "status": "completed", "usage": counts}),
    )
    model = chat(use_responses_api=True, model_kwargs={"background": True})
    model.invoke("hi")
    (row,) = calls()
    assert (row.status, row.usage_basis, row.missing) == ("unknown", "unknown", ("usage",))
    model.root_client.responses.retrieve("resp_3")
    (row,) = calls()
    assert (row.status, row.usage, row.adapter) == ("ok", Usage(1000, 200), "langchain")


def test_retries_of_the_sdk_are_attempts(wire: Wire, chat: Any, calls: Calls) -> None:
    busy = Reply(status=429, headers={"retry-after-ms": "40"})
    wire.script(busy, busy)
    chat().invoke("hi")
    (row,) = calls()
    assert (wire.calls, row.attempts) == (3, 3)
    assert 80 <= row.lost_ms <= row.duration_ms
    assert row.usage == FULL


def test_retries_are_told_to_the_right_call(wire: Wire, chat: Any, calls: Calls) -> None:
    failed: set[str] = set()

    def answer(path: str, body: Any) -> Reply:
        text = body["messages"][0]["content"]
        if text.startswith("bad") and text not in failed:
            failed.add(text)
            return Reply(status=500, headers={"retry-after-ms": "5"})
        return Reply(usage={"prompt_tokens": len(text), "completion_tokens": 1})

    wire.answer = answer

    async def many() -> None:
        model = chat()
        await asyncio.gather(
            *(model.ainvoke(("bad " if i % 2 else "well") + "x" * i) for i in range(8))
        )

    asyncio.run(many())
    rows = calls()
    assert len(rows) == 8
    # the length of each prompt is its input; those of odd length were asked twice
    assert sorted((row.input_tokens, row.attempts) for row in rows) == [
        (4 + i, 1 + i % 2) for i in range(8)
    ]


def test_with_retry_is_one_row_a_try(wire: Wire, chat: Any, calls: Calls) -> None:
    wire.script(Reply(status=500))
    patient = chat(max_retries=0).with_retry(wait_exponential_jitter=False)
    patient.invoke("hi")
    failed, done = calls()
    assert (failed.status, failed.amount_pico) == ("error", 0)
    assert (done.status, done.usage) == ("ok", FULL)
    assert failed.task == done.task


def test_a_timeout_may_have_been_billed(wire: Wire, chat: Any, calls: Calls) -> None:
    wire.script(Reply(delay=0.4))
    with pytest.raises(Exception, match="timed out"):
        chat(max_retries=0, timeout=0.1).invoke("hi")
    (row,) = calls()
    assert (row.status, row.usage_basis) == ("unknown", "unknown")
    assert row.unpriced


def test_a_chain_is_a_task_and_says_how_it_ended(chat: Any, calls: Calls) -> None:
    model = chat()

    def summarise(text: str) -> str:
        return str(model.invoke(text).content)

    RunnableLambda(summarise).invoke("hi", config={"metadata": {"thread_id": "t-1"}})
    (row,) = calls()
    assert (row.action, row.session) == ("summarise", "t-1")
    with pytest.raises(ZeroDivisionError):
        (RunnableLambda(summarise) | RunnableLambda(lambda _: 1 // 0)).invoke("hi")
    _, failed = calls()
    from finops_pack import config
    from finops_pack.ledger import open_ledger

    ledger = open_ledger(config.load().ledger)
    done, broken = ledger.task(row.task or ""), ledger.task(failed.task or "")
    ledger.close()
    assert done is not None
    assert broken is not None
    assert (done.calls, done.session, done.outcome) == (1, "t-1", None)
    assert done.end_us is not None
    assert broken.outcome == "failed"


def test_explicit_context_wins(chat: Any, calls: Calls) -> None:
    model = chat()
    with (
        finops_pack.task("ticket-7") as task,
        finops_pack.action("triage"),
        finops_pack.tags(customer="acme"),
    ):
        RunnableLambda(lambda text: model.invoke(text)).invoke("hi")
    (row,) = calls()
    assert (row.task, row.action, row.tags) == ("ticket-7", "triage", {"customer": "acme"})
    assert (task.calls, task.cost) == (1, Decimal("0.00375"))
