"""Time and memory of the analyses over 100,000 calls."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from bench._calls import DATA, RateFacts, miniswe
from finops_pack import cache, forensics, levers, score, trend, waste
from finops_pack.model import Call

CALLS = 100_000
SPAN_US = 2 * 86_400_000_000


def many(count: int) -> Iterator[Call]:
    """Real calls again and again, two days apart, in order of start."""
    real = sorted(miniswe(), key=lambda call: call.start_us)
    copies = (
        replace(call, id=f"{n}/{call.id}", task=f"{n}/{call.task}", start_us=call.start_us + shift)
        for n in range(count // len(real) + 1)
        for shift in (n * SPAN_US,)
        for call in real
    )
    return islice(copies, count)


def analyses() -> None:
    """CPU seconds of each analysis over a list."""
    calls, facts = list(many(CALLS)), RateFacts()

    def judged() -> object:
        return score.score(calls, waste.find(calls, facts), facts)

    for name, analyse in (
        ("waste and score", judged),
        ("cache", lambda: cache.analyse(calls, facts)),
        ("forensics", lambda: forensics.find(calls, facts)),
        ("levers", lambda: levers.find(calls, facts)),
        ("trend", lambda: trend.compare(calls[CALLS // 2 :], calls[: CALLS // 2], facts)),
    ):
        start = time.process_time()
        analyse()
        print(f"{name:<16} {time.process_time() - start:5.2f} s of CPU over {len(calls):,} calls")


def memory() -> None:
    """Peak memory of finding waste in a stream, findings included."""
    for count in (CALLS // 4, CALLS // 2):
        tracemalloc.start()
        waste.find(many(count), RateFacts())
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(f"waste over a stream of {count:,} calls: {peak:,.0f} MiB at most")


def main() -> None:
    if not DATA.is_dir():
        print(f"real data is not at hand: {DATA} is absent")
        return
    analyses()
    memory()


if __name__ == "__main__":
    main()
