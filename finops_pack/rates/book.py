"""All tables together: where a model may be on file, and what each table says of it."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from finops_pack.errors import RatesError
from finops_pack.model import CacheRules
from finops_pack.rates import layers, names, sellers
from finops_pack.rates.entries import BEGIN, END, instant
from finops_pack.rates.index import Index
from finops_pack.rates.layers import Layer
from finops_pack.rates.plan import Discount, Found, Plan, make_plan
from finops_pack.rates.rate import Rate
from finops_pack.rates.snapshot import Snapshot


@dataclass
class Book:
    """Every table of this process."""

    layers: Sequence[Layer]
    snapshot: Snapshot
    warnings: list[RatesError] = field(default_factory=list)

    @cached_property
    def directory(self) -> sellers.Directory:
        """The providers that the tables know, and how they may be spelled."""
        ids = self.snapshot.providers.union(*(layer.providers for layer in self.layers))
        spellings = {
            alias: table["provider"]
            for layer in self.layers
            for table in layer.tables
            for alias in table.get("provider_aliases", ())
        }
        return sellers.Directory(ids, spellings)

    def plan(self, model: str, provider: str | None, context: Mapping[str, str]) -> Plan:
        """All that is known of this model there, in this context."""
        for place in self.places(model, provider):
            if found := self.found(place):
                pinned = place.region and names.profile(place.name)
                region = place.region if pinned else context.get("region") or place.region
                return make_plan(found, {**context, "region": region})
        return Plan(reason=self._why(model, provider))

    def places(self, model: str, provider: str | None) -> list[names.Candidate]:
        """Where the model may be on file, aliases followed."""
        followed: list[str] = []
        home, target = provider, model
        while step := self._step(target, home, followed):
            home, target = step
        told = names.candidates(target, home, self.directory)
        if followed:
            told += names.candidates(target, None, self.directory)
        return [*told, *self._owned(target, home)]

    def aliased(self, model: str, provider: str | None) -> str | None:
        """What a name stands for, None when it is no alias."""
        step = self._step(model, provider, [])
        return step[1] if step else None

    def _owned(self, model: str, provider: str | None) -> list[names.Candidate]:
        """Nobody is named: at the one provider for whom the user has a price of this very name."""
        spelled = names.spellings(model, provider, self.directory)
        asked = {names.tidy(name) for who, name in spelled if sellers.passes_on(who)}
        layers = [layer for layer in self.layers if layer.name != "shipped"]
        found = {
            names.Candidate(table["provider"], name)
            for layer in layers
            for table in layer.tables
            for entry in table.get("models", ())
            for name in asked.intersection(entry["names"])
        }
        return list(found) if len({place.provider for place in found}) == 1 else []

    def _step(
        self, model: str, provider: str | None, followed: list[str]
    ) -> tuple[str | None, str] | None:
        """(provider, target) of the alias that a name is, in whichever form; noted in `followed`.

        None when it is no alias, or one that was followed already: it is then the model itself.
        """
        for who, name in names.spellings(model, provider, self.directory):
            home = self.directory.provider(who or "")
            target = self._alias(name, None) or (self._alias(name, home) if home else None)
            if target and name not in followed:
                followed.append(name)
                return who, target
        return None

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
    """The tables as they stand now."""
    return Book(*layers.load())
