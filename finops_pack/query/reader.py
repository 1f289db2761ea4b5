"""The one read API that every face uses: drained first, read from rollups, analysed here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops_pack import forks
from finops_pack.model import Totals, Usage
from finops_pack.query import empty
from finops_pack.query.once import once
from finops_pack.query.period import Period, zone_of
from finops_pack.query.views import BudgetView, Spend

if TYPE_CHECKING:
    from finops_pack.alerts import Alert
    from finops_pack.cache import CacheReport
    from finops_pack.forecast import Forecast
    from finops_pack.forensics import Relation
    from finops_pack.levers import Lever
    from finops_pack.model import Call, DayTotals, Finding, Task
    from finops_pack.query.absent import Books
    from finops_pack.query.check import Answer
    from finops_pack.query.facts import LedgerFacts
    from finops_pack.query.flow import Flow
    from finops_pack.score import Score
    from finops_pack.trend import Trend
    from finops_pack.waste import Waste


class Reader:
    """Reads one ledger. A context manager; analyses of the same period share its calls."""

    def __init__(self, ledger: Books, pending_calls: int = 0, *, begun: bool = True) -> None:
        self.ledger_url = ledger.url
        self.begun = begun
        self.time_zone = ledger.time_zone
        self.zone = zone_of(ledger.time_zone)
        self.pending_calls = pending_calls
        self._ledger = once(ledger)
        self._flows: dict[tuple[Any, ...], Flow] = {}
        self._facts: LedgerFacts | None = None
        self._found: dict[tuple[Any, ...], Waste] = {}

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the ledger back."""
        self._ledger.close()

    @property
    def facts(self) -> LedgerFacts:
        """Rates, cache facts, tasks and segments for an analysis."""
        with forks.barred():
            from finops_pack.query.facts import LedgerFacts

        self._facts = self._facts or LedgerFacts(self._ledger)
        return self._facts

    # --- what was spent ------------------------------------------------------------------------
    def span(self) -> tuple[int, int] | None:
        """Start of the first and last call (µs); None when nothing was ever recorded."""
        return self._ledger.span()

    @property
    def place(self) -> str:
        """The ledger's file, or its URL."""
        return self.ledger_url.removeprefix("sqlite:///")

    def nothing(self, period: Period | None = None, **fields: Any) -> str:
        """Why there is nothing to show in this period; empty when there are calls."""
        return empty.why(self, period, fields)

    def spend(self, by: str = "model", period: Period | None = None, **fields: Any) -> Spend:
        """Spend grouped by one of `ledger.GROUPS` or `tag:KEY`; flat plans stand apart."""
        period = period or Period(None, None)
        rows = tuple(self._ledger.totals(by, period.where(**fields)))
        if by == "day":
            rows = tuple(sorted(rows, key=lambda row: row.key or "", reverse=True))
        # A call has many tags or none, so their rows do not sum to the total.
        whole = self.total(period, **fields) if by.startswith("tag:") else sum(rows, Totals())
        plans = self.total(period, **{**fields, "billing": "subscription"})
        nothing = self.nothing(period, **fields)
        return Spend(by, period, rows, whole, plans, self.pending_calls, nothing)

    def total(self, period: Period, **fields: Any) -> Totals:
        """All calls of a period in one row."""
        rows = self._ledger.totals(None, period.where(**fields))
        return rows[0] if rows else Totals()

    def days(self, period: Period | None = None, **fields: Any) -> list[DayTotals]:
        """One row a calendar day with calls, oldest first."""
        return self._ledger.days((period or Period(None, None)).where(**fields))

    def tasks(self, period: Period | None = None, **fields: Any) -> list[Task]:
        """Task rows, newest first."""
        return self._ledger.tasks((period or Period(None, None)).where(**fields))

    def task(self, task_id: str) -> Task | None:
        """One task."""
        return self._ledger.task(task_id)

    def calls(self, period: Period, **fields: Any) -> list[Call]:
        """The calls of a period, in order of start; for those of a task, or of some minutes."""
        return list(self.flow(period, **fields))

    def flow(self, period: Period, **fields: Any) -> Flow:
        """The calls of a period one by one, any number of times; few are kept."""
        with forks.barred():
            from finops_pack.query.flow import Flow

        where = period.where(**fields)
        key = tuple(getattr(where, name) for name in where.__slots__)
        if key not in self._flows:
            self._flows[key] = Flow(lambda: self._ledger.calls(where))
        return self._flows[key]

    def stream(self, period: Period, **fields: Any) -> Iterator[Call]:
        """The calls of a period one by one, those of flat plans too; nothing is kept."""
        asked = fields.pop("billing", None)
        for billing in (asked,) if asked else (None, "subscription"):
            yield from self._ledger.calls(period.where(**fields, billing=billing))

    # --- what is left ----------------------------------------------------------------------------
    def budget(self) -> BudgetView:
        """All budgets and what was spent today, this week and this month."""
        with forks.barred():
            from finops_pack.query.money_left import view

        return view(self._ledger, self.zone, self.pending_calls, nothing=self.nothing())

    def check(
        self,
        cost: Decimal | None = None,
        *,
        model: str | None = None,
        tokens_in: int = 0,
        tokens_out: int = 0,
        provider: str | None = None,
    ) -> Answer:
        """Whether an amount, or a call of this size, fits what is left."""
        with forks.barred():
            from finops_pack.query import check

        lines = self.budget().lines
        if cost is not None:
            return check.of_cost(cost, lines, self.zone)
        usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
        return check.of_call(model or "", usage, provider, lines, self.zone)

    # --- why -----------------------------------------------------------------------------------
    def waste(self, period: Period, **fields: Any) -> Waste:
        """The avoidable dollars by category."""
        with forks.barred():
            from finops_pack import waste

        key = (period, *sorted(fields.items()))
        if key not in self._found:
            self._found[key] = waste.find(self.flow(period, **fields), self.facts, zone=self.zone)
        return self._found[key]

    def score(self, period: Period, **fields: Any) -> Score:
        """The share of the money that was not avoidable, 0-100."""
        with forks.barred():
            from finops_pack import score

        calls = self.flow(period, **fields)
        return score.score(calls, self.waste(period, **fields), self.facts)

    def forensics(
        self, period: Period, *, only: str | Collection[str] | None = None, **fields: Any
    ) -> list[Finding]:
        """The failure modes of a period's tasks; `only` asks about one task, or some."""
        with forks.barred():
            from finops_pack import forensics

        return forensics.find(self.flow(period, **fields), self.facts, task=only)

    def relations(self, period: Period, **fields: Any) -> list[Relation]:
        """What latency and errors go with, by model and action."""
        with forks.barred():
            from finops_pack import forensics

        return forensics.relations(self.flow(period, **fields))

    def cache(self, period: Period, **fields: Any) -> CacheReport:
        """Warmth, writes, cold calls, and what the next call costs."""
        with forks.barred():
            from finops_pack import cache

        now_us = int(datetime.now(UTC).timestamp() * 1e6)
        return cache.analyse(self.flow(period, **fields), self.facts, now_us=now_us)

    def write_shares(self, period: Period) -> dict[str, Decimal]:
        """What cache writes were of each day's dollars, 0-1, by ISO date."""
        with forks.barred():
            from finops_pack.query.watching import write_shares

        return write_shares(self, period)

    def trend(self, period: Period, **fields: Any) -> Trend:
        """Cost per task against the period of the same length before."""
        with forks.barred():
            from finops_pack import trend

        before = self.flow(period.before(), **fields)
        return trend.compare(self.flow(period, **fields), before, self.facts)

    def task_trend(
        self, period: Period, tree: Collection[str], *, alone: bool = False, **fields: Any
    ) -> Trend:
        """What a task, with those inside it, cost against the mean of the period's others."""
        with forks.barred():
            from finops_pack import trend
            from finops_pack.sessions import task_of

        calls = self.flow(period, **fields)
        mine = (call for call in calls if task_of(call) in tree)
        others = (call for call in calls if task_of(call) not in tree)
        return trend.compare(mine, others, self.facts, alone=alone)

    def levers(self, period: Period, **fields: Any) -> list[Lever]:
        """What to change, dearest first."""
        with forks.barred():
            from finops_pack import levers

        return levers.find(self.flow(period, **fields), self.facts, days=self.days_of(period))

    def days_of(self, period: Period) -> float:
        """The days that a period's calls stand for: from the ledger's first call on.

        A period that begins somewhere runs until now, quiet days of it too; all time until the
        last call.
        """
        span = self.span()
        if span is None:
            return 1.0
        first, last = (datetime.fromtimestamp(us / 1e6, UTC) for us in span)
        begin = max(first, period.since or first)
        now = datetime.now(UTC)
        end = min(period.until or (now if period.since else last), now)
        return max(1.0, round((end - begin).total_seconds() / 86400, 1))  # as it is shown

    def levers_done(self) -> list[dict[str, Any]]:
        """Accepted levers: the estimate beside what was measured since."""
        with forks.barred():
            from finops_pack.query.done import measured

        accepted = self._ledger.documents("lever")
        return [measured(self, key, body) for key, body in sorted(accepted.items())]

    def alerts(self, *, silenced: bool = False) -> list[Alert]:
        """The alerts in force today; without `silenced`, those not acknowledged or muted."""
        with forks.barred():
            from finops_pack.query.watching import alerts

        return alerts(self, silenced=silenced)

    def muted(self) -> list[str]:
        """What alerts were muted, as `TYPE:CAUSE`."""
        with forks.barred():
            from finops_pack.query.watching import muted

        return muted(self)

    def forecast(self) -> Forecast | None:
        """What the month will have cost; None with too little history."""
        with forks.barred():
            from finops_pack.query.watching import month

        return month(self)

    def documents(self, kind: str) -> Mapping[str, dict[str, Any]]:
        """Documents of a kind: alert states, accepted levers, the outbox."""
        return self._ledger.documents(kind)

    def problems(self) -> Sequence[str]:
        """Faults found in the store and its rollups."""
        return self._ledger.check()
