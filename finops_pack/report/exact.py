"""JSON whose numbers stay exact: Decimal in, the same decimal literal out, never a float."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from finops_pack.money import plain

MAX_DEPTH = 32  # deeper documents are nobody's report, and recursion is finite
MAX_PLACES = 60  # decimals of a number: no float has more that matter
MAX_DIGITS = 309  # digits before the point: the largest float has as many
_BEYOND = 10**6  # an exponent that stands for whatever is larger
_TOP = 10**MAX_DIGITS
_TOO_LONG = f"holds a number of more than {MAX_DIGITS} digits"


def loads(text: str | bytes) -> Any:
    """A JSON document with every fraction as Decimal; raises ValueError in plain words.

    `NaN` and `Infinity` are no JSON, but some writers send them: they come out as such
    Decimals, as do numbers of any size, so that whoever validates can name the field.
    """
    try:
        text = text.decode() if isinstance(text, bytes) else text
        return json.loads(text, parse_float=_decimal, parse_int=_integer, parse_constant=Decimal)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of more than 18 digits
        small = "e-" in text.lower()
        return Decimal((text.startswith("-"), (1,), -_BEYOND if small else _BEYOND))


def _integer(text: str) -> int | Decimal:
    # Python reads no longer ones, and says so in words of its own.
    return int(text) if len(text) <= MAX_DIGITS else Decimal(text)


def dumps(value: Any) -> str:
    """Compact JSON; a fraction is written as a plain number, without exponent."""
    if isinstance(value, Decimal | float):
        return plain(value if isinstance(value, Decimal) else Decimal(repr(value)))
    if isinstance(value, Mapping):
        items = (f"{json.dumps(str(k), ensure_ascii=False)}:{dumps(v)}" for k, v in value.items())
        return "{" + ",".join(items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(dumps, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def digest(value: Any) -> str:
    """What two documents of the same content share, whatever their order: 32 hex digits."""
    return hashlib.sha256(dumps(_ordered(value)).encode()).hexdigest()[:32]


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _ordered(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    return value


def flaw(value: Any, depth: int = 0) -> str | None:
    """Why this value cannot be kept and given back as JSON, None when it can."""
    if depth > MAX_DEPTH:
        return f"is nested deeper than {MAX_DEPTH} levels"
    if isinstance(value, str):
        return _flaw_of_text(value)
    if isinstance(value, int) and abs(value) >= _TOP:
        return _TOO_LONG
    if isinstance(value, Decimal | float):
        return _flaw_of_number(Decimal(repr(value)) if isinstance(value, float) else value)
    if isinstance(value, Mapping):
        parts = [part for pair in value.items() for part in pair]
    else:
        parts = list(value) if isinstance(value, list | tuple) else []
    return next(filter(None, (flaw(part, depth + 1) for part in parts)), None)


def _flaw_of_text(text: str) -> str | None:
    if "\0" in text:
        return "holds a NUL character"
    return "holds half a surrogate pair" if any("\ud800" <= c <= "\udfff" for c in text) else None


def _flaw_of_number(number: Decimal) -> str | None:
    if not number.is_finite():
        return f"holds {number}, which is no JSON number"
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > MAX_PLACES:
        return f"holds a number of more than {MAX_PLACES} decimals"
    return _TOO_LONG if number.adjusted() >= MAX_DIGITS else None
