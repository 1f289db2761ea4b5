"""Compact JSON, fast; a value that JSON does not know becomes its `str`."""

from __future__ import annotations

import json
from typing import Any

try:
    import orjson
except ImportError:  # commands that only read run on a bare Python, too
    orjson = None  # type: ignore[assignment]
else:
    _AS_JSON = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
    _SORTED = _AS_JSON | orjson.OPT_SORT_KEYS


def packed(value: Any, *, sort_keys: bool = False) -> bytes:
    """A value as JSON in UTF-8."""
    if orjson is not None:
        try:
            return orjson.dumps(value, _plain, _SORTED if sort_keys else _AS_JSON)
        except TypeError:  # huge numbers, half characters: Python's own JSON takes those too
            pass
    text = json.dumps(value, separators=(",", ":"), default=str, sort_keys=sort_keys)
    return text.encode()


def _plain(value: Any) -> Any:
    """What Python's own JSON makes of it: subclasses are what they derive from."""
    if isinstance(value, float):
        return float(value)
    return list(value) if isinstance(value, tuple) else str(value)


def compact(value: Any) -> str:
    """A value as JSON."""
    return packed(value).decode()


def canonical(value: Any) -> str:
    """The same text for equal objects, while the encoder is the same."""
    return packed(value, sort_keys=True).decode()
