"""Cache: writes that nobody reads cost a premium and give nothing: stop writing there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from finops_pack.figures import count
from finops_pack.levers._found import Found, Group, place_of
from finops_pack.levers._lever import Lever, Work
from finops_pack.levers._recent import Recent
from finops_pack.levers._search import LeverSearch
from finops_pack.model import Call
from finops_pack.sessions import session_of

_Where = tuple[str, str]
"""`action` or `model`, and its name."""


class _Session:
    """Premiums that a session paid for writes; none once it has read."""

    __slots__ = ("paid", "place", "prefixes", "read")

    def __init__(self, first: Call) -> None:
        self.place = place_of(first)
        self.read = False
        self.prefixes: tuple[str, ...] = ()
        self.paid: dict[_Where, Group] = {}

    def see(self, work: Work, call: Call) -> None:
        if self.read or call.cache_read_tokens:
            self.read, self.paid = True, {}
            return
        if call.prefix_hashes and call.prefix_hashes[0] not in self.prefixes:
            self.prefixes = (*self.prefixes, call.prefix_hashes[0])
        usd = _premium(work, call)
        if usd > 0:
            model = call.answered_by
            where = ("action", call.action) if call.action else ("model", model)
            group = self.paid.setdefault(where, Group(self.place))
            group.usd += usd
            group.note(call)


class Search(LeverSearch):
    """One lever an action whose sessions write a cache and end before it is read.

    Another session may have read what one wrote: by the first block of the prompt we know. So
    what a session paid waits under its prefixes until all calls were seen, or thousands of
    other prefixes were.
    """

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._open = Recent[_Session](self._over)
        self._read = Recent[bool]()
        self._waiting = Recent[dict[_Where, Found]](self._unread)
        self._paid: dict[_Where, Found] = {}

    def see(self, call: Call) -> None:
        """Sum what the writes of a session cost."""
        if call.cache_read_tokens and call.prefix_hashes:
            self._read.put(call.prefix_hashes[0], True)
        session = self._session(call)
        session.see(self.work, call)
        if not call.session and not call.task:
            self._over({call.id: session})

    def _session(self, call: Call) -> _Session:
        if not call.session and not call.task:
            return _Session(call)
        key = session_of(call)
        session = self._open.get(key)
        if session is None:
            session = _Session(call)
            self._open.put(key, session)
        return session

    def _over(self, ended: Mapping[str, _Session]) -> None:
        for session in ended.values():
            if session.paid:
                prefixes = frozenset(session.prefixes)
                waiting = self._waiting.get(prefixes) or {}
                for where, group in session.paid.items():
                    waiting.setdefault(where, Found()).add(group)
                self._waiting.put(prefixes, waiting)

    def _unread(self, ended: Mapping[frozenset[str], dict[_Where, Found]]) -> None:
        for prefixes, paid in ended.items():
            if not any(self._read.get(prefix) for prefix in prefixes):
                for where, found in paid.items():
                    self._paid.setdefault(where, Found()).merge(found)

    def levers(self) -> Iterable[Lever]:
        """By action, or by model where calls have none."""
        self._open.close()
        self._waiting.close()
        for (kind, name), found in self._paid.items():
            yield from self._lever(kind, name, found)

    def _lever(self, kind: str, name: str, found: Found) -> list[Lever]:
        return self.work.lever(
            "cache",
            "Stop writing caches that nobody reads",
            found.usd,
            found.calls,
            f"{count(found.count, 'call')} of “{name}” wrote a cache that was never read; "
            "do not write it",
            basis="measured",
            effort="config",
            assumption="these sessions stay as short as they were",
            subject=name,
            scope={kind: name},
        )


def _premium(work: Work, call: Call) -> Decimal:
    """What the call's writes cost above plain input, in USD."""
    if not call.cache_write_5m_tokens and not call.cache_write_1h_tokens:
        return Decimal(0)
    full = work.prices.paid(call, "input")
    short = work.prices.paid(call, "cache_write_5m")
    long = work.prices.paid(call, "cache_write_1h")
    usd = Decimal(0)
    if full is not None and short is not None:
        usd += call.cache_write_5m_tokens * (short - full)
    if full is not None and long is not None:
        usd += call.cache_write_1h_tokens * (long - full)
    return usd
