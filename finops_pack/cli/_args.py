"""Flags that commands share, and what they stand for."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, get_args

from finops_pack import config
from finops_pack.model import BillingMode

if TYPE_CHECKING:  # not every command reads: the read API is 7 ms of a cold start
    from finops_pack.query import Period, Reader


def add_common(
    parser: argparse.ArgumentParser,
    *,
    last: str | None = "7d",
    plans: str = "flat plans (subscription) are left out unless asked for",
) -> None:
    """The period, what narrows it, `--ledger`, `--json`."""
    parser.set_defaults(default_last=last)
    parser.add_argument("--last", metavar="7d", help="days (7d) or hours (12h) back from now")
    parser.add_argument("--since", metavar="DATE", help="from this date or time on")
    parser.add_argument("--until", metavar="DATE", help="before this date or time")
    parser.add_argument("--project", help="only this project")
    parser.add_argument("--task", help="only this task")
    parser.add_argument(
        "--billing",
        choices=get_args(BillingMode),
        help=f"only calls paid so; {plans}",
    )
    add_ledger(parser)


def add_ledger(parser: argparse.ArgumentParser) -> None:
    """`--ledger` and `--json`."""
    parser.add_argument(
        "--ledger", metavar="URL", help="a path, postgresql://… or a server's https://…"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")


def reader(args: argparse.Namespace) -> Reader:
    """The ledger asked for, drained; a context manager. Says what is still pending."""
    from finops_pack import query

    opened = query.open(args.ledger)
    if opened.pending_calls and not args.json:
        not_booked(opened.pending_calls)
    return opened


def not_booked(lines: int) -> None:
    """Say that what is shown lacks something; a call may have several lines."""
    from finops_pack.cli import _out

    _out.warn(f"{_out.count(lines, 'recorded line')} not booked yet: finops drain")


def period(args: argparse.Namespace, opened: Reader) -> Period:
    """The period asked for, else the command's default, in the ledger's time zone."""
    from finops_pack.query import Period

    last = args.last
    if last is None and not args.since and not args.until:
        last = args.default_last
    return Period.of(last, args.since, args.until, zone=opened.zone)


def where(args: argparse.Namespace) -> dict[str, str]:
    """The narrowing flags that were given."""
    names = ("project", "task", "billing")
    return {name: value for name in names if (value := getattr(args, name, None))}


def again(args: argparse.Namespace, *first: str) -> str:
    """What to type next, of the period and the calls that were asked about: `finops waste …`."""
    return command(*first, *args.words[1:])


def command(*words: str) -> str:
    """A command to be pasted; a password that stands in a URL of it is not said again."""
    return shlex.join(["finops", *map(_bare, words)])


def _bare(word: str) -> str:
    _, _, address = word.partition("://")
    secret = ":" in address.rpartition("@")[0] or "password=" in address
    return config.bare(word) if secret else word


def plan(args: argparse.Namespace) -> str:
    """That the amounts are no money spent; empty where they are."""
    flat = args.billing == "subscription"
    return "list equivalent of flat plans, not money spent" if flat else ""


def unpriced(opened: Reader, period: Period, args: argparse.Namespace) -> str:
    """What no figure of these calls holds, in words, and whether they are money at all.

    Empty when all have a price that somebody pays.
    """
    from finops_pack.query import text

    total = opened.spend("model", period, **where(args)).total
    parts = (plan(args) if total.calls else "", text.outside(total))
    said = "; ".join(filter(None, parts))
    return f"* {said}" if said else ""


def count(text: str) -> int:
    """A whole number, 0 or more: the type of token counts."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def rate(text: str) -> float:
    """So many a second: above 0, or nothing would ever be let in."""
    number = float(text)
    if not 0 < number < 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1,000,000")
    return number


def port(text: str) -> int:
    """A TCP port; 0 means any that is free."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 65535")
    return number
