"""Answers that are tables: as text where they are printed, as HTML in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# By hand: what the standard library escapes with reads all names of HTML's characters first.
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


class Table(NamedTuple):
    """Rows under their columns; `note` stands below them."""

    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    note: str = ""

    @property
    def text(self) -> str:
        """In columns: the first on the left, the others on the right."""
        lines = [[str(cell) for cell in row] for row in (self.columns, *self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = [
            "  ".join((first.ljust(widths[0]), *map(str.rjust, rest, widths[1:]))).rstrip()
            for first, *rest in lines
        ]
        return "\n".join([*(shown if len(shown) > 1 else ()), *filter(None, [self.note])])

    @property
    def html(self) -> str:
        """A plain HTML table, every value escaped."""

        def line(cells: Sequence[Any], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{_escaped(c)}</{tag}>" for c in cells) + "</tr>"

        body = "".join(line(row, "td") for row in self.rows)
        table = f"<table><thead>{line(self.columns, 'th')}</thead><tbody>{body}</tbody></table>"
        return f"{table}<p>{_escaped(self.note)}</p>" if self.note else table


class Tabular:
    """An answer that shows itself as its table."""

    __slots__ = ()

    def table(self) -> Table:
        """What is shown."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.table().text

    def _repr_html_(self) -> str:
        return self.table().html


def _escaped(cell: Any) -> str:
    return str(cell).translate(_ESCAPED)
