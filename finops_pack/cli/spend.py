"""`finops spend`: what was spent, grouped."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from finops_pack.cli import _args, _out
from finops_pack.errors import InputError
from finops_pack.model import Totals
from finops_pack.query import Spend, currency, text

HELP = "what was spent, by model, action, agent, task, project, day or tag"
GROUPS = ("model", "action", "agent", "task", "project", "session", "day", "provider",
          "served_model", "billing_mode")  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops spend --by action --last 7d"""
    parser.add_argument(
        "--by", default="model", metavar="GROUP", help=f"{', '.join(GROUPS)} or tag:KEY"
    )
    parser.add_argument("--limit", type=_args.count, default=20, help="rows shown (default 20)")
    _args.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table, or the document."""
    if args.by not in GROUPS and not (args.by.startswith("tag:") and args.by[4:]):
        raise InputError(f"--by {args.by}: no such group", mend=f"{', '.join(GROUPS)} or tag:KEY")
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        spend = reader.spend(args.by, period, **_args.where(args))
    if args.json:
        _out.document("finops.spend", spend.to_dict())
        return 0
    if spend.nothing:
        print(spend.nothing)
    else:
        _show(spend, args.limit)
    for line in notes(spend):
        print(line)
    return 0


def _show(spend: Spend, limit: int) -> None:
    table = [COLUMNS, *(_cells(row) for row in spend.rows[:limit])]
    if (rest := len(spend.rows) - limit) > 0:
        table.append((f"… {rest:,} more", *[""] * (len(COLUMNS) - 1)))
    table.append(("total", *_cells(spend.total)[1:]))
    idle = _idle(spend.total)
    head, *rows = [[cell for i, cell in enumerate(line) if i not in idle] for line in table]
    _out.table(f"spend by {spend.by}, {spend.period.label}", [spend.by, *head[1:]], rows)


COLUMNS = ("", "calls", "input", "cached", "written", "output", "cost")


def _idle(total: Totals) -> set[int]:
    """Columns in which nothing would stand."""
    written = total.cache_write_5m_tokens + total.cache_write_1h_tokens
    return {place for place, count in ((3, total.cache_read_tokens), (4, written)) if not count}


def _cells(row: Totals) -> tuple[str, ...]:
    cost = _out.usd(row.usd) if row.calls > row.unpriced_calls else "unpriced"
    marks = ("~" if row.estimated_calls else "") + ("*" if _outside(row) else "")
    return (
        row.key or "(none)",
        f"{row.calls:,}",
        _out.tokens(row.input_tokens),
        _out.tokens(row.cache_read_tokens),
        _out.tokens(row.cache_write_5m_tokens + row.cache_write_1h_tokens),
        _out.tokens(row.output_tokens),
        f"{cost}{marks}",
    )


def _outside(row: Totals) -> str:
    """Calls whose cost is not, or not wholly, in the amount, in words."""
    told = row.unpriced_calls - row.unseen_calls
    invalid = min(row.invalid_calls, told)  # a bill may give one an amount all the same
    marks = (
        (told - invalid, "without a price"),
        (row.unseen_calls, "of unknown usage"),
        (row.partial_calls, "priced in part"),
        (invalid, "with invalid counts"),
    )
    return ", ".join(f"{count:,} {word}" for count, word in marks if count)


def notes(spend: Spend) -> Iterator[str]:
    """What the marks mean, and what stands apart."""
    if estimated := text.estimated(spend.total):
        yield f"~ {estimated}"
    if outside := _outside(spend.total):
        yield f"* not wholly in the amount: {outside}; names and mends: finops doctor"
    if spend.total.usd and (other := currency.chosen()):
        yield f"total: {other.shown(spend.total.usd)}"
    if plans := spend.subscription.calls:
        usd, outside = _out.usd(spend.subscription.usd), _outside(spend.subscription)
        apart = f"not money spent; {outside}" if outside else "not money spent"
        yield f"flat plans: {_out.count(plans, 'call')}, {usd} list equivalent ({apart})"
