"""Answers as short text: for people at a terminal and for agents, figures and marks alike."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from finops_pack.query.views import BudgetLine, BudgetView


def usd(amount: Decimal) -> str:
    """`$12.34`, `$0.0042`: two decimals from a dollar on, else two digits that count."""
    if not amount:
        return "$0"
    size = abs(amount)
    places = 2 if size >= 1 else min(12, max(2, 1 - size.adjusted()))
    rounded = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    sign = "-" if rounded < 0 else ""
    return f"{sign}${abs(rounded):,f}"


def tokens(count: int) -> str:
    """`950`, `61k`, `15.5M`."""
    if count < 10_000:
        return f"{count:,}"
    return f"{count / 1000:.0f}k" if count < 10**6 else f"{count / 1e6:.1f}M"


def bar(share: float, width: int = 20) -> str:
    """`████████░░`: a share of 0–1, full when over."""
    filled = round(min(1.0, max(0.0, share)) * width)
    return "█" * filled + "░" * (width - filled)


def budget_lines(view: BudgetView, ledger_url: str) -> list[str]:
    """The answer in at most five lines, for people and agents alike."""
    said = [_line(line) for line in view.lines[:3]]
    if not view.recorded:
        start = "track with one line: import finops_pack.auto"
        return [*said, f"nothing recorded yet in {ledger_url}", start]
    spent = (
        f"spent {usd(view.today_usd)} today, {usd(view.week_usd)} this week, "
        f"{usd(view.month_usd)} this month"
    )
    marks = [
        f"{count} {word}"
        for count, word in (
            (view.unpriced_calls, "unpriced calls not in it"),
            (view.estimated_calls, "estimated"),
        )
        if count
    ]
    said.append(f"{spent} ({'; '.join(marks)})" if marks else spent)
    if view.subscription_usd:
        said.append(f"flat plans: {usd(view.subscription_usd)} list equivalent this month")
    if not view.lines:
        said.append('no budget is set; set one: finops budget set "5 USD/day"')
    return said[:5]


def _line(line: BudgetLine) -> str:
    name = f"{line.spec}"
    if line.window in ("call", "task", "session"):
        return f"{name}: {usd(line.limit_usd)} for each {line.window}"
    text = (
        f"{name}: {usd(line.remaining_usd)} left, "
        f"{usd(line.spent_usd)} spent {bar(float(line.used), 10)} {line.used:.0%}"
    )
    if line.reserved_usd:
        text += f", {usd(line.reserved_usd)} reserved"
    if line.runs_out_at:
        return f"{text}, runs out {line.runs_out_at} (estimated)"
    return f"{text}, resets {line.resets_at}" if line.resets_at else text
