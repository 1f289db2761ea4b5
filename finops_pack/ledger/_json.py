"""Compact JSON, fast: the encoder that `json` builds anew for each call is built once."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder
from typing import Any


def _made(sort_keys: bool) -> Callable[[Any], str]:
    plain = json.JSONEncoder(
        separators=(",", ":"), check_circular=False, default=str, sort_keys=sort_keys
    )
    try:
        parts = encoder.c_make_encoder(  # type: ignore[attr-defined]
            None, str, encoder.encode_basestring_ascii, None, ":", ",", sort_keys, False, True
        )
        "".join(parts({}, 0))
    except (AttributeError, TypeError):  # an interpreter that has no such thing
        return plain.encode
    return lambda value: "".join(parts(value, 0))


compact = _made(sort_keys=False)
"""A value as ASCII JSON; what JSON does not know becomes its `str`."""

canonical = _made(sort_keys=True)
"""The same text for equal objects."""
