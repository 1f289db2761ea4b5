"""The daily report as the REST API takes it, checked the same by client and server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date as calendar
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from finops_pack.errors import InputError
from finops_pack.report import exact

MAX_COUNT = 2**63 - 1  # what an SQL BIGINT holds
MAX_USD = 10**12
PLACES = 6  # decimals that our own reports carry
_SHOWN = 80  # characters of a refused value that an error repeats


class InvalidReport(InputError):
    """A report that the API refuses; `field` is the top-level field at fault, "" for the body."""

    code = "invalid_report"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


def _number(value: Any) -> Decimal | None:
    """An exact number, None when it is none; a boolean is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return number if number.is_finite() else None


def shown(value: Any) -> str:
    """A refused value as an error repeats it, cut short."""
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of more than 77 digits"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value) if isinstance(value, int | float | Decimal) else ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _bounded(value: Any, rule: str, top: int) -> Decimal:
    number = _number(value)
    if number is None or number < 0:
        raise ValueError(f"must be {rule}, got {shown(value)}")
    if number > top:
        raise ValueError(f"must be at most {top}, got {shown(value)}")
    if flaw := exact.flaw(number):
        raise ValueError(flaw)
    return number


def _amount(value: Any) -> Decimal:
    return _bounded(value, "a number ≥ 0", MAX_USD)


def _score(value: Any) -> Decimal:
    number = _number(value)
    if number is None or not 0 <= number <= 100:
        raise ValueError(f"must be a number from 0 to 100, got {shown(value)}")
    return _bounded(value, "a number from 0 to 100", 100)


def _count(value: Any) -> int:
    number = _bounded(value, "a whole number ≥ 0", MAX_COUNT)
    if number != number.to_integral_value():
        raise ValueError(f"must be a whole number ≥ 0, got {shown(value)}")
    return int(number)


def _day(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return calendar.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise ValueError(f"must be a date YYYY-MM-DD, got {shown(value)}")


def _breakdown(value: Any) -> dict[str, Decimal]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be an object of names and numbers, got {shown(value)}")
    if flaw := exact.flaw(dict.fromkeys(value)):
        raise ValueError(f"a name {flaw}")
    return {key: _part(key, amount) for key, amount in value.items()}


def _part(key: Any, value: Any) -> Decimal:
    try:
        return _amount(value)
    except ValueError as error:
        raise ValueError(f"{shown(key)} {error}") from None


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be an object, got {shown(value)}")
    if flaw := exact.flaw(value):
        raise ValueError(flaw)
    return dict(value)


def _optional(check: Callable[[Any], Any]) -> BeforeValidator:
    return BeforeValidator(lambda value: None if value is None else check(value))


def json_number(value: Decimal) -> int | float:
    """A Decimal as the number that JSON answers show; exact up to 15 digits."""
    return int(value) if value == value.to_integral_value() else float(value)


def _schema(*kinds: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": list(kinds) if len(kinds) > 1 else kinds[0], **more})


_show = PlainSerializer(json_number, when_used="json")
_USD = {"type": "number", "minimum": 0, "maximum": MAX_USD}

Day = Annotated[str, BeforeValidator(_day), _schema("string", format="date")]
Count = Annotated[int, BeforeValidator(_count), _schema("integer", minimum=0, maximum=MAX_COUNT)]
Amount = Annotated[Decimal, BeforeValidator(_amount), _show, WithJsonSchema(_USD)]
Shown = Annotated[Decimal, _show, _schema("number")]
Breakdown = Annotated[
    dict[str, Annotated[Decimal, _show]] | None,
    _optional(_breakdown),
    _schema("object", "null", additionalProperties=_USD),
]
Percent = Annotated[
    Annotated[Decimal, _show] | None,
    _optional(_score),
    _schema("number", "null", minimum=0, maximum=100),
]
Metadata = Annotated[dict[str, Any] | None, _optional(_object), _schema("object", "null")]


class DailyReport(BaseModel):
    """One day of one reporter: totals, breakdowns in USD, and what the reporter adds.

    Unknown fields are kept (`unknown`). Optional fields that were not sent are None.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    date: Day
    total_tokens: Count
    total_cost: Amount
    total_requests: Count
    cost_by_model: Breakdown = None
    cost_by_action: Breakdown = None
    waste_categories: Breakdown = None
    efficiency_score: Percent = None
    metadata: Metadata = None

    @model_validator(mode="after")
    def _sound(self) -> DailyReport:
        for name in self.unknown:
            if flaw := exact.flaw({name: (self.model_extra or {})[name]}):
                raise InvalidReport(name, flaw)  # by itself: pydantic would lose the field
        return self

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of the fields that the API does not know; they are kept."""
        return tuple(self.model_extra or ())

    @property
    def reporter(self) -> str:
        """Who reports: `metadata.reporter`, else "default"."""
        return str((self.metadata or {}).get("reporter") or "default")

    @property
    def period(self) -> str | None:
        """`metadata.period` of those who report more than once a day."""
        period = (self.metadata or {}).get("period")
        return None if period is None else str(period)

    def body(self) -> dict[str, Any]:
        """What is sent and stored: every field that was given, amounts as Decimal."""
        given = self.model_dump()
        # Null is as good as left out where we know the field, and a value where we do not.
        return {n: v for n, v in given.items() if v is not None or n in self.unknown}

    def text(self) -> str:
        """The JSON text of `body`; the same report gives the same text."""
        return exact.dumps(self.body())

    @property
    def content_hash(self) -> str:
        """32 hex digits that change exactly when the content does."""
        return exact.digest(self.body())

    def warnings(self) -> list[str]:
        """What is odd about this report and no reason to refuse it."""
        found = [f"{name}: unknown field, kept" for name in self.unknown]
        for name in ("cost_by_model", "cost_by_action", "waste_categories"):
            parts = getattr(self, name)
            total = sum(parts.values(), Decimal(0)) if parts else self.total_cost
            if total > self.total_cost or (total != self.total_cost and name.startswith("cost")):
                found.append(f"{name}: sums to {total}, total_cost is {self.total_cost}")
        return found


def parse(body: Any) -> DailyReport:
    """A report from a decoded JSON document; raises `InvalidReport` naming the first fault."""
    if not isinstance(body, Mapping):
        raise InvalidReport("", f"must be a JSON object, got {shown(body)}")
    if flaw := exact.flaw(dict.fromkeys(body)):
        raise InvalidReport("", f"a field name {flaw}")
    try:
        return DailyReport.model_validate(dict(body))
    except ValidationError as refused:
        raise _named(refused) from None


def _named(refused: ValidationError) -> InvalidReport:
    fault = refused.errors(include_url=False, include_input=False)[0]
    field = str(fault["loc"][0]) if fault["loc"] else ""
    if fault["type"] == "missing":
        return InvalidReport(field, "is required")
    return InvalidReport(field, fault["msg"].removeprefix("Value error, "))
