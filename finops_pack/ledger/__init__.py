"""The ledger: one protocol, `open_ledger(url)`, and one file for each store behind it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from finops_pack import forks
from finops_pack.errors import ConfigError, LedgerUnreachable
from finops_pack.ledger._url import ledger_id, normalise, sqlite_path

if TYPE_CHECKING:
    from finops_pack.model import Call, DayTotals, Segment, Task, Totals, Where

__all__ = [
    "GROUPS",
    "Booked",
    "Ledger",
    "Line",
    "Reservation",
    "has_spools",
    "ledger_id",
    "load",
    "normalise",
    "open_ledger",
    "sqlite_path",
]

Line = Mapping[str, Any]
"""One typed line: `{"type": "call" | "amend" | "task" | "segment" | "event", …}`.

call     the fields of `model.Call` that differ from their defaults; told again by the same
         source it corrects the row (rates alone never change a price), `"merge": "max"` says
         that a log tells a call in pieces: counters take the maximum, lists are united;
         `"larger"` that it may be an earlier copy: of two, that with more tokens holds;
         `"undated"` that its time is a guess: the first one stays
amend    `id`, `source` (default live) and the changed fields of that call
task     `id` and the changed fields of `model.Task`
segment  the fields of `model.Segment`
event    `kind`, `key`, and anything; kept as a document of that kind
"""

GROUPS = (
    "model", "served_model", "provider", "action", "agent", "project", "task", "session",
    "day", "billing_mode",
)  # fmt: skip
"""What `totals` can group by, beside `tag:KEY`."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What became of the calls that a batch told of, each counted once."""

    new: int = 0
    corrected: int = 0
    unchanged: int = 0
    rejected: tuple[tuple[int, str], ...] = ()  # (index in the batch, reason)

    @classmethod
    def together(cls, parts: Sequence[tuple[int, Booked]]) -> Booked:
        """What became of the parts of a batch, each with the index of its first line."""
        return cls(
            sum(part.new for _, part in parts),
            sum(part.corrected for _, part in parts),
            sum(part.unchanged for _, part in parts),
            tuple((first + at, why) for first, part in parts for at, why in part.rejected),
        )


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside for one call, pico-USD; `call_id` is the id its call will have."""

    call_id: str
    pico: int
    made_us: int
    expires_us: int


class Ledger(Protocol):
    """What a store can do. All methods are safe from any thread and after a fork.

    Raises `LedgerUnreachable` when the store cannot be opened, read or locked in time.
    """

    url: str
    id: str
    time_zone: str

    # --- writing -------------------------------------------------------------------------
    def book(
        self,
        lines: Sequence[Line],
        *,
        spool: str | None = None,
        offset: int = 0,
        after: int | None = None,
        timeout: float = 10.0,
    ) -> Booked:
        """Book lines and, with `spool`, remember `offset` in the same transaction.

        With `after`, nothing is booked unless the spool stands at that offset. `timeout` is
        how long to wait for other writers, in seconds.
        """
        ...

    def offset(self, spool: str) -> int:
        """How far this spool has been booked, in bytes."""
        ...

    def forget_spool(self, *spools: str) -> None:
        """Drop the offsets of spools that go; what was booked is safe on disk on return."""
        ...

    def drain(self, timeout: float = 0.25) -> int:
        """Book what lies in this ledger's spools; returns the lines still pending.

        Waits at most `timeout` seconds for the one lock; without it answers the count.
        """
        ...

    # --- reading: from rollups where they can answer ----------------------------------------
    def totals(self, by: str | None, where: Where) -> list[Totals]:
        """Sums grouped by one of `GROUPS` or `tag:KEY`; None gives one row. Dearest first.

        A row whose `key` is None sums the calls for which it is not set.
        """
        ...

    def days(self, where: Where) -> list[DayTotals]:
        """One row a calendar day with calls, oldest first."""
        ...

    def calls(
        self, where: Where, *, newest_first: bool = False, limit: int | None = None
    ) -> Iterator[Call]:
        """The calls themselves, in order of start, streamed."""
        ...

    def call(self, call_id: str, source: str = "live") -> Call | None:
        """One call."""
        ...

    def calls_of(self, ids: Sequence[str], source: str = "live") -> dict[str, Call]:
        """The calls that this source knows by these ids; those that there are."""
        ...

    def tasks(self, where: Where, *, limit: int | None = None) -> list[Task]:
        """Task rows with their running totals, newest first."""
        ...

    def task(self, task_id: str) -> Task | None:
        """One task."""
        ...

    def tasks_of(self, ids: Sequence[str]) -> list[Task]:
        """The tasks of these ids, as `task` gives each; those that there are."""
        ...

    def segments(self, sessions: Sequence[str]) -> list[Segment]:
        """The context segments of these sessions."""
        ...

    def span(self) -> tuple[int, int] | None:
        """Start of the first and the last call (µs), None when nothing is recorded."""
        ...

    # --- documents: budgets, outbox, alert states, accepted levers, import offsets ------------
    def put(self, kind: str, key: str, body: Mapping[str, Any]) -> None:
        """Store a JSON document, replacing it."""
        ...

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """One document."""
        ...

    def documents(self, kind: str) -> dict[str, dict[str, Any]]:
        """All documents of a kind by key."""
        ...

    def delete(self, kind: str, key: str) -> bool:
        """Remove a document; False when there was none."""
        ...

    def update(
        self,
        kind: str,
        key: str,
        change: Callable[[dict[str, Any] | None], Mapping[str, Any] | None],
    ) -> dict[str, Any] | None:
        """Read, change and write one document in one transaction; None leaves it as it is."""
        ...

    # --- the gate's money ------------------------------------------------------------------
    def reserve(
        self,
        wanted: Reservation,
        limits: Mapping[str, tuple[Where, int]],
        timeout: float,
        ended: Mapping[str, int | None] = ...,
    ) -> Mapping[str, tuple[int, int]] | None:
        """Set money aside if every budget still holds it, in one transaction.

        `limits`: budget id -> (what it covers, limit in pico-USD). None: reserved. Else the
        budgets that would break, as id -> (spent, in flight) in pico-USD. `ended` (call id ->
        pico-USD, or None) is settled first, in the same transaction, whatever comes of the rest.
        """
        ...

    def settle(self, call_id: str, pico: int | None, timeout: float = 10.0) -> None:
        """The true cost of a reserved call; None releases it (provably not sent)."""
        ...

    def spent(self, where: Where) -> tuple[int, int]:
        """(booked, reserved or settled but not yet booked) pico-USD."""
        ...

    # --- upkeep ----------------------------------------------------------------------------
    def rebuild(self, time_zone: str | None = None) -> None:
        """Make all rollups anew from the calls."""
        ...

    def check(self) -> list[str]:
        """Faults found in the store and its rollups; empty when sound."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


