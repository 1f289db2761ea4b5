"""`finops cache`: how warm the prompt cache is, and what the cold calls cost."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from finops_pack.cli import _args, _out

if TYPE_CHECKING:
    from finops_pack.cache import CacheReport

HELP = "hit rate against what was attainable, write share, cold calls and why"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops cache --last 7d"""
    _args.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        report = reader.cache(period, **_args.where(args))
    if args.json:
        _out.document("finops.cache", {**period.to_dict(), **report.to_dict()})
    elif not report.calls:
        print(reader.nothing(period, **_args.where(args)))
    else:
        _show(report)
    return 0


def _show(report: CacheReport) -> None:
    print(
        f"{report.state} cache: hit rate {_share(report.hit)}, attainable "
        f"{_share(report.attainable)}, warmth {_share(report.warmth)} (target 95 %)"
    )
    print(
        f"writes: {_share(report.writes.token_share)} of input tokens, "
        f"{_share(report.writes.usd_share)} of dollars; granted "
        + ", ".join(f"{ttl} {count:,} tokens" for ttl, count in report.writes.granted.items())
    )
    print(f"saved against cold starts, net of writes: {_out.usd(report.saved_usd)} (estimated)")
    causes = report.cold_by_cause()
    if causes:
        rows = [
            (cause.replace("_", " "), str(count), _out.usd(usd))
            for cause, (count, usd) in sorted(causes.items(), key=lambda item: -item[1][1])
        ]
        _out.table("cold calls", ("cause", "calls", "lost (estimated)"), rows)
    bands = [
        (row.band, str(row.calls), _share(row.warmth), _points(row.trend)) for row in report.decay
    ]
    _out.table("warmth by pause", ("pause", "calls", "warmth", "trend"), bands)
    if report.overlap is not None:
        print(f"sessions share {_share(report.overlap)} of their prefix with the one before")
    for upcoming in report.next[:3]:
        print(f"session {upcoming.session}: {upcoming.text}")


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _points(value: float | None) -> str:
    return "" if value is None else f"{value * 100:+.0f} points"
