"""The same labelled waste, as found by us, agenticmeter, stepcost and agentsonar."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench._calls import DATA, RateFacts, aider, miniswe
from finops_pack import waste
from finops_pack.model import Call
from finops_pack.sessions import session_of

RIVALS = ("agenticmeter==0.4.1", "stepcost==0.3.2", "agentsonar==0.7.0")
CHILD = Path(__file__).parent / "_rivals_child.py"
QUIET = {"DO_NOT_TRACK": "1", "AGENTSONAR_TELEMETRY": "off"}
Found = dict[str, dict[str, Any]]


def rivals(calls: list[Call]) -> dict[str, Found | str]:
    """What each rival finds, or why it could not be asked; in an environment thrown away after."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        install = [str(python), "-m", "pip", "install", "--quiet", *RIVALS]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            return dict.fromkeys((r.partition("==")[0] for r in RIVALS), "does not install here")
        answer = subprocess.run(
            [str(python), str(CHILD)],
            input=json.dumps([_row(call) for call in calls]),
            capture_output=True, text=True, check=True, cwd=folder,
            env={**os.environ, **QUIET},
        )  # fmt: skip
        found: dict[str, Found | str] = json.loads(answer.stdout.splitlines()[-1])
        return found


def _row(call: Call) -> dict[str, Any]:
    use = call.tool_calls[0] if call.tool_calls else {}
    return {
        "id": call.id,
        "at": call.start_us / 1e6,
        "task": session_of(call),
        "uncached": max(0, call.usage.uncached_tokens),
        "read": call.cache_read_tokens,
        "output": call.output_tokens,
        "finish": call.finish_reason,
        "attempts": call.attempts,
        "request": call.request_hash or call.id,  # attempts of a call have its request in common
        "args": use.get("args_hash"),
    }


def ours(calls: list[Call]) -> Found:
    """Our findings in the same shape."""
    found = waste.find(calls, RateFacts())
    return {
        name: {
            "usd": float(part.usd),
            "calls": [c for f in found.findings if f.category == name for c in f.calls],
        }
        for name, part in found.categories.items()
    }


def labels_miniswe(calls: list[Call]) -> dict[str, set[str]]:
    """What the log itself says was avoidable, by call."""
    after: set[str] = set()
    repeats: set[str] = set()
    rejected: dict[str | None, bool] = {}
    told: set[Any] = set()
    for call in calls:
        if rejected.get(call.task):
            after.add(call.id)
        rejected[call.task] = bool(call.verifier)
        use = call.tool_calls[0] if call.tool_calls else None
        key = (call.task, use["args_hash"], use["result_hash"]) if use else None
        if key in told:
            repeats.add(call.id)
        told.add(key)
    return {"calls after a format error": after, "exact repeats": repeats - after}


def labels_aider(calls: list[Call]) -> dict[str, set[str]]:
    """Retries and reflections as aider printed them."""
    reflections: set[str] = set()
    mended: dict[str | None, bool] = {}
    for call in calls:
        if mended.get(call.session):
            reflections.add(call.id)
        mended[call.session] = bool(call.verifier)
    retried = {call.id for call in calls if call.attempts > 1}
    return {"calls that were retried": retried, "reflections": reflections}


def show(title: str, calls: list[Call], labels: dict[str, set[str]]) -> None:
    """Dollars and calls that everybody flags, and how much of each label is among them."""
    print(f"\n{title}: {len(calls):,} calls, ${sum(float(c.amount_usd) for c in calls):.2f}")
    sizes = ", ".join(f"{name} ({len(known)})" for name, known in labels.items())
    print(f"labelled: {sizes}; a pair is precision/recall")
    found: dict[str, Found | str] = {"finops_pack": ours(calls), **rivals(calls)}
    for name, signals in found.items():
        if isinstance(signals, str):
            print(f"  {name:<14} skipped: {signals}")
            continue
        for signal, part in signals.items():
            if part["calls"] or part["usd"]:
                hits = _hits(set(part["calls"]), labels.values())
                print(
                    f"  {name:<14} {signal:<24} ${part['usd']:>8.2f} "
                    f"{len(set(part['calls'])):>6,} calls   {hits}"
                )
        if not any(part["calls"] or part["usd"] for part in signals.values()):
            print(f"  {name:<14} nothing")


def _hits(flagged: set[str], labels: Iterable[set[str]]) -> str:
    pairs = []
    for known in labels:
        both = len(flagged & known)
        precision = both / len(flagged) if flagged else 0.0
        pairs.append(f"{precision:.2f}/{both / len(known) if known else 0.0:.2f}")
    return "  ".join(pairs)


def main() -> int:
    if not DATA.is_dir():
        print(f"real data is not at hand: {DATA} is absent")
        return 0
    swe, chats = list(miniswe()), aider()
    show("mini-swe-agent", swe, labels_miniswe(swe))
    show("aider", chats, labels_aider(chats))
    print("aider's log names no rates: the rivals' dollars there are at mini-swe's prices")
    return 0


if __name__ == "__main__":
    sys.exit(main())
