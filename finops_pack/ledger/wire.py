"""A ledger's questions and answers as JSON, for a ledger that is reached over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from finops_pack import forks
from finops_pack.errors import InputError
from finops_pack.ledger import GROUPS, Booked, Ledger, Reservation, documents
from finops_pack.ledger._names import scrub, shortened
from finops_pack.model import Call, DayTotals, Segment, Task, Totals, Where

BATCH_BYTES = 512 * 1024  # half of what a server takes
BATCH_LINES = 2000  # and of its lines
ZONE = "FinOps-Time-Zone"  # the header of an answer with the zone of the ledger's days
_INT64 = 2**63
_WHERE = {field.name for field in fields(Where)}


def loads(text: str | bytes) -> Any:
    """A JSON document; raises ValueError, for NaN and Infinity too."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None


def line(text: bytes) -> Any:
    """A line or a question as JSON, without NUL; raises ValueError.

    A call is booked with it, and then every question that names the call would be refused.
    """
    found = loads(text)
    try:
        return scrub(found) if rb"\u0000" in text else found
    except RecursionError:  # it takes more of the stack than JSON's own reader
        raise ValueError("nested too deep") from None


@lru_cache(maxsize=16)
def shape(kind: Any) -> TypeAdapter[Any]:
    """How values of this type are read from JSON and written to it; amounts stay exact."""
    with forks.barred():  # pydantic imports much of itself when it first makes one
        return TypeAdapter(kind)


def read(kind: Any, value: Any) -> Any:
    """A value of this type from its JSON; raises `InputError`."""
    try:
        found = shape(kind).validate_python(value)
    except ValidationError as refused:
        fault = refused.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise InputError(f"{where}: {fault['msg']}" if where else fault["msg"]) from None
    _bounded(value)
    return found


def write(kind: Any, value: Any) -> Any:
    """A value of this type as JSON has it."""
    return shape(kind).dump_python(value, mode="json")


def _bounded(value: Any) -> None:
    """Raise `InputError` for what a database cannot hold: a larger number, NUL, half a pair."""
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise InputError("a number is larger than 64 bits hold")
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= c <= "\udfff" for c in value)):
        raise InputError("a text holds a character that cannot be stored")
    if isinstance(value, Mapping):
        value = [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple):
        for part in value:
            _bounded(part)


def call_row(call: Call) -> dict[str, Any]:
    """A call as one line of JSON: the fields that are set."""
    values = ((field.name, getattr(call, field.name)) for field in fields(call))
    return {name: value for name, value in values if value not in (None, (), {})}


@dataclass(frozen=True)
class About:
    """What a ledger says of itself; `span` is the start of its first and last call (µs)."""

    time_zone: str
    span: tuple[int, int] | None


shape(About)  # what is imported with the first one is here with this module
Answer = Callable[[Ledger, Mapping[str, Any]], Any]


def _totals(ledger: Ledger, asked: Mapping[str, Any]) -> Any:
    by = asked.get("by")
    if by is not None and by not in GROUPS and not str(by).startswith("tag:"):
        raise InputError(f"by: unknown group {by!r}")
    return write(list[Totals], ledger.totals(by, where(asked)))


def _tasks(ledger: Ledger, asked: Mapping[str, Any]) -> Any:
    limit = read(int | None, asked.get("limit"))
    return write(list[Task], ledger.tasks(where(asked), limit=limit))


def _calls_of(ledger: Ledger, asked: Mapping[str, Any]) -> Any:
    ids, source = read(list[str], asked.get("ids")), read(str, asked.get("source", "live"))
    return {name: call_row(call) for name, call in ledger.calls_of(ids, source).items()}


def _tasks_of(ledger: Ledger, asked: Mapping[str, Any]) -> Any:
    return write(list[Task], ledger.tasks_of(read(list[str], asked.get("ids"))))


def _segments(ledger: Ledger, asked: Mapping[str, Any]) -> Any:
    return write(list[Segment], ledger.segments(read(list[str], asked.get("sessions"))))


def _spent(ledger: Ledger, asked: Mapping[str, Any]) -> Any:
    """Beyond 9.2 million USD as texts: whoever reads an answer takes no larger number for ours."""
    return [part if part < _INT64 else str(part) for part in ledger.spent(where(asked))]


