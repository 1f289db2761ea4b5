"""SIGKILL between send and settle: what was billed never exceeds the cap plus calls in flight.

    python -m bench.gate_kill [--rounds 200] [--seed 1]

Each round two processes spend one hard budget of $0.03 a day on a provider of our own, which
counts every request as billed at $0.00375. Both are killed at a moment nobody chose: while a
request is on its way, or between answer and settlement. Two more then go on with what is left.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops_pack.testing import Reply, Wire

TOP = Path(__file__).parent.parent
PRICE = Decimal("0.00375")  # of 1000 tokens in, 600 of them cached, and 200 out on gpt-4o
CAP = Decimal("0.03")
PROCESSES = 2
USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 200,
    "total_tokens": 1200,
    "prompt_tokens_details": {"cached_tokens": 600},
}
CHILD = """
import http.client, json, sys
import finops_pack
from finops_pack import recorder
from finops_pack.model import Usage
finops_pack.track(budget="0.03 USD/day")
rec = recorder.get()
messages = [{"role": "user", "content": sys.argv[2]}]
host = sys.argv[1].split("//")[1].split("/")[0]
print("ready", flush=True)
while True:
    try:
        call = rec.begin(model="gpt-4o", provider="openai", messages=messages,
                         max_output_tokens=200)
    except finops_pack.BudgetExceeded as refused:
        print(refused.reason, flush=True)
        break
    wire = http.client.HTTPConnection(host)
    body = json.dumps({"model": "gpt-4o", "messages": messages})
    wire.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    told = json.loads(wire.getresponse().read())["usage"]
    wire.close()
    call.finish(Usage(told["prompt_tokens"], told["completion_tokens"],
                      told["prompt_tokens_details"]["cached_tokens"]))
"""
PROMPT = "word " * 500  # its bound of 1000 tokens is what the provider counts


def start(wire: Wire, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """One process that spends until it is refused."""
    words = [sys.executable, "-c", CHILD, wire.openai_url, PROMPT]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)  # fmt: skip


def one_round(chance: random.Random) -> tuple[Decimal, int, Counter[str]]:
    """(billed in USD, processes killed before they were refused, why the others ended)."""

    def answer(path: str, body: Mapping[str, Any]) -> Reply:
        return Reply(text="ok", usage=USAGE, delay=chance.random() * 0.02)

    with tempfile.TemporaryDirectory() as folder, Wire(answer) as wire:
        environment = {**os.environ, "HOME": folder, "PYTHONPATH": str(TOP),
                       "XDG_STATE_HOME": f"{folder}/state", "XDG_CONFIG_HOME": folder}  # fmt: skip
        killed = _kill(wire, environment, chance)
        ended: Counter[str] = Counter()
        workers = [start(wire, environment) for _ in range(PROCESSES)]
        for worker in workers:
            ended[worker.communicate(timeout=120)[0].split()[-1]] += 1
        return wire.calls * PRICE, killed, ended


def _kill(wire: Wire, environment: Mapping[str, str], chance: random.Random) -> int:
    workers = [start(wire, environment) for _ in range(PROCESSES)]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    wanted = chance.randrange(1, 6)
    deadline = time.monotonic() + 20
    while wire.calls < wanted and time.monotonic() < deadline:
        time.sleep(0.0005)
    time.sleep(chance.random() * 0.03)
    alive = 0
    for worker in workers:
        alive += worker.poll() is None
        worker.send_signal(signal.SIGKILL)
    for worker in workers:
        worker.communicate()
    return alive


def main() -> int:
    """Run the rounds; 1 if any of them broke the cap."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    billed: Counter[Decimal] = Counter()
    reasons: Counter[str] = Counter()
    killed = 0
    for _ in range(args.rounds):
        usd, dead, ended = one_round(chance)
        billed[usd] += 1
        killed += dead
        reasons += ended
    most = max(billed)
    print(f"{args.rounds} rounds, {killed} processes killed in flight; the rest: {dict(reasons)}")
    print(f"billed a round, of a cap of ${CAP}:")
    for usd, count in sorted(billed.items()):
        print(f"  ${usd}  {count:4d} rounds")
    allowed = CAP + PROCESSES * PRICE
    print(f"most ${most}; cap + calls in flight ${allowed}; beyond the cap ${max(most - CAP, 0)}")
    return int(most > allowed or set(reasons) != {"exceeded"})


if __name__ == "__main__":
    sys.exit(main())
