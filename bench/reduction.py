"""What reading prompts costs: µs of the caller, ms of the worker for 10,000 new tokens."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import finops_pack.recorder as recorders
from bench._context_sets import DATA, READERS, examples
from bench._home import home_of
from finops_pack.model import Usage
from finops_pack.recorder import _jobs
from finops_pack.sketch import Reducer

NEW = 40_000  # characters of text: about 10,000 tokens
ROUNDS = 15
CALLER_US, WORKER_MS = 100.0, 5.0


def texts() -> Iterator[tuple[str, str]]:
    """Tool results of the usual kinds, each long enough to be cut anew in every round."""
    if DATA.is_dir():
        prose = " ".join(t for name in READERS for e in examples(name) for t in e.segments)
        yield "prose", prose
        yield "prose, typographic", prose.replace("'", "’").replace(" - ", " – ")
    yield "source code", Path(_jobs.__file__).read_text() + Path(__file__).read_text()
    rows = [{"id": n * 7919, "city": "Köln", "usd": n * 1.37, "open": n % 3} for n in range(1000)]
    yield "JSON", json.dumps(rows, ensure_ascii=False)
    yield "a log", "\n".join(f"12:{n % 60:02} worker-{n % 8} did {n * 7919:x}" for n in range(2000))


def cut(text: str, place: int) -> str:
    """So much of a text, another part each time."""
    whole = text * (2 + NEW // len(text))
    start = place * 997 % len(text)
    return f"{place} {whole[start : start + NEW]}"


def conversation(new: str) -> list[dict[str, Any]]:
    """A request that brings a new tool result in."""
    asked = {"id": "t", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    return [
        {"role": "system", "content": "Answer from what the tools say."},
        {"role": "user", "content": "What is it?"},
        {"role": "assistant", "content": "", "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": "t", "content": new},
    ]


def worker(text: str) -> list[float]:
    """Milliseconds of CPU for each new prompt, from the job to its lines."""
    reduction = _jobs.Reduction(b"key")
    times = []
    for place in range(ROUNDS):
        row = {"id": f"c{place}", "session": "s"}
        job = _jobs.Job(row, conversation(cut(text, place)), [], "Fine.", ())
        start = time.process_time()
        reduction.take(job)
        times.append((time.process_time() - start) * 1000)
    return times


def caller(text: str) -> tuple[float, float]:
    """µs of a call on the caller's thread, without a prompt and with one: medians."""
    spent: tuple[list[float], list[float]] = ([], [])
    for place in range(ROUNDS * 20):
        for times, messages in zip(spent, (None, conversation(cut(text, place))), strict=True):
            start = time.perf_counter_ns()
            call = recorders.get().begin(model="gpt-4o", session="s", messages=messages)
            call.finish(Usage(10_000, 100), response="Fine." if messages else None)
            times.append((time.perf_counter_ns() - start) / 1000)
            time.sleep(0.0005)
    return statistics.median(spent[0]), statistics.median(spent[1])


def unchanged(text: str) -> tuple[float, float]:
    """Milliseconds to read 100,000 tokens again, and to score them when the session closes."""
    reducer = Reducer(b"key")
    messages = [("user", "What is it?")]
    for place in range(10):
        messages.append(("tool_result", cut(text, place)))
        reducer.observe(f"c{place}", "s", None, messages, [])
        reducer.answered(f"c{place}", "s", messages[-1][1][:700])
    start = time.process_time()
    reducer.observe("again", "s", None, messages, [])
    again = time.process_time()
    reducer.close("s")
    return (again - start) * 1000, (time.process_time() - again) * 1000


def main() -> None:
    for name, text in texts():
        times = worker(text)
        middle = statistics.median(times)
        verdict = "holds" if middle <= WORKER_MS else "OVER"
        print(
            f"worker, 10,000 new tokens of {name:<19} {middle:.1f} ms of CPU "
            f"({min(times):.1f} to {max(times):.1f}; at most {WORKER_MS:.0f}: {verdict})"
        )
    _, text = next(texts())
    again, closing = unchanged(text)
    print(
        f"100,000 unchanged tokens: {again:.1f} ms; "
        f"scored when the session closes: {closing:.0f} ms"
    )
    with tempfile.TemporaryDirectory() as folder, home_of(Path(folder)):
        bare, full = caller(text)
        recorders.flush(60)
        recorders.close()
    verdict = "holds" if full <= CALLER_US else "OVER"
    print(
        f"caller: {bare:.0f} µs a call without its prompt, {full:.0f} µs with 10,000 new tokens "
        f"(at most {CALLER_US:.0f}: {verdict})"
    )


if __name__ == "__main__":
    main()
