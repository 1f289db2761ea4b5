"""What every command prints with: one JSON document, or plain lines and tables, or a failure."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from finops_pack.cli import _tame
from finops_pack.errors import FinOpsError
from finops_pack.figures import count, days, percent, score, times, tokens, usd
from finops_pack.money import plain

if TYPE_CHECKING:
    from finops_pack.model import Finding

__all__ = [
    "count", "days", "document", "failure", "fields", "finding", "json_text", "note",
    "percent", "rejected", "say", "score", "show_finding", "show_overlap", "sparkline", "table",
    "times", "tokens", "usd", "warn",
]  # fmt: skip

_NAMED = 10  # rejected lines
_TEXT = 16  # of a column of text, at least this much stays readable
_BETWEEN = 3  # blanks between two columns
_IN = "    "
_SPARKS = "▁▂▃▄▅▆▇█"


def document(schema: str, body: Mapping[str, Any]) -> None:
    """Print the one JSON document of a command to stdout."""
    print(json_text(schema, body))


def json_text(schema: str, body: Mapping[str, Any]) -> str:
    """The one JSON document of a command; what the terminal cannot or must not write is escaped."""
    plain_text = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    text = json.dumps({"schema": schema, "version": 1, **body}, ensure_ascii=not plain_text)
    return text.translate(_tame.IN_JSON)


def warn(message: str) -> None:
    """A line that is not the answer."""
    print(message, file=sys.stderr)


def rejected(lines: Sequence[str]) -> None:
    """Name the first lines that were rejected, and say how many more there are."""
    for line in lines[:_NAMED]:
        warn(line)
    if len(lines) > _NAMED:
        warn(f"… and {count(len(lines) - _NAMED, 'more line')} rejected")


def note(text: str) -> None:
    """A last line of the answer, if there is something to say."""
    if text:
        say(text)


def failure(error: FinOpsError, as_json: bool) -> None:
    """Say what is wrong and how to mend it."""
    if as_json:
        body = {"code": error.code, "message": str(error), "mend": error.mend}
        document("finops.error", body)
        return
    warn(f"finops: {error}")
    if error.mend:
        warn(f"  mend: {error.mend}")


def sparkline(values: Sequence[float]) -> str:
    """`▁▃█`: values against their maximum."""
    top = max(values, default=0)
    if top <= 0:
        return ""
    return "".join(_SPARKS[min(7, int(value / top * 7.999))] for value in values)


def fields(rows: Iterable[tuple[str, str]], label_width: int = 8) -> None:
    """A label and its text a line, as they come; long text wraps on a terminal."""
    for label, text in rows:
        lead = f"{label:<{label_width}}  "
        say(text, lead, " " * len(lead))


def say(text: str, lead: str = "", below: str | None = None) -> None:
    """A sentence; on a terminal it wraps between words, each further line behind `below`."""
    print("\n".join(_wrapped(text, lead, lead if below is None else below)))


def _wrapped(text: str, lead: str, below: str) -> list[str]:
    if not sys.stdout.isatty():
        return [lead + text]
    import shutil
    import textwrap

    return textwrap.wrap(
        text,
        max(40, shutil.get_terminal_size().columns),
        initial_indent=lead,
        subsequent_indent=below,
        break_on_hyphens=False,
        break_long_words=False,  # an id or a command is copied whole
    )


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under columns: by rich on a terminal, else aligned text. Figures to the right."""
    rows = [[_tame.line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and _rich_table(title, columns, rows):
        return
    print(title)
    widths = [max(len(line[i]) for line in (columns, *rows)) for i in range(len(columns))]
    for line in (columns, *rows):
        cells = (
            cell.rjust(width) if _right(i, rows) else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print(("  " + "  ".join(cells)).rstrip())


def _right(column: int, rows: Sequence[Sequence[str]]) -> bool:
    """Whether most of this column is figures; names come first, though one may be a number."""
    if not column:
        return False
    cells = [str(row[column]) for row in rows if str(row[column])]
    return sum(cell[:1] in "$-+0123456789" for cell in cells) * 2 > len(cells)


def _rich_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    if os.environ.get("TERM") == "dumb":
        return False
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        return False
    console = Console(file=_tame.bare(sys.stdout))
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    needed = 2 - _BETWEEN
    for place, name in enumerate(columns):
        side: Literal["left", "right"] = "right" if _right(place, rows) else "left"
        widest = max(len(str(row[place])) for row in (columns, *rows))
        least = widest if side == "right" else min(_TEXT, widest)
        needed += least + _BETWEEN
        made.add_column(
            name, justify=side, no_wrap=side == "right", overflow="fold", min_width=least
        )
    if needed > console.width:
        return False  # rich would cut figures; a terminal breaks lines and keeps them
    for row in rows:
        made.add_row(*(str(cell).replace("[", "\\[") for cell in row))
    console.print(made)
    return True


def finding(found: Finding) -> dict[str, Any]:
    """A finding as JSON, amounts as decimal strings."""
    return {
        "category": found.category,
        "subtype": found.subtype,
        "title": found.title,
        "usd": plain(found.usd),
        "usd_low": None if found.usd_low is None else plain(found.usd_low),
        "usd_high": None if found.usd_high is None else plain(found.usd_high),
        "basis": found.basis,
        "confidence": round(found.confidence, 3),
        "calls": list(found.calls),
        "task": found.task,
        "evidence": list(found.evidence),
        "mend": found.mend,
        "unknown_tokens": found.unknown_tokens,
    }


def show_finding(found: Finding) -> None:
    """A finding in a few lines: dollars and cause, evidence, mend."""
    known = found.basis == "measured" or found.unpriced
    mark = "" if known else f" ({found.basis}{_range(found)})"
    kind = found.category.replace("_", " ")
    dollars = "unpriced" if found.unpriced else usd(found.usd)
    say(f"{dollars}{mark}  {kind}: {found.title}", below=_IN)
    for sentence in found.evidence[:2]:
        say(sentence, _IN)
    say(f"mend: {found.mend}", _IN)


def show_overlap(findings: Sequence[Finding]) -> None:
    """That causes are no parts of a sum: those of one task may be worth more than it cost."""
    tasks = [found.task for found in findings]
    if len(set(tasks)) < len(tasks):
        say("causes of one task may explain the same dollars: they are not parts of a sum")


def _range(found: Finding) -> str:
    if found.usd_low is None or found.usd_high is None or found.usd_low == found.usd_high:
        return ""
    return f", {usd(found.usd_low)} to {usd(found.usd_high)}"
