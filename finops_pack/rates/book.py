"""The tables in force, strongest first: the user's, the project's, ours, the snapshot."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from finops_pack import config
from finops_pack.errors import FinOpsError, RatesError
from finops_pack.model import CacheRules
from finops_pack.rates import cache, names, snapshot
from finops_pack.rates.entries import BEGIN, END, Entry, Index, instant
from finops_pack.rates.plan import Discount, Found, Plan, make_plan
from finops_pack.rates.rate import Rate


@dataclass(slots=True)
class Layer:
    """The tables of one origin, e.g. all of the user's files."""

    name: str
    tables: list[cache.Table] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    _claims: dict[tuple[str, str], str] = field(default_factory=dict)
    _indexes: dict[str, Index] = field(default_factory=dict)

    def add(self, table: cache.Table, origin: str) -> str | None:
        """Take in a table, or say why not: two files may not price one name."""
        home = table["provider"]
        claims = [(home, name) for entry in table.get("models", ()) for name in entry["names"]]
        for claim in claims:
            if claim in self._claims:
                return f"{origin}: models: {claim[1]!r} is priced in {self._claims[claim]} too"
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


@dataclass
class Book:
    """Every table of this process."""

    layers: Sequence[Layer]
    snapshot: snapshot.Snapshot
    warnings: list[str] = field(default_factory=list)

    @cached_property
    def directory(self) -> names.Directory:
        """The providers that the tables know, and how they may be spelled."""
        ids = self.snapshot.providers.union(*(layer.providers for layer in self.layers))
        spellings = {
            alias: table["provider"]
            for layer in self.layers
            for table in layer.tables
            for alias in table.get("provider_aliases", ())
        }
        return names.Directory(ids, spellings)

    def plan(self, model: str, provider: str | None, context: Mapping[str, str]) -> Plan:
        """All that is known of this model there, in this context."""
        for place in self.places(model, provider):
            if found := self.found(place):
                region = place.region or context.get("region", "")
                return make_plan(found, {**context, "region": region})
        return Plan(reason=self._why(model, provider))

    def places(self, model: str, provider: str | None) -> list[names.Candidate]:
        """Where the model may be on file, aliases followed."""
        home = self.directory.provider(provider) if provider else None
        name = model.strip().lower()
        target = self._alias(name, None) or (self._alias(name, home) if home else None)
        if target is None:
            return names.candidates(model, provider, self.directory)
        told = names.candidates(target, provider, self.directory)
        return [*told, *names.candidates(target, None, self.directory)]

    def found(self, place: names.Candidate) -> list[Found]:
        """What each table says of a model, the strongest first."""
        name = self._alias(place.name, place.provider) or place.name
        homes = (place.provider, *self.snapshot.fallbacks.get(place.provider, ()))
        for home in homes:
            found: list[Found] = []
            discounts: list[Discount] = []
            for layer in self.layers:
                discounts += layer.discounts(place.provider, name)
                if entry := layer.find(home, name):
                    found.append(Found(entry, tuple(discounts), layer.name))
            if entry := self.snapshot.find(home, name):
                head = self.snapshot.header
                origin = f"{head['source']} {head['version']}"
                found.append(Found(entry, tuple(discounts), origin, head["date"]))
            if found:
                # A reseller has the maker's standard prices, not its batch or its tiers.
                return found if home == place.provider else [_standard(item) for item in found]
        return []

    def _alias(self, name: str, provider: str | None) -> str | None:
        targets = (layer.alias(name, provider) for layer in self.layers)
        return next((target for target in targets if target), None)

    def _why(self, model: str, provider: str | None) -> str:
        if not model.strip():
            return "the call names no model"
        said = f" at {provider}" if provider else ""
        if provider and not names.candidates("gpt-x", provider, self.directory):
            return f"no table knows a provider {provider!r}"
        return f"no price on file for model {model!r}{said}"

    def rate(self, rate_id: str) -> Rate | None:
        """The rate behind an id, looked up again from what the tables say now."""
        home, _, model = rate_id.partition("#")[0].partition("|")[0].partition("/")
        for name in self.names(home, model):
            found = self.found(names.Candidate(home, name))
            variants = (v for item in found for v in item.entry.all_variants())
            for context in ({}, *(dict(v.when) for v in variants)):
                for rate in make_plan(found, context).rates():
                    if rate.id == rate_id:
                        return rate
        return None

    def plan_at(self, provider: str, name: str) -> Plan:
        """The plan of what is called `name` at exactly this provider."""
        return make_plan(self.found(names.Candidate(provider, name)), {})

    def ids(self, provider: str) -> list[str]:
        """One name of each model of a provider."""
        indexes = self._indexes(provider)
        return sorted({index.names(raw["id"])[0] for index in indexes for raw in index.raw})

    def names(self, provider: str, id_: str | None = None) -> list[str]:
        """What the models of a provider (or its one with this id) may be called."""
        return [name for index in self._indexes(provider) for name in index.names(id_)]

    def _indexes(self, provider: str) -> list[Index]:
        own = [layer.index(provider) for layer in self.layers]
        return [*own, self.snapshot.index(provider)]

    def cache_rules(self, provider: str, name: str, at_us: int) -> CacheRules | None:
        """The first rule that covers this model at this time."""
        for layer in self.layers:
            for raw in layer.values("cache_rules", provider):
                since, until = instant(raw.get("from"), BEGIN), instant(raw.get("to"), END)
                if since <= at_us < until and fnmatch.fnmatch(name, raw["match"]):
                    return CacheRules(**raw["rules"])
        return None

    def ladder(self, provider: str) -> list[str]:
        """The models of a provider that may stand in for one another."""
        return [name for layer in self.layers for name in layer.values("alternatives", provider)]


