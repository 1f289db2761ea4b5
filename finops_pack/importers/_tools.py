"""Tool calls and their results as hashes and lengths: what the ledger keeps of them."""

from __future__ import annotations

from typing import Any

from finops_pack.recorder._estimate import tokens
from finops_pack.recorder._jobs import hashed
from finops_pack.recorder._messages import arguments, flat


def ran(key: bytes, call_id: Any, name: Any, block: Any) -> dict[str, Any]:
    """A tool call that an answer asked for."""
    return {"id": call_id, "name": name, "args_hash": hashed(key, arguments(block))}


def result(
    key: bytes, call_id: Any, content: Any, failed: bool = False, check: str | None = None
) -> dict[str, Any]:
    """What a tool gave back; `check` is the verifier that refused what was asked of it."""
    said = flat(content)
    told = {
        "tool_call_id": call_id,
        "result_hash": hashed(key, said),
        "status": "error" if failed else "ok",
        "tokens": tokens(said),
    }
    return {**told, "verifier": check} if check else told
