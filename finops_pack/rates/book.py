"""The tables in force, strongest first, and what they know of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from finops_pack.errors import RatesError
from finops_pack.rates import names, snapshot
from finops_pack.rates.engine import Found, Plan, plan


@dataclass(slots=True)
class Book:
    """Every table of this process, and the plans that were made from them."""

    snapshot: snapshot.Snapshot
    warnings: list[str] = field(default_factory=list)

    @property
    def directory(self) -> names.Directory:
        """The providers that the tables know."""
        return names.Directory(self.snapshot.providers, {})

    def plan(self, model: str, provider: str | None, context: Mapping[str, str]) -> Plan:
        """All that is known of this model there, in this context."""
        known = self.directory
        for home, name in names.candidates(model, provider, known):
            if entry := self.snapshot.find(home, name):
                return plan([Found(entry)], context)
        return Plan(reason=self._why(model, provider))

    def _why(self, model: str, provider: str | None) -> str:
        if not model.strip():
            return "the call names no model"
        at = f" at {provider}" if provider else ""
        return f"no price on file for model {model!r}{at}"


def load() -> Book:
    """The tables as they stand now; a broken one is left out with a warning."""
    warnings: list[str] = []
    for path in (snapshot.refreshed_path(), snapshot.shipped_path()):
        try:
            if path.is_file():
                return Book(snapshot.read(path), warnings)
        except RatesError as error:
            warnings.append(str(error))
    raise RatesError("no snapshot of rates is installed", mend="reinstall finops-agent-pack")
