"""`finops forensics`: which tasks went wrong, how, and what it cost."""

from __future__ import annotations

import argparse
from decimal import Decimal

from finops_pack.cli import _args, _out

HELP = "failure modes: input explosion, verbosity, retry cascades, tool-call avalanches"
SHOWN = 10


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops forensics --last 30d --relations"""
    parser.add_argument("--relations", action="store_true", help="latency and errors by model")
    _args.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings, dearest first."""
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        findings = reader.forensics(period, only=args.task, **_others(args))
        relations = reader.relations(period, **_args.where(args)) if args.relations else []
        outside = _args.unpriced(reader, period, args)
        nothing = reader.nothing(period, **_args.where(args))
    if args.json:
        body = {
            **period.to_dict(),
            "nothing": nothing or None,
            "findings": [_out.finding(f) for f in findings],
            "relations": [row.to_dict() for row in relations],
        }
        _out.document("finops.forensics", body)
        return 0
    if not findings:
        print(nothing or "no failure mode seen in this period")
    for found in findings[:SHOWN]:
        _out.show_finding(found)
    if len(findings) > SHOWN:
        all_of_them = _args.again(args, "forensics")
        print(f"… and {len(findings) - SHOWN} more; all of them: {all_of_them} --json")
    _out.show_overlap(findings[:SHOWN])
    if relations:
        _out.table(_RELATIONS, _COLUMNS, [_cells(row.to_dict()) for row in relations])
    _out.note(outside if findings or relations else "")
    return 0


def _others(args: argparse.Namespace) -> dict[str, str]:
    """One task is judged against all of its project, not against itself."""
    return {name: value for name, value in _args.where(args).items() if name != "task"}


_RELATIONS = "latency, how its rank goes with tokens (-1 to 1), and what failed or was rejected"
_COLUMNS = ("model", "action", "calls", "p50 s", "p95 s", "with output", "with input", "errors")


def _cells(row: dict[str, object]) -> tuple[str, ...]:
    def number(key: str, scale: float = 1) -> str:
        value = row[key]
        return "" if not isinstance(value, int | float) else f"{value / scale:.2f}"

    return (
        str(row["model"]),
        str(row["action"]),
        f"{row['calls']:,}",
        number("p50_ms", 1000),
        number("p95_ms", 1000),
        number("latency_output"),
        number("latency_input"),
        " of ".join(_out.usd(Decimal(str(row[name]))) for name in ("error_usd", "usd")),
    )
