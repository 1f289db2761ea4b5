"""What every command prints with: one JSON document, or plain lines, or a failure."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from finops_pack.errors import FinOpsError


def document(schema: str, body: Mapping[str, Any], *, version: int = 1) -> None:
    """Print the one JSON document of a command to stdout."""
    print(json.dumps({"schema": schema, "version": version, **body}, ensure_ascii=False))


def warn(message: str) -> None:
    """A line that is not the answer."""
    print(message, file=sys.stderr)


def failure(error: FinOpsError, as_json: bool) -> None:
    """Say what is wrong and how to mend it."""
    if as_json:
        body = {"code": error.code, "message": str(error), "mend": error.mend}
        document("finops.error", body)
        return
    warn(f"finops: {error}")
    if error.mend:
        warn(f"  mend: {error.mend}")
