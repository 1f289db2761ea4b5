"""What a person does with the tables: look, check, refresh, set a price, name a deployment."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finops_pack import config, rates
from finops_pack.errors import RatesError
from finops_pack.rates import convert, layers, names, snapshot
from finops_pack.rates.rate import INSIDE, TOKEN_KINDS, Rate
from finops_pack.rates.tables import SCHEMA, compile_table

snapshot_info, unit_prices = rates.snapshot_info, rates.unit_prices
MAX_BYTES = 64 * 2**20
_HEAD = "# Written by `finops rates`; yours to edit.\n"


@dataclass(frozen=True, slots=True)
class Source:
    """One table in force: its layer, its file, how many models it prices."""

    layer: str
    file: str
    models: int
    aliases: Mapping[str, str]
    discounts: int


def sources() -> list[Source]:
    """The tables in force, strongest first; the snapshot stands last."""
    tables = rates.current()
    found = [
        Source(
            layer.name,
            file,
            len(table.get("models", ())),
            table.get("aliases", {}),
            len(table.get("overrides", ())),
        )
        for layer in tables.layers
        for file, table in zip(layer.files, layer.tables, strict=True)
    ]
    snap = tables.snapshot
    return [*found, Source("snapshot", str(snap.path), len(snap.lines) - 1, {}, 0)]


def problems() -> list[RatesError]:
    """What is wrong with the tables in force, each with its mend."""
    tables = rates.current()
    found = list(tables.warnings)
    if (age := tables.snapshot.age_days) > snapshot.STALE_DAYS:
        said = f"prices were last checked {age} days ago ({tables.snapshot.header['date']})"
        found.append(RatesError(said, mend="finops rates refresh --from FILE|URL"))
    return found


def models(provider: str | None = None) -> Iterator[tuple[str, str, Rate | None]]:
    """(provider, model, its rate now) of everything on file, or of one provider's."""
    tables = rates.current()
    homes = sorted(tables.directory.ids)
    if provider:
        home = tables.directory.provider(provider)
        if home is None:
            near = difflib.get_close_matches(provider, homes, n=3)
            raise RatesError(
                f"no table knows a provider {provider!r}", mend=f"known: {', '.join(near or homes)}"
            )
        homes = [home]
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    for home in homes:
        for name in tables.ids(home):
            yield home, name, tables.plan_at(home, name).rate(now, 0)


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


def check(paths: Sequence[Path] = ()) -> list[RatesError]:
    """Compile tables anew (those given, else all in force and the snapshot): what is refused."""
    refused: list[RatesError] = []
    for path in paths or layers.files():
        try:
            compile_table(path.read_bytes(), str(path))
        except OSError as error:
            refused.append(RatesError(f"{path}: {error.strerror or error}"))
        except RatesError as error:
            refused.append(error)
    if not paths:
        try:
            rates.current().snapshot.check()
        except RatesError as error:
            refused.append(error)
        known = {str(error) for error in refused}
        refused += [error for error in rates.current().warnings if str(error) not in known]
    return refused


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
        known = compile_table(path.read_bytes(), str(path)).get("aliases", {})
    known |= {name.strip().lower(): target for name, target in pairs.items()}
    lines = [f"  {json.dumps(name)}: {json.dumps(known[name])}" for name in sorted(known)]
    return _write(path, "\n".join([f"{_HEAD}schema: {SCHEMA}", "aliases:", *lines, ""]))


def set_price(
    model: str,
    prices: Mapping[str, str],
    *,
    provider: str | None = None,
    since: str | None = None,
    source: str = "set by hand",
) -> Path:
    """Put a price of the user's own on file; returns the file written.

    `prices`: USD as decimal strings by kind: per million tokens, `per_hour`, or each. Raises
    `RatesError` when the provider is not clear or the price is malformed.
    """
    home = _home(model, provider)
    document: dict[str, Any] = {"effective_from": since, "source": source}
    document["checked"] = datetime.now(UTC).date().isoformat()
    by_token = {*TOKEN_KINDS, *INSIDE}
    units = {k: v for k, v in prices.items() if k not in {*by_token, "per_hour"}}
    document["per_mtok"] = {k: v for k, v in prices.items() if k in by_token}
    document["per_unit"] = units or None
    document["per_hour"] = prices.get("per_hour")
    if not prices:
        raise RatesError("no price given", mend="e.g. --input 2.50 --output 10")
    name = model.strip().lower()
    entry = {"id": name, "prices": [{k: v for k, v in document.items() if v is not None}]}
    text = f"{_HEAD}schema: {SCHEMA}\nprovider: {json.dumps(home)}\nmodels:\n"
    text += f"  - {json.dumps(entry)}\n"
    slug = re.sub(r"[^a-z0-9.]+", "-", f"{home}-{name}").strip("-")
    path = _own_folder() / f"set-{slug}.yaml"
    _refuse_second(home, name, path)
    return _write(path, text)


def _home(model: str, provider: str | None) -> str:
    if provider:
        return rates.current().directory.provider(provider) or names.spelled(provider)
    places = rates.current().places(model, None)
    if not places:
        mend = "say who bills: --provider NAME (any name for a server of your own)"
        raise RatesError(f"it is not clear whose model {model!r} is", mend=mend)
    return places[0].provider


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
    _replace(path, text)
    rates.reload()
    return path


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise RatesError(
            f"{path}: {error.strerror or error}", mend="make its folder one that you can write"
        ) from None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The snapshot that is in force now, and how many models differ from the one before."""

    version: str
    date: str
    sha256: str
    models: int
    changed: int


def refresh(origin: str) -> Refreshed:
    """Take prices from a file or URL: a snapshot of ours, or genai-prices' v2 `data.json`.

    The only place of this package that uses the network. Raises `RatesError`; what was in
    force stays so then.
    """
    text = _snapshot_text(_fetched(origin), origin)
    path = snapshot.refreshed_path()
    fresh = snapshot.parse(text, path)
    fresh.check()
    before = set(rates.current().snapshot.lines[1:])
    over = snapshot.read(snapshot.shipped_path()).header["sha256"]
    head = {**fresh.header, "over": over}
    lines = fresh.lines[1:]
    _replace(path, "\n".join([json.dumps(head), *lines, ""]))
    rates.reload()
    changed = sum(line not in before for line in lines)
    return Refreshed(str(head["version"]), head["date"], head["sha256"], len(lines), changed)


def _fetched(origin: str) -> bytes:
    if "://" not in origin:
        try:
            return Path(origin).expanduser().read_bytes()
        except OSError as error:
            raise RatesError(f"{origin}: {error.strerror or error}") from None
    if not origin.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise RatesError(f"{origin}: not https", mend="download it yourself and give the file")
    import httpx

    try:
        reply = httpx.get(origin, timeout=30, follow_redirects=True).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RatesError(f"{origin}: {error}", mend="try again, or give a file") from None
    return reply.content


def _snapshot_text(content: bytes, origin: str) -> str:
    if len(content) > MAX_BYTES:
        raise RatesError(f"{origin}: larger than {MAX_BYTES >> 20} MiB: not a table of rates")
    try:
        text = content.decode("utf-8")
        if not text.lstrip().startswith("["):
            return text
        data = json.loads(text)
        today = datetime.now(UTC).date().isoformat()
        return convert.snapshot(data, version="data.json", date=convert.newest_date(data, today))
    except RecursionError:
        raise RatesError(f"{origin}: nested too deeply") from None
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        mend = "it must be a snapshot of ours or the v2 data.json of genai-prices"
        raise RatesError(f"{origin}: cannot be read: {error!r}", mend=mend) from None
