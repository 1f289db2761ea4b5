"""`import finops_pack.auto`: every supported framework of this process is tracked.

Whether a framework is imported before or after, nothing is imported for you, and nothing
happens under `FINOPS_DISABLE=1`. `finops_pack.track(…)` is the same with choices.
"""

from __future__ import annotations

import os

from finops_pack import adapters
from finops_pack.adapters import _options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from finops_pack.errors import Refusal


class Tracker:
    """What `track` returns; a context manager that closes."""

    @property
    def refusal(self) -> Refusal | None:
        """Why a budget refused the last call that it did; frameworks may lose the exception."""
        from finops_pack import recorder

        return recorder.get().refusal

    def flush(self, timeout: float = 2.0) -> bool:
        """True when all that was recorded is in the ledger; waits at most `timeout` seconds."""
        from finops_pack import recorder

        return recorder.flush(timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Drain, and record nothing more until `track` is called again."""
        from finops_pack import recorder

        recorder.pause(timeout)
        _options.exact_streams = False

    def __enter__(self) -> Tracker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def track(
    project: str | None = None,
    *,
    ledger: str | None = None,
    budget: str | Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
    stop: Literal["soft", "hard"] = "soft",
    exact_streams: bool = False,
) -> Tracker:
    """Track every supported framework, with choices over the settings; idempotent.

    `budget` is `"5 USD/day"` or several such; `stop="hard"` raises `BudgetStop`, which no
    framework swallows. `exact_streams` asks OpenAI-wire servers for usage in streams that would
    otherwise be estimated. Raises `ConfigError` for a budget or ledger that cannot be read.
    """
    from finops_pack import forks

    with forks.barred():
        from finops_pack import recorder

    specs = (budget,) if isinstance(budget, str) else budget
    recorder.configure(
        project=project,
        ledger=ledger,
        budget=None if specs is None else tuple(specs),
        tags=tags,
        stop=stop,
    )
    _options.exact_streams = exact_streams
    _watch()
    return Tracker()


def _watch() -> None:
    if os.environ.get("FINOPS_DISABLE", "").strip().lower() in ("", "0", "false", "no", "off"):
        adapters.watch()


_watch()
