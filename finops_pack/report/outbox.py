"""The outbox: what was tried for each day and URL, as documents in the ledger.

A document changes only by compare-and-swap, so of two processes on one ledger one claims a
day and the other sees it. A claim whose process died counts as a try of unknown outcome.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from finops_pack.ledger import Ledger

KIND = "outbox"
LEASE_SECONDS = 60  # well over the deadline of one request
FARTHEST = 86_400.0  # seconds that anything here may be put off
State = Literal["pending", "sending", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One day at one URL; times Unix seconds.

    `hash` is the content last tried, `sent_hash` the one last delivered, `figures` the day's
    rollup behind `hash`, `body` the hash that a server has of it. `before` counts the requests
    the server held for the day before the try, None where it could not tell. `unclear`: a try
    may have landed, whatever became of a later one; `requests` is the least of those tries.
    `lost`: one of them got no answer at all, or only a proxy's. `doubt`: nothing tells whether
    it landed.
    `quiet_until`: a server that went silent may still be saving. `hold_until`: the server's own
    Retry-After.
    """

    url: str
    date: str
    state: State = "pending"
    hash: str | None = None
    figures: str | None = None
    body: str | None = None
    requests: int = 0
    before: int | None = None
    unclear: bool = False
    lost: bool = False
    doubt: bool = False
    quiet_until: float = 0.0
    hold_until: float = 0.0
    attempts: int = 0
    tried_at: float = 0.0
    owner: str | None = None
    key: str | None = None
    status: int | None = None
    error: str | None = None
    sent_hash: str | None = None
    sent_at: float | None = None
    report_id: str | None = None
    changed: bool = False

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Entry:
        """An entry from its document; what a later version added is left out."""
        names = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in document.items() if name in names})

    def delivered(self, now: float, report_id: object) -> Entry:
        """The same, once it has landed."""
        return replace(
            self,
            state="sent",
            sent_hash=self.hash,
            sent_at=now,
            report_id=report_id if isinstance(report_id, str) else None,
            unclear=False,
            lost=False,
            doubt=False,
            quiet_until=0.0,
            attempts=0,
            status=None,
            error=None,
            changed=False,
        )

    @property
    def open(self) -> bool:
        """Whether a try of unknown outcome is behind this entry; a claim that died is one."""
        return self.unclear or self.state == "sending"

    @property
    def told(self) -> bool:
        """Whether the server may hold this day, or has refused it."""
        return bool(self.sent_hash) or self.open or self.state == "failed"

    def held(self, now: float) -> bool:
        """Whether a live process is sending this day right now."""
        return (
            self.state == "sending"
            and ahead(self.tried_at + LEASE_SECONDS, now)
            and not _died(self.owner or "")
        )


def ahead(moment: float, now: float) -> bool:
    """Whether that is still to come; what lies too far ahead was said by a clock put back since."""
    return now < moment <= now + LEASE_SECONDS + FARTHEST


def entries(ledger: Ledger, url: str) -> dict[str, Entry]:
    """All entries of this URL by date."""
    found = map(Entry.of, ledger.documents(KIND).values())
    return {entry.date: entry for entry in found if entry.url == url}


def swap(ledger: Ledger, seen: Entry | None, new: Entry) -> bool:
    """Write `new` if the day still stands as `seen`; False when another process was there."""
    won = False

    def change(old: dict[str, Any] | None) -> dict[str, Any] | None:
        nonlocal won
        won = (Entry.of(old) if old else None) == seen
        return asdict(new) if won else None

    ledger.update(KIND, f"{new.date} {new.url}", change)
    return won


def owner() -> str:
    """This process, so that others on this machine can see whether it lives."""
    return f"{_machine()}/{os.getpid()}/{_nonce()}"


@lru_cache(maxsize=1)
def _machine() -> str:
    """The host, and where there are any, its namespace of process ids."""
    import platform

    try:
        return f"{platform.node()}:{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()


@lru_cache(maxsize=1)
def _nonce() -> str:
    return secrets.token_hex(4)


def _died(owned_by: str) -> bool:
    """True only when that process was on this machine and is no more."""
    machine, _, rest = owned_by.rpartition("/")[0].rpartition("/")
    if machine != _machine() or not rest.isdigit() or os.name == "nt":
        return False
    if int(rest) == os.getpid():
        return owned_by != owner()  # somebody's who had our process id before us
    try:
        os.kill(int(rest), 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False
