"""Reading a ledger: rollups where they can answer, the calls for the edges and the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops_pack.errors import InputError
from finops_pack.ledger import GROUPS
from finops_pack.ledger._db import Db, Dialect, one
from finops_pack.ledger._scope import HOUR_US
from finops_pack.ledger._where import FILTERS, TAG, USD, Query, query, rollup_for, sums
from finops_pack.ledger.rollup import (
    MEASURES,
    OTHER_VALUE,
    ROLLUPS,
    SPANNED,
    TAG_VALUES,
    add,
    day_name,
    day_of,
    day_start,
    totals,
)  # fmt: skip
from finops_pack.model import Totals, Where
from finops_pack.money import PICO, from_pico

if TYPE_CHECKING:
    from finops_pack.model import DayTotals

Key = tuple[Any, ...]
NOT_SET = "(not set)"
_MANY = 500
_EVER = 2**62


class Reader:
    """Questions about calls, answered over one connection."""

    def __init__(self, db: Db, dialect: Dialect, zone: str) -> None:
        self.db = db
        self.dialect = dialect
        self.zone = zone

    # --- answers -------------------------------------------------------------------------

    def totals(self, by: str | None, where: Where) -> list[Totals]:
        """Sums by one of `GROUPS` or `tag:KEY`, dearest first; key None: not set."""
        if by is None:
            return [totals(None, self._sums((), where).get((), _ZERO))]
        if by not in GROUPS and not by.startswith(TAG):
            known = ", ".join(GROUPS)
            raise InputError(f"cannot group by {by!r}", mend=f"use one of {known} or tag:KEY")
        found = self._sums((by,), where)
        if by.startswith(TAG) or by in ("task", "session"):
            self._add_the_rest(found, where)
        rows = [totals(_label(by, key[0]), values) for key, values in found.items()]
        return sorted(rows, key=lambda row: (-row.usd, -row.list_usd, row.key or ""))

    def days(self, where: Where) -> list[DayTotals]:
        """One row a calendar day with calls, oldest first."""
        from finops_pack.model import DayTotals

        days = self._sums(("day",), where)
        counts = ("calls", "unpriced_calls", "invalid_calls", "unseen_calls")
        models = _by_day(self._sums(("day", "model"), where, (*USD, *counts)))
        actions = _by_day(self._sums(("day", "action"), where, USD))
        return [
            DayTotals(
                date=day_name(day),
                total=totals(day_name(day), days[day,]),
                by_model={m: _usd(v) for m, v in models[day].items() if _known(v)},
                by_action={a: _usd(v) for a, v in actions.get(day, {}).items()},
                unpriced_models=tuple(sorted(m for m, v in models[day].items() if _no_rate(v))),
            )
            for (day,) in sorted(days)
        ]

    def amount(self, where: Where) -> int:
        """What counts as spent, pico-USD."""
        found = self._sums((), where, USD).get((), (0, 0))
        return int(found[0] * PICO + found[1])

    def hours(self, where: Where, from_us: int) -> Iterator[tuple[int, int]]:
        """(hour, pico-USD) of every hour with calls since then."""
        made = query(self.dialect, "calls", (), replace(where, since_us=from_us))
        made.keys = [f"start_us / {HOUR_US}"]
        for (hour,), (whole, rest) in self._rows(made, "calls", USD, 1):
            yield hour, whole * PICO + rest

    def day_amounts(self, where: Where) -> Iterator[tuple[int, int]]:
        """(day, pico-USD) of every day with calls."""
        for (day,), (whole, rest) in self._sums(("day",), where, USD).items():
            yield day, whole * PICO + rest

    def span(self) -> tuple[int, int] | None:
        """Start of the first and of the last call."""
        found = one(
            self.db,
            "SELECT (SELECT MIN(start_us) FROM calls), (SELECT MAX(start_us) FROM calls)",
        )
        return None if found is None or found[0] is None else (found[0], found[1])

    # --- sums ----------------------------------------------------------------------------

    def _sums(
        self, keys: Sequence[str], where: Where, wanted: Sequence[str] = MEASURES
    ) -> dict[Key, Sequence[int]]:
        running = _running(keys, where)
        if running is not None:
            return self._collect(self._from_running(running, keys, where, wanted))
        table = rollup_for(keys, where)
        if table is None or self._over_the_cap(where):
            return self._collect([self._part("calls", keys, where, wanted)])
        whole, edges = self._split(where)
        parts = [self._part("calls", keys, edge, wanted) for edge in edges]
        if whole is not None:
            parts.append(self._days_part(table, keys, where, whole, wanted))
        return self._collect(parts)

    def _over_the_cap(self, where: Where) -> bool:
        """Whether the rollup holds this tag's value under `(other)`, if at all."""
        if where.tag is None or where.tag[1] == OTHER_VALUE:
            return False
        key = where.tag[:1]
        known = "SELECT 1 FROM tag_values WHERE tag = ? AND value = ?"
        count = "SELECT COUNT(*) FROM tag_values WHERE tag = ?"
        return not self.db.all(known, where.tag) and self.db.all(count, key)[0][0] >= TAG_VALUES

    def _part(
        self, table: str, keys: Sequence[str], where: Where, wanted: Sequence[str]
    ) -> Iterable[tuple[Key, Key]]:
        made = query(self.dialect, table, keys, where)
        return self._rows(made, table, wanted, len(keys))

    def _days_part(
        self, table: str, keys: Sequence[str], where: Where, whole: tuple[int | None, int | None],
        wanted: Sequence[str],
    ) -> Iterable[tuple[Key, Key]]:  # fmt: skip
        made = query(self.dialect, table, keys, where, timed=False)
        first, end = whole
        if first is not None:
            made.condition("day >= ?", first)
        if end is not None:
            made.condition("day < ?", end)
        return self._rows(made, table, wanted, len(keys))

    def _rows(
        self, made: Query, table: str, wanted: Sequence[str], width: int
    ) -> Iterator[tuple[Key, Key]]:
        sql = made.sql(sums(table, wanted))
        for row in self.db.all(sql, (*made.key_values, *made.values)):
            yield row[:width], row[width:]

    @staticmethod
    def _collect(parts: Iterable[Iterable[tuple[Key, Key]]]) -> dict[Key, Sequence[int]]:
        found: dict[Key, Sequence[int]] = {}
        for part in parts:
            for key, values in part:
                found[key] = add(found[key], values) if key in found else values
        return found

    def _split(self, where: Where) -> tuple[tuple[int | None, int | None] | None, list[Where]]:
        """The whole days in a period, and the parts of days at its ends."""
        since, until = where.since_us, where.until_us
        first = None if since is None else self._day_after(since)
        end = None if until is None else day_of(until, self.zone)
        if until is not None and self._nothing_since(until):
            end = until = None
        if first is not None and end is not None and first > end:
            return None, [where]  # inside one day
        edges = []
        if since is not None and first is not None and since != day_start(first, self.zone):
            edges.append(replace(where, until_us=day_start(first, self.zone)))
        if until is not None and end is not None and until != day_start(end, self.zone):
            edges.append(replace(where, since_us=day_start(end, self.zone)))
        return (first, end), edges

    def _day_after(self, moment_us: int) -> int:
        """The first day that begins at that moment or later."""
        day = day_of(moment_us, self.zone)
        return day if day_start(day, self.zone) == moment_us else day + 1

    def _nothing_since(self, moment_us: int) -> bool:
        return not self.db.all("SELECT 1 FROM calls WHERE start_us >= ? LIMIT 1", (moment_us,))

    def _from_running(
        self, table: str, keys: Sequence[str], where: Where, wanted: Sequence[str]
    ) -> list[Iterable[tuple[Key, Key]]]:
        """Tasks inside the period from their running rows, those that it cuts from the calls."""
        name = table.removeprefix("by_")
        if where.since_us is None and where.until_us is None:
            return [self._days_part(table, keys, where, (None, None), wanted)]
        since, until = where.since_us or 0, where.until_us or _EVER
        cut = self.db.all(
            f"SELECT DISTINCT {name} FROM {table} WHERE last_us >= ? AND first_us < ?"
            " AND (first_us < ? OR last_us >= ?)",
            (since, until, since, until),
        )
        if getattr(where, name) is not None or len(cut) > _MANY:
            return [self._part("calls", keys, where, wanted)]
        made = query(self.dialect, table, keys, where, timed=False)
        made.condition("last_us >= ? AND last_us < ? AND first_us >= ?", since, until, since)
        parts = [self._part("calls", keys, replace(where, **{name: key}), wanted) for (key,) in cut]
        if cut:
            places = ", ".join("?" * len(cut))
            made.condition(f"{name} NOT IN ({places})", *(key for (key,) in cut))
        return [*parts, self._rows(made, table, wanted, len(keys))]

    def _add_the_rest(self, found: dict[Key, Sequence[int]], where: Where) -> None:
        """Calls without that tag, task or session count too: what is left of the whole."""
        whole = self._sums((), where).get((), _ZERO)
        told = map(sum, zip(_ZERO, *found.values(), strict=True))
        rest = [a - b for a, b in zip(whole, told, strict=True)]
        if rest[_CALLS]:  # an amount's two halves need not match where nothing is left
            found["",] = add(found.get(("",), _ZERO), rest)


