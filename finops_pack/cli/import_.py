"""`finops import`: logs of other tools into the ledger, again and again without doubling."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finops_pack import again, config, importers
from finops_pack.cli import _args, _out, _tame
from finops_pack.errors import InputError
from finops_pack.importers import Importer, Options, Progress, Summary
from finops_pack.model import BillingMode

HELP = "logs of coding agents, batches and traces into the ledger, without doubling"
_ANSWERS: dict[str, BillingMode] = {"m": "metered", "s": "subscription", "": "unknown"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops import claude-code --billing subscription"""
    parser.add_argument("name", nargs="?", metavar="WHAT", help="whose logs; alone: all there are")
    parser.add_argument("path", nargs="*", help="files or folders; - is standard input")
    parser.add_argument("--source", metavar="NAME", help="name of these rows, with their ids")
    parser.add_argument(
        "--billing", choices=("metered", "subscription"), help="who pays: by the call, or a plan"
    )
    parser.add_argument("--project", metavar="P", help="the project of all these calls")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit 2 when a line is rejected; reads every file anew",
    )
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """Import, say what became of it, name what was rejected."""
    if args.name is None:
        return _offer(args.json)
    importer = importers.load(args.name)
    paths = [Path(path) for path in args.path] or importers.present(importer)
    if not paths:
        usual = bool(importer.default_paths())
        raise InputError(
            f"{args.name}: {'no logs found in the' if usual else 'these have no'} usual place",
            mend=f"name a file or folder: finops import {args.name} PATH",
        )
    args.billing = _billing(args, importer)
    options = Options(
        args.source, args.billing, args.project, args.dry_run, args.ledger, args.strict
    )
    found = None
    if importer.AGENT and not args.dry_run:
        found = again.look(args.path or map(str, importer.default_paths()))
    with _bar(args.json) as progress:
        summary = importers.run(importer, paths, options, progress)
    if args.json:
        _out.document("finops.import", summary.to_dict())
    else:
        _show(summary, importer, args)
    _out.rejected([f"{one.file}:{one.line}: {one.reason}" for one in summary.rejected])
    if found and not summary.rejected:
        _note(args, importer, found, summary.files)
    return 2 if args.strict and summary.rejected else 0


def _note(args: argparse.Namespace, importer: Importer, found: again.Found, files: int) -> None:
    """Remember what to answer as long as everything stays as it was found."""
    if args.words[1] == importer.NAME and str(importers.STDIN) not in args.path:
        nothing = Summary(files=files, skipped=files)
        printed = (
            _out.json_text("finops.import", nothing.to_dict()) if args.json else _counts(nothing)
        )
        again.leave(args.words, found, args.ledger or config.load().ledger, printed)


def _offer(as_json: bool) -> int:
    """Which importers there are, and which of their logs lie here."""
    found = {name: importers.load(name) for name in importers.names()}
    places = {name: [str(p) for p in importers.present(one)] for name, one in found.items()}
    if as_json:
        told = [{"what": n, "reads": one.HELP, "found": places[n]} for n, one in found.items()]
        _out.document("finops.importers", {"importers": told})
        return 0
    rows = [(name, one.HELP, ", ".join(places[name]) or "-") for name, one in found.items()]
    _out.table("finops import WHAT [PATH]", ("what", "reads", "found here"), rows)
    return 0


def _billing(args: argparse.Namespace, importer: Importer) -> BillingMode | None:
    """What was said; on a terminal it is asked, once a source."""
    said: BillingMode | None = args.billing
    kept = importer.AGENT and not args.dry_run
    asked = kept and not args.json and sys.stdin.isatty() and sys.stderr.isatty()
    if said or not asked or importers.billing_of(args.source or importer.NAME, args.ledger):
        return said
    print(
        "Who pays for these calls? [s]ubscription: a flat plan; [m]etered: an API key, by the call;"
        "\n[Enter]: not known, which counts as metered: ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    return _ANSWERS.get(sys.stdin.readline().strip().lower()[:1], "unknown")


@contextmanager
def _bar(quiet: bool) -> Iterator[Progress | None]:
    """A progress bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(file=_tame.bare(sys.stderr))
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total, refresh=True)


def _show(summary: Summary, importer: Importer, args: argparse.Namespace) -> None:
    dry_run = args.dry_run
    print(f"would be read: {_counts(summary)}" if dry_run else _counts(summary))
    if importer.AGENT and summary.billing == "unknown" and summary.read:
        words = [word for word in args.words if word != "--dry-run"]  # which would not keep it
        print(
            "who pays is not known, so they count as spent; on a flat plan say it once: "
            f"{_args.command(*words)} --billing subscription"
        )
    if summary.new and summary.billing == "subscription" and not args.billing:
        name = args.source or importer.NAME
        print(f"they count as a flat plan's, as was said of {name} before; else: --billing metered")
    if summary.new and summary.first_us is not None and not dry_run:
        from datetime import UTC, datetime

        since = datetime.fromtimestamp(summary.first_us / 1e6, UTC)
        words = ["spend", "--by", "project", "--since", f"{since:%Y-%m-%d}"]
        words += ["--billing", "subscription"] if summary.billing == "subscription" else []
        words += ["--ledger", args.ledger] if args.ledger else []
        print(f"next: {_args.command(*words)}")


def _counts(summary: Summary) -> str:
    if not summary.files:
        return "no such logs found: 0 files"
    files = _out.count(summary.files, "file")
    if not summary.read and not summary.rejected:
        new = "no calls in" if summary.skipped < summary.files else "nothing new in"
        return f"{new} {files}"
    old = f" ({summary.skipped:,} of them unchanged)" if summary.skipped else ""
    parts = ((summary.new, "new"), (summary.corrected, "corrected"), (summary.unchanged, "known"),
             (len(summary.rejected), "rejected"))  # fmt: skip
    said = ", ".join(f"{count:,} {word}" for count, word in parts if count or word == "new")
    return f"{_out.count(summary.read, 'call')} in {files}{old}: {said}"
