"""The ledger and its spools: kind, place, soundness, what is pending, what may be lost."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from finops_pack import config, query
from finops_pack.errors import LedgerUnreachable
from finops_pack.health import Check, fault, note, ok
from finops_pack.ledger import documents, ledger_id, normalise, spool, sqlite_path
from finops_pack.query import Reader

RECOUNTED = 200_000  # calls up to which every rollup is recounted unasked
FLEETING = {"overlay": "a container's own layer", "tmpfs": "memory", "ramfs": "memory"}


def checks(ledger_url: str | None) -> Iterator[Check]:
    """The ledger first, then where its spools lie."""
    settings = config.load()
    url = normalise(ledger_url or settings.ledger)
    kind = url.partition(":")[0]
    if kind == "sqlite":
        yield from _file(Path(sqlite_path(url)))
    elif kind == "postgresql":
        yield ok("ledger", url)
        if not settings.hash_key:
            text = "FINOPS_HASH_KEY is not set: repeats are found within one host only"
            yield note("hash key", text, "set FINOPS_HASH_KEY to one secret on every host")
    yield from _spools(url)
    yield from _books(ledger_url, settings)


def _file(path: Path) -> Iterator[Check]:
    try:
        status = path.stat()
    except FileNotFoundError:
        mend = "the first call recorded makes it: import finops_pack.auto"
        yield note("ledger", f"no file at {path} yet", mend)
        return
    yield ok("ledger", f"{path}, {status.st_size / 1e6:.1f} MB")
    if os.name != "nt" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield note("ledger", "other users of this machine can read it", f"chmod 600 {path}")
    if fleeting := storage(path):
        text = f"it stands in {fleeting} and is gone with it"
        yield note("ledger", text, "set FINOPS_LEDGER to a mounted volume or postgresql://…")


def _spools(url: str) -> Iterator[Check]:
    folder = spool.folder(ledger_id(url))
    if folder is None:
        text = "no folder can be written: calls wait in memory only and are lost with the process"
        yield fault("spool", text, "set FINOPS_SPOOL_DIR to a folder that can be written")
        return
    yield ok("spool", str(folder))
    if fleeting := storage(folder):
        text = f"it stands in {fleeting}: what is not drained is gone with it"
        yield note("spool", text, "set FINOPS_SPOOL_DIR to a mounted volume")


def _books(ledger_url: str | None, settings: config.Config) -> Iterator[Check]:
    try:
        reader = query.open(ledger_url)
    except LedgerUnreachable as error:
        yield fault("reachable", str(error), error.mend)
        return
    with reader:
        yield from _held(reader)
        yield from _budgets(reader)
        if "tz" in settings.sources and settings.tz != reader.time_zone:
            text = f"the ledger keeps its days in {reader.time_zone}, FINOPS_TZ says {settings.tz}"
            yield note("time zone", text, f"finops ledger rebuild --tz {settings.tz}")


def _held(reader: Reader) -> Iterator[Check]:
    span = reader.span()
    if reader.pending_calls:
        text = f"recorded lines not booked yet: {reader.pending_calls:,}"
        yield note("pending", text, "finops drain")
    if span is None and reader.pending_calls:
        return
    if span is None:
        yield note("calls", "nothing recorded yet", "import finops_pack.auto, or finops demo")
        return
    spend = reader.spend("model")
    calls = spend.total.calls + spend.subscription.calls
    yield ok("calls", f"{calls:,}, {_day(span[0])} to {_day(span[1])}")
    yield from _lost(reader)
    if calls <= RECOUNTED:
        wrong = reader.problems()
        for text in wrong:
            yield fault("soundness", text, "finops ledger rebuild")
        if not wrong:
            yield ok("soundness", "every sum recounted from the calls")


def _budgets(reader: Reader) -> Iterator[Check]:
    for key, body in reader.documents("budget").items():
        if why := documents.fault("budget", key, body):
            yield fault("budget", f"{key} holds nothing: {why}", documents.budget_mend(key))


def _lost(reader: Reader) -> Iterator[Check]:
    found = reader.documents("loss").values()
    count = sum(int(body.get("lines", 0)) for body in found)
    if count:
        reasons = {reason for body in found for reason in body.get("reasons", ())}
        why = "; ".join(sorted(reasons)[:3]) or "torn by a crash, or no room to keep them"
        yield fault("lost", f"{count:,} recorded lines are in no figure: {why}")


def _day(start_us: int) -> str:
    return datetime.fromtimestamp(start_us / 1e6, UTC).date().isoformat()


def storage(path: Path) -> str | None:
    """What this path stands in when that dies with the container or the machine; else None."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text()
    except OSError:
        return None  # no Linux: nobody to ask
    return FLEETING.get(filesystem(path, mounts))


def filesystem(path: Path, mounts: str) -> str:
    """The kind of file system that holds `path`, by the text of a Linux `mountinfo`."""
    found = (0, "")
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        point = left.split()[4].replace("\\040", " ")
        if path.is_relative_to(point):
            found = max(found, (len(point), right.split()[0]))
    return found[1]
