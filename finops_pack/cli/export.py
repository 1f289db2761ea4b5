"""`finops export`: the calls of a period as FOCUS, OpenTelemetry spans or CSV."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from finops_pack import export
from finops_pack.cli import _args, _out, _tame
from finops_pack.errors import InputError

HELP = "the calls as FOCUS 1.2, OpenTelemetry spans or CSV"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops export focus --last 30d -o focus.csv"""
    parser.add_argument("format", choices=export.FORMATS)
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="instead of stdout, which - is, too"
    )
    plans = "flat plans (subscription) are in it, with nothing billed"
    _args.add_common(parser, last=None, plans=plans)


def run(args: argparse.Namespace) -> int:
    """Write the file; say how much there was, and what could not be in it."""
    if str(args.output) == "-":
        args.output = None
    if args.json and args.output is None:
        raise InputError("--json tells about a file", mend="name it with -o FILE")
    with _args.reader(args) as reader, _target(args.output) as out:
        calls = reader.stream(_args.period(args, reader), **_args.where(args))
        written = export.load(args.format).write(calls, reader.facts, out)
    if args.json:
        body = {"format": args.format, "file": str(args.output), "calls": written.calls}
        more = {"rows": written.rows, "unpriced_calls": written.unpriced_calls}
        _out.document("finops.export", {**body, **more})
    elif args.output:
        rows = _out.count(written.rows, "row")
        print(f"{args.output}: {_out.count(written.calls, 'call')}, {rows}")
    if written.unpriced_calls:
        what = "left out" if args.format == "focus" else "without an amount"
        unpriced = _out.count(written.unpriced_calls, "unpriced call")
        _out.warn(f"{unpriced} {what}; names and mends: finops doctor")
    return 0


@contextmanager
def _target(path: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole or not at all."""
    if path is None:
        yield _tame.bare(sys.stdout)
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            yield out
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
