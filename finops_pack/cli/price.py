"""`finops price`: what such a call costs, with the working."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

import finops_pack
from finops_pack import admin
from finops_pack.cli import _args, _out
from finops_pack.errors import InputError
from finops_pack.model import Component, Cost, Usage
from finops_pack.money import plain

HELP = "a price with its working"
_COUNTS = {
    "input": ("input_tokens", "all input tokens, cached ones included"),
    "cache_read": ("cache_read_tokens", "of these, read from a cache"),
    "cache_write_5m": ("cache_write_5m_tokens", "of these, written to a cache for 5 minutes"),
    "cache_write_1h": ("cache_write_1h_tokens", "of these, written to a cache for an hour"),
    "output": ("output_tokens", "all output tokens"),
    "reasoning": ("reasoning_tokens", "of these, reasoning"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops price claude-sonnet-4 --input 120000 --cache-read 100000 --output 900"""
    parser.add_argument("model", help="as the provider, litellm or Bedrock writes it")
    parser.add_argument("--provider", help="who bills; without it, whoever the name says")
    for flag, (_, meaning) in _COUNTS.items():
        name = f"--{flag.replace('_', '-')}"
        parser.add_argument(name, type=_args.count, default=0, metavar="N", help=meaning)
    parser.add_argument("--at", metavar="T", help="time of the call (UTC), default now")
    for flag, form, example in (
        ("--context", "K=V", "processing=batch"),
        ("--extra", "UNIT=N", "web_search=3"),
    ):
        meaning = f"e.g. {example}"
        parser.add_argument(flag, metavar=form, action="append", default=[], help=meaning)
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Price one call; a model that nobody knows is answered with the names like it."""
    counts = {field: getattr(args, flag) for flag, (field, _) in _COUNTS.items()}
    usage = Usage(**counts, extra=_extra(args.extra))
    context = dict(_pair(text, "--context") for text in args.context)
    cost = finops_pack.price(args.model, usage, provider=args.provider, at=args.at, context=context)
    tables = admin.rate_tables()
    known = tables.on_file(args.model, args.provider)
    near = [] if known else tables.near(args.model, args.provider)
    behind = tables.unit_prices(cost.rate_id) if cost.rate_id else {}
    if args.json:
        _out.document("finops.price", _body(cost, near, behind))
        return 0
    _show(args.model, cost, behind)
    if near:
        print(f"  on file are: {', '.join(near)}")
        alias = shlex.quote(f"{args.model}={near[0]}")
        print(f"  the same under another name? finops rates alias {alias}")
    if not known and args.model.strip():
        print(f"  a price of your own: {tables.suggestion(args.model, args.provider)}")
    return 0


def _pair(text: str, flag: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key or not value:
        raise InputError(f"{flag} {text!r} is not KEY=VALUE")
    return key, value


def _extra(pairs: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for unit, text in (_pair(pair, "--extra") for pair in pairs):
        try:
            counts[unit] = int(text)
        except ValueError:
            raise InputError(f"--extra {unit}={text}: not a whole number") from None
    return counts


def _body(cost: Cost, near: list[str], behind: dict[str, Any]) -> dict[str, Any]:
    return {
        "state": cost.state,
        "usd": None if cost.usd is None else plain(cost.usd),
        "rate_id": cost.rate_id,
        "components": [_component(part) for part in cost.components],
        "missing": list(cost.missing),
        "reason": cost.reason,
        "source": behind.get("source"),
        "checked": behind.get("checked"),
        "near": near,
    }


def _component(part: Component) -> dict[str, Any]:
    count, price = ("tokens", "usd_per_mtok")
    if part.unit != "tokens":
        count, price = ("quantity", "usd_per_hour" if part.unit == "hour" else "usd_each")
    return {
        "kind": part.kind,
        count: part.quantity,
        price: plain(part.usd_per_mtok),
        "usd": plain(part.usd),
    }


def _show(model: str, cost: Cost, behind: dict[str, Any]) -> None:
    if cost.components:
        rows = [_row(part) for part in cost.components]
        _out.table(model, ("", "count", "USD per unit", "USD"), rows)
    amount = "unpriced" if cost.usd is None else f"{plain(cost.usd)} USD"
    print(f"{model}: {amount}" + (f" ({cost.state})" if cost.state in ("free", "partial") else ""))
    if cost.reason:
        print(f"  {cost.reason}")
    if behind:
        if not cost.components:
            prices = behind["unit_prices"].items()
            print(f"  USD per Mtok (or unit): {', '.join(f'{kind} {usd}' for kind, usd in prices)}")
        print(f"  rate {cost.rate_id}: {behind['source']}, checked {behind['checked']}")


def _row(part: Component) -> tuple[str, str, str, str]:
    unit = "Mtok" if part.unit == "tokens" else part.unit
    price = f"{plain(part.usd_per_mtok)}/{unit}"
    return part.kind, f"{part.quantity:,}", price, plain(part.usd)
