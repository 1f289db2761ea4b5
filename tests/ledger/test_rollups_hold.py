"""Rollups equal recomputation from the calls, whatever happens in whatever order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from finops_pack.ledger import Reservation
from finops_pack.ledger.sqlite import SQLiteLedger
from finops_pack.model import Call, Totals, Where
from finops_pack.money import PICO_MAX, to_pico

ZONES = ("UTC", "Europe/Vienna", "America/St_Johns", "Asia/Kathmandu", "America/Sao_Paulo")
HOUR = 3_600_000_000
# around both ends of summer time in Vienna, and around midnight
TIMES = [
    int(datetime(*day, tzinfo=UTC).timestamp()) * 1_000_000 + step * HOUR // 2 + off
    for day in ((2025, 3, 29), (2025, 10, 25), (2026, 1, 1))
    for step in range(0, 120, 7)
    for off in (-1, 0, 1_234_567)
]

names = st.sampled_from(["a", "b", None])
amounts = st.one_of(
    st.none(),
    st.integers(0, 10**13),
    st.sampled_from([PICO_MAX, PICO_MAX + 1, 10**30, 999_999_999_999]),
)  # fmt: skip
counts = st.one_of(st.integers(0, 1000), st.sampled_from([10**12, 10**12 + 1, -3, 10**25]))
fields = {
    "model": st.sampled_from(["m1", "m2"]),
    "provider": st.sampled_from(["openai", "anthropic", None]),
    "project": names,
    "agent": names,
    "action": names,
    "task": st.sampled_from(["t1", "t2", "t3", None]),
    "session": st.sampled_from(["s1", "s2", None]),
    "tags": st.dictionaries(st.sampled_from(["k1", "k2"]), st.sampled_from(["x", "y", "z"])),
    "billing_mode": st.sampled_from(["metered", "subscription", "unknown"]),
    "input_tokens": counts,
    "output_tokens": counts,
    "cache_read_tokens": st.integers(0, 5),
    "cost_pico": amounts,
    "cost_state": st.sampled_from(["priced", "free", "partial", "unpriced"]),
    "billed_pico": amounts,
    "status": st.sampled_from(["ok", "error", "cache_hit"]),
    "usage_basis": st.sampled_from(["measured", "estimated", "unknown"]),
    "attempts": st.integers(1, 3),
    "lost_ms": st.integers(0, 50),
    "problems": st.sampled_from([(), ("odd",)]),
    "response_id": st.sampled_from(["r1", "r2", "r3", None]),
}
ids = st.sampled_from([f"c{n}" for n in range(8)])
sources = st.sampled_from(["live", "jsonl"])
calls = st.fixed_dictionaries(
    {"type": st.just("call"), "id": ids, "source": sources, "start_us": st.sampled_from(TIMES)},
    optional={**fields, "merge": st.just("max")},
)
amendments = st.fixed_dictionaries(
    {"type": st.just("amend"), "id": ids, "source": sources},
    optional={**fields, "start_us": st.sampled_from(TIMES)},
)
filters = st.one_of(
    st.tuples(st.just("project"), st.sampled_from(["a", "b"])),
    st.tuples(st.just("agent"), st.just("a")),
    st.tuples(st.just("action"), st.just("a")),
    st.tuples(st.just("model"), st.just("m1")),
    st.tuples(st.just("task"), st.just("t1")),
    st.tuples(st.just("session"), st.just("s1")),
    st.tuples(st.just("tag"), st.just(("k1", "x"))),
    st.tuples(st.just("billing"), st.sampled_from(["metered", "subscription"])),
    st.tuples(st.just("since_us"), st.sampled_from(TIMES)),
    st.tuples(st.just("until_us"), st.sampled_from(TIMES)),
)
wheres = st.lists(filters, max_size=3).map(lambda chosen: Where(**dict(chosen)))
GROUPED = ("model", "provider", "action", "agent", "project", "task", "session", "day",
           "billing_mode", "served_model", "tag:k1")  # fmt: skip


def chosen(calls: Iterable[Call], where: Where) -> list[Call]:
    return [call for call in calls if _meant(call, where)]


def _meant(call: Call, where: Where) -> bool:
    in_time = (where.since_us or 0) <= call.start_us < (where.until_us or 2**63)
    modes = ("metered", "unknown") if where.billing is None else (where.billing,)
    named = all(
        getattr(where, name) in (None, getattr(call, name))
        for name in ("project", "task", "session", "agent", "action", "model")
    )
    tagged = where.tag is None or call.tags.get(where.tag[0]) == where.tag[1]
    return in_time and call.billing_mode in modes and named and tagged


def group_of(call: Call, by: str | None, zone: str) -> str | None:
    if by is None:
        return None
    if by == "day":
        return call.started_at.astimezone(ZoneInfo(zone)).date().isoformat()
    if by.startswith("tag:"):
        return call.tags.get(by[4:])
    return getattr(call, by) or None


def totals_of(call: Call, key: str | None) -> Totals:
    return Totals(
        key=key,
        calls=1,
        requests=int(call.reached_provider),
        input_tokens=call.input_tokens,
        cache_read_tokens=call.cache_read_tokens,
        cache_write_5m_tokens=call.cache_write_5m_tokens,
        cache_write_1h_tokens=call.cache_write_1h_tokens,
        output_tokens=call.output_tokens,
        reasoning_tokens=call.reasoning_tokens,
        usd=call.amount_usd,
        list_usd=Decimal(call.cost_pico or 0).scaleb(-12),
        priced_calls=int(call.cost_state == "priced"),
        free_calls=int(call.cost_state == "free"),
        partial_calls=int(call.cost_state == "partial"),
        unpriced_calls=int(call.unpriced),
        unpriced_tokens=(call.input_tokens + call.output_tokens) * call.unpriced,
        estimated_calls=int(call.usage_basis == "estimated"),
        invalid_calls=int(bool(call.problems)),
        billed_calls=int(call.billed_pico is not None),
        unseen_calls=int(call.unpriced and call.usage_basis == "unknown"),
        errors=int(call.status == "error"),
        extra_attempts=call.attempts - 1,
        lost_ms=call.lost_ms,
    )


def recomputed(calls: Iterable[Call], by: str | None, zone: str) -> dict[str | None, Totals]:
    sums: dict[str | None, Totals] = {}
    for call in calls:
        key = group_of(call, by, zone)
        one = totals_of(call, key)
        sums[key] = sums[key] + one if key in sums else one
    return sums


class Books(RuleBasedStateMachine):
    @initialize(zone=st.sampled_from(ZONES))
    def begin(self, zone: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = SQLiteLedger(str(Path(self.folder.name) / "ledger.db"))
        self.ledger.rebuild(zone)
        self.reserved = 0

    @rule(lines=st.lists(st.one_of(calls, calls, amendments), min_size=1, max_size=12))
    def book(self, lines: list[dict[str, Any]]) -> None:
        self.ledger.book(lines)

    @rule(line=calls)
    def twice(self, line: dict[str, Any]) -> None:
        self.ledger.book([line])
        again = self.ledger.book([line])
        assert again.new == 0

    @rule(zone=st.sampled_from(ZONES))
    def move(self, zone: str) -> None:
        self.ledger.rebuild(zone)

    @rule(where=wheres, at=st.sampled_from(TIMES))
    def keep_hours(self, where: Where, at: int) -> None:
        """A budget is made: hours are kept for its scope from now on."""
        where = replace(where, since_us=at // HOUR * HOUR, until_us=None)
        self.reserved += 1
        call = f"reserved{self.reserved}"
        wanted = Reservation(call, 1, at + 60 * HOUR, at + 61 * HOUR)
        self.ledger.reserve(wanted, {"b": (where, 2**70)}, 1.0)
        self.ledger.settle(call, None)

    @rule(asked=st.lists(wheres, min_size=1, max_size=6))
    def ask(self, asked: list[Where]) -> None:
        for where in asked:
            meant = chosen(self.ledger.calls(Where(billing=where.billing)), where)
            for by in GROUPED:
                expected = recomputed(meant, by, self.ledger.time_zone)
                found = self.ledger.totals(by, where)
                assert {row.key: row for row in found} == expected, (by, where)
                assert [r.usd for r in found] == sorted((r.usd for r in found), reverse=True)
            whole = recomputed(meant, None, self.ledger.time_zone).get(None, Totals())
            assert self.ledger.totals(None, where) == [whole]
            assert self.ledger.spent(where) == (to_pico(whole.usd), 0)
            self.days_hold(where, recomputed(meant, "day", self.ledger.time_zone))

    def days_hold(self, where: Where, expected: dict[str | None, Totals]) -> None:
        found = self.ledger.days(where)
        assert [day.date for day in found] == sorted(expected)
        for day in found:
            assert day.total == expected[day.date]
            assert sum(day.by_action.values()) == day.total.usd
            assert sum(day.by_model.values()) == day.total.usd

    @invariant()
    @precondition(lambda self: hasattr(self, "ledger"))
    def sound(self) -> None:
        assert self.ledger.check() == []

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            self.folder.cleanup()


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=25,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
