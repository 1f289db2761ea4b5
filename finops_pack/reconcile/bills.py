"""Bills as providers export them: CSV, JSONL, or the JSON of a cost API.

Known by their columns: OpenAI's costs export (`start_time_iso`, `amount_value`, `line_item`) and
costs API, Anthropic's cost export (`usage_date_utc`, `cost_usd`) and cost report (amounts in
cents), OpenRouter's activity (`created_at`, `cost_total`, `model_permaslug`; `date`, `usage`),
FOCUS, and anything with a date, a model and a cost.

Sources: the providers' API references of the cost endpoints and the heads of public exports.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from finops_pack.errors import InputError
from finops_pack.money import writable
from finops_pack.reconcile import Charge

NAMES: dict[str, tuple[str, ...]] = {
    "date": (
        "usage_date_utc", "start_time_iso", "chargeperiodstart", "created_at", "usage_date",
        "date", "day", "timestamp", "time", "starting_at", "start_time",
    ),
    "model": (
        "model_permaslug", "x_model", "model", "model_version", "line_item", "description",
    ),
    "cost": (
        "cost_usd", "billed_usd", "cost_total", "amount_value", "billedcost", "total_cost_usd",
        "total_cost", "cost", "amount", "usage",
    ),
    "currency": ("amount_currency", "billingcurrency", "currency"),
}  # fmt: skip
"""The columns that hold each thing, the surest first; case does not matter."""

_WHOSE = {
    "line_item": "openai",
    "usage_date_utc": "anthropic",
    "context_window": "anthropic",
    "model_permaslug": "openrouter",
}
"""Columns that only this provider's bill has."""

_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")

_MOST = 10**12  # USD; nobody pays more, and an exponent writes any number of digits

Entry = tuple[int, Mapping[str, Any]]


@dataclass(slots=True)
class Bill:
    """The charges of a file, whose they are, and lines that could not be read (number, reason)."""

    charges: list[Charge] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    provider: str | None = None


def read(path: Path, columns: Mapping[str, str] | None = None) -> Bill:
    """Read a bill; `columns` names the columns for `date`, `model` and `cost` where unusual.

    Raises `InputError` when the file cannot be read or has no column of costs.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        mend = "name a bill in CSV, JSONL or JSON, in UTF-8"
        raise InputError(f"{path}: {reason}", mend=mend) from None
    bill = Bill()
    mark = "" if text.lstrip()[:1] in ("{", "[") else _mark(text)
    entries = list(_csv(text, bill, mark) if mark else _json(text, bill))
    heads = {str(name) for _, entry in entries for name in entry}
    bill.provider = next((_WHOSE[head] for head in sorted(heads) if head in _WHOSE), None)
    named = columns or {}
    places = {thing: _place(thing, heads, named) for thing in NAMES}
    wrong = [f"no column {name}" for thing, name in named.items() if places[thing] is None]
    if entries and (wrong or places["cost"] is None):
        raise InputError(
            f"{path}: {(*wrong, 'no column of costs')[0]} among {', '.join(sorted(heads))}",
            mend="name it: --columns cost=NAME,date=NAME,model=NAME",
        )
    for number, entry in entries:
        told = {thing: entry.get(name) for thing, name in places.items() if name}
        _add(bill, number, told, mark)
    return bill


def _place(thing: str, heads: Iterable[str], columns: Mapping[str, str]) -> str | None:
    by_name = {head.strip().lower(): head for head in heads}
    wanted = (columns[thing].lower(),) if thing in columns else NAMES[thing]
    return next((by_name[name] for name in wanted if name in by_name), None)


def _mark(text: str) -> str:
    """What parts the columns: spreadsheets of many countries have another than the comma."""
    return max(",;\t", key=text.partition("\n")[0].count)


def _csv(text: str, bill: Bill, mark: str) -> Iterator[Entry]:
    reader = csv.DictReader(text.splitlines(), restkey="_rest", delimiter=mark)
    while True:
        try:
            entry = next(reader, None)
        except csv.Error as error:  # such as a field without end
            bill.rejected.append((reader.reader.line_num, str(error)))
            continue
        if entry is None:
            return
        yield reader.line_num, entry


def _json(text: str, bill: Bill) -> Iterator[Entry]:
    """One document of a cost API or a list, else one object a line."""
    documents: Iterable[tuple[int, Any]]
    try:
        documents = [(1, json.loads(text))]
    except (ValueError, RecursionError):
        documents = _lines(text, bill)
    for number, document in documents:
        for entry in _listed(document):
            if isinstance(entry, dict):
                yield number, _flat(entry)
            else:
                bill.rejected.append((number, "must be an object"))


def _lines(text: str, bill: Bill) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                bill.rejected.append((number, "not JSON"))


def _listed(document: Any) -> Iterator[Any]:
    """What should be an object with a cost: of a list, of a page of buckets, or all of it."""
    held = document if isinstance(document, dict) else {}
    if isinstance(document, list):
        for item in document:
            yield from _listed(item)
    elif isinstance(held.get("data"), list):
        yield from _listed(held["data"])
    elif isinstance(held.get("results"), list):
        for result in held["results"]:
            known = isinstance(result, dict)
            yield {**held, "results": None, **result} if known else result
    else:
        yield document


def _flat(entry: dict[str, Any]) -> dict[str, Any]:
    """Amounts as the cost APIs tell them, in USD."""
    amount = entry.get("amount")
    if isinstance(amount, dict):  # OpenAI: {"value": 0.06, "currency": "usd"}
        entry |= {"cost_usd": amount.get("value"), "currency": amount.get("currency")}
    elif "starting_at" in entry and isinstance(amount, str):  # Anthropic: cents
        entry["cost_usd"] = _of_cents(amount)
    return entry


def _of_cents(amount: str) -> Decimal | str:
    """USD; what is no amount stays, so that its line is named."""
    try:
        return _usd(amount) / 100
    except ValueError:
        return amount


def _add(bill: Bill, number: int, told: Mapping[str, Any], mark: str) -> None:
    try:
        currency = str(told.get("currency") or "USD").upper()
        if currency != "USD":
            raise ValueError(f"currency {currency}: only USD can be compared")
        model = str(told.get("model") or "").strip() or None
        cost = _usd(told.get("cost"), mark)
        bill.charges.append(Charge(cost, _day(told.get("date")), model))
    except ValueError as error:
        bill.rejected.append((number, str(error)))


def _usd(value: Any, mark: str = "") -> Decimal:
    text = str(value).strip().replace("$", "", 1)
    # A comma may part thousands; one that stands for a point must not make 350 of 3,50, and it
    # does where columns are parted by semicolons.
    parts = mark != ";" and _THOUSANDS.fullmatch(text)
    try:
        amount = Decimal(text.replace(",", "") if parts else text)
    except InvalidOperation:
        amount = Decimal("nan")
    if not (writable(amount) and -_MOST < amount < _MOST):
        raise ValueError(f"cost: must be an amount in USD, got {str(value)[:40]!r}")
    return amount


def _day(value: Any) -> str | None:
    """The UTC day (ISO) of a date, a time of any form that begins with one, or Unix seconds."""
    text = str(value if value is not None else "").strip()
    if not text:
        return None
    try:
        if text.replace(".", "", 1).isdigit() and len(text) > 8:
            return datetime.fromtimestamp(float(text), UTC).date().isoformat()
        return _utc_day(text.replace("/", "-"))
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"date: cannot be read: {text[:40]!r}") from None


def _utc_day(text: str) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return date.fromisoformat(text[:10]).isoformat()
    return (time.astimezone(UTC) if time.tzinfo else time).date().isoformat()
