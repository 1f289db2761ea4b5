"""Runs inside the rivals' own environment: reads calls from stdin, prints what each rival found.

Each rival is fed through its public interface with all it can take: right prices, request
hashes, tool names and arguments, times. The answer is {rival: {signal: {"usd", "calls"}}} or
{rival: reason}. Only their packages are imported here, none of ours.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
Found = dict[str, dict[str, Any]]
PRICES = ("2", "0.20", "12")  # USD per million: input, cache read, output


def agenticmeter(rows: list[Row]) -> Found:
    """Its ledger by hand, with the prompt's hash where there is one."""
    module = importlib.import_module("agenticmeter")
    pricing = importlib.import_module("agenticmeter.pricing")
    rates = dict(zip(("input", "cached_read", "output"), map(float, PRICES), strict=True))
    pricing._load_prices().setdefault("google", {})["gemini-3-pro-preview"] = rates
    ledger = module.Ledger()
    names = {}
    for row in rows:
        for attempt in range(row["attempts"]):
            failed = attempt + 1 < row["attempts"]
            call = ledger.record(
                provider="google",
                model="gemini-3-pro-preview",
                input_tokens=0 if failed else row["uncached"],
                output_tokens=0 if failed else row["output"],
                cached_read_tokens=0 if failed else row["read"],
                finish_reason=row["finish"],
                failed=failed,
                error="RateLimitError: 429" if failed else None,
                prompt_hash=row["request"],
                tags=[row["task"]],
            )
            call.timestamp = row["at"] - (row["attempts"] - 1 - attempt)
            names[id(call)] = row["id"]
    signals = {"retries": ledger.detect_retries(), "truncated": ledger.detect_truncations()}
    found = {
        name: {"usd": sum(c.cost for c in calls), "calls": [names[id(c)] for c in calls]}
        for name, calls in signals.items()
    }
    loops = ledger.detect_agent_loops()
    tasks = {loop["tag"] for loop in loops}
    found["agent loops"] = {
        "usd": sum(loop["cost"] for loop in loops),
        "calls": [row["id"] for row in rows if row["task"] in tasks],
    }
    missed = ledger.missed_caching_opportunities()
    found["missed caching"] = {"usd": sum(m["estimated_savings"] for m in missed), "calls": []}
    return found


def stepcost(rows: list[Row]) -> Found:
    """Its spans: one agent step a call, as its LangChain integration writes them."""
    models = importlib.import_module("stepcost.models")
    pricing = importlib.import_module("stepcost.pricing")
    waste = importlib.import_module("stepcost.waste")
    rates = dict(zip(("input_per_1m", "cached_input_per_1m", "output_per_1m"), PRICES, strict=True))
    price = models.ModelPricing(provider="other", **rates)
    table = pricing.register_custom_model("gemini-3-pro-preview", price)
    spans, owner = [], {}
    for row in rows:
        usage = models.TokenUsage(
            input_tokens=row["uncached"],
            cached_input_tokens=row["read"],
            output_tokens=row["output"],
        )
        common = {
            "trace_id": row["task"],
            "project_id": "p",
            "started_at": datetime.fromtimestamp(row["at"], UTC),
        }
        step = models.Span(kind="agent_step", name="agent", **common)
        cost = pricing.cost_for_model("gemini-3-pro-preview", usage, table=table)
        call = models.Span(
            kind="llm_generation", model="gemini-3-pro-preview", usage=usage, cost=cost,
            parent_span_id=step.span_id, provider="other", **common,
        )  # fmt: skip
        spans += [step, call]
        owner[step.span_id] = owner[call.span_id] = row["id"]
    found: Found = defaultdict(lambda: {"usd": 0.0, "calls": []})
    for signal in waste.detect_waste(spans, table=table):
        found[signal.code]["usd"] += signal.est_usd or 0.0
        found[signal.code]["calls"] += [owner[span] for span in signal.span_ids]
    return dict(found)


def agentsonar(rows: list[Row]) -> Found:
    """Its custom orchestrator, one a task, each tool call keyed by its arguments."""
    module = importlib.import_module("agentsonar")
    by_task = defaultdict(list)
    for row in rows:
        by_task[row["task"]].append(row)
    found: Found = defaultdict(lambda: {"usd": 0.0, "calls": []})
    for task in by_task.values():
        sonar = module.monitor_orchestrator({"console_output": False})
        for row in task:
            key = f"bash|{row['args']}"
            sonar.delegation("agent", "bash", {"redundancy_key": key}, timestamp=row["at"])
            sonar.llm_call_end(row["uncached"] + row["read"], row["output"])
        for alert in sonar.get_summary().get("alerts", []):
            if alert.get("severity") == "INFO":
                continue  # an earlier alert is over
            key = alert.get("details", {}).get("key")
            repeated = [row["id"] for row in task if f"bash|{row['args']}" == key][1:]
            whole = [row["id"] for row in task]
            found[str(alert.get("pattern"))]["calls"] += repeated if key else whole
        sonar.shutdown()
    return dict(found)


def main() -> None:
    rows = json.load(sys.stdin)
    answers: dict[str, Any] = {}
    for rival in (agenticmeter, stepcost, agentsonar):
        try:
            answers[rival.__name__] = rival(rows)
        except Exception as error:
            answers[rival.__name__] = f"{type(error).__name__}: {error}"
    print("\n" + json.dumps(answers))


if __name__ == "__main__":
    main()
