"""Rate tables: YAML in the format of `finops-rates/1`, checked and compiled.

    schema: finops-rates/1
    provider: anthropic
    models:
      - id: claude-sonnet-4
        match: {equals: [claude-sonnet-4-20250514]}
        prices:
          - effective_from: null          # UTC, inclusive; null: always
            source: https://…
            checked: "2026-11-23"
            per_mtok: {input: "3", output: "15", cache_read: "0.30"}

Also: `tiers`, `variants`, `schedule`, `fallback: input`, `per_unit`, `per_request`,
`per_hour`, `regions`, and beside `models`: `aliases`, `provider_aliases`, `overrides`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from finops_pack.model import EXTRA_UNITS
from finops_pack.money import plain
from finops_pack.rates import names
from finops_pack.rates.convert import split_pattern
from finops_pack.rates.document import Node, parse
from finops_pack.rates.entries import BEGIN, END, instant
from finops_pack.rates.rate import INSIDE, TOKEN_KINDS

SCHEMA = "finops-rates/1"
_ROOT = {
    "schema", "currency", "provider", "provider_aliases", "aliases", "models", "overrides",
    "cache_rules", "alternatives",
}  # fmt: skip
_MODEL = {"id", "match", "prices", "variants", "regions", "until_refreshed"}
_PRICE = {
    "effective_from", "effective_to", "source", "checked", "note", "per_mtok", "per_unit",
    "per_request", "per_hour", "tiers", "variants", "schedule", "fallback",
}  # fmt: skip
_VARIANT = {
    "when", "multiplier", "of", "per_mtok", "effective_from", "effective_to", "source", "checked",
    "note",
}  # fmt: skip
_MTOK_KINDS = {*TOKEN_KINDS, *INSIDE}
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_DAYS = re.compile(r"([1-7])(?:-([1-7]))?")


def compile_table(content: bytes, file: str) -> dict[str, Any]:
    """A YAML table in compiled form; raises `RatesError` naming file, line, field and mend."""
    root = parse(content, file)
    keys = root.mapping(_ROOT, ("schema",))
    keys["schema"].choice({SCHEMA})
    if "currency" in keys:
        keys["currency"].choice({"USD"})
    owned = {"models", "cache_rules", "alternatives", "provider_aliases"} & set(keys)
    if owned and "provider" not in keys:
        root.fail("'provider' is missing", "say whose these are, e.g. provider: openai")
    provider = names.spelled(keys["provider"].text()) if "provider" in keys else None
    table: dict[str, Any] = {"provider": provider}
    if "provider_aliases" in keys:
        table["provider_aliases"] = [n.text().lower() for n in keys["provider_aliases"].list()]
    if "aliases" in keys:
        targets = keys["aliases"].names()
        table["aliases"] = {name.strip().lower(): n.text() for name, n in targets.items()}
    if "models" in keys:
        table["models"] = list(_models(keys["models"]))
    if "overrides" in keys:
        table["overrides"] = list(_overrides(keys["overrides"]))
    if "cache_rules" in keys:
        table["cache_rules"] = list(_cache_rules(keys["cache_rules"]))
    if "alternatives" in keys:
        table["alternatives"] = [n.text() for n in keys["alternatives"].list()]
    return table


def _models(node: Node) -> Iterator[dict[str, Any]]:
    taken: dict[str, str] = {}
    for item in node.list():
        keys = item.mapping(_MODEL, ("id",))
        if "prices" not in keys and "variants" not in keys:
            item.fail("'prices' is missing", "add prices, or variants of the prices on file")
        entry: dict[str, Any] = {"id": keys["id"].text(), **_match(keys)}
        for name in (*entry["names"], *map(str, entry.get("patterns", ()))):
            if name in taken:
                item.fail(f"{name!r} is claimed by {taken[name]!r} too", "keep it in one of them")
            taken[name] = entry["id"]
        if _true(keys, "until_refreshed"):
            entry["until_refreshed"] = True
        if "regions" in keys:
            globs = [fnmatch.translate(n.text().lower()) for n in keys["regions"].list()]
            entry["regions"] = "|".join(globs)
        if "prices" in keys:
            entry["periods"] = _periods(keys["prices"])
        if "variants" in keys:
            entry["variants"] = [_variant(v, dated=True) for v in keys["variants"].list()]
        yield entry


def _match(keys: dict[str, Node]) -> dict[str, Any]:
    exact = [keys["id"].text().lower()]
    patterns: list[list[str]] = []
    if "match" in keys:
        match = keys["match"].mapping({"equals", "regex"})
        exact += [n.text().lower() for n in match["equals"].list()] if "equals" in match else []
        texts = [n.regex() for n in match["regex"].list()] if "regex" in match else []
        patterns = [split_pattern(t.removeprefix("^").removesuffix("$")) for t in texts]
    found: dict[str, Any] = {"names": list(dict.fromkeys(exact))}
    return {**found, "patterns": patterns} if patterns else found


def _periods(node: Node) -> list[dict[str, Any]]:
    spans, periods = _Spans(), []
    for item in node.list():
        period = _period(item)
        spans.take(item, period)
        periods.append(period)
    if not periods:
        node.fail("must hold at least one period")
    return periods


def _period(item: Node) -> dict[str, Any]:
    keys = item.mapping(_PRICE, ("source", "checked"))
    prices = _per_mtok(keys["per_mtok"]) if "per_mtok" in keys else {}
    if "tiers" in keys:
        _add_tiers(keys["tiers"], prices)
    if "fallback" in keys:
        keys["fallback"].choice({"input"})
        for kind in ("cache_read", "cache_write_5m", "cache_write_1h"):
            prices.setdefault(kind, prices.get("input") or keys["fallback"].fail("no input price"))
    prices |= _units(keys)
    period: dict[str, Any] = {**_dated(keys), "prices": prices}
    if "schedule" in keys:
        period["schedule"] = [_window(node) for node in keys["schedule"].list()]
    if "variants" in keys:
        period["variants"] = [_variant(node) for node in keys["variants"].list()]
    return period


def _true(keys: dict[str, Node], name: str) -> bool:
    return name in keys and keys[name].choice({"true", "false"}) == "true"


def _dated(keys: dict[str, Node]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, short in (("effective_from", "from"), ("effective_to", "to")):
        if key in keys:
            found[short] = keys[key].time()
    if "checked" in keys:
        found["checked"] = keys["checked"].time()[:10]
    if "source" in keys:
        found["source"] = keys["source"].text()
    return found


def _per_mtok(node: Node) -> dict[str, Any]:
    if node.value == {}:  # on purpose: what stood below is not to be believed for this time
        return {}
    return {kind: price.amount() for kind, price in node.mapping(_MTOK_KINDS).items()}


def _units(keys: dict[str, Node]) -> dict[str, str]:
    units: dict[str, str] = {}
    if "per_unit" in keys:
        for unit, node in keys["per_unit"].names().items():
            if unit in _MTOK_KINDS:
                node.fail("is priced per million tokens", "move it to per_mtok")
            if unit not in EXTRA_UNITS and not re.fullmatch(r"[a-z][a-z0-9_]*", unit):
                node.fail("not the name of a unit", f"e.g. {', '.join(EXTRA_UNITS)}")
            units[unit] = node.amount()
    if "per_request" in keys:
        units["request"] = keys["per_request"].amount()
    if "per_hour" in keys:
        units["compute_seconds"] = keys["per_hour"].amount()
    return units


def _add_tiers(node: Node, prices: dict[str, Any]) -> None:
    steps: dict[int, tuple[Node, dict[str, str]]] = {}
    known = {"above_input_tokens", "inclusive", "mode", "per_mtok"}
    for item in node.list():
        keys = item.mapping(known, ("above_input_tokens", "per_mtok"))
        if "mode" in keys:
            keys["mode"].choice({"cliff"})
        inclusive = _true(keys, "inclusive")
        above = keys["above_input_tokens"].whole() - inclusive
        if not above:
            item.fail("a tier must begin above one token")
        if above in steps:
            item.fail("a second tier at the same size")
        steps[above] = (item, _per_mtok(keys["per_mtok"]))
    for above, (item, tier) in sorted(steps.items()):
        for kind, price in tier.items():
            if kind not in prices:
                item.fail(f"{kind} has no price below this tier", "add it to per_mtok")
            base = prices[kind]
            prices[kind] = [*(base if isinstance(base, list) else [base]), above, price]


def _window(item: Node) -> dict[str, Any]:
    keys = item.mapping({"utc", "weekdays", "per_mtok"}, ("utc", "per_mtok"))
    clock = _CLOCK.fullmatch(keys["utc"].text())
    if not clock:
        keys["utc"].fail("must be hours of the day", 'e.g. "01:00-04:00"')
    h1, m1, h2, m2 = map(int, clock.groups())
    window: dict[str, Any] = {
        "utc": [h1 * 60 + m1, h2 * 60 + m2],
        "prices": _per_mtok(keys["per_mtok"]),
    }
    if "weekdays" in keys:
        window["weekdays"] = sorted({d for n in keys["weekdays"].list() for d in _weekdays(n)})
    return window


def _weekdays(node: Node) -> range:
    days = _DAYS.fullmatch(node.text())
    if not days:
        node.fail("must be days of the week", "1 is Monday, 7 Sunday: [1-5] or [6, 7]")
    first, last = int(days.group(1)), int(days.group(2) or days.group(1))
    if first > last:
        node.fail("the first day must not come after the last", "e.g. [6-7, 1]")
    return range(first, last + 1)


def _variant(item: Node, *, dated: bool = False) -> dict[str, Any]:
    needed = ("when", "source", "checked") if dated else ("when",)
    keys = item.mapping(_VARIANT, needed)
    if "multiplier" not in keys and "per_mtok" not in keys:
        item.fail("'multiplier' or 'per_mtok' is missing")
    when = {key: node.text() for key, node in keys["when"].names().items()}
    variant: dict[str, Any] = {"when": when, **_dated(keys)}
    if "multiplier" in keys:
        variant["multiplier"] = keys["multiplier"].amount()
        kinds = [n.choice(TOKEN_KINDS) for n in keys["of"].list()] if "of" in keys else TOKEN_KINDS
        variant["of"] = list(kinds)
    if "per_mtok" in keys:
        variant["prices"] = _per_mtok(keys["per_mtok"])
    return variant


def _overrides(node: Node) -> Iterator[dict[str, Any]]:
    known = {"match", "discount_pct", "contract", "effective_from", "effective_to"}
    taken: dict[str, _Spans] = {}
    for item in node.list():
        keys = item.mapping(known, ("match", "discount_pct"))
        percent = Decimal(keys["discount_pct"].amount())
        if percent > 100:
            keys["discount_pct"].fail("must be at most 100")
        match = keys["match"].text().lower()
        override = {**_dated(keys), "match": match, "factor": plain(1 - percent / 100)}
        if "contract" in keys:
            override["contract"] = keys["contract"].text()
        taken.setdefault(match, _Spans()).take(item, override)
        yield override


def _cache_rules(node: Node) -> Iterator[dict[str, Any]]:
    numbers = ("minimum_tokens", "ttl_seconds", "long_ttl_seconds", "step_tokens")
    dates = {"match", "explicit", "effective_from", "effective_to", "source", "checked", "note"}
    needed = ("minimum_tokens", "ttl_seconds", "source", "checked")
    for item in node.list():
        keys = item.mapping({*numbers, *dates}, needed)
        rules: dict[str, Any] = {name: keys[name].whole() for name in numbers if name in keys}
        rules["explicit"] = _true(keys, "explicit")
        dated = _dated(keys)
        rules |= {"source": dated.pop("source"), "checked": dated.pop("checked")}
        match = keys["match"].text().lower() if "match" in keys else "*"
        yield {**dated, "match": match, "rules": rules}


class _Spans:
    """Stretches of time that may not overlap."""

    def __init__(self) -> None:
        self._taken: list[tuple[int, int, int]] = []

    def take(self, item: Node, raw: dict[str, Any]) -> None:
        """Note [from, to) of `raw`; refuses what is empty or overlaps an earlier one."""
        since, until = instant(raw.get("from"), BEGIN), instant(raw.get("to"), END)
        if since >= until:
            item.fail("effective_to must come after effective_from")
        for start, end, line in self._taken:
            if since < end and start < until:
                mend = f"end one before the other begins (line {line})"
                item.fail("overlaps another one in time", mend)
        self._taken.append((since, until, item.line))
