"""Prices and names of the user's own: what `finops rates set` and `rates alias` write."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finops_pack import config, rates
from finops_pack.errors import RatesError
from finops_pack.rates import names, sellers
from finops_pack.rates.entries import BEGIN, END, instant
from finops_pack.rates.rate import INSIDE, TOKEN_KINDS
from finops_pack.rates.tables import SCHEMA, compile_table

_HEAD = "# Written by `finops rates`; yours to edit.\n"


def on_file(model: str, provider: str | None = None) -> bool:
    """Whether any table knows this name."""
    tables = rates.current()
    return any(tables.found(place) for place in tables.places(model, provider))


def near(model: str, provider: str | None = None) -> list[str]:
    """Names on file that look like this one, of the provider or the maker that is meant."""
    tables = rates.current()
    places = tables.places(model, provider)
    homes = [p.provider for p in places] or ["openai", "anthropic", "google"]
    known = {name for home in homes for name in tables.names(home)}
    wanted = places[0].name if places else model.lower()
    return difflib.get_close_matches(wanted, sorted(known), n=4, cutoff=0.5)


def alias(pairs: Mapping[str, str]) -> Path:
    """Let names of the user's own stand for models on file; returns the file written.

    Raises `RatesError` when a target is not on file.
    """
    for target in pairs.values():
        if not on_file(target):
            like = ", ".join(near(target))
            mend = f"names like it: {like}" if like else "see: finops rates list"
            raise RatesError(f"no price on file for {target!r}", mend=mend)
    path = _own_folder() / "aliases.yaml"
    known: dict[str, str] = {}
    if path.exists():
        table = compile_table(path.read_bytes(), str(path))
        known = table.pop("aliases", {})
        if any(table.values()):
            mend = "move all else into a file of its own beside it"
            raise RatesError(f"{path} holds more than aliases", mend=mend)
    known |= {name.strip().lower(): target for name, target in pairs.items()}
    lines = [f"  {json.dumps(name)}: {json.dumps(known[name])}" for name in sorted(known)]
    return _write(path, "\n".join([f"{_HEAD}schema: {SCHEMA}", "aliases:", *lines, ""]))


def suggestion(model: str, provider: str | None) -> str:
    """The command that puts a price of such a model on file, as it can be typed."""
    home = None if sellers.passes_on(provider) else provider
    if home is None and not rates.current().places(model, None):
        home = "own"
    words = ["finops", "rates", "set", model, *(("--provider", home) if home else ())]
    return shlex.join([*words, "--input", "2.50", "--output", "10"])


def set_price(
    model: str,
    prices: Mapping[str, str],
    *,
    provider: str | None = None,
    since: str | None = None,
    source: str = "set by hand",
) -> Path:
    """Put a price of the user's own on file; returns the file written.

    `prices`: USD as decimal strings by kind: per million tokens, `per_hour`, or each. With
    `since`, prices set for other times stay; without, this one alone holds. Raises `RatesError`
    when the provider is not clear or the price is malformed.
    """
    if not prices:
        raise RatesError("no price given", mend="e.g. --input 2.50 --output 10")
    home, name = _place(model, provider)
    path = _file_of(home, name)
    _refuse_second(home, name, path)
    entry: dict[str, Any] = {"id": name, "prices": [_period(prices, since, source)]}
    compile_table(_table(home, entry).encode(), str(path))
    if since:
        entry = _with_earlier(entry, path)
    return _write(path, _table(home, entry))


def _table(home: str, entry: Mapping[str, Any]) -> str:
    head = f"{_HEAD}schema: {SCHEMA}\nprovider: {json.dumps(home)}\nmodels:\n"
    return f"{head}  - {json.dumps(entry)}\n"


def _period(prices: Mapping[str, str], since: str | None, source: str) -> dict[str, Any]:
    by_token = {*TOKEN_KINDS, *INSIDE}
    document = {
        "effective_from": since,
        "source": source,
        "checked": datetime.now(UTC).date().isoformat(),
        "per_mtok": {k: v for k, v in prices.items() if k in by_token},
        "per_unit": {k: v for k, v in prices.items() if k not in {*by_token, "per_hour"}} or None,
        "per_hour": prices.get("per_hour"),
    }
    return {key: value for key, value in document.items() if value is not None}


def _with_earlier(entry: dict[str, Any], path: Path) -> dict[str, Any]:
    """The entry with what the file says of other times: nothing booked loses its price."""
    import yaml

    if not path.exists():
        return entry
    content = path.read_bytes()
    compiled = compile_table(content, str(path)).get("models", ())
    # Text as it was written: other loaders would make 0.30 a float.
    written = yaml.load(content, yaml.BaseLoader).get("models", ())  # noqa: S506  makes text only
    for model, raw in zip(compiled, written, strict=True):
        if model["names"][0] == entry["id"]:
            others = zip(model.get("periods", ()), raw.get("prices", ()), strict=True)
            return {**raw, "prices": _in_turn(entry["prices"][0], list(others))}
    return entry


def _in_turn(new: dict[str, Any], others: list[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """Periods one after the other; each of `others` is (compiled, as it was written)."""
    since, found, later = instant(new["effective_from"], BEGIN), [], []
    for period, raw in others:
        begin, end = instant(period.get("from"), BEGIN), instant(period.get("to"), END)
        if begin > since:
            later.append((begin, raw))
        elif begin < since:
            found.append({**raw, "effective_to": new["effective_from"]} if end > since else raw)
    later.sort(key=lambda item: item[0])
    if later:
        new = {**new, "effective_to": later[0][1]["effective_from"]}
    return [*found, new, *(raw for _, raw in later)]


def _place(model: str, provider: str | None) -> tuple[str, str]:
    """(provider, name) that is looked for first: behind a prefix stands the model's own name."""
    tables, name = rates.current(), names.tidy(model)
    if target := tables.aliased(model, provider):
        mend = "set the price of that, or give the alias up"
        raise RatesError(f"{model!r} is an alias of {target!r}", mend=mend)
    for place in names.candidates(model, provider, tables.directory):
        whole = name.endswith(place.name) and place.region == names.profile(place.name)
        if place.name == name or whole:
            return place.provider, place.name
        if tables.found(place):
            mend = f"finops rates set {place.name} --provider {place.provider} …, for all of it"
            raise RatesError(f"{model!r} is priced as {place.name!r}", mend=mend)
    return _home(model, provider), name


