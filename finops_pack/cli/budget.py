"""`finops budget`: what is left, whether a cost fits, and the budgets themselves."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation

from finops_pack.cli import _args, _out
from finops_pack.errors import ConfigError, InputError
from finops_pack.query import BudgetLine
from finops_pack.query.text import budget_lines, left

HELP = "what is left and when it runs out; check a cost; set, list, rm"
ACTIONS = ("show", "check", "set", "list", "rm")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Examples: finops budget · finops budget check --cost 0.40 · finops budget set "5 USD/day" """
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="show", help="default: show")
    parser.add_argument("spec", nargs="*", help='set: "5 USD/day [soft] [project=NAME]"; rm: ID')
    parser.add_argument("--cost", metavar="USD", help="check: an amount")
    parser.add_argument("--model", help="check: a call of this model")
    parser.add_argument("--provider", help="check: its provider")
    parser.add_argument(
        "--input", type=_args.count, default=0, metavar="N", help="check: input tokens"
    )
    parser.add_argument(
        "--output", type=_args.count, default=0, metavar="N", help="check: output tokens"
    )
    parser.add_argument("--unpriced", choices=("refuse", "warn"), default="refuse",
                        help="set: calls without a price")  # fmt: skip
    parser.add_argument("--reserve-for-answer", metavar="USD", default="0",
                        help="set: held back for a final answer")  # fmt: skip
    parser.add_argument("--fail-over", nargs="?", const=100, type=int, metavar="PCT",
                        help="exit 1 from this percentage on (default 100)")  # fmt: skip
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """Dispatch on the action; a budget needs no quotes."""
    args.spec = " ".join(args.spec)
    actions = {"show": _show, "list": _list, "check": _check, "set": _set, "rm": _remove}
    return actions[args.action](args)


def _show(args: argparse.Namespace) -> int:
    with _args.reader(args) as reader:
        view = reader.budget()
        said = budget_lines(view)
    if args.json:
        _out.document("finops.budget", {"allowed": None, "advice": None, **view.to_dict()})
    else:
        for line in said:
            _out.say(line, below="  ")
    return _exit(view.lines, args.fail_over)


def _list(args: argparse.Namespace) -> int:
    with _args.reader(args) as reader:
        view = reader.budget()
    if args.json:
        _out.document("finops.budgets", {"budgets": view.to_dicts()})
    elif not view.lines:
        print('no budget is set; set one: finops budget set "5 USD/day"')
    else:
        rows = [(line.id, line.spec, *_amounts(line)) for line in view.lines]
        _out.table("budgets", ("id", "budget", "spent", "left"), rows)
    return _exit(view.lines, args.fail_over)


def _amounts(line: BudgetLine) -> tuple[str, str]:
    if not line.clocked:
        return "", f"{_out.usd(line.limit_usd)} each"
    return _out.usd(line.spent_usd), left(line).removesuffix(" left")  # as the column is called


def _exit(found: tuple[BudgetLine, ...], percent: int | None) -> int:
    if percent is None:
        return 0
    return int(any(line.used * 100 >= percent for line in found))


def _check(args: argparse.Namespace) -> int:
    if (args.cost is None) == (args.model is None):
        raise InputError("budget check needs --cost USD, or --model M --input N --output N")
    with _args.reader(args) as reader:
        if args.cost is not None:
            answer = reader.check(_amount("--cost", args.cost))
        else:
            answer = reader.check(
                model=args.model,
                tokens_in=args.input,
                tokens_out=args.output,
                provider=args.provider,
            )
    if args.json:
        _out.document("finops.budget", answer.to_dict())
    else:
        print(answer.text)
    return int(args.fail_over is not None and not answer.allowed)


def _amount(flag: str, text: str) -> Decimal:
    try:
        amount = Decimal(text.lstrip("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise InputError(f"{flag} {text!r} is not an amount in USD", mend="e.g. --cost 0.40")
    return amount


def _set(args: argparse.Namespace) -> int:
    from finops_pack import admin

    if not args.spec:
        raise InputError("budget set needs a budget", mend='e.g. finops budget set "5 USD/day"')
    reserve = _amount("--reserve-for-answer", args.reserve_for_answer)
    budget = admin.set_budget(args.ledger, args.spec, unpriced=args.unpriced, reserve_usd=reserve)
    if args.json:
        _out.document("finops.budget_set", {"id": budget.id, **budget.to_dict()})
    else:
        kind = "hard: calls beyond it are refused" if budget.hard else "soft: warns only"
        print(f"set {budget} ({kind}); its id is {budget.id}")
        if where := _elsewhere(budget.id):
            print(f"not in force here: the one in {where} comes before it")
    return 0


def _elsewhere(budget_id: str) -> str:
    """Where the settings of this place have a budget of that id; it comes before the ledger's."""
    from finops_pack import config
    from finops_pack.budgets import parse

    settings = config.load()
    where = settings.sources.get("budget", "")
    try:
        return where if budget_id in {parse(spec, where).id for spec in settings.budget} else ""
    except ConfigError:
        return ""  # what cannot be read is in no force


def _remove(args: argparse.Namespace) -> int:
    from finops_pack import admin

    if not args.spec:
        raise InputError("budget rm needs the ID of a budget", mend="see: finops budget list")
    if not admin.remove_budget(args.ledger, args.spec):
        where = _elsewhere(args.spec)
        mend = f"it stands in {where}: take it out there" if where else "see: finops budget list"
        raise InputError(f"no budget {args.spec!r} in this ledger", mend=mend)
    if args.json:
        _out.document("finops.budget_rm", {"id": args.spec})
    else:
        print(f"removed {args.spec}")
    return 0