def _standard(found: Found) -> Found:
    periods = tuple(replace(period, variants=()) for period in found.entry.periods)
    return replace(found, entry=replace(found.entry, variants=(), periods=periods))


def load() -> Book:
    """The tables as they stand now; a broken one is left out, or as it was, with a warning."""
    warnings: list[str] = []
    snap, refreshed = _snapshot(warnings)
    layers = []
    for name, paths in _layers(warnings):
        layer = Layer(name)
        for path in paths:
            table, warning = cache.load(path)
            if warning:
                warnings.append(warning + ("" if table is None else "; as it was, it stays"))
            if table and refreshed:
                table = _without_outdated(table, snap.header["date"])
            if table:
                warnings += filter(None, [layer.add(table, str(path))])
        layers.append(layer)
    return Book(layers, snap, warnings)


def files() -> list[Path]:
    """Every table file that is meant to be in force, broken ones included."""
    return [path for _, paths in _layers([]) for path in paths]


def _layers(warnings: list[str]) -> Iterator[tuple[str, list[Path]]]:
    yield "user", _yaml_files(config.config_dir() / "rates")
    yield "project", _project_files(warnings)
    yield "shipped", _yaml_files(config.data_dir("rates"))


def _without_outdated(table: cache.Table, date: str) -> cache.Table:
    """Without the models that give way to a snapshot which is newer than their prices."""

    def yields(model: Mapping[str, Any]) -> bool:
        checked = max((p.get("checked", "") for p in model.get("periods", ())), default="")
        return bool(model.get("until_refreshed")) and checked < date

    return {**table, "models": [m for m in table.get("models", ()) if not yields(m)]}


def _snapshot(warnings: list[str]) -> tuple[snapshot.Snapshot, bool]:
    refreshed = snapshot.refreshed_path()
    if refreshed.is_file():
        try:
            return snapshot.read(refreshed), True
        except RatesError as error:
            warnings.append(f"{error}; the shipped snapshot stays in force")
    return snapshot.read(snapshot.shipped_path()), False


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.y*ml") if p.suffix in (".yaml", ".yml"))


def _project_files(warnings: list[str]) -> list[Path]:
    try:
        settings = config.load()
    except FinOpsError as error:
        warnings.append(str(error))
        return []
    base = Path(settings.sources.get("rates", ".")).parent if settings.rates else Path()
    files: list[Path] = []
    for text in settings.rates:
        path = base / Path(text).expanduser()
        if path.is_dir():
            files += _yaml_files(path)
        elif path.is_file():
            files.append(path)
        else:
            warnings.append(f"{path}: no such file or folder (setting: rates)")
    return files
