"""Sums over calls, kept by difference: pure arithmetic that every store shares.

An amount is whole dollars and the remainder in pico-USD apart, so that no sum overflows 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from finops_pack import forks
from finops_pack.errors import LedgerUnreachable
from finops_pack.model import TOKEN_FIELDS, Totals
from finops_pack.money import PICO, from_pico

Row = Mapping[str, Any]

MEASURES = (
    "calls", "requests", *TOKEN_FIELDS, "usd_whole", "usd_rest", "list_whole", "list_rest",
    "priced_calls", "free_calls", "partial_calls", "unpriced_calls", "unpriced_tokens",
    "estimated_calls", "invalid_calls", "billed_calls", "errors", "extra_attempts", "lost_ms",
    "unseen_calls",
)  # fmt: skip
AMOUNTS = (("usd_whole", "usd_rest"), ("list_whole", "list_rest"))

ROLLUPS: dict[str, tuple[str, ...]] = {
    "by_day": ("day", "project", "provider", "model", "action", "billing_mode"),
    "by_agent": ("day", "project", "agent", "billing_mode"),
    "by_tag": ("day", "tag", "value", "model", "billing_mode"),
    "by_task": ("task", "project", "billing_mode"),
    "by_session": ("session", "project", "billing_mode"),
}
"""Each rollup's key. An empty text in a key means: not set."""

SPANNED = ("by_task", "by_session")
"""Rollups that also know the start of their first and last call."""

TAG_VALUES = 1000
OTHER_VALUE = "(other)"

_EPOCH = date(1970, 1, 1).toordinal()
_SLOT_US = 900_000_000  # every zone of our time is a multiple of 15 minutes off UTC
_SLOTS = 96  # in a day


def known_zone(zone: str) -> bool:
    """Whether there is such a time zone (IANA)."""
    try:
        _zone(zone)
    except (LedgerUnreachable, ValueError, OSError):
        return False
    return True


def day_of(start_us: int, zone: str) -> int:
    """The calendar day in that zone, as days since 1970-01-01."""
    slot = start_us // _SLOT_US
    return slot // _SLOTS if zone == "UTC" else _slot_day(slot, zone)


def day_start(day: int, zone: str) -> int:
    """When that day begins, in µs; where midnight is skipped, the first instant after it."""
    return (day * _SLOTS if zone == "UTC" else _first_slot(day, zone)) * _SLOT_US


@lru_cache(maxsize=65536)
def _slot_day(slot: int, zone: str) -> int:
    day = _clock_day(slot, zone)
    if slot < _first_slot(day, zone):  # clocks that go back over midnight
        return day - 1
    return day + (slot >= _first_slot(day + 1, zone))


@lru_cache(maxsize=4096)
def _first_slot(day: int, zone: str) -> int:
    low, high = (day - 2) * _SLOTS, (day + 2) * _SLOTS
    while low < high:
        middle = (low + high) // 2
        if _clock_day(middle, zone) < day:
            low = middle + 1
        else:
            high = middle
    return low


