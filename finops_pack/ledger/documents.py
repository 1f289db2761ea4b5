"""What a document must be where another machine may have written it: budgets, alerts, levers.

Kinds that are not here are read by whoever wrote them, and by nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from finops_pack.budgets import Budget
from finops_pack.errors import ConfigError
from finops_pack.money import usd_of

Rule = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _moment(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _usd(value: Any) -> bool:
    try:
        return usd_of(value) >= 0
    except ValueError:
        return False


def _scope(value: Any) -> bool:
    named = value.items() if isinstance(value, dict) else [("", value)]
    return all(name in ("project", "action", "model") and _text(told) for name, told in named)


NEEDED: Mapping[str, Mapping[str, Rule]] = {
    "import_billing": {"billing": _text},
    "lever": {"accepted_at": _moment, "title": _text, "estimated_saving_usd": _usd},
    "loss": {"lines": _count},
    "outbox": {"url": _text, "date": _text},
    "report": {"id": _text},
}
ALLOWED: Mapping[str, Mapping[str, Rule]] = {
    "alert": {"sent_to": _texts},
    "lever": {"scope": _scope},
    "loss": {"reasons": _texts},
}


def fault(kind: str, key: str, body: Mapping[str, Any]) -> str | None:
    """What is wrong with a document, by its field; None for a sound one."""
    if kind == "budget":
        return _budget(key, body)
    needed, allowed = NEEDED.get(kind, {}), ALLOWED.get(kind, {})
    wrong = [name for name, holds in needed.items() if not holds(body.get(name))]
    wrong += [name for name, holds in allowed.items() if name in body and not holds(body[name])]
    return f"{wrong[0]}: {str(body.get(wrong[0]))[:40]!r} cannot be read" if wrong else None


def _budget(key: str, body: Mapping[str, Any]) -> str | None:
    try:
        wanted = Budget.from_dict(body).id
    except ConfigError as error:
        return str(error)
    return None if key == wanted else f"key: a budget like this is {wanted!r}, not {key[:40]!r}"
