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
`per_hour`, `regions`, and beside `models`: `aliases`, `provider_aliases`, `overrides`,
`cache_rules` and `alternatives`. `rates/*.yaml` of the package show each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from finops_pack.money import plain
from finops_pack.rates import sellers
from finops_pack.rates.document import Node, parse
from finops_pack.rates.models import Spans, dated, models, true

SCHEMA = "finops-rates/1"
_ROOT = {
    "schema", "currency", "provider", "provider_aliases", "aliases", "models", "overrides",
    "cache_rules", "alternatives",
}  # fmt: skip


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
    provider = sellers.spelled(keys["provider"].text()) if "provider" in keys else None
    table: dict[str, Any] = {"provider": provider}
    if "provider_aliases" in keys:
        table["provider_aliases"] = [n.text().lower() for n in keys["provider_aliases"].list()]
    if "aliases" in keys:
        table["aliases"] = _aliases(keys["aliases"])
    if "models" in keys:
        table["models"] = list(models(keys["models"]))
    if "overrides" in keys:
        table["overrides"] = list(_overrides(keys["overrides"]))
    if "cache_rules" in keys:
        table["cache_rules"] = list(_cache_rules(keys["cache_rules"]))
    if "alternatives" in keys:
        table["alternatives"] = [n.text() for n in keys["alternatives"].list()]
    return table


def _aliases(node: Node) -> dict[str, str]:
    nodes = {name.strip().lower(): target for name, target in node.names().items()}
    found = {name: target.text() for name, target in nodes.items()}
    for name, target in nodes.items():
        chain = [name]
        while (step := found.get(chain[-1], "").lower()) and step not in chain:
            chain.append(step)
        if step == name:
            said = f"leads back to itself: {' → '.join([*chain, step])}"
            target.fail(said, "let one of them name a model on file")
    return found


def _overrides(node: Node) -> Iterator[dict[str, Any]]:
    known = {"match", "discount_pct", "contract", "effective_from", "effective_to"}
    taken: dict[str, Spans] = {}
    for item in node.list():
        keys = item.mapping(known, ("match", "discount_pct"))
        percent = Decimal(keys["discount_pct"].amount())
        if percent > 100:
            keys["discount_pct"].fail("must be at most 100")
        match = keys["match"].text().lower()
        override = {**dated(keys), "match": match, "factor": plain(1 - percent / 100)}
        if "contract" in keys:
            override["contract"] = keys["contract"].text()
        taken.setdefault(match, Spans()).take(item, override)
        yield override


def _cache_rules(node: Node) -> Iterator[dict[str, Any]]:
    numbers = ("minimum_tokens", "ttl_seconds", "long_ttl_seconds", "step_tokens")
    dates = {"match", "explicit", "effective_from", "effective_to", "source", "checked", "note"}
    needed = ("minimum_tokens", "ttl_seconds", "source", "checked")
    for item in node.list():
        keys = item.mapping({*numbers, *dates}, needed)
        rules: dict[str, Any] = {name: keys[name].whole() for name in numbers if name in keys}
        rules["explicit"] = true(keys, "explicit")
        when = dated(keys)
        rules |= {"source": when.pop("source"), "checked": when.pop("checked")}
        match = keys["match"].text().lower() if "match" in keys else "*"
        yield {**when, "match": match, "rules": rules}
