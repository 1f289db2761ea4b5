"""litellm's answers and streams: OpenAI's shapes, with what litellm hides beside them."""

from __future__ import annotations

import weakref
from typing import Any

from finops_pack import context
from finops_pack.adapters import _above, _openai_read, _patch, _usage
from finops_pack.adapters._ask import Told
from finops_pack.adapters._openai_read import Chunks, Events
from finops_pack.adapters._streams import Gathering
from finops_pack.recorder import Pending, guard
from finops_pack.recorder._messages import get, listed


class Live:
    """A call in flight; it hangs on litellm's log of it, and is cut when that is dropped."""

    sent = False

    def __init__(self, call: Pending, kind: str) -> None:
        self.call, self.kind = call, kind
        self._before = context.own(call)

    def disown(self) -> None:
        """What follows in this context is no part of it."""
        context.disown(self.call, self._before)

    def __del__(self) -> None:
        if self.call.open:  # cancelled: litellm speaks only of errors
            guard(self.call.fail)("CancelledError", status="cancelled")

    @property
    def open(self) -> bool:
        """Whether its end is still to come."""
        return self.call.open

    def charged(self, result: Any) -> None:
        """What a gateway's header says; litellm's own `response_cost` is a guess, not a bill."""
        _charge(self.call, result)

    def failed(self, error: Any) -> None:
        """litellm says why; by name alone, since it makes up a status for each, timeouts too."""
        _above.fail(self.call, type(error).__name__)

    def first_token(self) -> None:
        """The first piece of a stream has come."""
        self.call.first_token()

    def estimate(self, response: Any) -> Any:
        """The usage by length."""
        return self.call.estimate(response)

    def finish(self, usage: Any, **fields: Any) -> None:
        """The answer, whole."""
        _above.finish(self.call, usage, **fields)

    def fail(self, error: BaseException | str, usage: Any = None, **fields: Any) -> None:
        """A stream that was left or broke."""
        self.call.fail(error, usage, **fields)


class Below(Told):
    """A call below a framework that counts it: told what came, unless an SDK below told it."""

    sent = False

    def __init__(self, above: Pending, kind: str) -> None:
        super().__init__(above)
        self.call, self.kind = above, kind
        self._before = len(above.told)

    def disown(self) -> None:
        """It owns nothing."""

    def failed(self, error: Any) -> None:
        """The framework hears of it too."""
        self.open = False

    def charged(self, result: Any) -> None:
        """As of any call."""
        _charge(self.call, result)

    def finish(self, usage: Any, **fields: Any) -> None:
        """The answer, whole."""
        if len(self.call.told) == self._before:
            super().finish(usage, **fields)
        self.open = False


def _charge(call: Pending, result: Any) -> None:
    headers = get(get(result, "_hidden_params"), "additional_headers")
    cost = _usage.dollars(get(headers, "llm_provider-x-litellm-response-cost"))
    if cost is not None:
        call.charged(cost, "litellm")


def messages(log: Any, options: Any) -> list[Any]:
    """What is sent, a system text of its own field included."""
    head = options.get("instructions") or options.get("system")
    sent = listed(options.get("messages") or log.messages)
    return ([{"role": "system", "content": head}] if head else []) + sent


def is_hit(result: Any) -> bool:
    """Whether the answer came from litellm's cache."""
    return get(get(result, "_hidden_params"), "cache_hit") is True


def answered(kind: str, result: Any) -> dict[str, Any]:
    """The arguments of `finish` from an answer."""
    if kind == "messages":  # Anthropic's own shape, passed through
        return {"usage": _usage.any_shape(get(result, "usage")), "response": result}
    return _openai_read.answered(kind, result)


def gathering(kind: str, stream: Any) -> Gathering:
    """What collects a stream."""
    return _Events() if kind == "responses" else _Chunks(stream)


class _Events(Events):
    """litellm writes a cost of its own reckoning into the last event: that is no bill."""

    def see(self, event: Any) -> None:
        super().see(event)
        self.billed = None


class _Chunks(Chunks):
    """litellm strips the usage off the chunks; it keeps them whole in the stream's `chunks`.

    Where no chunk had one, the usage it shows is counted by its own tokenizer: not measured.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self.stream = weakref.ref(stream)

    def see(self, event: Any) -> None:
        super().see(event)
        shown = get(get(event, "_hidden_params"), "usage") or get(event, "usage")
        kept = getattr(self.stream(), "chunks", None) or ()
        told = [usage for chunk in kept if (usage := get(chunk, "usage")) is not None]
        self.usage = _usage.openai(shown) if shown and told else None
        self.billed = _usage.charged(told[-1]) if told else None


def watch(cls: Any) -> None:
    """Look at what streams of this class give, where somebody put a `finops` on them; once."""
    for name, wrap in (("__next__", _next), ("__anext__", _anext)):
        if hasattr(cls, name):
            _patch.replace(cls, name, wrap)


def _next(original: Any) -> Any:
    def __next__(self: Any) -> Any:
        watched = vars(self).get("finops")
        if watched is None:
            return original(self)
        try:
            event = original(self)
        except StopIteration:
            watched.end()
            raise
        except BaseException as error:
            watched.cut(error)
            raise
        watched.see(event)
        return event

    return __next__


def _anext(original: Any) -> Any:
    async def __anext__(self: Any) -> Any:
        watched = vars(self).get("finops")
        if watched is None:
            return await original(self)
        try:
            event = await original(self)
        except StopAsyncIteration:
            watched.end()
            raise
        except BaseException as error:
            watched.cut(error)
            raise
        watched.see(event)
        return event

    return __anext__
