"""What a document must be where another machine may have written it: budgets, alerts, levers.

Kinds that are not here are read by whoever wrote them, and by nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from finops_pack import log
from finops_pack.budgets import Budget
from finops_pack.errors import ConfigError
from finops_pack.money import usd_of

Rule = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _name(value: Any) -> bool:
    return value is None or _text(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_text, value))


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _whole(value: Any) -> bool:
    return type(value) is int


def _number(value: Any) -> bool:
    return type(value) in (int, float)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _moment(value: Any) -> bool:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return moment.tzinfo is not None and moment.year >= 2000


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
    "import_memory": {"memory": _object},
    "lever": {"accepted_at": _moment, "title": _text, "estimated_saving_usd": _usd},
    "loss": {"lines": _count},
    "outbox": {"url": _text, "date": _text},
    "report": {"id": _text},
}
ALLOWED: Mapping[str, Mapping[str, Rule]] = {
    "alert": {"sent_to": _texts},
    "import": dict.fromkeys(("offset", "line", "size", "mtime_ns"), _whole),
    "lever": {"scope": _scope},
    "loss": {"reasons": _texts},
    "outbox": {
        "owner": _name,
        **dict.fromkeys(("requests", "attempts", "quiet_until", "hold_until", "tried_at"), _number),
    },
}


def fault(kind: str, key: str, body: Mapping[str, Any]) -> str | None:
    """What is wrong with a document, by its field; None for a sound one."""
    if kind == "budget":
        return _budget(key, body)
    needed, allowed = NEEDED.get(kind, {}), ALLOWED.get(kind, {})
    wrong = [name for name, holds in needed.items() if not holds(body.get(name))]
    wrong += [name for name, holds in allowed.items() if name in body and not holds(body[name])]
    return f"{wrong[0]}: {str(body.get(wrong[0]))[:40]!r} cannot be read" if wrong else None


def sound(url: str, kind: str, found: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those that can be read; the others are told and left out, so that they spoil nothing."""
    wrong = {key: fault(kind, key, body) for key, body in found.items()}
    for key, why in wrong.items():
        if why:
            _left_out(url, kind, key, why)
    return {key: body for key, body in found.items() if not wrong[key]}


@lru_cache(maxsize=256)
def _left_out(url: str, kind: str, key: str, why: str) -> None:
    """Tell it once: a gate asks for its budgets every other second."""
    if kind == "budget":
        log.warning(f"budget {key!r} of {url} holds nothing: {why}; mend: {budget_mend(key)}")
    else:
        log.warning(f"{kind} {key!r} of {url} is left out, it cannot be read: {why}")


def budget_mend(key: str) -> str:
    """What to do about a budget that cannot be read: it may be a newer version's, and sound."""
    newer = "if a newer version set it, pip install --upgrade finops-agent-pack"
    return f"{newer}; else finops budget rm {key}"


def _budget(key: str, body: Mapping[str, Any]) -> str | None:
    try:
        wanted = Budget.from_dict(body).id
    except ConfigError as error:
        return str(error)
    return None if key == wanted else f"key: a budget like this is {wanted!r}, not {key[:40]!r}"
