"""Which entry of a table is meant by a name: in full, by a pattern, or by its family."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finops_pack.rates.entries import Entry
from finops_pack.rates.patterns import letters

# What may follow a family's name without making it another model: a date, a snapshot number,
# a channel, Bedrock's version. "-mini", "-cyber" or a next version's digit may not.
_DATE = (
    r"20\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|1[0-2])-(?:20)?\d\d|\d{4}|00\d"
)
_SUFFIX = re.compile(
    rf"(?:[-@](?:{_DATE}|latest|preview|exp|experimental|beta|default|v\d+)|:\d+)*"
)
_VERSION = re.compile(r"-v(\d+)(?::\d+)*$")  # Bedrock's own; it stands at the end
_COMPACT_DATE = re.compile(r"(?<=-)(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=$|[-:@])")
_AT_DATE = re.compile(r"@(?=20\d{6}$)")
_REGION = re.compile(r"^(?:global|us|us-gov|eu|apac|jp|au|in|ca|sa|me|af)\.")
_VENDOR = re.compile(r"^[a-z0-9]+\.")


@dataclass(slots=True)
class Index:
    """The entries of one provider in one layer, by what they may be called."""

    provider: str
    raw: Sequence[Mapping[str, Any]]
    _exact: dict[str, int] = field(default_factory=dict)
    _families: list[tuple[str, int]] = field(default_factory=list)
    _regional: list[tuple[str, int]] = field(default_factory=list)
    _patterns: list[tuple[str, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, entry in enumerate(self.raw):
            for name in entry.get("names", (entry["id"].lower(),)):
                self._exact.setdefault(name, number)
            self._families += [(name, number) for name in entry.get("families", ())]
            self._regional += [(name, number) for name in entry.get("regional", ())]
            self._patterns += [(head, rest, number) for head, rest in entry.get("patterns", ())]
        for names in (self._families, self._regional):
            names.sort(key=lambda item: -len(item[0]))

    def find(self, name: str) -> Entry | None:
        """The entry that is meant by exactly this name."""
        for spelling in _dates(name):
            if numbers := self._numbers(spelling):
                first, *others = (self.raw[number] for number in sorted(numbers))
                return self._torn(name, first, *others) if others else self._entry(first)
        return None

    def _entry(self, raw: Mapping[str, Any]) -> Entry:
        return Entry.from_json(self.provider, raw)

    def _torn(self, name: str, *meant: Mapping[str, Any]) -> Entry:
        ids = " and ".join(raw["id"] for raw in meant)
        said = f"the patterns of {ids} fit {name!r} equally well: spell out more of it in one"
        return Entry(self.provider, meant[0]["id"], (), problem=said)

    def _numbers(self, name: str) -> set[int]:
        """The entry that is meant; several when nothing says which."""
        if name in self._exact:
            return {self._exact[name]}
        if fitting := self._fitting(name):
            return fitting
        found = _of_family(name, self._families)
        if found is None:
            tails = (_of_family(tail, self._regional) for tail in _tails(name))
            found = next((tail for tail in tails if tail is not None), None)
        if found is None or _other_version(name, self.raw[found]["id"]):
            return set()
        return {found}

    def _fitting(self, name: str) -> set[int]:
        """Those whose pattern fits and spells out the most of the name."""
        found = [
            (head, rest, number)
            for head, rest, number in self._patterns
            if name.startswith(head) and re.fullmatch(rest, name[len(head) :], re.IGNORECASE)
        ]
        if len({number for _, _, number in found}) > 1:
            spelled = [len(head) + letters(rest) for head, rest, _ in found]
            found = [item for item, n in zip(found, spelled, strict=True) if n == max(spelled)]
        return {number for _, _, number in found}

    def names(self, id_: str | None = None) -> list[str]:
        """What these models may be called, families by their head; of one id, or of all."""
        meant = [raw for raw in self.raw if id_ is None or raw["id"] == id_]
        lists = (raw.get(k, ()) for raw in meant for k in ("names", "families", "regional"))
        heads = (head + rest for raw in meant for head, rest in raw.get("patterns", ()))
        return [*(name for names in lists for name in names), *heads]


def _dates(name: str) -> Iterator[str]:
    """The name, and its date in the other spellings: `…-2025-05-14`, or Vertex's `…@20250514`."""
    yield name
    if (dashed := _COMPACT_DATE.sub(r"\1-\2-\3", name)) != name:
        yield dashed
    if (plain := _AT_DATE.sub("-", name)) != name:
        yield plain


def _of_family(name: str, families: Iterable[tuple[str, int]]) -> int | None:
    for family, number in families:
        if name.startswith(family) and _SUFFIX.fullmatch(name, len(family)):
            return number
    return None


def _other_version(name: str, id_: str) -> bool:
    """Whether both spell out their version, and not the same one."""
    told, held = _VERSION.search(name), _VERSION.search(id_)
    return told is not None and held is not None and told[1] != held[1]


def _tails(name: str) -> Iterator[str]:
    """The name, without its region, and without region and vendor, as Bedrock writes them."""
    yield name
    bare = _REGION.sub("", name)
    yield bare
    yield _VENDOR.sub("", bare)