_ZERO = (0,) * len(MEASURES)
_CALLS = MEASURES.index("calls")


def _running(keys: Sequence[str], where: Where) -> str | None:
    asked = {*keys, *(name for name in FILTERS if getattr(where, name) is not None)}
    for table in SPANNED:
        name = table.removeprefix("by_")
        unset = getattr(where, name) == ""  # no row stands for calls outside any
        if where.tag is None and not unset and name in asked <= set(ROLLUPS[table]):
            return table
    return None


def _label(by: str, key: Any) -> str | None:
    return day_name(key) if by == "day" else key or None


def _by_day(found: Mapping[Key, Sequence[int]]) -> dict[int, dict[str, Sequence[int]]]:
    days: dict[int, dict[str, Sequence[int]]] = {}
    for (day, name), values in found.items():
        days.setdefault(day, {})[name or NOT_SET] = values
    return days


def _known(values: Sequence[int]) -> bool:
    """Whether there is an amount: calls without any price are no zero dollars."""
    whole, rest, calls, unpriced = values[:4]
    return bool(whole or rest) or calls > unpriced


def _no_rate(values: Sequence[int]) -> bool:
    unpriced, invalid, unseen = values[3:6]
    return unpriced > invalid + unseen


def _usd(values: Sequence[int]) -> Decimal:
    return from_pico(values[0] * PICO + values[1])
