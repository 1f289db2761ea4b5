"""What a budget is, and how it is written: `5 USD/day soft project=support-bot`.

    AMOUNT USD/(call|task|session|day|week|month|24h) [soft] [SCOPE=VALUE]

Hard unless `soft`. A scope is `project`, `agent`, `action`, `model`, `task`, `session` or
`tag.KEY`; without one the budget covers everything but flat plans, whose calls have budgets of
their own with `billing=subscription`, in list equivalents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from finops_pack.errors import ConfigError
from finops_pack.model import Where
from finops_pack.money import plain, to_pico, usd_of

WINDOWS = ("call", "task", "session", "day", "week", "month", "24h")
CLOCKED = ("day", "week", "month", "24h")  # one sum each; the others count anew each time
SCOPES = ("project", "agent", "action", "model", "task", "session")
FINAL_ANSWER = "final_answer"  # the action that may spend what is held back
THRESHOLDS = (50, 80, 100)  # percent used, told once a window each
MEND = 'write it like: "5 USD/day", "0.50 USD/task soft", "20 USD/week project=support-bot"'

_SPEC = (
    r"(?i)^\s*\$?(?P<amount>[0-9][0-9_]*(?:\.[0-9]+)?)\s*(?:USD)?\s*(?:/|per)\s*(?P<window>\w+)"
    r"(?P<rest>(?:\s+\S+)*)\s*$"
)


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget. `scope` is (kind, value) or None for everything; amounts USD."""

    limit_usd: Decimal
    window: str
    hard: bool = True
    scope: tuple[str, str] | None = None
    unpriced: str = "refuse"  # or "warn"
    reserve_usd: Decimal = Decimal(0)  # held back for a final answer

    @property
    def id(self) -> str:
        """Stable: the same scope and window are the same budget, whatever its amount."""
        where = "everything" if self.scope is None else "=".join(self.scope)
        return f"{self.window}:{where}"

    @property
    def covers(self) -> str:
        """What it covers, in words."""
        return "everything" if self.scope is None else f"{self.scope[0]} {self.scope[1]}"

    @property
    def limit_pico(self) -> int:
        """The limit in pico-USD."""
        return to_pico(self.limit_usd)

    def __str__(self) -> str:
        words = [f"{plain(self.limit_usd)} USD/{self.window}"]
        words += [] if self.hard else ["soft"]
        words += [] if self.scope is None else ["=".join(self.scope)]
        return " ".join(words)

    def where(self, now: datetime, zone: tzinfo = UTC, **held: str | None) -> Where:
        """The calls it covers now; `held` names the task and session in hand."""
        since, _ = bounds(self.window, now, zone)
        where = Where(since_us=None if since is None else int(since.timestamp() * 1e6))
        if self.scope is not None:
            where = _scoped(where, *self.scope)
        if self.window in ("task", "session"):
            where = _scoped(where, self.window, held.get(self.window) or "")
        return where

    def resets_at(self, now: datetime, zone: tzinfo = UTC) -> datetime | None:
        """When a new window begins; None for windows that do not end by the clock."""
        return bounds(self.window, now, zone)[1]

    def to_dict(self) -> dict[str, Any]:
        """As stored in the ledger: JSON-ready, amounts as decimal strings."""
        return {
            "limit_usd": plain(self.limit_usd),
            "window": self.window,
            "hard": self.hard,
            "scope": None if self.scope is None else list(self.scope),
            "unpriced": self.unpriced,
            "reserve_usd": plain(self.reserve_usd),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Budget:
        """From what `to_dict` gave; raises `ConfigError` for anything else, by its field."""
        unpriced = str(body.get("unpriced", "refuse"))
        return cls(
            _limit(_usd(body, "limit_usd"), "limit_usd"),
            _one_of("window", str(body.get("window")), WINDOWS),
            bool(body.get("hard", True)),
            _pair(body.get("scope")),
            _one_of("unpriced", unpriced, ("refuse", "warn")),
            _usd({"reserve_usd": "0", **body}, "reserve_usd"),
        )


def _usd(body: Mapping[str, Any], name: str) -> Decimal:
    try:
        return usd_of(body.get(name))
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None


def _limit(amount: Decimal, origin: str) -> Decimal:
    if not 0 < amount < 10**6:
        raise ConfigError(f"{origin}: the amount must be above 0 and below 1,000,000")
    return amount


def _one_of(name: str, told: str, known: tuple[str, ...]) -> str:
    if told not in known:
        raise ConfigError(f"{name}: {told[:40]!r} is none of: {', '.join(known)}")
    return told


def _pair(scope: Any) -> tuple[str, str] | None:
    if not scope:
        return None
    if isinstance(scope, list | tuple) and len(scope) == 2:
        kind, value = map(str, scope)
        if value and _is_scope(kind, value):
            return kind, value
    raise ConfigError(f"scope: {str(scope)[:40]!r} is no kind of calls with its value")


def _scoped(where: Where, kind: str, value: str) -> Where:
    if kind.startswith("tag."):
        return replace(where, tag=(kind.removeprefix("tag."), value))
    named: dict[str, Any] = {kind: value}
    return replace(where, **named)


def parse(spec: str, origin: str = "budget") -> Budget:
    """A budget from its spelling; raises `ConfigError` naming `origin` and the mend."""
    match = re.match(_SPEC, str(spec))  # a bare number, too, is told what is missing
    if match is None:
        raise ConfigError(f"{origin}: {spec!r} is not a budget", mend=MEND)
    window = match["window"].lower()
    if window not in WINDOWS:
        raise ConfigError(
            f"{origin}: {spec!r}: unknown window {window!r}", mend=f"one of: {', '.join(WINDOWS)}"
        )
    soft, scope = _rest(match["rest"].split(), spec, origin)
    try:
        amount = Decimal(match["amount"].replace("_", ""))
    except InvalidOperation:
        raise ConfigError(f"{origin}: {spec!r}: not an amount", mend=MEND) from None
    return Budget(_limit(amount, f"{origin}: {spec!r}"), window, hard=not soft, scope=scope)


def thresholds(text: str, origin: str = "thresholds") -> tuple[int, ...]:
    """`50,80,100` as numbers, lowest first; raises `ConfigError` naming `origin`."""
    try:
        levels = sorted({int(part.strip().removesuffix("%")) for part in text.split(",")})
    except ValueError:
        levels = []
    if not levels or levels[0] < 1 or levels[-1] > 100:
        mend = 'percentages from 1 to 100, such as "50,80,100"'
        raise ConfigError(f"{origin}: {text!r} are no thresholds", mend=mend)
    return tuple(levels)


def _rest(words: list[str], spec: str, origin: str) -> tuple[bool, tuple[str, str] | None]:
    soft, scope = False, None
    for word in words:
        kind, equals, value = word.partition("=")
        if word.lower() in ("soft", "hard"):
            soft = word.lower() == "soft"
        elif scope is None and equals and value and _is_scope(kind, value):
            scope = (kind, value)
        else:
            raise ConfigError(f"{origin}: {spec!r}: cannot read {word!r}", mend=MEND)
    return soft, scope


def _is_scope(kind: str, value: str) -> bool:
    if kind == "billing":
        return value == "subscription"
    return kind in SCOPES or (kind.startswith("tag.") and len(kind) > len("tag."))


def bounds(
    window: str, now: datetime, zone: tzinfo = UTC
) -> tuple[datetime | None, datetime | None]:
    """(start, end) of the window that holds `now`, in `zone`; (None, None) without a clock.

    A week begins on Monday; `24h` rolls, so it has a start and no end.
    """
    if window == "24h":
        return now - timedelta(hours=24), None
    if window not in CLOCKED:
        return None, None
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if window == "day":
        return midnight, _midnight(midnight, 1)
    if window == "week":
        monday = _midnight(midnight, -midnight.weekday())
        return monday, _midnight(monday, 7)
    first = midnight.replace(day=1)
    return first, _midnight(first, 32).replace(day=1)


def _midnight(day: datetime, days: int) -> datetime:
    """Midnight so many days later by the calendar, whatever the clocks do."""
    return (day.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=day.tzinfo)
