"""What the queries answer with: frozen dataclasses, JSON-ready, tables where they are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops_pack.budgets import CLOCKED
from finops_pack.model.table import Table, Tabular
from finops_pack.money import plain
from finops_pack.query.text import budget_lines, estimated, outside

if TYPE_CHECKING:
    from finops_pack.model import Totals
    from finops_pack.query.currency import Currency
    from finops_pack.query.period import Period


def totals_dict(row: Totals) -> dict[str, Any]:
    """One row of `finops spend --json`, without its key."""
    return {
        "calls": row.calls,
        "requests": row.requests,
        "input_tokens": row.input_tokens,
        "cache_read_tokens": row.cache_read_tokens,
        "cache_write_5m_tokens": row.cache_write_5m_tokens,
        "cache_write_1h_tokens": row.cache_write_1h_tokens,
        "output_tokens": row.output_tokens,
        "reasoning_tokens": row.reasoning_tokens,
        "cost_usd": amount(row),
        "unpriced_calls": row.unpriced_calls,
        "unpriced_tokens": row.unpriced_tokens,
        "partial_calls": row.partial_calls,
        "invalid_calls": row.invalid_calls,
        "unseen_calls": row.unseen_calls,
        "estimated_calls": row.estimated_calls,
        "errors": row.errors,
        "extra_attempts": row.extra_attempts,
    }


def amount(row: Totals) -> str | None:
    """What these calls cost; None, not "0", where there is no call or no price at all."""
    known = row.calls > row.unpriced_calls
    return plain(row.usd) if known else None


@dataclass(frozen=True, slots=True)
class Spend(Tabular):
    """Spend grouped by `by`. `subscription` are list equivalents of flat plans, never added in.

    `pending_calls` were recorded but not yet booked when this was read.
    An amount is None where nothing is known: an empty ledger, or calls without any price.
    """

    by: str
    period: Period
    rows: tuple[Totals, ...]
    total: Totals
    subscription: Totals
    pending_calls: int = 0
    nothing: str = ""  # why there are no rows, in words

    def to_dicts(self) -> list[dict[str, Any]]:
        """One mapping a row, amounts as decimal strings."""
        return [{"key": row.key, **totals_dict(row)} for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """The body of `finops spend --json`."""
        body: dict[str, Any] = {
            **self.period.to_dict(),
            "by": self.by,
            "nothing": self.nothing or None,
            "rows": self.to_dicts(),
            "total": totals_dict(self.total),
        }
        if self.subscription.calls:
            body["subscription"] = {
                "basis": "list equivalent",
                **totals_dict(self.subscription),
            }
        if self.pending_calls:
            body["pending_calls"] = self.pending_calls
        return body

    def table(self) -> Table:
        """A row for each key, and one for all."""
        columns = (self.by, "calls", "input", "output", "USD")
        rows = [
            (r.key or "(none)", r.calls, r.input_tokens, r.output_tokens, amount(r) or "unpriced")
            for r in (*self.rows, replace(self.total, key="total"))
        ]
        marks = "; ".join(filter(None, (outside(self.total), estimated(self.total))))
        return Table(columns, [] if self.nothing else rows, self.nothing or marks)


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One budget and what stands against it; amounts USD, times ISO-8601 UTC."""

    id: str
    spec: str
    window: str
    scope: str
    hard: bool
    limit_usd: Decimal
    spent_usd: Decimal
    reserved_usd: Decimal
    resets_at: str | None = None
    runs_out_at: str | None = None
    unpriced: str = "refuse"  # calls without a price: "refuse" or "warn"
    reserve_usd: Decimal = Decimal(0)  # held back for a final answer
    named: tuple[str, str] | None = None  # the kind and value of its scope

    @property
    def clocked(self) -> bool:
        """False when it counts anew for each call, task or session."""
        return self.window in CLOCKED

    @property
    def remaining_usd(self) -> Decimal:
        """What may still be spent; never below 0."""
        return max(Decimal(0), self.limit_usd - self.spent_usd - self.reserved_usd)

    @property
    def free_usd(self) -> Decimal:
        """What is left for calls that are no final answer."""
        return max(Decimal(0), self.remaining_usd - self.reserve_usd)

    @property
    def used(self) -> Decimal:
        """Share of the limit that is spent or reserved; above 1 when over."""
        return (self.spent_usd + self.reserved_usd) / self.limit_usd

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings."""
        return {
            "id": self.id,
            "spec": self.spec,
            "window": self.window,
            "scope": self.scope,
            "hard": self.hard,
            "limit_usd": plain(self.limit_usd),
            "spent_usd": plain(self.spent_usd),
            "reserved_usd": plain(self.reserved_usd),
            "remaining_usd": plain(self.remaining_usd),
            "reserve_usd": plain(self.reserve_usd),
            "unpriced": self.unpriced,
            "used": plain(round(self.used, 4)),
            "resets_at": self.resets_at,
            "runs_out_at": self.runs_out_at,
        }


@dataclass(frozen=True, slots=True)
class BudgetView(Tabular):
    """All budgets, tightest first, and what was spent today, this week and this month."""

    lines: tuple[BudgetLine, ...]
    today_usd: Decimal
    week_usd: Decimal
    month_usd: Decimal
    calls_today: int
    unpriced_calls: int
    estimated_calls: int
    subscription_usd: Decimal
    pending_calls: int = 0
    nothing: str = ""  # why there is nothing to show, in words
    currency: Currency | None = None  # beside USD, as the settings say
    unseen_calls: int = 0  # of the unpriced: nobody told their usage
    partial_calls: int = 0  # something of them has no rate, and is not in the amounts

    @property
    def tightest(self) -> BudgetLine | None:
        """The budget with the least left, None without any."""
        return self.lines[0] if self.lines else None

    def to_dict(self) -> dict[str, Any]:
        """The body of `finops budget --json`."""
        first = self.tightest
        return {
            "nothing": self.nothing or None,
            "remaining_usd": plain(first.remaining_usd) if first else None,
            "limit_usd": plain(first.limit_usd) if first else None,
            "window": first.window if first else None,
            "runs_out_at": first.runs_out_at if first else None,
            "today_usd": None if self.nothing else plain(self.today_usd),
            "week_usd": None if self.nothing else plain(self.week_usd),
            "month_usd": None if self.nothing else plain(self.month_usd),
            "calls_today": self.calls_today,
            "unpriced_calls": self.unpriced_calls,
            "unseen_calls": self.unseen_calls,
            "partial_calls": self.partial_calls,
            "estimated_calls": self.estimated_calls,
            "subscription_list_usd": plain(self.subscription_usd),
            "pending_calls": self.pending_calls,
            "budgets": [line.to_dict() for line in self.lines],
            **self._beside(),
        }

    def _beside(self) -> dict[str, Any]:
        if self.currency is None or self.nothing:
            return {}
        return {"month_in": self.currency.to_dict(self.month_usd)}

    def to_dicts(self) -> list[dict[str, Any]]:
        """One mapping a budget."""
        return [line.to_dict() for line in self.lines]

    def __str__(self) -> str:
        return "\n".join(budget_lines(self))

    def table(self) -> Table:
        """A row for each budget."""
        return Table(
            ("budget", "spent", "reserved", "left", "resets"),
            (
                (
                    line.spec,
                    plain(line.spent_usd),
                    plain(line.reserved_usd),
                    plain(line.remaining_usd),
                    line.resets_at or "",
                )
                for line in self.lines
            ),
            self.nothing,
        )
