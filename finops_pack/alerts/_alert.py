"""One alert, and how it writes amounts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from finops_pack.money import shown

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; `key` is the same for the same cause in the same period."""

    alert_type: str
    severity: Severity
    title: str
    message: str
    period: str
    cause: str = ""

    @property
    def key(self) -> str:
        """What makes two alerts the same one."""
        return f"{self.subject}:{self.period}"

    @property
    def subject(self) -> str:
        """Its type and cause, the same in every period: what a person mutes."""
        return f"{self.alert_type}:{self.cause}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "key": self.key,
            "alert_type": self.alert_type,
            "severity": self.severity,
            "title": self.title,
            "message": self.message,
            "period": self.period,
        }


def dollars(usd: Decimal) -> str:
    """`$400`, `$12.50`, `$0.093`: as everywhere, but for cents where there are none."""
    return shown(usd).removesuffix(".00")
