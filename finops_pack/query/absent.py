"""A ledger that nobody has begun: it answers that nothing was recorded, and makes no file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from finops_pack.ledger import Ledger
from finops_pack.model import Call, DayTotals, Segment, Task, Totals, Where


class Absent:
    """The reading half of `ledger.Ledger`, empty."""

    def __init__(self, url: str, time_zone: str) -> None:
        self.url = url
        self.time_zone = time_zone

    def totals(self, by: str | None, where: Where) -> list[Totals]:
        """None."""
        return []

    def days(self, where: Where) -> list[DayTotals]:
        """None."""
        return []

    def calls(
        self, where: Where, *, newest_first: bool = False, limit: int | None = None
    ) -> Iterator[Call]:
        """None."""
        return iter(())

    def tasks(self, where: Where, *, limit: int | None = None) -> list[Task]:
        """None."""
        return []

    def task(self, task_id: str) -> Task | None:
        """None."""
        return None

    def tasks_of(self, ids: Sequence[str]) -> list[Task]:
        """None."""
        return []

    def segments(self, sessions: Sequence[str]) -> list[Segment]:
        """None."""
        return []

    def span(self) -> tuple[int, int] | None:
        """None: nothing is recorded."""
        return None

    def documents(self, kind: str) -> Mapping[str, dict[str, Any]]:
        """None."""
        return {}

    def spent(self, where: Where) -> tuple[int, int]:
        """Nothing booked, nothing reserved."""
        return 0, 0

    def check(self) -> list[str]:
        """Nothing to find fault with."""
        return []

    def close(self) -> None:
        """Nothing to give back."""


Books = Ledger | Absent
"""What a reader reads."""
