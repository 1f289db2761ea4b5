"""What started a task, inferred from its rhythm where nobody said: always an estimate.

Tasks of one project and agent that start at even intervals are started by a clock: `cron`
when they are about a day or more apart, else `heartbeat`. Of each task its start is kept: 8 bytes.
"""

from __future__ import annotations

import itertools
from array import array
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from statistics import median

DAY_US = 86_400_000_000
MINIMUM_RUNS = 5
MINIMUM_GAP_US = 5 * 60 * 1_000_000
EVENNESS = 0.1  # median deviation from the median gap, as a share of it

Beat = tuple[str, str]
"""The project and agent whose tasks may have a rhythm."""
Start = str | tuple[Beat, ...]
"""What started a task: as told, else the beats that may tell once all calls were seen."""


class Rhythm:
    """When tasks of which nobody said what started them began, by project and agent."""

    def __init__(self) -> None:
        self._starts: dict[Beat, array[int]] = defaultdict(lambda: array("q"))

    def begin(self, beat: Beat, start_us: int) -> None:
        """Another task of this beat."""
        self._starts[beat].append(start_us)

    def trigger(self, start: Start) -> str | None:
        """What started a task, once all have begun."""
        if isinstance(start, str):
            return start
        return next((t for beat in start if (t := self._triggers[beat])), None)

    @cached_property
    def _triggers(self) -> dict[Beat, str | None]:
        return {beat: _of_gaps(sorted(starts)) for beat, starts in self._starts.items()}


def _of_gaps(starts: Sequence[int]) -> str | None:
    if len(starts) < MINIMUM_RUNS:
        return None
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    usual = median(gaps)
    if usual < MINIMUM_GAP_US or median(abs(g - usual) for g in gaps) > EVENNESS * usual:
        return None
    return "cron" if usual >= 0.9 * DAY_US else "heartbeat"
