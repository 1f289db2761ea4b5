"""`finops waste`: the avoidable dollars by category, with evidence and mend."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from finops_pack.cli import _args, _out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from finops_pack.model import Finding
    from finops_pack.waste import Unknown, Waste

HELP = "avoidable dollars by category: retries, recovery, repeats, cold cache, unused context, …"
SHOWN = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops waste --last 7d --limit 10"""
    parser.add_argument(
        "--limit", type=_args.count, default=SHOWN, help=f"findings shown ({SHOWN})"
    )
    _args.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the categories and the dearest findings, or all of it as a document."""
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        waste = reader.waste(period, **_args.where(args))
        nothing = reader.nothing(period, **_args.where(args))
        outside = _args.unpriced(reader, period, args)
    if args.json:
        findings = [_out.finding(found) for found in waste.findings]
        body = {
            **waste.to_dict(),
            "nothing": nothing or None,
            "findings": findings,
            "findings_left_out": waste.left_out,
        }
        _out.document("finops.waste", {**period.to_dict(), **body})
    elif nothing:
        print(nothing)
    else:
        _show(waste, args)
        _out.note(outside)
    return 0


def _show(waste: Waste, args: argparse.Namespace) -> None:
    if waste.categories:
        rows = list(_rows(waste))
        _out.table("avoidable", ("category", "USD", "share", "calls", "basis"), rows)
    else:
        print(f"nothing avoidable found in {_out.usd(waste.total_usd)}")
    for name, part in waste.unknown.items():
        _out.say(_unknown(name, part))
    shown = _varied(waste.findings)[: args.limit]
    for found in shown:
        print()
        _out.show_finding(found)
    more = len(waste.findings) + waste.left_out - len(shown)
    if more:
        print(f"\n… and {more:,} more: {_args.again(args, 'waste')} --json")


def _rows(waste: Waste) -> Iterator[tuple[str, ...]]:
    for name, part in waste.dearest():
        label, share = name.replace("_", " "), _share(part.usd, waste)
        yield label, _out.usd(part.usd), share, f"{part.calls:,}", part.basis
        for kind, usd in sorted(part.parts.items(), key=lambda item: -item[1]):
            yield f"  {kind.replace('_', ' ')}", _out.usd(usd), _share(usd, waste), "", ""
    yield "of all", _out.usd(waste.total_usd), "100.0%", "", ""


def _share(usd: Decimal, waste: Waste) -> str:
    return _out.percent(usd / waste.total_usd if waste.total_usd else 0, 1)


def _varied(findings: Sequence[Finding]) -> list[Finding]:
    """The dearest of every kind first, then the rest, dearest first."""
    first: dict[tuple[str, str | None], Finding] = {}
    for found in findings:
        first.setdefault((found.category, found.subtype), found)
    leading = list(first.values())
    return leading + [found for found in findings if found not in leading]


def _unknown(name: str, part: Unknown) -> str:
    why = "; ".join(part.why)
    return part.text(name) + (f" ({why})" if why else "")
