"""The models of a table: their names, and their prices by time, size, context and hour."""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Iterator
from typing import Any

from finops_pack.model import EXTRA_UNITS
from finops_pack.rates.document import Node
from finops_pack.rates.entries import BEGIN, END, instant
from finops_pack.rates.patterns import split
from finops_pack.rates.rate import INSIDE, TOKEN_KINDS

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


def models(node: Node) -> Iterator[dict[str, Any]]:
    """Every entry of a table, compiled; names and times may not collide."""
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
        if true(keys, "until_refreshed"):
            entry["until_refreshed"] = True
        if "regions" in keys:
            globs = [fnmatch.translate(n.text().lower()) for n in keys["regions"].list()]
            entry["regions"] = "|".join(globs)
        if "prices" in keys:
            entry["periods"] = _periods(keys["prices"])
        if "variants" in keys:
            entry["variants"] = _variants(keys["variants"], with_source=True)
        yield entry


def _match(keys: dict[str, Node]) -> dict[str, Any]:
    exact = [keys["id"].text().lower()]
    patterns: list[list[str]] = []
    if "match" in keys:
        match = keys["match"].mapping({"equals", "regex"})
        exact += [n.text().lower() for n in match["equals"].list()] if "equals" in match else []
        texts = [n.regex() for n in match["regex"].list()] if "regex" in match else []
        patterns = [split(t.removeprefix("^").removesuffix("$")) for t in texts]
    found: dict[str, Any] = {"names": list(dict.fromkeys(exact))}
    return {**found, "patterns": patterns} if patterns else found


def _periods(node: Node) -> list[dict[str, Any]]:
    spans, periods = Spans(), []
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
    period: dict[str, Any] = {**dated(keys), "prices": prices}
    if "schedule" in keys:
        period["schedule"] = _schedule(keys["schedule"])
    if "variants" in keys:
        period["variants"] = _variants(keys["variants"])
    return period


def true(keys: dict[str, Node], name: str) -> bool:
    """Whether a switch is on."""
    return name in keys and keys[name].choice({"true", "false"}) == "true"


def dated(keys: dict[str, Node]) -> dict[str, str]:
    """From when to when, by whom, and when somebody last looked."""
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
        inclusive = true(keys, "inclusive")
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


def _schedule(node: Node) -> list[dict[str, Any]]:
    windows: list[dict[str, Any]] = []
    taken: dict[tuple[int, int], int] = {}  # (weekday, minute) by the line that prices it
    for item in node.list():
        window = _window(item)
        for moment in _moments(window):
            if moment in taken:
                mend = f"let every hour stand in one of them (line {taken[moment]})"
                item.fail("overlaps another window", mend)
        taken |= dict.fromkeys(_moments(window), item.line)
        windows.append(window)
    return windows


def _moments(window: dict[str, Any]) -> Iterator[tuple[int, int]]:
    start, end = window["utc"]
    minutes = range(start, end) if start <= end else (*range(end), *range(start, 1440))
    return itertools.product(window.get("weekdays") or range(1, 8), minutes)


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


def _variants(node: Node, *, with_source: bool = False) -> list[dict[str, Any]]:
    """Each `when` once at a time: the second of two would never be in force."""
    variants: list[dict[str, Any]] = []
    taken: dict[frozenset[tuple[str, str]], Spans] = {}
    for item in node.list():
        variant = _variant(item, with_source=with_source)
        taken.setdefault(frozenset(variant["when"].items()), Spans()).take(item, variant)
        variants.append(variant)
    return variants


def _variant(item: Node, *, with_source: bool = False) -> dict[str, Any]:
    needed = ("when", "source", "checked") if with_source else ("when",)
    keys = item.mapping(_VARIANT, needed)
    if "multiplier" not in keys and "per_mtok" not in keys:
        item.fail("'multiplier' or 'per_mtok' is missing")
    when = {key: node.text() for key, node in keys["when"].names().items()}
    variant: dict[str, Any] = {"when": when, **dated(keys)}
    if "multiplier" in keys:
        variant["multiplier"] = keys["multiplier"].amount()
        kinds = [n.choice(TOKEN_KINDS) for n in keys["of"].list()] if "of" in keys else TOKEN_KINDS
        variant["of"] = list(kinds)
    if "per_mtok" in keys:
        variant["prices"] = _per_mtok(keys["per_mtok"])
    return variant


class Spans:
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
