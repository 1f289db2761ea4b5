"""A ledger behind a server of ours: no disk and no database at the agent.

`FINOPS_LEDGER=https://finops.example.org`, with a key from `finops connect` or FINOPS_API_KEY.
Spools lie in the temporary folder as ever and are sent in batches; a batch whose answer was
lost is not booked twice, since the server keeps the spool's offset in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from ssl import SSLContext
from types import MappingProxyType
from typing import Any

from finops_pack.errors import ConfigError, InputError, LedgerUnreachable
from finops_pack.ledger import (
    Booked,
    Line,
    Reservation,
    documents,
    ledger_id,
    normalise,
    wire,
)
from finops_pack.ledger._drain import drain
from finops_pack.ledger._http import LONGEST, SECONDS, Http
from finops_pack.ledger._names import scrub
from finops_pack.model import Call, DayTotals, Segment, Task, Totals, Where
from finops_pack.report import keys

_IDS = 500  # of calls that are asked for at once
_SUMS = ("totals", "days", "tasks", "check")  # for which a server may have to read every call
_TRIES = 50  # of `update` against others who change the same document


class RemoteLedger:
    """The protocol `Ledger` over HTTP; safe for threads and forks.

    Raises `LedgerUnreachable` when the server cannot be reached or does not take the key.
    """

    def __init__(self, url: str, trusted: SSLContext | None = None) -> None:
        self.url = normalise(url)
        self.id = ledger_id(url)
        try:
            target = keys.target(self.url)
        except ConfigError as error:
            raise LedgerUnreachable(f"{self.url}: {error}", mend=error.mend) from None
        self._http = Http(self.url, target, trusted)
        self.time_zone = ""
        try:
            self.time_zone = self._about().time_zone
        except LedgerUnreachable:
            self.close()
            raise

    # --- writing -------------------------------------------------------------------------

    def book(
        self,
        lines: Sequence[Line],
        *,
        spool: str | None = None,
        offset: int = 0,
        after: int | None = None,
        timeout: float = SECONDS,
    ) -> Booked:
        """Book lines and, with `spool`, remember `offset` in the same transaction.

        More than one request takes go in several; with the last one, the offset: until then
        the spool stands where it stood, and a call that is sent again is one call.
        """
        bodies = list(wire.batches(lines)) or [(0, b"")]
        place = {"spool": spool, "offset": offset, "after": after} if spool else {}
        told = []
        for first, body in bodies:
            last = (first, body) == bodies[-1]
            told.append((first, self._send(body, place if last else {}, timeout)))
        return Booked.together(told)

    def _send(self, body: bytes, place: Mapping[str, Any], timeout: float) -> Booked:
        answer = self._http.ask(
            "POST",
            "/calls",
            params={name: value for name, value in place.items() if value is not None},
            content=body,
            headers={"Content-Type": "application/x-ndjson"},
            timeout=max(timeout, 0.05),
        )
        return wire.booked(answer)

    def offset(self, spool: str) -> int:
        """How far this spool has been booked, in bytes."""
        return int(self._read(int, "offset", spool=spool))

    def forget_spool(self, *spools: str) -> None:
        """Drop the offsets of spools that go."""
        for spool in spools:
            self._write("forget_spool", spool=spool)

    def drain(self, timeout: float = 0.25) -> int:
        """Send what lies in this ledger's spools; returns the lines still pending."""
        return drain(self, timeout)

    # --- reading -------------------------------------------------------------------------

    def totals(self, by: str | None, where: Where) -> list[Totals]:
        """Sums grouped by one of `GROUPS` or `tag:KEY`, dearest first."""
        found: list[Totals] = self._read(list[Totals], "totals", by=by, where=where)
        return found

    def days(self, where: Where) -> list[DayTotals]:
        """One row a calendar day with calls, oldest first."""
        found: list[DayTotals] = self._read(list[DayTotals], "days", where=where)
        return found

    def calls(
        self, where: Where, *, newest_first: bool = False, limit: int | None = None
    ) -> Iterator[Call]:
        """The calls themselves, in order of start, streamed."""
        asked: dict[str, Any] = {"where": json.dumps(wire.write(Where, where))}
        asked |= {"newest_first": newest_first, **({} if limit is None else {"limit": limit})}
        return map(Call.from_row, self._http.stream("/calls", asked))

    def call(self, call_id: str, source: str = "live") -> Call | None:
        """One call."""
        return self.calls_of([call_id], source).get(call_id)

    def calls_of(self, ids: Sequence[str], source: str = "live") -> dict[str, Call]:
        """The calls that this source knows by these ids; those that there are."""
        found: dict[str, Call] = {}
        for at in range(0, len(ids), _IDS):
            asked = {"ids": list(ids[at : at + _IDS]), "source": source}
            rows = self._read(dict[str, dict[str, Any]], "calls_of", **asked)
            found.update((name, Call.from_row(row)) for name, row in rows.items())
        return found

    def tasks(self, where: Where, *, limit: int | None = None) -> list[Task]:
        """Task rows with their running totals, newest first."""
        found: list[Task] = self._read(list[Task], "tasks", where=where, limit=limit)
        return found

    def task(self, task_id: str) -> Task | None:
        """One task."""
        found: Task | None = self._read(Task | None, "task", id=task_id)
        return found

    def tasks_of(self, ids: Sequence[str]) -> list[Task]:
        """The tasks of these ids, as `task` gives each; those that there are."""
        found: list[Task] = self._read(list[Task], "tasks_of", ids=list(ids))
        return found

    def segments(self, sessions: Sequence[str]) -> list[Segment]:
        """The context segments of these sessions."""
        found: list[Segment] = self._read(list[Segment], "segments", sessions=list(sessions))
        return found

    def span(self) -> tuple[int, int] | None:
        """Start of the first and the last call (µs), None when nothing is recorded."""
        return self._about().span

    def _about(self) -> wire.About:
        found: wire.About = self._read(wire.About, "about")
        return found

    # --- documents -------------------------------------------------------------------------

    def put(self, kind: str, key: str, body: Mapping[str, Any]) -> None:
        """Store a JSON document, replacing it."""
        self._write("put", kind=kind, key=key, body=dict(body))

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """One document."""
        found: dict[str, Any] | None = self._read(dict[str, Any] | None, "get", kind=kind, key=key)
        if found is not None and (wrong := documents.fault(kind, key, found)):
            raise LedgerUnreachable(f"{self.url}: {kind} {key!r} cannot be read: {wrong}")
        return found

    def documents(self, kind: str) -> dict[str, dict[str, Any]]:
        """All documents of a kind by key, without those that cannot be read."""
        found = self._read(dict[str, dict[str, Any]], "documents", kind=kind)
        return documents.sound(self.url, kind, found)

    def delete(self, kind: str, key: str) -> bool:
        """Remove a document; False when there was none."""
        return bool(self._write("delete", kind=kind, key=key))

    def update(
        self,
        kind: str,
        key: str,
        change: Callable[[dict[str, Any] | None], Mapping[str, Any] | None],
    ) -> dict[str, Any] | None:
        """Change a document; tried again while somebody else has changed it meanwhile."""
        for _ in range(_TRIES):
            before = self.get(kind, key)
            after = change(before)
            if after is None:
                return before
            if self._write("swap", kind=kind, key=key, before=before, after=dict(after)):
                return dict(after)
        raise LedgerUnreachable(f"{self.url}: {kind} {key!r} keeps changing", mend="try again")

    # --- the gate's money --------------------------------------------------------------------

    def reserve(
        self,
        wanted: Reservation,
        limits: Mapping[str, tuple[Where, int]],
        timeout: float,
        ended: Mapping[str, int | None] = MappingProxyType({}),
    ) -> Mapping[str, tuple[int, int]] | None:
        """Set money aside if every budget still holds it; else those that would break."""
        asked = {
            "ended": dict(ended),
            "wanted": wire.write(Reservation, wanted),
            "limits": {name: [wire.write(Where, w), pico] for name, (w, pico) in limits.items()},
        }
        answer = self._write("reserve", timeout=timeout, **asked)
        return answer and {name: (spent, held) for name, (spent, held) in answer.items()}

    def settle(self, call_id: str, pico: int | None, timeout: float = SECONDS) -> None:
        """The true cost of a reserved call; None releases it."""
        self._write("settle", timeout=timeout, call_id=call_id, pico=pico)

    def spent(self, where: Where) -> tuple[int, int]:
        """(booked, reserved or settled but not yet booked) pico-USD."""
        found: tuple[int, int] = self._read(tuple[int, int], "spent", where=where)
        return found

    # --- upkeep --------------------------------------------------------------------------------

    def rebuild(self, time_zone: str | None = None) -> None:
        """Not from here: the server's operator does it where the ledger lies."""
        raise ConfigError(
            "a ledger behind a server is not rebuilt from here",
            mend="run finops ledger rebuild on the server",
        )

    def check(self) -> list[str]:
        """Faults found in the store and its rollups; empty when sound."""
        return list(self._read(list[str], "check"))

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _read(self, shape: Any, question: str, **asked: Any) -> Any:
        """The answer, which has this type whatever was sent."""
        if "where" in asked:
            asked["where"] = wire.write(Where, asked["where"])
        patience = {"timeout": LONGEST} if question in _SUMS else {}
        answer = self._answer(f"/ledger/read/{question}", json=scrub(asked), **patience)
        try:
            return wire.read(shape, answer)
        except InputError as error:
            raise LedgerUnreachable(f"{self.url}: {question}: no answer of ours: {error}") from None

    def _write(self, question: str, *, timeout: float = SECONDS, **asked: Any) -> Any:
        return self._answer(f"/ledger/write/{question}", json=scrub(asked), timeout=timeout)

    def _answer(self, path: str, **more: Any) -> Any:
        """With it comes the zone of the ledger's days: they may be made anew while we are open."""
        answer = self._http.answer(path, **more)
        self.time_zone = self._http.zone or self.time_zone
        return answer