def _home(model: str, provider: str | None) -> str:
    if provider:
        return rates.current().directory.provider(provider) or sellers.spelled(provider)
    places = rates.current().places(model, None)
    if not places:
        mend = "say who bills: --provider NAME (any name for a server of your own)"
        raise RatesError(f"it is not clear whose model {model!r} is", mend=mend)
    return places[0].provider


def _file_of(home: str, name: str) -> Path:
    """The file of this model alone: `qwen3:8b` and `qwen3-8b` would have one name for it."""
    slug = re.sub(r"[^a-z0-9.]+", "-", f"{home}-{name}").strip("-")
    digest = hashlib.sha256(f"{home}/{name}".encode()).hexdigest()[:8]
    paths = [_own_folder() / f"set-{stem}.yaml" for stem in (slug, f"{slug}-{digest}")]
    held = _held(paths[0])
    path = paths[1] if held and (home, name) not in held else paths[0]
    if _held(path) - {(home, name)}:
        raise RatesError(f"{path} prices other models too", mend="edit that file")
    return path


def _held(path: Path) -> set[tuple[str, str]]:
    """(provider, id) of the models that one of the user's files prices."""
    own = rates.current().layers[0]
    return {
        (table["provider"], entry["names"][0])
        for file, table in zip(own.files, own.tables, strict=True)
        for entry in table.get("models", ())
        if Path(file) == path
    }


def _refuse_second(home: str, name: str, path: Path) -> None:
    own = rates.current().layers[0]
    for file, table in zip(own.files, own.tables, strict=True):
        named = [n for entry in table.get("models", ()) for n in entry["names"]]
        if table["provider"] == home and name in named and Path(file) != path:
            raise RatesError(f"{home}/{name} is priced in {file} already", mend="edit that file")


def _own_folder() -> Path:
    return config.config_dir() / "rates"


def _write(path: Path, text: str) -> Path:
    compile_table(text.encode(), str(path))  # nothing is written that would be refused
    replace(path, text)
    rates.reload()
    return path


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        config.make(path.parent)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise RatesError(
            f"{path}: {error.strerror or error}", mend="make its folder one that you can write"
        ) from None
