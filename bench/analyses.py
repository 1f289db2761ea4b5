"""Time and memory of the analyses over 100,000 calls, each given them as a ledger would."""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from bench._calls import DATA, RateFacts, miniswe
from finops_pack import cache, forensics, levers, score, trend, waste
from finops_pack.model import Call

CALLS = 100_000
SPAN_US = 2 * 86_400_000_000


class Many:
    """Real calls again and again, two days apart, in order of start; read as often as asked."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._real = sorted(miniswe(), key=lambda call: call.start_us)

    def __iter__(self) -> Iterator[Call]:
        return islice(self._copies(), self._count)

    def _copies(self) -> Iterator[Call]:
        for n in itertools.count():
            for call in self._real:
                start_us = call.start_us + n * SPAN_US
                yield replace(call, id=f"{n}/{call.id}", task=f"{n}/{call.task}", start_us=start_us)


def analyses(calls: Iterable[Call], before: Iterable[Call]) -> dict[str, Callable[[], object]]:
    """Each analysis by name."""
    facts = RateFacts()
    return {
        "waste and score": lambda: score.score(calls, waste.find(calls, facts), facts),
        "cache": lambda: cache.analyse(calls, facts),
        "forensics": lambda: (forensics.find(calls, facts), forensics.relations(calls)),
        "levers": lambda: levers.find(calls, facts),
        "trend": lambda: trend.compare(calls, before, facts),
    }


def seconds() -> None:
    """CPU seconds of each analysis over a list."""
    calls = list(Many(CALLS))
    for name, analyse in analyses(calls, calls[: CALLS // 2]).items():
        start = time.process_time()
        analyse()
        print(f"{name:<16} {time.process_time() - start:5.2f} s of CPU over {len(calls):,} calls")


def memory() -> None:
    """Peak memory of each analysis over calls that come one by one, findings included."""
    counts = (CALLS // 8, CALLS // 4, CALLS // 2)
    print(f"{'MiB at most over':<16}" + "".join(f"{count:>10,}" for count in counts))
    peaks = [_peaks(count) for count in counts]
    for name in peaks[0]:
        print(f"{name:<16}" + "".join(f"{of[name]:10.0f}" for of in peaks))


def _peaks(count: int) -> dict[str, float]:
    found = {}
    for name, analyse in analyses(Many(count), Many(count // 2)).items():
        tracemalloc.start()
        analyse()
        found[name] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    return found


def main() -> None:
    if not DATA.is_dir():
        print(f"real data is not at hand: {DATA} is absent")
        return
    seconds()
    memory()


if __name__ == "__main__":
    main()