def open_ledger(url: str, *, create: bool = True, read_only: bool = False) -> Ledger:
    """The ledger behind a path, `sqlite:////abs`, `postgresql://…` or `https://…`.

    Raises `LedgerUnreachable` (`LedgerAbsent` where there is none and `create` is false) and
    `ConfigError` for a scheme that nobody serves.
    """
    return load(url)(create=create, read_only=read_only)


def load(url: str) -> Callable[..., Ledger]:
    """What opens it, with all imported and read that it takes: half a second, for a server's.

    Whoever waits for a ledger with a deadline calls it before that begins, and what it gives once,
    in the same process. Raises as `open_ledger`, for what is not installed.
    """
    scheme = normalise(url).partition(":")[0]
    if scheme == "sqlite":
        with forks.barred():
            from finops_pack.ledger.sqlite import SQLiteLedger

        return partial(SQLiteLedger, sqlite_path(url))
    if scheme == "postgresql":
        return _postgres(url)
    if scheme in ("http", "https"):
        with forks.barred():
            from finops_pack.ledger.remote import RemoteLedger
            from finops_pack.report.tls import trust

        trusted = trust(normalise(url))
        return lambda **_: RemoteLedger(url, trusted)  # a server makes it, or not
    raise ConfigError(
        f"ledger {normalise(url)!r}: unknown kind {scheme!r}",
        mend="use a path, sqlite:////path, postgresql://… or https://…",
    )


def _postgres(url: str) -> Callable[..., Ledger]:
    try:
        with forks.barred():
            from finops_pack.ledger.postgres import PostgresLedger
    except ImportError as error:
        raise LedgerUnreachable(
            f"a ledger in PostgreSQL needs the package {error.name}",
            mend="pip install 'finops-agent-pack[postgres]'",
        ) from None
    return partial(PostgresLedger, url)


def has_spools(url: str) -> bool:
    """Whether lines of this ledger lie in a spool of this machine, booked or not."""
    from finops_pack.ledger._folders import places

    return any(map(_holds_spool, places(ledger_id(url))))


def _holds_spool(folder: str) -> bool:
    try:
        return any(name.endswith(".spool") for name in os.listdir(folder))
    except OSError:
        return False
