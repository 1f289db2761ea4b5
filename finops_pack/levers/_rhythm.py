"""What started a task, inferred from its rhythm where nobody said: always an estimate.

Tasks of one project and agent that start at even intervals are started by a clock: `cron`
when they are about a day or more apart, else `heartbeat`.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from finops_pack.model import Call

DAY_US = 86_400_000_000
MINIMUM_RUNS = 5
MINIMUM_GAP_US = 5 * 60 * 1_000_000
EVENNESS = 0.1  # median deviation from the median gap, as a share of it


def infer_triggers(calls: Iterable[Call]) -> dict[str, str]:
    """Task id -> `cron` or `heartbeat`, for tasks whose starts are even."""
    starts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for call in calls:
        if call.task and not call.trigger:
            starts[(call.project or "", call.agent or "")].setdefault(call.task, call.start_us)
    found: dict[str, str] = {}
    for runs in starts.values():
        trigger = _of_gaps(sorted(runs.values()))
        if trigger:
            found.update(dict.fromkeys(runs, trigger))
    return found


def _of_gaps(starts: Sequence[int]) -> str | None:
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    if len(starts) < MINIMUM_RUNS:
        return None
    usual = median(gaps)
    if usual < MINIMUM_GAP_US or median(abs(g - usual) for g in gaps) > EVENNESS * usual:
        return None
    return "cron" if usual >= 0.9 * DAY_US else "heartbeat"
