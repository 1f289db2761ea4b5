"""How evidence names calls, times and amounts, so that a person can look them up.

And how a rule says what it cannot judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TypeVar

from finops_pack.model import Call, Finding

SHOWN = 3  # examples a finding
WITHOUT_PRICE = "what its tokens cost is not on file"
T = TypeVar("T")


def named(call: Call) -> str:
    """`call 4f2a at 2026-03-01 12:03:11 UTC`."""
    return f"call {call.id} at {call.started_at:%Y-%m-%d %H:%M:%S} UTC"


def some(items: Sequence[T], sentence: Callable[[T], str]) -> tuple[str, ...]:
    """A sentence for each of the first few, and how many more there are."""
    more = len(items) - SHOWN
    said = [sentence(item) for item in items[:SHOWN]]
    return (*said, *([f"… and {more} more like these"] if more > 0 else []))


def gap(before: Call, after: Call) -> str:
    """`2.1 s later`, from the end of one call to the start of the next."""
    return f"{max(0, after.start_us - before.end_us) / 1e6:,.1f} s later"


def one_task(calls: Iterable[Call]) -> str | None:
    """The task that all these calls belong to, None when there are several."""
    tasks = {call.task for call in calls}
    return tasks.pop() if len(tasks) == 1 else None


def unknown(category: str, why: str, calls: Sequence[Call], held: int) -> Iterator[Finding]:
    """What cannot be judged, with its size in tokens; nothing where that is none."""
    if held:
        yield Finding(
            category, why, tuple(c.id for c in calls), Decimal(0), "unknown", 0.0, (), "",
            unknown_tokens=held,
        )  # fmt: skip
