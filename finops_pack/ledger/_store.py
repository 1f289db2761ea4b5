"""A ledger over SQL: everything that does not differ from store to store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from finops_pack import forks
from finops_pack.errors import ConfigError
from finops_pack.ledger import Booked, Line, Reservation, _gate
from finops_pack.ledger._base import WAIT, Documents
from finops_pack.ledger._db import Db, insert, one, run_in, select_in
from finops_pack.ledger._reader import Reader
from finops_pack.ledger._where import query
from finops_pack.ledger.rollup import known_zone
from finops_pack.model import Where

if TYPE_CHECKING:
    from finops_pack.model import Call, DayTotals, Segment, Task, Totals

_NOTHING: Mapping[str, int | None] = MappingProxyType({})
BULK_LINES = 1000


class SQLLedger(Documents):
    """The protocol `Ledger` over a database; a store adds connections and their faults."""

    # --- writing -------------------------------------------------------------------------

    def book(
        self,
        lines: Sequence[Line],
        *,
        spool: str | None = None,
        offset: int = 0,
        after: int | None = None,
        timeout: float = WAIT,
    ) -> Booked:
        """Book lines and the spool's new offset in one transaction.

        With `after`, nothing is booked unless the spool stands there: somebody was faster.
        """
        with forks.barred():
            from finops_pack.ledger._book import book
            from finops_pack.ledger._prepare import prepare

        prepared = prepare(lines)  # as much as can be before others have to wait

        def booked(act: Callable[[Db], Booked]) -> Booked:
            with self._write(timeout, "bulk" if len(lines) > BULK_LINES else "usual") as db:
                if after is not None and spool is not None and _position(db, spool) != after:
                    return Booked()
                done = act(db)
                _move(db, spool, offset)
            return done

        try:
            return booked(lambda db: book(db, prepared, self._zone(db)))
        except self.data_faults:
            return booked(lambda db: self._one_by_one(db, lines))

    def offset(self, spool: str) -> int:
        """How far this spool has been booked, in bytes."""
        with self._read() as db:
            return _position(db, spool)

    def forget_spool(self, *spools: str) -> None:
        """Drop the offsets of spools that go; what was booked is safe on disk on return."""
        with self._write(how="durable") as db:
            run_in(db, "DELETE FROM spools", "name", spools)

    def drain(self, timeout: float = 0.25) -> int:
        """Book what lies in this ledger's spools; returns the lines still pending."""
        from finops_pack.ledger._drain import drain

        return drain(self, timeout)

    # --- reading -------------------------------------------------------------------------

    def totals(self, by: str | None, where: Where) -> list[Totals]:
        """Sums grouped by one of `GROUPS` or `tag:KEY`, dearest first; key None: not set."""
        with self._read() as db:
            return self._reader(db).totals(by, where)

    def days(self, where: Where) -> list[DayTotals]:
        """One row a calendar day with calls, oldest first."""
        with self._read() as db:
            return self._reader(db).days(where)

    def calls(
        self, where: Where, *, newest_first: bool = False, limit: int | None = None
    ) -> Iterator[Call]:
        """The calls themselves, in order of start, streamed."""
        with forks.barred():
            from finops_pack.ledger._calls import SELECTED, call_of

        made = query(self, "calls", (), where)
        made.keys = []
        order = "DESC" if newest_first else "ASC"
        sql = f"{made.sql([SELECTED])} ORDER BY start_us {order}, seq {order}"
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        return map(call_of, self._stream(sql, made.values))

    def call(self, call_id: str, source: str = "live") -> Call | None:
        """One call, under any source's name for it."""
        return self.calls_of([call_id], source).get(call_id)

    def calls_of(self, ids: Sequence[str], source: str = "live") -> dict[str, Call]:
        """The calls that this source knows by these ids; those that there are."""
        with forks.barred():
            from finops_pack.ledger._calls import calls_of

        with self._read() as db:
            return calls_of(db, ids, source)

    def tasks(self, where: Where, *, limit: int | None = None) -> list[Task]:
        """Tasks that began in the period with their running totals, newest first."""
        with forks.barred():
            from finops_pack.ledger._tasks import tasks

        with self._read() as db:
            return tasks(db, self, where, limit)

    def task(self, task_id: str) -> Task | None:
        """One task, with the calls that somebody pays for; else with those of a flat plan."""
        return next(iter(self.tasks_of([task_id])), None)

    def tasks_of(self, ids: Sequence[str]) -> list[Task]:
        """The tasks of these ids, as `task` gives each; those that there are."""
        with forks.barred():
            from finops_pack.ledger._tasks import tasks_of

        with self._read() as db:
            return tasks_of(db, ids)

    def segments(self, sessions: Sequence[str]) -> list[Segment]:
        """The context segments of these sessions."""
        with forks.barred():
            from finops_pack.ledger._schema import SEGMENT_COLUMNS
        from finops_pack.model import Segment

        columns = ", ".join(SEGMENT_COLUMNS)
        keys = [(session,) for session in sessions]
        with self._read() as db:
            rows = select_in(db, columns, "segments", ("session",), keys)
            return [Segment(*row) for row in rows]

    def span(self) -> tuple[int, int] | None:
        """Start of the first and the last call (µs), None when nothing is recorded."""
        with self._read() as db:
            return self._reader(db).span()

    # --- the gate's money ----------------------------------------------------------------

    def reserve(
        self,
        wanted: Reservation,
        limits: Mapping[str, tuple[Where, int]],
        timeout: float,
        ended: Mapping[str, int | None] = _NOTHING,
    ) -> Mapping[str, tuple[int, int]] | None:
        """Set money aside if every budget still holds it; else the budgets that would break."""
        if not limits:
            return None
        with self._write(timeout, "urgent") as db:
            return _gate.reserve(self._reader(db), wanted, limits, ended) or None

    def settle(self, call_id: str, pico: int | None, timeout: float = WAIT) -> None:
        """The true cost of a reserved call; None releases it (provably not sent)."""
        with self._write(timeout, "urgent") as db:
            _gate.settle(db, call_id, pico)

    def spent(self, where: Where) -> tuple[int, int]:
        """(booked or expired, reserved or settled but not yet booked) pico-USD."""
        with self._read() as db:
            return _gate.spend(self._reader(db), where, time.time_ns() // 1000)

    # --- upkeep --------------------------------------------------------------------------

    def rebuild(self, time_zone: str | None = None) -> None:
        """Make all rollups anew from the calls, in days of `time_zone` if one is given.

        Raises `ConfigError` for a zone that does not exist.
        """
        with forks.barred():
            from finops_pack.ledger._upkeep import remake

        zone = time_zone or self.time_zone
        if not known_zone(zone):
            mend = "e.g. Europe/Vienna; if that is unknown, too: pip install tzdata"
            raise ConfigError(f"there is no time zone {zone!r}", mend=mend)
        with self._write(how="bulk") as db:
            remake(db, zone)
        self.time_zone = zone

    def check(self) -> list[str]:
        """Faults found in the store and its rollups; empty when sound."""
        with forks.barred():
            from finops_pack.ledger._upkeep import faults

        with self._read() as db:
            return faults(self._reader(db))

    def _reader(self, db: Db) -> Reader:
        return Reader(db, self, self._zone(db))

    def _zone(self, db: Db) -> str:
        """The time zone as it stands now: another process may have rebuilt the sums in another."""
        found = one(db, "SELECT value FROM meta WHERE key = 'time_zone'")
        if found is not None:
            self.time_zone = str(found[0])
        return self.time_zone

    def _one_by_one(self, db: Db, lines: Sequence[Line]) -> Booked:
        """Line by line, so that one the database refuses costs nothing but itself."""
        told = [(index, self._mended(db, line)) for index, line in enumerate(lines)]
        return Booked.together(told)

    def _mended(self, db: Db, line: Line) -> Booked:
        """One line without what a database may refuse: a name cut short costs less than a call."""
        with forks.barred():
            from finops_pack.ledger._book import book
            from finops_pack.ledger._names import scrub, shortened
            from finops_pack.ledger._prepare import prepare

        reason = ""
        for mend in (scrub, shortened):
            line = mend(line)
            db.run("SAVEPOINT line")
            try:
                return book(db, prepare([line]), self._zone(db))
            except self.data_faults as error:
                db.run("ROLLBACK TO SAVEPOINT line")
                reason = str(error)
            finally:
                db.run("RELEASE SAVEPOINT line")
        return Booked(rejected=((0, reason),))


def _position(db: Db, spool: str) -> int:
    found = one(db, "SELECT position FROM spools WHERE name = ?", (spool,))
    return int(found[0]) if found else 0


def _move(db: Db, spool: str | None, offset: int) -> None:
    if spool is not None:
        insert(
            db, "spools", ("name", "position"), [(spool, offset)],
            "ON CONFLICT (name) DO UPDATE SET position = excluded.position",
        )  # fmt: skip
