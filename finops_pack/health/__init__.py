"""What is wrong with this installation, and the mend: one file a part, each gives `Check`s."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import Any, Literal

State = Literal["ok", "note", "fault"]
PARTS = ("settings", "store", "prices", "tracking", "delivery")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `mend` is what to do about it, None when nothing needs doing."""

    name: str
    state: State
    text: str
    mend: str | None = None
    part: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def ok(name: str, text: str) -> Check:
    """As it should be."""
    return Check(name, "ok", text)


def note(name: str, text: str, mend: str | None = None) -> Check:
    """Worth knowing; nothing is broken."""
    return Check(name, "note", text, mend)


def fault(name: str, text: str, mend: str | None = None) -> Check:
    """Broken, or figures are not what they seem."""
    return Check(name, "fault", text, mend)


def examine(ledger_url: str | None = None) -> list[Check]:
    """Every check of every part; a part that cannot be looked at is itself a fault.

    A fault that several parts meet, such as a file of settings that is broken, is said once.
    """
    found: dict[object, Check] = {}
    for part in PARTS:
        for check in _looked_at(part, ledger_url):
            key = check.text if check.state == "fault" else (part, check)
            found.setdefault(key, replace(check, part=part))
    return list(found.values())


def _looked_at(part: str, ledger_url: str | None) -> list[Check]:
    found: list[Check] = []
    try:
        found.extend(import_module(f"{__name__}.{part}").checks(ledger_url))
    except Exception as error:  # noqa: BLE001 - one broken part must not hide the others
        mend = getattr(error, "mend", None)
        found.append(fault("stopped", str(error) or repr(error), mend))
    return found
