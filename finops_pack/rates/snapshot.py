"""The compact snapshot of public prices: read a line at a time, a provider when it is asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from finops_pack import config
from finops_pack.errors import RatesError
from finops_pack.rates.entries import Entry
from finops_pack.rates.index import Index

NAME = "snapshot.jsonl"
SCHEMA = "finops-snapshot/1"
STALE_DAYS = 30


@dataclass(slots=True)
class Snapshot:
    """One snapshot file; what is read of it is kept."""

    path: Path
    header: Mapping[str, Any]
    lines: list[str]
    _indexes: dict[str, Index] = field(default_factory=dict)

    @property
    def providers(self) -> frozenset[str]:
        """The provider ids in it."""
        return frozenset(self.header["providers"])

    def index(self, provider: str) -> Index:
        """The models of one provider."""
        if provider not in self._indexes:
            first, count = self.header["providers"].get(provider, (1, 0))
            text = ",".join(self.lines[first : first + count])
            self._indexes[provider] = Index(provider, json.loads(f"[{text}]"))
        return self._indexes[provider]

    @property
    def models(self) -> frozenset[tuple[str, str]]:
        """(provider, id) of everything in it."""
        homes = self.providers
        return frozenset((home, raw["id"]) for home in homes for raw in self.index(home).raw)

    def find(self, provider: str, name: str) -> Entry | None:
        """The entry of this name."""
        return self.index(provider).find(name)

    @property
    def fallbacks(self) -> Mapping[str, list[str]]:
        """Whose models a provider resells at the maker's price."""
        found: Mapping[str, list[str]] = self.header.get("fallbacks", {})
        return found

    def check(self) -> None:
        """Raise `RatesError` unless the content is what its header says."""
        digest = hashlib.sha256("\n".join(self.lines[1:]).encode()).hexdigest()
        if digest != self.header.get("sha256"):
            mend = "run: finops rates refresh --from FILE|URL"
            raise RatesError(f"{self.path}: content does not match its hash", mend=mend)
        for provider in self.providers:
            self._check_provider(provider)

    def _check_provider(self, provider: str) -> None:
        try:
            for raw in self.index(provider).raw:
                for price in Entry.from_json(provider, raw).amounts():
                    if not 0 <= price < 10**9:
                        raise ValueError(f"{raw['id']}: price {price}")
        except (ValueError, KeyError, TypeError, ArithmeticError, AttributeError) as error:
            raise RatesError(f"{self.path}: {provider}: cannot be read: {error!r}") from None

    @property
    def age_days(self) -> int:
        """Days since the newest check that the data names."""
        return (datetime.now(UTC).date() - date.fromisoformat(self.header["date"])).days


def refreshed_path() -> Path:
    """Where `finops rates refresh` puts its snapshot."""
    return config.state_dir() / "rates" / NAME


def shipped_path() -> Path:
    """The snapshot that came with the package."""
    return config.data_dir("rates") / NAME


def parse(text: str, path: Path) -> Snapshot:
    """A snapshot from its text; raises `RatesError` when it is none."""
    lines = text.rstrip("\n").split("\n")
    try:
        header = json.loads(lines[0])
        if header["schema"] != SCHEMA or not header["providers"]:
            raise ValueError(f"schema must be {SCHEMA}")
        date.fromisoformat(header["date"])
        str(header["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise RatesError(f"{path}: not a snapshot of rates: {error}") from None
    return Snapshot(path, header, lines)


def read(path: Path) -> Snapshot:
    """The snapshot at `path`; raises `RatesError` when it cannot be used."""
    try:
        return parse(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise RatesError(f"{path}: {error}") from None
