"""Results of OpenAI's Batch API: the output file and the error file of a batch.

A line is `{"id", "custom_id", "response": {"status_code", "request_id", "body"}, "error"}`; the
body is a chat completion, a response or embeddings, with its own usage; embeddings tell no time.

Source: the Batch API's reference on the request output object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finops_pack.importers._batches import BATCH, failed, results
from finops_pack.importers._lines import count, first, jsonl_files, nowhere, text
from finops_pack.importers._state import Item, State

NAME = "openai-batch"
HELP = "results of OpenAI's Batch API"
AGENT = False
default_paths, files = nowhere, jsonl_files


def read(path: Path, state: State) -> Iterator[Item]:
    """Every answered request of the batch, failed ones at no cost."""
    yield from results(path, call)


def call(record: Mapping[str, Any], at_us: int) -> dict[str, Any] | None:
    """One line of the file as a call; raises `ValueError`, `KeyError` or `TypeError`."""
    answer = record.get("response") or {}
    body = answer.get("body") or {}
    error = record.get("error") or body.get("error")
    seconds = first((body.get("created"), body.get("created_at")))
    row = {
        **BATCH,
        "id": text(record["id"], "id"),
        "start_us": int(seconds) * 1_000_000 if seconds else at_us,
        "model": str(body.get("model") or ""),
        "provider": "openai",
        "response_id": body.get("id"),
        "request_id": answer.get("request_id"),
    }
    if error:
        told = error if isinstance(error, dict) else {}  # a text may repeat the prompt
        kind = told.get("code") or told.get("type") or answer.get("status_code")
        return {**row, **failed(kind or "error")}
    return {**row, **_usage(body["usage"]), "finish_reason": _finish(body)}


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """Chat completions and embeddings speak of prompt and completion, responses of in and out."""
    sent = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    made = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    return {
        "input_tokens": count(usage, "prompt_tokens") or count(usage, "input_tokens"),
        "cache_read_tokens": count(sent, "cached_tokens"),
        "output_tokens": count(usage, "completion_tokens") or count(usage, "output_tokens"),
        "reasoning_tokens": count(made, "reasoning_tokens"),
    }


def _finish(body: Mapping[str, Any]) -> str | None:
    choices = body.get("choices")
    told = choices[0].get("finish_reason") if choices else body.get("status")
    return str(told) if told else None