def _swap(ledger: Ledger, asked: Mapping[str, Any]) -> Any:
    """Put `after` in the place of `before`, if that still stands there."""
    before, after = asked.get("before"), _document(asked, "after")
    swapped: list[bool] = []

    def change(held: dict[str, Any] | None) -> dict[str, Any] | None:
        swapped.append(held == before)
        return after if swapped[-1] else None

    ledger.update(text(asked, "kind"), text(asked, "key"), change)
    return swapped[-1]


def _reserve(ledger: Ledger, asked: Mapping[str, Any]) -> Any:
    wanted = read(Reservation, asked.get("wanted"))
    limits = read(dict[str, tuple[Where, int]], asked.get("limits"))
    ended = read(dict[str, int | None], asked.get("ended") or {})
    return ledger.reserve(wanted, limits, 0.25, ended)


def _settle(ledger: Ledger, asked: Mapping[str, Any]) -> Any:
    return ledger.settle(text(asked, "call_id"), read(int | None, asked.get("pico")))


def _put(ledger: Ledger, asked: Mapping[str, Any]) -> Any:
    return ledger.put(text(asked, "kind"), text(asked, "key"), _document(asked, "body"))


def _document(asked: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A document that every machine can read; raises `InputError`."""
    body: dict[str, Any] = read(dict[str, Any], asked.get(name))
    if wrong := documents.fault(text(asked, "kind"), text(asked, "key"), body):
        raise InputError(f"{name}: {wrong}")
    return body


READS: dict[str, Answer] = {
    "about": lambda ledger, _: {"time_zone": ledger.time_zone, "span": ledger.span()},
    "totals": _totals,
    "days": lambda ledger, asked: write(list[DayTotals], ledger.days(where(asked))),
    "calls_of": _calls_of,
    "tasks": _tasks,
    "task": lambda ledger, asked: write(Task | None, ledger.task(text(asked, "id"))),
    "tasks_of": _tasks_of,
    "segments": _segments,
    "get": lambda ledger, asked: ledger.get(text(asked, "kind"), text(asked, "key")),
    "documents": lambda ledger, asked: ledger.documents(text(asked, "kind")),
    "spent": _spent,
    "offset": lambda ledger, asked: ledger.offset(text(asked, "spool")),
    "check": lambda ledger, _: ledger.check(),
}
WRITES: dict[str, Answer] = {
    "reserve": _reserve,
    "settle": _settle,
    "put": _put,
    "delete": lambda ledger, asked: ledger.delete(text(asked, "kind"), text(asked, "key")),
    "swap": _swap,
    "forget_spool": lambda ledger, asked: ledger.forget_spool(text(asked, "spool")),
}


def where(asked: Mapping[str, Any]) -> Where:
    """The calls that a question is about; raises `InputError` for a field that is not known.

    Left out, it would widen the question: a newer client would get all calls for its few.
    """
    told = read(dict[str, Any], asked.get("where") or {})
    if unknown := sorted(told.keys() - _WHERE):
        raise InputError(f"where: no field {unknown[0]!r}; there are: {', '.join(sorted(_WHERE))}")
    found: Where = read(Where, told)
    return found


def text(asked: Mapping[str, Any], name: str) -> str:
    """A field that must be a text of ordinary length; raises `InputError`."""
    value = read(str, asked.get(name))
    if not 0 < len(value) <= 512:
        raise InputError(f"{name}: must be 1 to 512 characters long")
    return str(value)


def batches(lines: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, bytes]]:
    """The lines as bodies that a server takes, each with the index of its first line."""
    first, held, size = 0, list[bytes](), 0
    for index, line in enumerate(lines):
        text = _encoded(line)
        if held and (size + len(text) > BATCH_BYTES or len(held) == BATCH_LINES):
            yield first, b"\n".join(held)
            first, held, size = index, [], 0
        held.append(text)
        size += len(text) + 1
    if held:
        yield first, b"\n".join(held)


def _encoded(line: Mapping[str, Any]) -> bytes:
    """A line as a server takes it: a batch that it refused whole would be sent for ever.

    One that cannot be mended goes empty, to be refused alone and counted.
    """
    for mend in (dict, scrub, shortened):
        with suppress(ValueError, RecursionError):  # NaN, and what is nested too deep
            line = mend(line)
            text = json.dumps(line, separators=(",", ":"), allow_nan=False).encode()
            if len(text) <= BATCH_BYTES:
                return text
    return b"{}"


def booked(body: Mapping[str, Any]) -> Booked:
    """What became of a batch, as the server answered it."""
    rejected = tuple((int(line["index"]), str(line["reason"])) for line in body["rejected"])
    return Booked(body["new"], body["corrected"], body["unchanged"], rejected)
