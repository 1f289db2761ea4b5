"""`finops levers`: what to change, in dollars a month."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from finops_pack.cli import _args, _out
from finops_pack.errors import InputError

if TYPE_CHECKING:
    from finops_pack.levers import Lever

HELP = "what to change (cache, batch, model, workflow) and the dollars a month it saves"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Examples: finops levers · finops levers accept ID · finops levers --done"""
    parser.add_argument("action", nargs="?", choices=("accept", "forget"), help="act on a lever")
    parser.add_argument("id", nargs="?", help="the id of the lever, as listed")
    parser.add_argument("--done", action="store_true", help="measured savings of accepted levers")
    _args.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """List, accept, forget, or compare."""
    if args.action and not args.id:
        raise InputError(f"levers {args.action} needs the id of a lever", mend="see: finops levers")
    if args.action:
        return _act(args)
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        if args.done:
            return _done(reader.levers_done(), args.json)
        found, days = reader.levers(period, **_args.where(args)), reader.days_of(period)
        nothing = reader.nothing(period, **_args.where(args))
        outside = _args.unpriced(reader, period, args)
    rows = [lever.to_dict() for lever in found]
    if args.json:
        body = {**period.to_dict(), "nothing": nothing or None, "levers": rows}
        _out.document("finops.levers", body)
        return 0
    if found:
        _show(found, days)
        accept = _args.again(args, "levers", "accept", "ID")  # which looks for it there, too
        _out.say(f"keep a baseline before you change something: {accept}")
    elif nothing:
        print(nothing)
    else:
        waste = _args.again(args, "waste")
        _out.say(f"no lever found in this period; avoidable spend: {waste}")
    _out.note("" if nothing else outside)
    return 0


def _show(found: Sequence[Lever], days: float) -> None:
    for lever in found:
        low, high = _out.usd(lever.low_usd), _out.usd(lever.high_usd)
        print(f"{_out.usd(lever.estimated_saving_usd)}/month  {lever.title}  [{lever.id}]")
        _out.say(lever.message, "  ")
        words = f"{lever.basis}, {low} to {high}; effort: {lever.effort}"
        _out.say(f"{words}; assumes: {lever.assumption}", "  ")
    span = _out.days(days)
    span = "this day was" if span == "1 day" else f"these {span} were"
    _out.say(f"a month as {span}; levers may save the same dollars twice")


def _act(args: argparse.Namespace) -> int:
    from finops_pack import admin

    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        chosen = [
            lever for lever in reader.levers(period, **_args.where(args)) if lever.id == args.id
        ]
        known = reader.levers_done()
    if args.action == "forget":
        if not admin.forget_lever(args.ledger, args.id):
            raise InputError(f"{args.id} was not accepted", mend="see: finops levers --done")
        return _said(args, "forgotten", "")
    if not chosen:
        raise InputError(f"no lever {args.id!r} in this period", mend="see: finops levers")
    if any(row["id"] == args.id for row in known):
        return _said(args, "accepted", " before; its baseline stays")
    admin.accept_lever(args.ledger, chosen[0])
    return _said(args, "accepted", f": {chosen[0].title}. Later: finops levers --done")


def _said(args: argparse.Namespace, state: str, more: str) -> int:
    if args.json:
        _out.document("finops.lever", {"id": args.id, "state": state})
    else:
        print(f"{args.id} {state}{more}")
    return 0


def _done(rows: list[dict[str, object]], as_json: bool) -> int:
    if as_json:
        _out.document("finops.levers_done", {"levers": rows})
        return 0
    if not rows:
        print("no lever was accepted yet: finops levers accept ID")
    for row in rows:
        print(f"{row['title']}  [{row['id']}], accepted {str(row['accepted_at'])[:10]}")
        estimated = _out.usd(Decimal(str(row["estimated_saving_usd"])))
        print(f"  estimated {estimated}/month, measured {row['measured_text']}")
        print(f"  n = {row['tasks']} tasks since, {row['baseline_tasks']} before{_compared(row)}")
    return 0


def _compared(row: dict[str, object]) -> str:
    """How the two are compared, and what is left out of it."""
    if row["measure"] == "day":
        return "; dollars a day, since fewer runs are the saving"
    new = row["new_tasks"]
    return "; the mix of tasks held still" + (f", {new} of a new kind left out" if new else "")
