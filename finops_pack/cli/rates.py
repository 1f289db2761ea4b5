"""`finops rates`: the tables of prices, what is wrong with them, and prices of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from finops_pack import admin, config
from finops_pack.cli import _out
from finops_pack.errors import InputError, RatesError
from finops_pack.money import plain

HELP = "the tables of prices: list, check, refresh, alias, set"
PUBLISHED = (  # where genai-prices has its own clients look
    "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/"
    "prices/new_data/v2/data.json"
)
_KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops rates alias my-deployment=gpt-4o"""
    actions = parser.add_subparsers(dest="action", required=True)
    listed = actions.add_parser("list", help="the tables in force, or one provider's prices")
    listed.add_argument("--provider", help="the prices of this provider, as of now")
    checked = actions.add_parser("check", help="name every mistake with file, line and mend")
    checked.add_argument("files", nargs="*", type=Path, help="default: all tables in force")
    refreshed = actions.add_parser("refresh", help="take a newer snapshot of public prices")
    refreshed.add_argument("--from", dest="origin", metavar="FILE|URL", help="where it lies")
    alias = actions.add_parser("alias", help="price a name of your own as a model on file")
    alias.add_argument("pairs", nargs="+", metavar="NAME=MODEL")
    _add_set(actions.add_parser("set", help="a price of your own for a model"))
    for action in (listed, checked, refreshed, alias, actions.choices["set"]):
        action.add_argument("--json", action="store_true", help="one JSON document")


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model")
    parser.add_argument("--provider", help="who bills; any name for a server of your own")
    for kind in _KINDS:
        flag = f"--{kind.replace('_', '-')}"
        parser.add_argument(flag, metavar="USD", help=f"per million {kind} tokens")
    parser.add_argument("--per-request", metavar="USD")
    parser.add_argument("--per-hour", metavar="USD")
    parser.add_argument("--unit", action="append", default=[], metavar="UNIT=USD")
    parser.add_argument(
        "--since",
        metavar="DATE",
        help="in force from this day (UTC) on; what was set before ends then",
    )
    parser.add_argument("--source", default="set by hand", help="where the price stands")


def run(args: argparse.Namespace) -> int:
    """Do one of the five; 2 when `check` refuses a table."""
    return int(_ACTIONS[args.action](args))


def _list(args: argparse.Namespace) -> int:
    tables = admin.rate_tables()
    prices = [_price(*found) for found in tables.models(args.provider)] if args.provider else []
    sources: list[Any] = tables.sources()
    problems: list[RatesError] = tables.problems()
    version, date, digest, age = tables.snapshot_info()
    if args.json:
        snapshot = {"version": version, "date": date, "sha256": digest, "age_days": age}
        files = [{"layer": s.layer, "file": s.file, "models": s.models} for s in sources]
        said = [_mistake(problem) for problem in problems]
        body = {"snapshot": snapshot, "tables": files, "models": prices, "problems": said}
        _out.document("finops.rates", body)
        return 0
    if prices:
        rows = [(row["model"], _shown(row["unit_prices"])) for row in prices]
        _out.table(f"{args.provider}, now, USD per million tokens", ("model", "prices"), rows)
    else:
        shown = [(s.layer, str(s.models), s.file) for s in sources]
        _out.table("tables, strongest first", ("layer", "models", "file"), shown)
        print(f"snapshot: {version}, checked {date} ({_out.count(age, 'day')} ago)")
        print("one provider's prices: finops rates list --provider NAME")
    for problem in problems:
        _out.failure(problem, as_json=False)
    return 0


def _mistake(error: RatesError) -> dict[str, str | None]:
    return {"message": str(error), "mend": error.mend}


def _price(provider: str, model: str, rate: Any) -> dict[str, Any]:
    prices = {kind: plain(usd) for kind, usd in rate.prices.items()} if rate else {}
    return {"provider": provider, "model": model, "unit_prices": prices}


def _shown(prices: dict[str, str]) -> str:
    return ", ".join(f"{kind} {usd}" for kind, usd in prices.items()) or "no price now"


def _check(args: argparse.Namespace) -> int:
    refused = admin.rate_tables().check(args.files)
    if args.json:
        mistakes = [_mistake(error) for error in refused]
        _out.document("finops.rates.check", {"ok": not refused, "mistakes": mistakes})
    elif not refused:
        print("all tables are sound")
    else:
        for error in refused:
            _out.failure(error, as_json=False)
    return 2 if refused else 0


def _refresh(args: argparse.Namespace) -> int:
    origin = args.origin or config.load().rates_url
    if not origin:
        mend = f"finops rates refresh --from {PUBLISHED} (or a file of it, or of a snapshot)"
        raise InputError("it is not said from where", mend=mend)
    fresh = admin.rate_tables().refresh(origin)
    if args.json:
        head = {"version": fresh.version, "date": fresh.date, "sha256": fresh.sha256}
        counts = {"models": fresh.models, "changed": fresh.changed, "gone": fresh.gone}
        body = {"snapshot": head, **counts}
        _out.document("finops.rates.refresh", body)
    else:
        print(f"{fresh.models:,} models, {fresh.gone:,} gone, {fresh.changed:,} new or changed")
        print(f"as of {fresh.date}")
        print("calls already booked keep their price: finops reprice shows what would change")
    return 0


def _alias(args: argparse.Namespace) -> int:
    pairs: dict[str, str] = {}
    for text in args.pairs:
        name, equals, model = text.partition("=")
        if not equals or not name.strip() or not model.strip():
            raise InputError(f"{text!r} is not NAME=MODEL", mend="e.g. my-deployment=gpt-4o")
        pairs[name] = model.strip()
    tables = admin.rate_tables()
    shadowed = [name for name in pairs if tables.on_file(name)]
    path = tables.alias(pairs)
    for name in shadowed:
        _out.warn(f"{name} had a price before; from now on it costs what {pairs[name]} does")
    return _written(args, path)


def _set(args: argparse.Namespace) -> int:
    prices = {kind: text for kind in _KINDS if (text := getattr(args, kind)) is not None}
    if args.per_request is not None:
        prices["request"] = args.per_request
    if args.per_hour is not None:
        prices["per_hour"] = args.per_hour
    for text in args.unit:
        _add_unit(prices, text)
    tables = admin.rate_tables()
    had_one = tables.on_file(args.model, args.provider)
    path = tables.set_price(
        args.model, prices, provider=args.provider, since=args.since, source=args.source
    )
    if had_one:
        _out.warn(f"it is the price of {args.model} alone: names with a date in them keep theirs")
    return _written(args, path)


def _add_unit(prices: dict[str, str], text: str) -> None:
    unit, equals, usd = text.partition("=")
    if not equals:
        raise InputError(f"--unit {text!r} is not UNIT=USD", mend="e.g. web_search=0.01")
    if unit in (*_KINDS, "per_hour"):
        flag = f"--{unit.replace('_', '-')}"
        raise InputError(f"--unit {text!r}: {unit} is no unit", mend=f"give it as {flag} {usd}")
    if unit in prices:
        raise InputError(f"--unit {text!r}: {unit} is priced twice", mend="name each unit once")
    prices[unit] = usd


def _written(args: argparse.Namespace, path: Path) -> int:
    if args.json:
        _out.document("finops.rates.written", {"file": str(path)})
    else:
        print(f"written: {path}")
        print("calls already booked keep their price: finops reprice shows what would change")
    return 0


_ACTIONS = {"list": _list, "check": _check, "refresh": _refresh, "alias": _alias, "set": _set}
