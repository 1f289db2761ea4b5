"""Codex CLI's sessions, in invented files of the real shape."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from finops_pack import waste
from tests.facts import Table

HOME = "2026-04-16T10:00:{:02}.000Z"


def line(second: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": HOME.format(second), "type": kind, "payload": payload}


def meta(name: str = "s1", **more: Any) -> dict[str, Any]:
    told = {"id": name, "cwd": "/home/me/shop", "cli_version": "0.58.0", "model_provider": "openai"}
    return line(0, "session_meta", **told, **more)


def context(model: str = "gpt-5-codex", **more: Any) -> dict[str, Any]:
    return line(1, "turn_context", model=model, cwd="/home/me/shop", **more)


def usage(sent: int, cached: int, out: int, thought: int) -> dict[str, int]:
    return {
        "input_tokens": sent,
        "cached_input_tokens": cached,
        "output_tokens": out,
        "reasoning_output_tokens": thought,
        "total_tokens": sent + out,
    }


def counted(second: int, total: Any, last: Any = None, plan: str | None = None) -> dict[str, Any]:
    info = {"total_token_usage": total, "last_token_usage": last} if total else None
    limits = {"plan_type": plan}
    return line(second, "event_msg", type="token_count", info=info, rate_limits=limits)


def asked(second: int, use: str = "call_1", name: str = "shell") -> dict[str, Any]:
    arguments = json.dumps({"command": ["ls"]})
    item = {"type": "function_call", "name": name, "arguments": arguments, "call_id": use}
    return line(second, "response_item", **item)


def gave(second: int, use: str = "call_1", output: str = "two files") -> dict[str, Any]:
    return line(second, "response_item", type="function_call_output", call_id=use, output=output)


def test_totals_become_calls(bring: Any, calls: Any, lines: Any) -> None:
    path = lines(
        meta(),
        context(turn_id="t1"),
        counted(2, None),
        asked(3),
        counted(4, usage(100, 0, 20, 8)),
        gave(5),
        counted(6, usage(100, 0, 20, 8)),  # told again: only the limits have changed
        counted(7, usage(350, 90, 50, 10)),
        name="rollout-1.jsonl",
    )
    summary = bring("codex", path)
    assert (summary.read, summary.rejected) == (2, [])
    one, two = calls()
    assert (one.input_tokens, one.output_tokens, one.reasoning_tokens) == (100, 20, 8)
    assert (two.input_tokens, two.cache_read_tokens) == (250, 90)
    assert (two.output_tokens, two.reasoning_tokens) == (30, 2)
    assert (one.model, one.provider, one.project) == ("gpt-5-codex", "openai", "shop")
    assert (one.session, one.task, one.action) == ("s1", "t1", "shell")
    assert two.action == "answer"
    assert one.tool_calls[0]["id"] == two.tool_results[0]["tool_call_id"] == "call_1"
    assert one.tool_results == ()
    assert {row.cost_state for row in (one, two)} == {"priced"}
    assert {row.billing_mode for row in (one, two)} == {"unknown"}


def test_a_refused_tool_names_its_verifier(bring: Any, calls: Any, lines: Any) -> None:
    refused = asked(2, name="read_fil"), gave(3, output="unsupported call: read_fil")
    printed = asked(5, "call_2"), gave(6, "call_2", "Exit code: 1\nunsupported call: main")
    totals = [usage(n * 1000, 0, n * 10, 0) for n in (1, 2, 3)]
    first, second, third = (counted(at, total) for at, total in zip((4, 7, 8), totals, strict=True))
    bring("codex", lines(meta(), context(model="big"), *refused, first, *printed, second, third))
    told = [result for call in calls() for result in call.tool_results]
    assert [(r["status"], r.get("verifier")) for r in told] == [("error", "tool"), ("ok", None)]
    [found] = waste.find(calls(), Table()).findings
    assert (found.category, found.calls) == ("hallucination_recovery", (calls()[1].id,))


def test_a_search_is_billed_by_itself(bring: Any, calls: Any, lines: Any) -> None:
    did = {"query": "x"}, {"type": "open_page", "url": "u"}, {"type": "find_in_page"}
    told = [line(2, "response_item", type="web_search_call", action=action) for action in did]
    bring("codex", lines(meta(), context(), *told, counted(3, usage(100, 0, 20, 0))))
    (call,) = calls()
    assert (call.extra, call.action) == ({"web_search": 1}, "web_search")


def test_the_last_request_wins_over_a_total_that_began_elsewhere(
    bring: Any, calls: Any, lines: Any
) -> None:
    path = lines(
        meta(),
        context(),
        counted(2, usage(90_000, 80_000, 900, 0), usage(500, 400, 10, 0)),
        counted(3, usage(600, 0, 5, 0)),  # counted anew after a compaction
    )
    bring("codex", path)
    assert [(c.input_tokens, c.cache_read_tokens) for c in calls()] == [(500, 400), (600, 0)]


def test_a_session_goes_on_where_it_was_left(bring: Any, calls: Any, lines: Any) -> None:
    begun = [meta(), context(), asked(2), counted(3, usage(100, 0, 20, 0))]
    path = lines(*begun)
    bring("codex", path)
    lines(*begun, gave(4), counted(5, usage(300, 100, 25, 0)))
    again = bring("codex", path)
    assert (again.read, again.new) == (1, 1)
    assert [c.input_tokens for c in calls()] == [100, 200]
    assert len(calls()[1].tool_results) == 1


def test_a_line_that_is_torn_behind_a_brace_is_read_when_it_is_there(
    bring: Any, calls: Any, lines: Any
) -> None:
    path = lines(meta(), context(), counted(2, usage(100, 0, 20, 8)), name="rollout-1.jsonl")
    told = path.read_bytes()
    path.write_bytes(told[: told.rindex(b"}", 0, -2)])
    bring("codex", path)
    path.write_bytes(told[:-2])  # all but the last brace
    bring("codex", path)
    assert calls() == []
    path.write_bytes(told)
    bring("codex", path)
    assert [call.input_tokens for call in calls()] == [100]


def test_a_fork_that_copies_its_parent_doubles_nothing(bring: Any, calls: Any, lines: Any) -> None:
    told = [context(), counted(2, usage(100, 0, 20, 0)), counted(3, usage(300, 0, 40, 0))]
    path = lines(meta("s1"), *told, name="a/rollout-1.jsonl")
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": "s1"}}}
    lines(
        meta("s2", forked_from_id="s1", source=spawned),
        meta("s1"),
        *told,
        counted(4, usage(900, 0, 50, 0)),
        name="a/rollout-2.jsonl",
    )
    bring("codex", path.parent)
    rows = calls()
    assert [(c.session, c.agent, c.input_tokens) for c in rows] == [
        ("s1", "main", 100),
        ("s1", "main", 200),
        ("s2", "subagent", 600),
    ]


def test_a_fork_that_is_read_before_its_parent_takes_none_of_its_calls(
    bring: Any, calls: Any, ledger: Any, lines: Any
) -> None:
    first, own = counted(2, usage(100, 0, 20, 0)), counted(59, usage(250, 0, 40, 0))
    copied = {**first, "timestamp": HOME.format(50)}
    fork = lines(meta("s2", forked_from_id="s1"), context(), copied, own, name="a/fork.jsonl")
    parent = lines(meta("s1"), context(turn_id="t1"), first, name="b/parent.jsonl")
    bring("codex", fork)
    bring("codex", parent)
    one, two = calls()
    assert (one.session, one.task, one.started_at.second) == ("s1", "t1", 2)
    assert (two.session, two.started_at.second) == ("s2", 59)
    assert [call.output_tokens for call in (one, two)] == [20, 20]
    assert ledger.check() == []
    before = [(call.session, call.started_at, "metered") for call in calls()]
    assert bring("codex", parent, fork, billing="metered", dry_run=True).corrected == 2
    assert bring("codex", parent, fork, billing="metered").corrected == 2
    assert [(c.session, c.started_at, c.billing_mode) for c in calls()] == before


def packed(path: Any, frames: int = 1) -> Any:
    zstandard = pytest.importorskip("zstandard")
    data = path.read_bytes()
    size = len(data) // frames + 1
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    there = path.with_name(f"{path.name}.zst")
    there.write_bytes(b"".join(map(zstandard.ZstdCompressor().compress, parts)))
    path.unlink()
    return there


@pytest.mark.parametrize("frames", [1, 3])
def test_a_session_that_codex_has_packed_is_read(
    bring: Any, calls: Any, lines: Any, frames: int
) -> None:
    told = [meta(), context(), counted(3, usage(100, 0, 20, 0)), counted(5, usage(300, 0, 25, 0))]
    path = lines(*told, name="a/rollout-1.jsonl")
    bring("codex", path.parent)
    packed(path, frames)
    again = bring("codex", path.parent)
    assert (again.read, again.new, again.rejected) == (2, 0, [])
    assert bring("codex", path.parent, source="other").new == 2
    assert bring("codex", path.parent).skipped == 1


def test_a_packed_session_that_cannot_be_read_is_named(
    bring: Any, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(lines(meta(), context(), counted(3, usage(100, 0, 20, 0)), name="a/r.jsonl"))
    whole = path.read_bytes()
    path.write_bytes(b"nothing that zstd has packed")
    (rejected,) = bring("codex", path).rejected
    assert "damaged" in rejected.reason
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    path.write_bytes(whole)
    (rejected,) = bring("codex", path).rejected
    assert "pip install" in rejected.reason


def test_what_a_compaction_used_is_a_call(bring: Any, calls: Any, lines: Any) -> None:
    def record(second: int, name: str, used: Any) -> dict[str, Any]:
        more = {"thread_token_usage": usage(9, 9, 9, 9), "turn_id": "t1"}
        return line(second, "token_usage_record", response_id=name, usage=used, **more)

    first, second = usage(100, 0, 20, 8), usage(300, 90, 50, 10)
    folded = line(6, "compacted", message="", compaction_response_id="r2")
    told = [
        meta(), context(turn_id="t1"), record(3, "r1", first), counted(4, first, first, "pro"),
        record(5, "r2", usage(5000, 400, 60, 0)), folded, counted(7, first, first, "pro"),
        counted(9, second, usage(200, 90, 30, 2), "pro"), {**folded, "timestamp": HOME.format(10)},
    ]  # fmt: skip
    path = lines(*told)
    assert bring("codex", path).read == 3
    one, compact, two = calls()
    assert [c.input_tokens for c in (one, compact, two)] == [100, 5000, 200]
    assert (compact.cache_read_tokens, compact.output_tokens) == (400, 60)
    assert (compact.action, compact.task, compact.response_id) == ("compact", "t1", "r2")
    assert {c.billing_mode for c in calls()} == {"subscription"}


def spawn(name: str, above: str, second: int = 4) -> dict[str, Any]:
    told = meta(name, source={"subagent": {"thread_spawn": {"parent_thread_id": above}}})
    return {**told, "timestamp": HOME.format(second)}


def stamped(second: int, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**record, "timestamp": HOME.format(second)} for record in told]


@pytest.mark.parametrize("heads", [True, False])
@pytest.mark.parametrize("second", [4, 2])  # with the time of the copying, or as it was
def test_a_sub_agent_that_copies_its_parent_doubles_nothing(
    bring: Any, calls: Any, lines: Any, heads: bool, second: int
) -> None:
    told = [context(), counted(2, usage(100, 0, 20, 0)), counted(2, usage(300, 0, 40, 0))]
    path = lines(meta("s1"), *told, name="a/rollout-1.jsonl")
    copied = [*([meta("s1")] if heads else []), *stamped(second, told)]
    own = counted(9, usage(900, 0, 50, 0))
    lines(spawn("s2", "s1"), *copied, own, name="a/rollout-2.jsonl")
    bring("codex", path.parent)
    assert [(c.session, c.input_tokens) for c in calls()] == [
        ("s1", 100),
        ("s1", 200),
        ("s2", 600),
    ]


def test_a_fork_of_a_fork_doubles_nothing(bring: Any, calls: Any, lines: Any) -> None:
    first, second = counted(2, usage(100, 0, 20, 0)), counted(3, usage(300, 0, 40, 0))
    fork = meta("s2", forked_from_id="s1")
    path = lines(meta("s1"), context(), first, name="a/rollout-1.jsonl")
    lines(fork, meta("s1"), context(), first, second, name="a/rollout-2.jsonl")
    heads = (meta("s3", forked_from_id="s2"), fork, meta("s1"))
    lines(*heads, context(), first, second, name="a/rollout-3.jsonl")
    agent = meta("s4", forked_from_id="s3", parent_thread_id="s3", thread_source="subagent")
    own = counted(9, usage(900, 0, 60, 0))
    lines(agent, *heads, context(), first, second, own, name="a/rollout-4.jsonl")
    bring("codex", path.parent)
    assert [(c.session, c.agent, c.input_tokens) for c in calls()] == [
        ("s1", "main", 100),
        ("s2", "main", 200),
        ("s4", "subagent", 600),
    ]


def test_forks_of_versions_that_did_not_name_their_parent_double_nothing(
    bring: Any, calls: Any, lines: Any
) -> None:
    told = [context(), counted(2, usage(100, 0, 20, 0)), counted(3, usage(300, 0, 40, 0))]
    path = lines(meta("s1"), *told, name="a/rollout-1.jsonl")
    fork = meta("s2"), meta("s1"), *stamped(4, told)
    lines(*fork, counted(5, usage(900, 0, 50, 0)), name="a/rollout-2.jsonl")
    own = counted(9, usage(1500, 0, 60, 0))
    lines(meta("s3"), *fork, own, name="a/rollout-3.jsonl")
    bring("codex", path.parent)
    assert [(c.session, c.input_tokens) for c in calls()] == [
        ("s1", 100), ("s1", 200), ("s2", 600), ("s3", 1200),
    ]  # fmt: skip


def test_sub_agents_that_copy_nothing_are_told_apart(bring: Any, calls: Any, lines: Any) -> None:
    path = lines(meta("s1"), context(), counted(2, usage(100, 0, 20, 0)), name="a/rollout-1.jsonl")
    for name in ("s2", "s3"):  # the same work, to the token
        own = counted(9, usage(100, 0, 20, 0))
        lines(spawn(name, "s1"), context(), own, name=f"a/rollout-{name}.jsonl")
    bring("codex", path.parent)
    assert [c.session for c in calls()] == ["s1", "s2", "s3"]


def test_a_plan_that_the_log_names_needs_no_question(bring: Any, calls: Any, lines: Any) -> None:
    path = lines(meta(), context(), counted(2, usage(100, 0, 20, 0), plan="pro"))
    bring("codex", path)
    assert [c.billing_mode for c in calls()] == ["subscription"]
    bring("codex", path, source="asked", billing="unknown")
    assert {c.billing_mode for c in calls()} == {"subscription"}
    bring("codex", path, source="mine", billing="metered")
    assert {c.billing_mode for c in calls()} == {"subscription", "metered"}


def test_damage_costs_its_line(bring: Any, calls: Any, lines: Any) -> None:
    bad = json.dumps(counted(3, usage(5, 0, 5, 0)))[:-20]
    wrong = counted(4, {**usage(400, 0, 30, 0), "input_tokens": "many"})
    path = lines(meta(), context(), counted(2, usage(100, 0, 20, 0)), bad, wrong,
                 counted(5, usage(500, 0, 30, 0)))  # fmt: skip
    summary = bring("codex", path)
    assert [r.line for r in summary.rejected] == [4, 5]
    assert [c.input_tokens for c in calls()] == [100, 400]


@pytest.mark.parametrize("blank", ["", " ", "\t", "\r"])
def test_a_blank_line_is_no_damage(bring: Any, calls: Any, lines: Any, blank: str) -> None:
    path = lines(meta(), blank, context(), counted(2, usage(100, 0, 20, 0)), blank)
    assert bring("codex", path).rejected == []
    assert [c.input_tokens for c in calls()] == [100]


def test_limits_alone_are_no_damage(bring: Any, calls: Any, lines: Any) -> None:
    first = counted(2, usage(100, 0, 20, 0))
    assert bring("codex", lines(meta(), context(), first, counted(3, None))).rejected == []
    assert [c.input_tokens for c in calls()] == [100]


def test_tokens_without_a_session_are_named(bring: Any, lines: Any) -> None:
    (rejected,) = bring("codex", lines(counted(2, usage(100, 0, 20, 0)))).rejected
    assert "before the session" in rejected.reason


def test_a_damaged_head_costs_no_call(bring: Any, calls: Any, lines: Any) -> None:
    session = "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000"
    name, head = f"rollout-2026-04-16T10-00-00-{session}.jsonl", json.dumps(meta(session))
    more = context(), counted(2, usage(100, 0, 20, 0)), counted(3, usage(300, 0, 30, 0))
    assert [r.line for r in bring("codex", lines(head[:-20], *more, name=name)).rejected] == [1]
    told = [(call.id, call.session, call.input_tokens, call.unpriced) for call in calls()]
    assert told == [
        (f"{session}:100+0+0+20+0", session, 100, False),
        (f"{session}:300+0+0+30+0", session, 200, False),
    ]
    assert bring("codex", lines(head, *more, name=name)).new == 0