def _clock_day(slot: int, zone: str) -> int:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=slot * (_SLOT_US // 10**6))
    return moment.astimezone(_zone(zone)).toordinal() - _EPOCH


@lru_cache(maxsize=8)
def _zone(name: str) -> tzinfo:
    with forks.barred():
        from zoneinfo import ZoneInfo  # 4 ms of a cold start, and most ledgers are in UTC

    try:
        return ZoneInfo(name)
    except KeyError:  # another machine made the ledger, or has rebuilt it
        text = f"this machine knows no time zone {name!r}, in which the ledger has its days"
        raise LedgerUnreachable(text, mend="pip install tzdata") from None


def day_name(day: int) -> str:
    """YYYY-MM-DD."""
    return date.fromordinal(day + _EPOCH).isoformat()


def measures(row: Row) -> tuple[int, ...]:
    """What one call adds to every sum it stands in, in the order of `MEASURES`."""
    cost, billed, state = row["cost_pico"], row["billed_pico"], row["cost_state"]
    amount = billed if billed is not None else cost or 0
    unpriced = state == "unpriced" and billed is None
    return (
        1,
        +(row["status"] != "cache_hit"),  # numbers, not truths: these are slow to bind
        row["input_tokens"],
        row["cache_read_tokens"],
        row["cache_write_5m_tokens"],
        row["cache_write_1h_tokens"],
        row["output_tokens"],
        row["reasoning_tokens"],
        *divmod(amount, PICO),
        *divmod(cost or 0, PICO),
        +(state == "priced"),
        +(state == "free"),
        +(state == "partial"),
        +unpriced,
        row["input_tokens"] + row["output_tokens"] if unpriced else 0,
        +(row["usage_basis"] == "estimated"),
        +(row["problems"] is not None),
        +(billed is not None),
        +(row["status"] == "error"),
        row["attempts"] - 1,
        row["lost_ms"],
        +(unpriced and row["usage_basis"] == "unknown"),
    )


def totals(key: str | None, sums: Sequence[int]) -> Totals:
    """The model's sums from a row in the order of `MEASURES`."""
    named: dict[str, Any] = dict(zip(MEASURES, sums, strict=True))
    for field, (whole, rest) in zip(("usd", "list_usd"), AMOUNTS, strict=True):
        named[field] = from_pico(named.pop(whole) * PICO + named.pop(rest))
    return Totals(key=key, **named)


def add(left: Sequence[int], right: Sequence[int]) -> tuple[int, ...]:
    """Both rows summed."""
    return tuple(a + b for a, b in zip(left, right, strict=True))


def carried(sums: Sequence[int]) -> tuple[int, ...]:
    """The same sums, each remainder below one dollar."""
    out = list(sums)
    for whole, rest in _PLACES:
        carry, out[rest] = divmod(out[rest], PICO)
        out[whole] += carry
    return tuple(out)


_PLACES = tuple((MEASURES.index(whole), MEASURES.index(rest)) for whole, rest in AMOUNTS)


Key = tuple[Any, ...]


class Deltas:
    """What a batch of calls changes in the rollups: rows to be added to those that stand."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[Key, list[int]]] = {table: {} for table in ROLLUPS}
        self.spans: dict[str, dict[Key, tuple[int, int]]] = {table: {} for table in SPANNED}

    def add(self, row: Row, tags: Mapping[str, str], *, sign: int = 1) -> None:
        """Count a call, whose `day` is known, in or, with `sign` -1, out."""
        told = [(place, sign * value) for place, value in enumerate(measures(row)) if value]
        for table, key in _keys(row, tags):
            sums = self._sums[table].get(key)
            if sums is None:
                sums = self._sums[table][key] = [0] * len(MEASURES)
            for place, value in told:
                sums[place] += value
            if sign > 0 and table in self.spans:
                self._widen(self.spans[table], key, row["start_us"])

    @staticmethod
    def _widen(spans: dict[Key, tuple[int, int]], key: Key, start: int) -> None:
        first, last = spans.get(key, (start, start))
        spans[key] = (min(first, start), max(last, start))

    def tables(self) -> dict[str, dict[Key, tuple[int, ...]]]:
        """Key -> what is to be added, for every rollup; `spans` stands beside it."""
        return {
            table: {key: carried(sums) for key, sums in found.items()}
            for table, found in self._sums.items()
        }


def _keys(row: Row, tags: Mapping[str, str]) -> Iterator[tuple[str, Key]]:
    day, project = row["day"], row["project"] or ""
    model, billing = row["model"], row["billing_mode"]
    yield "by_day", (day, project, row["provider"] or "", model, row["action"] or "", billing)
    yield "by_agent", (day, project, row["agent"] or "", billing)
    for tag, value in tags.items():
        yield "by_tag", (day, tag, value, model, billing)
    if row["task"]:
        yield "by_task", (row["task"], project, billing)
    if row["session"]:
        yield "by_session", (row["session"], project, billing)
