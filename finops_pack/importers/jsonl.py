"""One call a line, in the format of this project: for any tool that can write a line.

    {"id": "run7/3", "time": "2025-11-18T23:55:16Z", "model": "gpt-4o",
     "usage": {"input_tokens": 5614, "output_tokens": 500}}

Only these four are required; every field of `model.Call` may be added by its name, `context`
(`processing`, `service_tier`, `region`) is what `price` takes, `billed_usd` what the provider
charged. The same `id` again changes nothing, or corrects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from finops_pack.importers._lines import WRONG, jsonl_files, micros, nowhere, numbered, text, why
from finops_pack.importers._state import Item, Rejected, State
from finops_pack.model import TOKEN_FIELDS, VERIFIERS, BillingMode, Status
from finops_pack.money import PICO_MAX, to_pico, usd_of

NAME = "jsonl"
HELP = "one call a line, in finops' own format; - is standard input, .gz is read as such"
AGENT = False
default_paths, files = nowhere, jsonl_files

_TEXTS = (
    "provider", "served_model", "project", "session", "task", "parent", "agent", "action",
    "trigger", "framework", "framework_version", "response_id", "request_id", "error_type",
    "finish_reason", "request_hash", "response_hash", "account", "cache_ttl", "service_tier",
    "region", "processing", "billed_source", "usage_method",
)  # fmt: skip
_NUMBERS = (
    "duration_ms", "ttft_ms", "attempts", "lost_ms", "tool_schema_tokens", "cache_breakpoints",
)  # fmt: skip
_LISTS = ("tool_calls", "tool_results", "prefix_hashes")
_CHOICES: dict[str, tuple[str, ...]] = {
    "status": get_args(Status),
    "verifier": VERIFIERS,
    "billing_mode": get_args(BillingMode),
    "usage_basis": ("measured", "estimated", "unknown"),
}
_CONTEXT = ("processing", "service_tier", "region")
_TAGS_MAX = 10


def read(path: Path, state: State) -> Iterator[Item]:
    """Every line of the file: a call, or why not."""
    for number, line in numbered(path):
        state.line = number
        try:
            yield call(json.loads(line))
        except WRONG as error:
            yield Rejected(number, why(error))


def call(told: Any) -> dict[str, Any]:
    """A line of this format as a line of the ledger; raises `ValueError` naming the field."""
    if not isinstance(told, dict):
        raise ValueError("must be an object")
    missing = [name for name in ("id", "time", "model", "usage") if told.get(name) is None]
    if missing:
        raise ValueError(f"{missing[0]}: missing")
    row: dict[str, Any] = {
        "type": "call",
        "id": text(told["id"], "id"),
        "start_us": _time(told["time"]),
        "model": text(told["model"], "model"),
        **_usage(told["usage"]),
        **plain(told),
    }
    if told.get("tags") is not None:
        row["tags"] = _tags(told["tags"])
    if told.get("context") is not None:
        row.update(_context(told["context"]))
    if told.get("billed_usd") is not None:
        row["billed_pico"] = billed(told["billed_usd"])
        row.setdefault("billed_source", "provider")
    return row


def _time(told: Any) -> int:
    try:
        return micros(text(told, "time"))
    except (ValueError, OverflowError):
        said = str(told)[:40]
        raise ValueError(f"time: must be like 2025-11-18T23:55:16Z, got {said!r}") from None


def _usage(usage: Any) -> dict[str, Any]:
    if not isinstance(usage, dict):
        raise ValueError("usage: must be an object")
    row: dict[str, Any] = {}
    for name, value in usage.items():
        if name == "extra":
            if not isinstance(value, dict):
                raise ValueError("usage.extra: must be an object")
            row["extra"] = {unit: _whole(n, f"usage.extra.{unit}") for unit, n in value.items()}
        elif name not in TOKEN_FIELDS:
            raise ValueError(f"usage.{name}: unknown; known are {', '.join(TOKEN_FIELDS)}, extra")
        elif value is not None:
            row[name] = _whole(value, f"usage.{name}")
    return row


def _whole(value: Any, name: str) -> int:
    """A count; one below zero is kept, since the recorder marks such usage as invalid."""
    if type(value) is not int or abs(value) > PICO_MAX:
        raise ValueError(f"{name}: must be a whole number, got {str(value)[:40]!r}")
    return value


def plain(told: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are told as they are kept; raises `ValueError` naming a wrong one."""
    row: dict[str, Any] = {}
    for name, value in told.items():
        if name not in _PLAIN or value is None:
            continue
        if name in _CHOICES and value not in _CHOICES[name]:
            raise ValueError(f"{name}: must be one of {', '.join(_CHOICES[name])}")
        if name in _NUMBERS:
            if _whole(value, name) < (name == "attempts"):
                raise ValueError(f"{name}: must be at least {int(name == 'attempts')}")
        elif name in _LISTS:
            _objects(value, name)
        else:
            text(value, name)
        row[name] = value
    return row


_PLAIN = {*_TEXTS, *_NUMBERS, *_LISTS, *_CHOICES}


def _objects(value: Any, name: str) -> None:
    kind = str if name == "prefix_hashes" else dict
    if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
        raise ValueError(f"{name}: must be a list of {'texts' if kind is str else 'objects'}")


def _tags(tags: Any) -> dict[str, str]:
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise ValueError("tags: must be an object of texts")
    if len(tags) > _TAGS_MAX:
        raise ValueError(f"tags: at most {_TAGS_MAX}, got {len(tags)}")
    return tags


def _context(context: Any) -> dict[str, str]:
    if not isinstance(context, dict):
        raise ValueError("context: must be an object")
    for name, value in context.items():
        if name not in _CONTEXT:
            raise ValueError(f"context.{name}: unknown; known are {', '.join(_CONTEXT)}")
        text(value, f"context.{name}")
    return context


def billed(usd: Any) -> int:
    """A billed amount (a decimal string or a number, USD) as pico-USD."""
    try:
        return to_pico(usd_of(usd))
    except ValueError as error:
        raise ValueError(f"billed_usd: {error}") from None
