"""`finops doctor`: settings and where they came from, what is wrong, and the mend."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finops_pack import config
from finops_pack.cli import _args, _out
from finops_pack.errors import FinOpsError
from finops_pack.query import Reader

HELP = "settings and their sources, frameworks seen, what is wrong and the mend"
SECRET = ("api_key", "hash_key")
SNAPSHOT_DAYS = 30
EPHEMERAL = ("/tmp", "/dev/shm", "/var/tmp")  # noqa: S108 - places we warn of, not write to


@dataclass(frozen=True)
class Check:
    """One thing looked at: `ok`, `note` or `wrong`, and the mend."""

    state: str
    what: str
    mend: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops doctor"""
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """Look at everything; the exit code is 1 when something is wrong."""
    settings, broken = _settings()
    checks = [*broken, *_all(args, settings)]
    if args.json:
        body = {
            "settings": _told(settings),
            "checks": [vars(check) for check in checks],
            "frameworks": [_framework(status) for status in _frameworks()],
        }
        _out.document("finops.doctor", body)
    else:
        _show(settings, checks)
    return int(any(check.state == "wrong" for check in checks))


def _settings() -> tuple[config.Config, list[Check]]:
    try:
        return config.load(), []
    except FinOpsError as error:
        plain = config.Config(ledger=str(config.state_dir() / "ledger.db"))
        return plain, [Check("wrong", str(error), error.mend or "")]


def _told(settings: config.Config) -> dict[str, dict[str, str]]:
    told = {}
    for name in config.Config.__dataclass_fields__:
        if name in ("sources", "untrusted"):
            continue
        value = getattr(settings, name)
        shown = "(set)" if name in SECRET and value else str(value)
        if value not in (None, "", (), {}):
            told[name] = {"value": shown, "source": settings.sources.get(name, "default")}
    return told


def _all(args: argparse.Namespace, settings: config.Config) -> Iterator[Check]:
    yield from _command()
    yield from _trust(settings)
    yield from _ledger(args)
    yield from _spool(settings)
    yield from _rates()
    yield from _seen()
    yield from _delivery(args)


def _command() -> Iterator[Check]:
    """Another package on PyPI installs a `finops` too."""
    found = shutil.which("finops")
    ours = Path(sys.argv[0]).resolve()
    if found and Path(found).resolve() != ours and not _is_ours(found):
        yield Check("wrong", f"`finops` on PATH is another package's: {found}", "use: finops-pack")


def _is_ours(path: str) -> bool:
    try:
        return "finops_pack" in Path(path).read_text(encoding="utf-8", errors="ignore")
    except OSError:
        return False


def _trust(settings: config.Config) -> Iterator[Check]:
    for name, value in settings.untrusted.items():
        yield Check(
            "note",
            f"finops.toml sets {name} = {value}, which is not in force",
            "if you trust this project: finops connect --trust-project",
        )


def _ledger(args: argparse.Namespace) -> Iterator[Check]:
    try:
        with _args.reader(args) as reader:
            yield from _books(reader)
    except FinOpsError as error:
        yield Check("wrong", f"ledger: {error}", error.mend or "check FINOPS_LEDGER")


def _books(reader: Reader) -> Iterator[Check]:
    span = reader.span()
    state = "nothing recorded yet" if span is None else "readable"
    yield Check("ok", f"ledger {reader.ledger_url}: {state}, days in {reader.time_zone}")
    if reader.pending_calls:
        yield Check("note", f"{reader.pending_calls} calls wait to be booked", "finops drain")
    for fault in reader.problems():
        yield Check("wrong", f"ledger: {fault}", "finops ledger rebuild")
    if span is not None:
        total = reader.spend("model").total
        if total.unpriced_calls:
            yield Check(
                "note",
                f"{total.unpriced_calls} calls have no price and stand in no amount",
                "finops spend; then finops rates alias NAME=KNOWN-MODEL and finops reprice",
            )
    lost = reader.documents("lost")
    if lost:
        count = sum(int(body.get("lines", 0)) for body in lost.values())
        yield Check("wrong", f"{count} records were lost (disk full or folder gone)", "")
    if reader.ledger_url.startswith("postgresql") and not config.load().hash_key:
        yield Check(
            "note",
            "hashes are compared within one host only",
            "set the same FINOPS_HASH_KEY on every host",
        )


def _spool(settings: config.Config) -> Iterator[Check]:
    from finops_pack import admin

    folder = admin.spool_folder(settings.ledger)
    if folder is None:
        yield Check("wrong", "no folder for spools can be written", "set FINOPS_SPOOL_DIR")
    elif str(folder).startswith(EPHEMERAL):
        yield Check(
            "note",
            f"spools lie in {folder}, which may die with the container",
            "set FINOPS_SPOOL_DIR to a volume, or run finops drain before it stops",
        )


def _rates() -> Iterator[Check]:
    from finops_pack import rates

    try:
        version, date, _, age = rates.snapshot_info()
    except FinOpsError as error:
        yield Check("wrong", str(error), error.mend or "")
        return
    yield Check("ok", f"prices: {version} of {date}")
    if age > SNAPSHOT_DAYS:
        yield Check("note", f"the price snapshot is {age} days old", "finops rates refresh")


def _frameworks() -> list[Any]:
    from finops_pack import admin

    return [s for s in admin.frameworks() if any(p.version for p in s.packages)]


def _framework(status: Any) -> dict[str, Any]:
    return {
        "adapter": status.adapter,
        "packages": [package._asdict() for package in status.packages],
        "cannot_see": list(status.cannot_see),
    }


def _seen() -> Iterator[Check]:
    for status in _frameworks():
        for package in status.packages:
            if package.version and not package.tested:
                yield Check(
                    "note",
                    f"{package.name} {package.version} was not tried (tried: {package.range})",
                    "compare a few calls with the provider's figures",
                )


def _delivery(args: argparse.Namespace) -> Iterator[Check]:
    try:
        with _args.reader(args) as reader:
            failed = [
                (day, body)
                for day, body in reader.documents("outbox").items()
                if body.get("state") in ("failed", "corrected")
            ]
    except FinOpsError:
        return
    for day, body in failed:
        reason = str(body.get("error") or body.get("reason") or body["state"])
        yield Check("wrong", f"report of {day} was not delivered: {reason}", "finops report")


def _show(settings: config.Config, checks: list[Check]) -> None:
    rows = [(name, item["value"], item["source"]) for name, item in _told(settings).items()]
    _out.table("settings", ("name", "value", "from"), rows)
    frameworks = _frameworks()
    if frameworks:
        lines = [
            (s.adapter, ", ".join(f"{p.name} {p.version}" for p in s.packages if p.version),
             "; ".join(s.cannot_see) or "nothing known")
            for s in frameworks
        ]  # fmt: skip
        _out.table("frameworks", ("adapter", "installed", "cannot see"), lines)
    else:
        print("no supported framework is installed beside this command")
    for check in checks:
        print(f"{check.state:<6} {check.what}")
        if check.mend:
            print(f"       mend: {check.mend}")
    if os.environ.get("FINOPS_DISABLE"):
        print("note   FINOPS_DISABLE is set: nothing is recorded in this environment")
