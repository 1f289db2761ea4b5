"""Another currency beside USD, at a dated rate of the user's: shown, never stored.

currency = "EUR 0.92 2026-11-20"        one USD was 0.92 EUR on that day
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from finops_pack import config
from finops_pack.errors import ConfigError
from finops_pack.money import plain, shown

MEND = 'write it like: "EUR 0.92 2026-11-20", one USD being 0.92 EUR on that day'


@dataclass(frozen=True, slots=True)
class Currency:
    """What one USD was worth on a day."""

    code: str
    per_usd: Decimal
    of: str

    def shown(self, usd: Decimal) -> str:
        """`1.10 EUR at 0.92 of 2026-11-20`."""
        amount = shown(usd * self.per_usd).replace("$", "")  # as many digits as dollars have
        return f"{amount} {self.code} at {plain(self.per_usd)} of {self.of}"

    def to_dict(self, usd: Decimal) -> dict[str, str]:
        """JSON-ready: the rate, its day, and this amount at it."""
        amount = plain(round(usd * self.per_usd, 6))
        return {"code": self.code, "per_usd": plain(self.per_usd), "of": self.of, "amount": amount}


def chosen() -> Currency | None:
    """The one of the settings; raises `ConfigError` when it cannot be read."""
    settings = config.load()
    origin = settings.sources.get("currency", "currency")
    return parse(settings.currency, origin) if settings.currency else None


def parse(text: str, origin: str = "currency") -> Currency:
    """From its spelling; raises `ConfigError` naming `origin` and the mend."""
    try:
        code, rate, day = text.split()
        found = Currency(code.upper(), Decimal(rate), date.fromisoformat(day).isoformat())
    except (ValueError, InvalidOperation):
        raise ConfigError(f"{origin}: {text!r} is no dated rate", mend=MEND) from None
    if not (code.isalpha() and len(code) == 3 and found.per_usd.is_finite() and found.per_usd > 0):
        raise ConfigError(f"{origin}: {text!r} is no dated rate", mend=MEND)
    return found
