"""`finops spend`: what was spent, grouped."""

from __future__ import annotations

import argparse

from finops_pack.cli import _args, _out
from finops_pack.errors import InputError
from finops_pack.model import Totals
from finops_pack.query import Spend

HELP = "what was spent, by model, action, agent, task, project, day or tag"
GROUPS = ("model", "action", "agent", "task", "project", "session", "day", "provider",
          "served_model", "billing_mode")  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops spend --by action --last 7d"""
    parser.add_argument(
        "--by", default="model", metavar="GROUP", help=f"{', '.join(GROUPS)} or tag:KEY"
    )
    parser.add_argument("--limit", type=int, default=20, help="rows shown (default 20)")
    _args.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table, or the document."""
    if args.by not in GROUPS and not args.by.startswith("tag:"):
        raise InputError(f"--by {args.by}: no such group", mend=f"{', '.join(GROUPS)} or tag:KEY")
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        spend = reader.spend(args.by, period, **_args.where(args))
        nothing = reader.nothing(period, **_args.where(args))
    if args.json:
        _out.document("finops.spend", {"recorded": not nothing, **spend.to_dict()})
        return 0
    if nothing and not spend.subscription.calls:
        print(nothing)
    else:
        _show(spend, args.limit)
    return 0


def _show(spend: Spend, limit: int) -> None:
    columns = (spend.by, "calls", "input", "cached", "written", "output", "cost", "note")
    shown = [_cells(row) for row in spend.rows[:limit]]
    total = _cells(spend.total)
    rest = len(spend.rows) - limit
    shown += [(f"… {rest} more", *[""] * (len(columns) - 1))] if rest > 0 else []
    _out.table(
        f"spend by {spend.by}, {spend.period.label}", columns, [*shown, ("total", *total[1:])]
    )
    if spend.subscription.calls:
        print(
            f"flat plans: {spend.subscription.calls:,} calls, "
            f"{_out.usd(spend.subscription.usd)} list equivalent (not money spent)"
        )


def _cells(row: Totals) -> tuple[str, ...]:
    written = row.cache_write_5m_tokens + row.cache_write_1h_tokens
    priced = row.calls > row.unpriced_calls
    return (
        row.key or "(none)",
        f"{row.calls:,}",
        _out.tokens(row.input_tokens),
        _out.tokens(row.cache_read_tokens),
        _out.tokens(written),
        _out.tokens(row.output_tokens),
        _out.usd(row.usd) if priced else "unpriced",
        note(row),
    )


def note(row: Totals) -> str:
    """What a figure does not cover, in words; empty when it covers everything."""
    marks = (
        (row.unpriced_calls, "unpriced"),
        (row.partial_calls, "partly priced"),
        (row.invalid_calls, "invalid"),
        (row.estimated_calls, "estimated"),
    )
    return ", ".join(f"{count:,} {word}" for count, word in marks if count)
