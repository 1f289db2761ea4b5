"""The tables of one origin, and how all of them are read: the user's, the project's, ours."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops_pack import config
from finops_pack.errors import FinOpsError, RatesError
from finops_pack.rates import cache, snapshot
from finops_pack.rates.entries import BEGIN, END, Entry, instant
from finops_pack.rates.index import Index
from finops_pack.rates.plan import Discount
from finops_pack.rates.snapshot import Snapshot


@dataclass(slots=True)
class Layer:
    """The tables of one origin, e.g. all of the user's files."""

    name: str
    tables: list[cache.Table] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    _claims: dict[tuple[str, str], str] = field(default_factory=dict)
    _indexes: dict[str, Index] = field(default_factory=dict)

    def add(self, table: cache.Table, origin: str) -> RatesError | None:
        """Take in a table, or say why not: two files may not price one name."""
        home = table["provider"]
        claims = [(home, name) for entry in table.get("models", ()) for name in entry["names"]]
        for claim in claims:
            if claim in self._claims:
                said = f"{origin}: models: {claim[1]!r} is priced in {self._claims[claim]} too"
                return RatesError(said, mend="keep it in one of them; the first is in force")
        self._claims |= dict.fromkeys(claims, origin)
        self.tables.append(table)
        self.files.append(origin)
        return None

    @property
    def providers(self) -> set[str]:
        """The providers that these tables speak of."""
        return {table["provider"] for table in self.tables if table["provider"]}

    def find(self, provider: str, name: str) -> Entry | None:
        """The entry of this name."""
        return self.index(provider).find(name)

    def index(self, provider: str) -> Index:
        """The models of one provider."""
        if provider not in self._indexes:
            own = [t for t in self.tables if t["provider"] == provider]
            models = [model for table in own for model in table.get("models", ())]
            self._indexes[provider] = Index(provider, models)
        return self._indexes[provider]

    def alias(self, name: str, provider: str | None) -> str | None:
        """What a name stands for at a provider, or (None) anywhere."""
        for table in self.tables:
            if table["provider"] == provider and name in table.get("aliases", {}):
                return str(table["aliases"][name])
        return None

    def discounts(self, provider: str, name: str) -> list[Discount]:
        """The discounts on a model, the most specific first."""
        meant = [t for t in self.tables if t["provider"] in (None, provider)]
        listed = [raw for table in meant for raw in table.get("overrides", ())]
        found = [raw for raw in listed if fnmatch.fnmatch(name, raw["match"])]
        found.sort(key=lambda raw: -len(raw["match"].replace("*", "")))
        return [
            Discount(
                Decimal(raw["factor"]),
                raw.get("contract", f"-{raw['match']}"),
                instant(raw.get("from"), BEGIN),
                instant(raw.get("to"), END),
            )
            for raw in found
        ]

    def values(self, key: str, provider: str) -> Iterator[Any]:
        """The items of a list in this provider's tables."""
        for table in self.tables:
            if table["provider"] == provider:
                yield from table.get(key, ())


def load() -> tuple[list[Layer], Snapshot, list[RatesError]]:
    """The layers, the snapshot and the warnings as things stand now.

    A broken file is left out, or stays as it was when it was last good.
    """
    warnings: list[RatesError] = []
    snap, refreshed = _snapshot(warnings)
    layers: list[Layer] = []
    for name, paths in _layers(warnings):
        layer = Layer(name)
        for path in paths:
            table, error = cache.load(path)
            if error:
                fate = "left out" if table is None else "in force as it was before"
                mend = f"{error.mend or 'mend the file'} (until then it is {fate})"
                warnings.append(RatesError(str(error), mend=mend))
            if table and refreshed:
                table = _without_outdated(table, snap.header["date"])
            if table:
                warnings += filter(None, [layer.add(table, str(path))])
        layers.append(layer)
    return layers, snap, warnings


def files() -> list[Path]:
    """Every table file that is meant to be in force, broken ones included."""
    return [path for _, paths in _layers([]) for path in paths]


def _layers(warnings: list[RatesError]) -> Iterator[tuple[str, list[Path]]]:
    yield "user", _yaml_files(config.config_dir() / "rates", warnings)
    yield "project", _project_files(warnings)
    yield "shipped", _yaml_files(config.data_dir("rates"), warnings)


def _without_outdated(table: cache.Table, date: str) -> cache.Table:
    """Without the models that give way to a snapshot which is newer than their prices."""

    def yields(model: Mapping[str, Any]) -> bool:
        checked = max((p.get("checked", "") for p in model.get("periods", ())), default="")
        return bool(model.get("until_refreshed")) and checked < date

    return {**table, "models": [m for m in table.get("models", ()) if not yields(m)]}


def _snapshot(warnings: list[RatesError]) -> tuple[Snapshot, bool]:
    """The snapshot in force, and whether it is a refreshed one."""
    shipped = snapshot.read(snapshot.shipped_path())
    path = snapshot.refreshed_path()
    if not os.path.isfile(path):  # nor where we may not look: a Path would raise
        return shipped, False
    try:
        refreshed = snapshot.read(path)
    except RatesError as error:
        mend = "finops rates refresh --from FILE|URL (until then the shipped one is in force)"
        warnings.append(RatesError(str(error), mend=mend))
        return shipped, False
    # What was fetched by hand is believed until the package itself brings something newer.
    upgraded = refreshed.header.get("over") != shipped.header["sha256"]
    if upgraded and shipped.header["date"] >= refreshed.header["date"]:
        return shipped, False
    return refreshed, True


def _yaml_files(folder: Path, warnings: list[RatesError]) -> list[Path]:
    try:
        found = [folder / name for name in os.listdir(folder)]
    except FileNotFoundError:
        return []
    except OSError as error:
        mend = "make it a folder that you can read (until then its tables are left out)"
        warnings.append(RatesError(f"{folder}: {error.strerror or error}", mend=mend))
        return []
    return sorted(path for path in found if path.suffix in (".yaml", ".yml"))


def _project_files(warnings: list[RatesError]) -> list[Path]:
    try:
        settings = config.load()
    except FinOpsError as error:
        warnings.append(RatesError(str(error), mend=error.mend))
        return []
    base = Path(settings.sources.get("rates", ".")).parent if settings.rates else Path()
    files: list[Path] = []
    for text in settings.rates:
        path = base / Path(text).expanduser()
        if os.path.isdir(path):
            files += _yaml_files(path, warnings)
        elif os.path.isfile(path):
            files.append(path)
        else:
            mend = f"correct the setting rates ({settings.sources.get('rates')})"
            warnings.append(RatesError(f"{path}: no such file or folder", mend=mend))
    return files
