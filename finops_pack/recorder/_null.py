"""The recorder of a process that said `FINOPS_DISABLE=1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops_pack.config import Config
from finops_pack.recorder._core import Recorder
from finops_pack.recorder._pending import Pending


class NullRecorder(Recorder):
    """`FINOPS_DISABLE=1`: takes everything, does nothing, asks nobody."""

    enabled = False

    def __init__(self, settings: Config, *, stop: str = "soft") -> None:
        self.settings = settings
        self.stop = stop
        self.refusal = None
        self._tags = {}
        self._open = {}
        self._spool = None

    def begin_row(self, row: dict[str, Any], *args: Any) -> Pending:
        """A call that leaves no trace."""
        return Pending(self, {"id": "", "start_us": 0, "model": ""}, ())

    def end(self, call: Pending, *args: Any) -> None:
        """Nothing."""
        call.open = False

    def record(self, **fields: Any) -> str:
        """Nothing."""
        return ""

    def tool_ran(self, tool_call_id: str, seconds: float, *, failed: bool = False) -> None:
        """Nothing."""

    def session_over(self, session: str) -> None:
        """Nothing."""

    def write(self, line: Mapping[str, Any]) -> None:
        """Nothing."""

    def settle(self, timeout: float) -> None:
        """Nothing is on its way."""

    def flush(self, timeout: float = 2.0) -> bool:
        """There is nothing to wait for."""
        return True

    def close(self, timeout: float = 0.5) -> None:
        """Nothing to give back."""

    def after_fork(self) -> None:
        """Nothing to rebuild."""
