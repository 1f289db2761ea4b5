"""Eight processes that serve one session in turn find what one process finds."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from finops_pack import query
from finops_pack.waste import Waste

ROUNDS = 24
PROMPTS = """
import sys
from finops_pack import recorder
from finops_pack.model import Usage

worker, workers, rounds = map(int, sys.argv[1:])
TOOLS = [{"name": "find", "description": "finds"}, {"name": "send_mail", "description": "sends"}]
IDLE = "The weather station on the roof reports light rain and nine degrees. " * 20
WRONG = "Error: mend is not a valid tool, try one of [find]."
RESULTS = {2: IDLE, 9: "same", 10: "same", 15: WRONG}
SAID = "The parcel of step {0} left on some day, as was found."
messages = [{"role": "system", "content": "Answer from what the tools say. " * 200}]
rec = recorder.get()
for n in range(rounds):
    read = 0 if n in (0, 5, 18) else 1000 * n
    asked = {"id": f"t{n}", "name": "find", "args": {"q": 9 if n in (9, 10) else n}}
    if n % workers == worker:
        begin = {"provider": "anthropic", "session": "s", "task": "s", "tools": TOOLS}
        begin["start_us"] = 1_700_000_000_000_000 + n * 30_000_000
        if n == 12:  # refused once, then sent again
            failed = rec.begin(model="claude-sonnet-4-5", messages=list(messages), **begin)
            failed.fail("RateLimitError")
            begin["start_us"] += 2_000_000
        call = rec.begin(model="claude-sonnet-4-5", messages=list(messages), **begin)
        usage = Usage(
            input_tokens=1000 * (n + 1), cache_read_tokens=read,
            cache_write_5m_tokens=1000 * (n + 1) - read, output_tokens=40,
        )
        told = {"verifier": "format"} if n == 3 else {}
        call.finish(usage, response=SAID.format(n), tool_calls=[asked], **told)
    result = RESULTS.get(n, f"what step {n} found of the parcel that left on day {n * 7919}")
    messages.append({"role": "assistant", "content": SAID.format(n), "tool_calls": [asked]})
    messages.append({"role": "tool", "tool_call_id": f"t{n}", "content": result})
recorder.get().session_over("s")
recorder.close(5)
"""


def found(folder: Path, workers: int) -> Waste:
    """What is found in the ledger of so many processes."""
    folder.mkdir()
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FINOPS_")},
        "FINOPS_LEDGER": str(folder / "ledger.db"),
        "FINOPS_HASH_KEY": "the service's own",
        "XDG_STATE_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    words = [sys.executable, "-c", PROMPTS]
    running = [
        subprocess.Popen([*words, str(w), str(workers), str(ROUNDS)], env=env)
        for w in range(workers)
    ]
    assert [process.wait(60) for process in running] == [0] * workers
    with query.open(str(folder / "ledger.db")) as reader:
        return reader.waste(query.Period(None, None))


def test_eight_workers_find_what_one_finds(tmp_path: Path) -> None:
    one, eight = found(tmp_path / "one", 1), found(tmp_path / "eight", 8)
    assert one.total_usd == eight.total_usd
    judged = {name for name in one.categories if name != "unused_context"}
    assert judged >= {
        "retries", "hallucination_recovery", "repeat_calls", "cold_cache", "unused_tools",
    }  # fmt: skip
    for name in judged:
        ours, theirs = one.categories[name], eight.categories[name]
        assert theirs.calls == ours.calls, name
        assert abs(theirs.usd - ours.usd) <= one.total_usd / 100, name
    assert set(one.categories["hallucination_recovery"].parts) == {"format", "factual"}
    assert one.categories["unused_context"].usd > 0
    assert one.unknown == {}
    assert "unused_context" not in eight.categories
    assert eight.unknown["unused_context"].tokens > 0
    assert eight.avoidable_usd <= one.avoidable_usd + one.total_usd * Decimal("0.01")
