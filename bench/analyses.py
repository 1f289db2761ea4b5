"""Time and memory of the analyses over 100,000 calls, and of reducing prompts."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from bench._calls import DATA, RateFacts, miniswe
from bench._context_sets import READERS, examples
from finops_pack import cache, forensics, score, waste
from finops_pack.model import Call
from finops_pack.sketch import Reducer

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
        return score.score(calls, waste.find(calls, facts), [])

    for name, analyse in (
        ("waste and score", judged),
        ("cache", lambda: cache.analyse(calls, facts)),
        ("forensics", lambda: forensics.find(calls, facts)),
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


def reduction() -> None:
    """Milliseconds of CPU for 10,000 new tokens, for unchanged ones, and to score them."""
    passages = [text for name in READERS for e in examples(name) for text in e.segments]
    text = " ".join(passages)[:400_000]
    messages = [("user", "What is it?")]
    reducer, times = Reducer(b"key"), []
    for place in range(10):
        messages.append(("tool_result", text[place * 40_000 : (place + 1) * 40_000]))
        start = time.process_time()
        reducer.observe(f"c{place}", "s", None, messages, [], place)
        times.append(time.process_time() - start)
        answer = text[place * 40_000 : place * 40_000 + 700]
        reducer.answered(f"c{place}", "s", answer)
        messages.append(("assistant", answer))
    start = time.process_time()
    reducer.observe("again", "s", None, messages, [], 99)
    unchanged = time.process_time() - start
    start = time.process_time()
    reducer.close("s")
    closing = time.process_time() - start
    print(f"reduce 10,000 new tokens: {min(times) * 1000:.1f} to {max(times) * 1000:.1f} ms")
    print(f"100,000 unchanged tokens: {unchanged * 1000:.1f} ms")
    print(f"score them when the session closes: {closing * 1000:.0f} ms in all")


def main() -> None:
    if not DATA.is_dir():
        print(f"real data is not at hand: {DATA} is absent")
        return
    reduction()
    analyses()
    memory()


if __name__ == "__main__":
    main()
