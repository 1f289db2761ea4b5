"""litellm's calls in flight: a row of their own, or told to the framework above that counts."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from finops_pack import context
from finops_pack.adapters import _above
from finops_pack.adapters._ask import Told
from finops_pack.recorder import Pending, guard

_first: WeakKeyDictionary[Pending, str | None] = WeakKeyDictionary()
"""Call of a framework -> whose model it asks through litellm at first."""


class Live:
    """A call in flight; it hangs on litellm's log of it, and is cut when that is dropped."""

    sent = False
    refused = False  # it failed, and whoever tries again does so with the same log

    def __init__(self, call: Pending, kind: str) -> None:
        self.call, self.kind = call, kind
        self.action: str | None = call.row.get("action")
        self._before = context.own(call)

    def disown(self) -> None:
        """What follows in this context is no part of it."""
        context.disown(self.call, self._before)

    def __del__(self) -> None:
        if self.call.open and self.call.told:  # litellm does not log it, as another model's answer
            self.call.orphan()
        elif self.call.open:  # cancelled: litellm speaks only of errors
            guard(self.call.fail)("CancelledError", status="cancelled")

    @property
    def open(self) -> bool:
        """Whether its end is still to come."""
        return self.call.open

    def failed(self, error: Any, usage: Any = None) -> None:
        """litellm says why; by name alone, since it makes up a status for each, timeouts too."""
        self.refused = True
        name = type(error).__name__
        if usage is None:
            _above.fail(self.call, name)
        else:
            self.call.end_as_told(usage, error_type=name, verifier="schema")

    def first_token(self) -> None:
        """The first piece of a stream has come."""
        self.call.first_token()

    def estimate(self, response: Any) -> Any:
        """The usage by length."""
        return self.call.estimate(response)

    def finish(self, usage: Any, **fields: Any) -> None:
        """The answer, whole."""
        self.call.end_as_told(usage, **fields)

    def fail(self, error: BaseException | str, usage: Any = None, **fields: Any) -> None:
        """A stream that was left or broke."""
        self.call.fail(error, usage, **fields)


class Below(Told):
    """A call below a framework that counts it: told what came, unless an SDK below told it."""

    sent = False
    refused = False

    def __init__(
        self, above: Pending, kind: str, region: str | None, asks: tuple[str | None, str]
    ) -> None:
        super().__init__(above, region=region)
        self.call, self.kind, self._asks = above, kind, asks
        self._before = len(above.told)
        self._other = _first.setdefault(above, asks[0]) != asks[0]  # as a fallback may

    def disown(self) -> None:
        """It owns nothing."""

    def failed(self, error: Any, usage: Any = None) -> None:
        """The framework hears of it too, but not of what was billed."""
        if usage is not None:
            self.finish(usage)
        self.open, self.refused = False, True

    def finish(self, usage: Any, **fields: Any) -> None:
        """The answer, whole."""
        if len(self.call.told) == self._before:
            super().finish(usage, **fields)
        if self._other:
            *earlier, last = self.call.told
            whose = dict(zip(("provider", "model"), self._asks, strict=True))
            self.call.told = (*earlier, {**last, **whose})
        self.open = False
