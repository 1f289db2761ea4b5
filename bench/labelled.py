"""Waste on real labelled logs: our figures beside what the labels and bills say."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench._calls import DATA, RateFacts, aider, claude_code, miniswe, miniswe_tasks
from bench._home import home_of
from finops_pack import cache, cli, score, waste
from finops_pack.model import TOKEN_FIELDS, Call
from finops_pack.waste import cold_cache


class Figure(NamedTuple):
    """What was measured, ours, what is expected of this part, and of the whole set behind it."""

    what: str
    ours: float
    expected: float | None
    whole: str
    within: float

    @property
    def holds(self) -> bool:
        """Whether ours lies within the tolerance; without a label nothing can be off."""
        return self.expected is None or abs(self.ours - self.expected) <= self.within


def miniswe_figures(folder: Path = DATA) -> Iterator[Figure]:
    """239 tasks of mini-swe-agent with Gemini 3 Pro."""
    calls = list(miniswe(folder))
    found = waste.find(calls, RateFacts())
    whole = found.total_usd
    warm = cache.analyse(calls, RateFacts())
    judged = score.score(calls, found, RateFacts(miniswe_tasks(folder)))
    recovery = _share(found, "hallucination_recovery")
    yield Figure("format errors", sum(1 for c in calls if c.verifier), 322, "", 0)
    yield Figure("their recovery calls, % of dollars", recovery, 4.0, "4.2", 0.3)
    yield Figure("cache hit rate, %", 100 * (warm.hit or 0), 83.9, "83.8", 0.1)
    yield Figure("attainable hit rate, %", 100 * (warm.attainable or 0), 96.3, "96.3", 0.1)
    yield Figure("lost prefix before our rules, $", float(warm.lost_usd), 35.7, "75", 0.1)
    yield Figure("of dollars in all", float(whole), 110.0, "230", 0.1)
    yield Figure("cold cache after our rules, %", _share(found, "cold_cache"), 29.3, "29.3", 1.0)
    yield Figure("repeats (upper bound), %", _share(found, "repeat_calls"), 3.1, "3.1", 0.6)
    runaways = found.categories.get("runaway_output")
    yield Figure("runaway outputs", runaways.calls if runaways else 0, None, "2", 0)
    yield Figure("score without unused context", judged.score or 0, 62.8, "62.8", 1.0)
    yield Figure("cost per attempt, $", float(judged.usd_per_task or 0), 0.46, "0.46", 0.01)
    yield Figure("cost per success, $", float(judged.usd_per_success or 0), 0.62, "0.62", 0.02)


def command_figures(folder: Path = DATA) -> Iterator[Figure]:
    """The same log as anybody would bring it in: `finops import jsonl`, then `--json`."""
    with tempfile.TemporaryDirectory() as place, home_of(Path(place)):
        file = Path(place, "calls.jsonl")
        file.write_text("".join(json.dumps(_line_of(call)) + "\n" for call in miniswe(folder)))
        _answer("import", "jsonl", str(file))
        found, warm = _answer("waste", *ALL), _answer("cache", *ALL)
        judged = _answer("score", *ALL)
    whole = float(found["total_cost_usd"])
    recovery = found["categories"]["hallucination_recovery"]
    yield Figure("recovery calls", recovery["calls"], 322, "", 0)
    yield Figure("% of dollars", 100 * float(recovery["usd"]) / whole, 4.0, "4.2", 0.3)
    yield Figure("cache hit rate, %", 100 * warm["hit_rate"], 83.9, "83.8", 0.1)
    yield Figure("attainable hit rate, %", 100 * warm["attainable_rate"], 96.3, "96.3", 0.1)
    yield Figure("lost prefix, $", float(warm["lost_prefix_usd"]), 35.7, "75", 0.1)
    yield Figure("of dollars in all", whole, 110.0, "230", 0.1)
    yield Figure("score without unused context", judged["score"], 62.8, "62.8", 1.0)


ALL = ("--since", "2020-01-01")


def _answer(*words: str) -> Any:
    """What a command prints with `--json`."""
    with io.StringIO() as said, contextlib.redirect_stdout(said):
        if cli.main([*words, "--json"]):
            raise SystemExit(f"finops {' '.join(words)} failed")
        return json.loads(said.getvalue())


def _line_of(call: Call) -> dict[str, Any]:
    """A call as a line of `finops import jsonl`."""
    billed = None if call.billed_pico is None else str(call.amount_usd)
    usage = {name: getattr(call, name) for name in TOKEN_FIELDS}
    named = ("id", "model", "provider", "task", "action", "finish_reason", "verifier")
    return {
        **{name: getattr(call, name) for name in named},
        "time": call.started_at.isoformat(),
        "session": call.task,
        "usage": usage,
        "billed_usd": billed,
        "tool_calls": list(call.tool_calls),
    }


def aider_figures(folder: Path = DATA) -> Iterator[Figure]:
    """742 calls of aider, from public chat histories."""
    calls = aider(folder)
    found = waste.find(calls, RateFacts())
    retried = {c for f in found.findings if f.category == "retries" for c in f.calls}
    attempts = sum(c.attempts - 1 for c in calls if c.id in retried)
    mended = found.categories["hallucination_recovery"].calls
    recovery = _share(found, "hallucination_recovery")
    yield Figure("failed attempts", attempts, 204, "", 0)
    yield Figure("before so many calls", found.categories["retries"].calls, 15, "", 0)
    yield Figure("recovery, % of calls", 100 * mended / len(calls), 6.7, "", 0.05)
    yield Figure("recovery, % of dollars", recovery, 2.6, "", 0.05)


def claude_figures(folder: Path = DATA) -> Iterator[Figure]:
    """Claude Code's transcripts, one-hour cache writes; what is not labelled has no expectation."""
    calls = claude_code(folder)
    warm = cache.analyse(calls, RateFacts())
    found = waste.find(calls, RateFacts())
    whole = float(found.total_usd)
    yield Figure("calls", len(calls), 173, "999", 0)
    read = sum(c.cache_read_tokens for c in calls)
    yield Figure("tokens read from the cache", read, 15_499_566, "", 0)
    yield Figure("cache hit rate, %", 100 * (warm.hit or 0), None, "97.0", 0)
    yield Figure("writes, % of input tokens", 100 * (warm.writes.token_share or 0), None, "3.0", 0)
    yield Figure("writes, % of dollars", 100 * (warm.writes.usd_share or 0), None, "28.4", 0)
    for row in warm.lost:
        what = f"lost prefix before our rules, {row.cause} ({row.calls} calls), $"
        yield Figure(what, float(row.usd), None, "", 0)
    for cause, (count, _) in warm.cold_by_cause.items():
        yield Figure(f"calls that read nothing, {cause}", count, None, "", 0)
    for cause in sorted(cold_cache.WHY):
        lost = [f for f in found.findings if (f.category, f.subtype) == ("cold_cache", cause)]
        if lost:
            share = 100 * float(sum(f.usd for f in lost)) / whole
            named = sum(len(f.calls) for f in lost)
            yield Figure(f"{cause} in {named} calls, % of dollars", share, None, "", 0)


def _share(found: waste.Waste, category: str) -> float:
    return float(100 * found.categories[category].usd / found.total_usd)


def main() -> None:
    if not DATA.is_dir():
        print(f"real data is not at hand: {DATA} is absent")
        return
    for title, figures in (
        ("mini-swe-agent (the part here; the whole set behind it)", miniswe_figures()),
        ("mini-swe-agent, through the command line", command_figures()),
        ("aider", aider_figures()),
        ("Claude Code", claude_figures()),
    ):
        print(f"{title}\n  {'':<40} {'ours':>13} {'expected':>13} {'whole':>6}")
        for figure in figures:
            print(_line(figure))


def _line(figure: Figure) -> str:
    expected = "" if figure.expected is None else f"{figure.expected:,.2f}"
    verdict = "" if figure.expected is None else "holds" if figure.holds else "OFF"
    text = f"  {figure.what:<40} {figure.ours:>13,.2f} {expected:>13} {figure.whole:>6}  {verdict}"
    return text.rstrip()


if __name__ == "__main__":
    main()
