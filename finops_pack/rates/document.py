"""A YAML file as nodes that know where they stand, so that every complaint names its line.

Scalars stay the text that was written: `0.30` is not a float here, nor `16:30` a number.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from finops_pack.errors import RatesError

_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,15})?")
_TIME = re.compile(r"20\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?")
_NULLS = ("", "~", "null", "Null", "NULL")


@dataclass(slots=True)
class Node:
    """One value of a document: `value` is a str, a list or a dict of nodes."""

    value: Any
    file: str
    line: int
    field: str = ""

    def fail(self, problem: str, mend: str | None = None) -> NoReturn:
        """Refuse the document, naming file, line and field."""
        where = f"{self.file}, line {self.line}"
        raise RatesError(f"{where}: {self.field or 'document'}: {problem}", mend=mend)

    def mapping(self, known: Collection[str], required: Collection[str] = ()) -> dict[str, Node]:
        """The keys of a mapping, null values left out; none may be unknown or missing."""
        if not isinstance(self.value, dict):
            self.fail("must be a mapping of keys to values")
        for key, node in self.value.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                listed = f"known here: {', '.join(sorted(known))}"
                node.fail("unknown key", f"did you mean {near[0]!r}?" if near else listed)
        present = {key: node for key, node in self.value.items() if not node.null}
        for key in required:
            if key not in present:
                self.fail(f"{key!r} is missing", f"add {key}: …")
        return present

    def names(self) -> dict[str, Node]:
        """A mapping with keys of the writer's own."""
        if not isinstance(self.value, dict) or not self.value:
            self.fail("must be a mapping of names to values")
        return dict(self.value)

    def list(self) -> list[Node]:
        """The items of a list."""
        if not isinstance(self.value, list):
            self.fail("must be a list", "write it as [a, b] or as lines that start with '- '")
        return list(self.value)

    @property
    def null(self) -> bool:
        """Whether nothing stands here."""
        return isinstance(self.value, str) and self.value in _NULLS

    def text(self) -> str:
        """A non-empty string."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.fail("must be text")
        return self.value.strip()

    def choice(self, allowed: Collection[str]) -> str:
        """One of a few words."""
        text = self.text()
        if text not in allowed:
            self.fail(f"must be one of {', '.join(sorted(allowed))}, got {text!r}")
        return text

    def amount(self) -> str:
        """A decimal ≥ 0 in plain digits, as a string."""
        text = self.text()
        if not _NUMBER.fullmatch(text):
            mend = 'USD per million tokens in plain digits, e.g. "0.30"'
            self.fail(f"must be a number ≥ 0 without sign or exponent, got {text[:40]!r}", mend)
        return str(Decimal(text))

    def whole(self) -> int:
        """A whole number ≥ 1."""
        text = self.text()
        if not re.fullmatch(r"[1-9]\d{0,11}", text):
            self.fail(f"must be a whole number ≥ 1, got {text[:40]!r}")
        return int(text)

    def time(self) -> str:
        """An ISO date or time."""
        from datetime import datetime

        text = self.text()
        if _TIME.fullmatch(text):
            try:
                return datetime.fromisoformat(text).isoformat()
            except ValueError:
                pass  # e.g. the 31st of November
        return self.fail(f"must be a date or a time, got {text[:40]!r}", 'e.g. "2026-11-23" (UTC)')

    def regex(self) -> str:
        """A regular expression that compiles."""
        import warnings

        text = self.text()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                re.compile(text)
        except (re.error, Warning, OverflowError, RecursionError) as error:
            self.fail(f"not a regular expression: {error}")
        return text


def parse(content: bytes, file: str) -> Node:
    """The root node of a YAML file; raises `RatesError` naming file and line."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(content.decode("utf-8"), loader)
    except UnicodeDecodeError as error:
        raise RatesError(f"{file}: not UTF-8: {error}", mend="save the file as UTF-8") from None
    except yaml.YAMLError as error:
        raise RatesError(f"{file}{_place(error)}: not YAML: {_said(error)}") from None
    except RecursionError:
        raise RatesError(f"{file}: nested too deeply") from None
    if root is None:
        raise RatesError(f"{file}, line 1: document: is empty", mend="remove the file")
    try:
        return _node(root, file, "", set())
    except RecursionError:
        raise RatesError(f"{file}: nested too deeply") from None


def _place(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark is not None else ""


def _said(error: Any) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)


def _node(raw: Any, file: str, field: str, seen: set[int]) -> Node:
    node = Node(None, file, raw.start_mark.line + 1, field)
    if id(raw) in seen:  # an alias: it could also repeat itself for ever
        node.fail("anchors and aliases are not supported", "write the value out")
    seen.add(id(raw))
    if raw.id == "scalar":
        node.value = str(raw.value)
    elif raw.id == "sequence":
        node.value = [_node(v, file, f"{field}[{n}]", seen) for n, v in enumerate(raw.value)]
    else:
        node.value = dict(_pairs(raw, node, seen))
    return node


def _pairs(raw: Any, parent: Node, seen: set[int]) -> Iterator[tuple[str, Node]]:
    used: set[str] = set()
    for key, value in raw.value:
        if key.id != "scalar":
            parent.fail("keys must be plain words")
        name = str(key.value)
        child = f"{parent.field}.{name}" if parent.field else name
        if name in used:
            Node(None, parent.file, key.start_mark.line + 1, child).fail("stands here twice")
        used.add(name)
        yield name, _node(value, parent.file, child, seen)
