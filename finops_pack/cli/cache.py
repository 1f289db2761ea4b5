"""`finops cache`: how warm the prompt cache is, and what the cold calls cost."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from finops_pack.cli import _args, _out

if TYPE_CHECKING:
    from finops_pack.cache import CacheReport, Lost

HELP = "hit rate against what was attainable, write share, cold calls and why"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops cache --last 7d"""
    _args.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        report = reader.cache(period, **_args.where(args))
        nothing = reader.nothing(period, **_args.where(args))
        outside = _args.unpriced(reader, period, args)
    if args.json:
        body = {**period.to_dict(), "nothing": nothing or None, **report.to_dict()}
        _out.document("finops.cache", body)
    elif not report.calls:
        print(nothing or "no prompts in this period")
    else:
        _show(report, args)
        _out.note(outside)
    return 0


def _show(report: CacheReport, args: argparse.Namespace) -> None:
    _out.say(
        f"{report.state} cache: hit rate {_share(report.hit)}, attainable within sessions "
        f"{_share(report.attainable)}, warmth (hits of attainable) {_share(report.warmth)}, "
        "target 95%"
    )
    if report.unseen_calls:
        left_out = _out.count(report.unseen_calls, "call")
        _out.say(f"without {left_out} of estimated tokens: what was read of them is unknown")
    _out.say(
        f"writes: {_share(report.writes.token_share)} of input tokens, "
        f"{_share(report.writes.usd_share)} of dollars; granted "
        + ", ".join(f"{ttl} {count:,} tokens" for ttl, count in report.writes.granted.items())
    )
    _out.say(f"saved against cold starts, net of writes: {_out.usd(report.saved_usd)} (estimated)")
    _show_lost(report, _args.again(args, "waste"))
    bands = [
        (row.band, str(row.calls), _share(row.warmth), _points(row.trend)) for row in report.decay
    ]
    _out.table("warmth by pause", ("pause", "calls", "warmth", "trend"), bands)
    if report.overlap is not None:
        print(f"sessions share {_share(report.overlap)} of their prefix with the one before")
    _show_sources(report)
    for upcoming in report.next[:3]:
        _out.say(f"session {upcoming.session} on {upcoming.model}: {upcoming.text}")


def _show_lost(report: CacheReport, waste: str) -> None:
    """Prefixes paid again, by cause; beside them the calls that read nothing at all."""
    lost, cold = {row.cause: row for row in report.lost}, report.cold_by_cause
    if not lost and not cold:
        return
    rows = [
        (
            cause.replace("_", " "),
            f"{row.calls:,}" if row else "",
            f"{cold[cause][0]:,}" if cause in cold else "",
            _out.tokens(row.tokens) if row else "",
            _lost(row) if row else "",
        )
        for cause in [*lost, *(cause for cause in cold if cause not in lost)]
        for row in [lost.get(cause)]
    ]
    columns = ("cause", "calls", "cold calls", "tokens", "lost")
    _out.table("prefixes paid again", columns, rows)
    print(f"in all {_in_all(report)}; what counts of it: {waste}")


def _in_all(report: CacheReport) -> str:
    tokens = sum(row.tokens for row in report.lost)
    unpriced = sum(row.unpriced_tokens for row in report.lost)
    priced = not unpriced or unpriced < tokens
    usd = [f"{_out.usd(report.lost_usd)} more than reads"] if priced else []
    blind = [f"{_out.tokens(unpriced)} tokens without a price"] if unpriced else []
    return " and ".join([*usd, *blind])


def _lost(row: Lost) -> str:
    return "no price" if row.unpriced_tokens == row.tokens else _out.usd(row.usd)


def _show_sources(report: CacheReport) -> None:
    if report.sources:
        rows = [
            (row.name, f"{row.sessions:,}", f"{row.calls:,}", _out.tokens(row.tokens),
             _share(row.overlap), _out.usd(row.usd))
            for row in report.sources
        ]  # fmt: skip
        columns = ("source", "sessions", "calls", "tokens", "as before", "cost (estimated)")
        _out.table("sources of context that you named", columns, rows)


def _share(value: float | None) -> str:
    return "unknown" if value is None else _out.percent(value, 1)


def _points(value: float | None) -> str:
    return "" if value is None else f"{value * 100:+.0f} points"
