"""Claude Code's transcripts: invented ones for each rule, the real ones for the totals."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finops_pack import importers, recorder
from finops_pack.importers import claude_code
from finops_pack.model import Usage

USAGE = {
    "input_tokens": 3,
    "cache_creation_input_tokens": 50,
    "cache_read_input_tokens": 900,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
    "output_tokens": 7,
    "service_tier": "standard",
}
SESSION = "aaaaaaaa-0000-4000-8000-000000000001"


def at(second: int) -> str:
    return f"2026-02-11T20:{second // 60:02}:{second % 60:02}.500Z"


def base(kind: str, second: int, **more: Any) -> dict[str, Any]:
    return {
        "parentUuid": None,
        "isSidechain": False,
        "cwd": "/home/me/shop",
        "sessionId": SESSION,
        "version": "2.1.39",
        "type": kind,
        "uuid": f"u{second}",
        "timestamp": at(second),
        **more,
    }


def answer(second: int, number: int, block: Any = None, **changes: Any) -> dict[str, Any]:
    """One line of answer `number`; `usage` changes counts, `record` changes the line."""
    message = {
        "model": changes.get("model", "claude-opus-4-6"),
        "id": changes.get("id", f"msg_{number}"),
        "content": [block or {"type": "text", "text": "fine"}],
        "stop_reason": changes.get("stop"),
        "usage": {**USAGE, **changes.get("usage", {})},
    }
    record = {"message": message, "requestId": f"req_{number}", **changes.get("record", {})}
    return base("assistant", second, **record)


def tool(name: str = "Bash", use: str = "toolu_1", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": use, "name": name, "input": arguments}


def said(second: int, words: Any, **more: Any) -> dict[str, Any]:
    return base("user", second, message={"role": "user", "content": words}, **more)


def gave(second: int, words: str, use: str = "toolu_1", *, failed: bool = False) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": use, "content": words, "is_error": failed}
    return said(second, [block])


def test_real_transcripts_reach_their_totals(bring: Any, calls: Any, shared_data: Path) -> None:
    summary = bring("claude-code", shared_data / "claude_code")
    assert (summary.read, summary.new, summary.corrected) == (173, 173, 0)
    assert summary.rejected == []
    rows = calls()
    assert sum(row.usage.uncached_tokens for row in rows) == 1_831
    assert sum(row.cache_read_tokens for row in rows) == 15_499_566
    assert sum(row.cache_write_5m_tokens for row in rows) == 0
    assert sum(row.cache_write_1h_tokens for row in rows) == 451_510
    assert sum(row.output_tokens for row in rows) == 40_719
    assert {row.cost_state for row in rows} == {"priced"}
    assert sum(row.amount_usd for row in rows) == Decimal("13.1164172")


def test_real_transcripts_twice_change_nothing(
    bring: Any, calls: Any, ledger: Any, shared_data: Path
) -> None:
    bring("claude-code", shared_data / "claude_code")
    before = calls()
    again = bring("claude-code", shared_data / "claude_code")
    assert (again.read, again.new, again.corrected, again.skipped) == (0, 0, 0, again.files)
    ledger_forgets(ledger)  # read anew from the first byte: the same rows
    anew = bring("claude-code", shared_data / "claude_code")
    assert (anew.read, anew.new, anew.corrected, anew.unchanged) == (173, 0, 0, 173)
    assert calls() == before
    assert ledger.check() == []


def ledger_forgets(ledger: Any) -> None:
    for kind in ("import", "import_memory"):
        for key in ledger.documents(kind):
            ledger.delete(kind, key)


def test_real_transcripts_know_turns_tools_and_agents(
    bring: Any, calls: Any, ledger: Any, shared_data: Path
) -> None:
    bring("claude-code", shared_data / "claude_code")
    rows = calls()
    assert all(row.task for row in rows)
    assert {row.agent for row in rows} == {"main", "claude-code-guide", "compact"}
    helpers = [row for row in rows if row.agent == "claude-code-guide"]
    assert {row.parent for row in helpers} == {row.id for row in rows if row.action == "Task"} & {
        row.parent for row in helpers
    }
    assert {row.task for row in helpers} <= {row.task for row in rows if row.agent == "main"}
    assert {row.project for row in rows} == {"spotter", "spotter-gqc"}
    asked = [made["id"] for row in rows for made in row.tool_calls]
    assert len(asked) == len(set(asked)) == 212
    came = [told["tool_call_id"] for row in rows for told in row.tool_results]
    assert set(came) <= set(asked)
    assert {row.verifier for row in rows} == {None, "user", "missing"}


def test_a_call_is_the_maximum_of_its_lines(bring: Any, calls: Any, lines: Any) -> None:
    path = lines(
        answer(1, 1, usage={"output_tokens": 2}),
        answer(2, 1, tool("Edit"), usage={"output_tokens": 90}, stop="tool_use"),
        answer(3, 1, tool("Bash"), usage={"output_tokens": 40, "input_tokens": 5}),
    )
    assert bring("claude-code", path).read == 1
    (call,) = calls()
    assert (call.output_tokens, call.usage.uncached_tokens) == (90, 5)
    assert (call.cache_write_5m_tokens, call.cache_write_1h_tokens) == (20, 30)
    assert (call.action, call.finish_reason) == ("Edit", "tool_use")
    assert (call.response_id, call.request_id) == ("msg_1", "req_1")
    assert (call.session, call.project, call.agent) == (SESSION, "shop", "main")
    assert (call.framework, call.framework_version) == ("claude-code", "2.1.39")
    assert call.started_at.isoformat() == "2026-02-11T20:00:01.500000+00:00"


def test_what_was_written_counts_once_where_only_one_line_says_for_how_long(
    bring: Any, calls: Any, lines: Any
) -> None:
    first = answer(1, 1, usage={"cache_creation": None, "output_tokens": 1})
    bring("claude-code", lines(first, answer(2, 1), answer(3, 2)))
    call = calls()[0]
    assert (call.cache_write_5m_tokens, call.cache_write_1h_tokens) == (20, 30)
    assert (call.input_tokens, call.problems) == (953, ())


def test_what_an_advisor_says_is_billed_apart(bring: Any, calls: Any, lines: Any) -> None:
    counts = {"input_tokens": 1000, "output_tokens": 70, "cache_read_input_tokens": 0}
    told = [
        {"type": "message", **counts},  # the call's own counts have these already
        {"type": "advisor_message", "model": "claude-opus-4-6", **counts},
        {"type": "message", **counts},
        {"type": "compaction", **counts},
    ]
    more = {"model": "claude-sonnet-4-5", "usage": {"iterations": told}}
    path = lines(said(0, "go"), answer(1, 1, **more), answer(2, 1, tool(), **more))
    assert bring("claude-code", path).new == 3
    main, advisor, compacted = sorted(calls(), key=lambda call: call.id)
    assert (main.model, main.output_tokens, main.action) == ("claude-sonnet-4-5", 7, "Bash")
    assert (advisor.model, advisor.action, advisor.parent) == (
        "claude-opus-4-6", "advisor", main.id,
    )  # fmt: skip
    assert (advisor.input_tokens, advisor.output_tokens) == (1000, 70)
    assert (compacted.model, compacted.action) == ("claude-sonnet-4-5", "compaction")
    assert {call.task for call in (main, advisor, compacted)} == {"u0"}
    assert (main.response_id, advisor.response_id) == ("msg_1", None)


def test_a_model_that_declined_is_billed_apart_from_the_one_that_answered(
    bring: Any, calls: Any, lines: Any
) -> None:
    counts = {"input_tokens": 1000, "output_tokens": 2, "cache_read_input_tokens": 0}
    told = [
        {"type": "message", "model": "claude-opus-4-6", **counts},
        {"type": "message", "model": "claude-opus-4-5", **counts, "output_tokens": 0},  # not billed
        {"type": "fallback_message", "model": "claude-sonnet-4-5", **counts},
    ]
    path = lines(
        said(0, "go"),
        answer(1, 1, model="claude-opus-4-6", usage={"cache_read_input_tokens": 5000}),
        answer(2, 1, model="claude-sonnet-4-5", usage={"iterations": told}),
    )
    assert bring("claude-code", path).new == 2
    served, declined = sorted(calls(), key=lambda call: call.id)
    assert (served.model, served.output_tokens) == ("claude-sonnet-4-5", 7)
    assert served.cache_read_tokens == 900
    assert (declined.model, declined.action, declined.parent) == (
        "claude-opus-4-6", "declined", served.id,
    )  # fmt: skip
    assert (declined.input_tokens, declined.output_tokens, declined.task) == (1000, 2, "u0")


@pytest.mark.parametrize("told", [7, [7], [{"type": "advisor_message", "output_tokens": "x"}], {}])
def test_odd_iterations_stop_no_import(bring: Any, lines: Any, told: Any) -> None:
    path = lines(answer(1, 1, usage={"iterations": told}), answer(2, 2))
    assert bring("claude-code", path).new >= 1


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        ({}, {"requestId": None}, {"message": {"id": None}}),
        ({"requestId": None}, {}, {"message": {"id": None}}),
        ({"message": {"id": None}}, {}, {"requestId": ""}),
    ],
)
def test_lines_that_lack_a_name_of_their_answer_are_no_calls_of_their_own(
    bring: Any, calls: Any, lines: Any, first: Any, second: Any, third: Any
) -> None:
    def part(second: int, lacking: dict[str, Any], use: str) -> dict[str, Any]:
        line = answer(second, 1, tool(use=use), usage={"output_tokens": second})
        message = {**line["message"], **lacking.get("message", {})}
        return {**line, **lacking, "message": message}

    told = [said(1, "go"), answer(2, 0), part(3, first, "t1"), part(4, second, "t2")]
    path = lines(*told)
    bring("claude-code", path)
    lines(*told, part(5, third, "t3"), answer(6, 2))
    bring("claude-code", path)
    before, call, after = calls()
    assert (call.output_tokens, [made["id"] for made in call.tool_calls]) == (5, ["t1", "t2", "t3"])
    assert (call.response_id, call.request_id) == ("msg_1", "req_1")
    assert [before.task, call.task, after.task] == ["u1"] * 3


def test_one_message_id_under_two_requests_is_two_calls(bring: Any, calls: Any, lines: Any) -> None:
    other = {"requestId": "req_2"}
    bring("claude-code", lines(answer(1, 1), answer(2, 1, record=other), answer(3, 1)))
    assert [call.request_id for call in calls()] == ["req_1", "req_2"]


def test_the_maximum_holds_over_files_and_imports(bring: Any, calls: Any, lines: Any) -> None:
    whole = lines(answer(1, 1, usage={"output_tokens": 90}), name="a.jsonl")
    other = {"sessionId": "another"}
    copied = lines(answer(1, 1, usage={"output_tokens": 2}, record=other), name="b.jsonl")
    bring("claude-code", whole)
    bring("claude-code", copied)
    (call,) = calls()
    assert (call.output_tokens, call.session) == (90, SESSION)
    bring("claude-code", whole, copied, billing="subscription")  # all is read anew
    (call,) = calls()
    assert (call.output_tokens, call.session, call.billing_mode) == (90, SESSION, "subscription")


def test_what_a_fork_copies_stays_with_the_session_it_is_from(
    bring: Any, calls: Any, ledger: Any, lines: Any
) -> None:
    def copy(record: dict[str, Any]) -> dict[str, Any]:
        first = {"sessionId": SESSION, "messageUuid": record["uuid"]}
        return {**record, "sessionId": "fork", "uuid": f"new-{record['uuid']}", "forkedFrom": first}

    told = [said(0, "go"), answer(1, 1)]
    own = [said(2, "on", sessionId="fork"), answer(3, 2, record={"sessionId": "fork"})]
    fork = lines(*map(copy, told), *own, name="a/fork.jsonl")  # read before its parent
    lines(*told, name="a/parent.jsonl")
    bring("claude-code", fork.parent)
    assert [(c.session, c.task) for c in calls()] == [(SESSION, "u0"), ("fork", "u2")]
    assert [ledger.task(name).session for name in ("u0", "u2")] == [SESSION, "fork"]


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_any_spacing_of_json_is_read(
    bring: Any, calls: Any, lines: Any, separators: tuple[str, str]
) -> None:
    path = lines(json.dumps(said(0, "go"), separators=separators),
                 json.dumps(answer(1, 1), separators=separators))  # fmt: skip
    bring("claude-code", path)
    (call,) = calls()
    assert (call.output_tokens, call.task) == (7, "u0")


def test_what_no_provider_answered_is_left_out(bring: Any, calls: Any, lines: Any) -> None:
    usage = {"message": {"usage": USAGE}}
    path = lines(
        answer(1, 1, model="<synthetic>"),
        base("progress", 2, data={"type": "agent_progress", "message": answer(2, 2)}),
        said(3, [{"type": "tool_result", "content": "x"}], toolUseResult=usage),
        base("summary", 4),
        base("assistant", 5, message={"model": "claude-opus-4-6", "content": [{"usage": {}}]}),
    )
    summary = bring("claude-code", path)
    assert (summary.read, summary.rejected, calls()) == (0, [], [])


def test_a_path_need_not_be_utf_8(bring: Any, calls: Any, lines: Any) -> None:
    path = lines(answer(1, 1), name=os.fsdecode(b"caf\xe9.jsonl"))
    bring("claude-code", path)
    assert len(calls()) == 1
    assert bring("claude-code", path).skipped == 1


def test_what_changes_the_price_is_kept(bring: Any, calls: Any, lines: Any) -> None:
    searches = {"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1}}
    path = lines(
        answer(1, 1, usage=searches),
        answer(2, 2, usage={"service_tier": "batch"}),
        answer(3, 3, usage={"speed": "fast", "inference_geo": "us"}),
        answer(4, 4, usage={"inference_geo": "not_available", "service_tier": None}),
        answer(5, 5, usage={"output_tokens_details": {"thinking_tokens": 4}}),
        answer(6, 6, id="msg_bdrk_1"),
        answer(7, 7, model="glm-4.6"),
        answer(8, 8, usage={"cache_creation": None}),
    )
    bring("claude-code", path)
    one, two, three, four, five, six, seven, eight = calls()
    assert one.extra == {"web_search": 3}
    assert (two.processing, two.service_tier) == ("batch", None)
    assert (three.service_tier, three.region) == ("fast", "us")
    assert (four.service_tier, four.region) == (None, None)
    assert five.reasoning_tokens == 4
    assert (six.provider, seven.provider) == ("bedrock", None)
    assert (eight.cache_write_5m_tokens, eight.cache_write_1h_tokens) == (50, 0)


def test_what_changes_the_price_may_come_with_the_last_line(
    bring: Any, calls: Any, lines: Any
) -> None:
    whole = {"output_tokens": 90, "inference_geo": "us", "speed": "fast", "service_tier": "batch"}
    told = [answer(1, 1, usage={"output_tokens": 2}), answer(2, 1, usage=whole), answer(3, 2)]
    bring("claude-code", lines(*told))
    call = calls()[0]
    assert (call.region, call.service_tier, call.processing) == ("us", "fast", "batch")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda good: good[: len(good) // 2], "not JSON"),
        (lambda good: good[:-40], "not JSON"),
        (lambda good: "\0" * 40, "not JSON"),
        (lambda good: good.replace('"output_tokens":7', '"output_tokens":"7"'), "whole numbers"),
        (lambda good: good.replace('"output_tokens":7', '"output_tokens":-7'), "whole numbers"),
        (lambda good: good.replace('"timestamp"', '"time"'), "timestamp: missing"),
        (lambda good: good.replace('"timestamp":"2026', '"timestamp":"x026'), "isoformat"),
        (lambda good: good.replace('"timestamp":"2026', '"timestamp":"0001'), "not a time"),
        (lambda good: good.replace('"timestamp":"2026', '"timestamp":"9999'), "not a time"),
    ],
)
def test_a_damaged_line_costs_itself_and_is_named(
    bring: Any, calls: Any, lines: Any, damage: Any, reason: str
) -> None:
    bad = damage(json.dumps(answer(3, 2), separators=(",", ":")))
    path = lines(said(1, "go"), answer(2, 1), bad, answer(4, 3))
    summary = bring("claude-code", path)
    assert [(r.line, r.file) for r in summary.rejected] == [(3, str(path))]
    assert reason in summary.rejected[0].reason
    assert [call.response_id for call in calls()] == ["msg_1", "msg_3"]


def test_only_what_is_new_is_read(bring: Any, calls: Any, lines: Any) -> None:
    told = [said(0, "go"), *(answer(n, n) for n in range(1, 20))]
    path = lines(*told)
    assert bring("claude-code", path).read == 19
    assert bring("claude-code", path).skipped == 1
    lines(*told, answer(20, 19, usage={"output_tokens": 70}), answer(21, 20))
    grown = bring("claude-code", path)
    assert grown.read == claude_code.OPEN + 1
    assert (grown.new, grown.corrected, grown.unchanged) == (1, 1, claude_code.OPEN - 1)
    assert [call.output_tokens for call in calls()][-2:] == [70, 7]
    assert {call.task for call in calls()} == {"u0"}


def test_a_tool_that_comes_with_a_later_import_is_the_action(
    bring: Any, calls: Any, lines: Any
) -> None:
    path = lines(said(0, "go"), answer(1, 1))
    bring("claude-code", path)
    assert [call.action for call in calls()] == ["answer"]
    lines(said(0, "go"), answer(1, 1), answer(2, 1, tool()))
    bring("claude-code", path)
    assert [call.action for call in calls()] == ["Bash"]


def test_a_file_that_shrank_or_was_replaced_is_read_anew(
    bring: Any, calls: Any, lines: Any
) -> None:
    path = lines(*(answer(n, n) for n in range(1, 10)))
    bring("claude-code", path)
    lines(answer(50, 50))
    assert bring("claude-code", path).read == 1
    lines(*(answer(n, n) for n in range(60, 80)))
    assert bring("claude-code", path).read == 20
    assert len(calls()) == 9 + 1 + 20


def test_an_unfinished_last_line_is_read_when_it_is_whole(
    bring: Any, calls: Any, lines: Any
) -> None:
    path = lines(said(0, "go"), answer(1, 1))
    last = json.dumps(answer(2, 2, tool()), separators=(",", ":"))
    with path.open("a") as file:
        file.write(last[:-30])
    assert len(bring("claude-code", path).rejected) == 1
    with path.open("a") as file:
        file.write(last[-30:])
    assert bring("claude-code", path).rejected == []
    with path.open("a") as file:
        file.write("\n" + json.dumps(answer(3, 3)) + "\n")
    assert bring("claude-code", path).rejected == []
    assert [call.response_id for call in calls()] == ["msg_1", "msg_2", "msg_3"]
    assert [len(call.tool_calls) for call in calls()] == [0, 1, 0]


def test_a_turn_of_the_user_is_a_task(bring: Any, calls: Any, ledger: Any, lines: Any) -> None:
    path = lines(
        said(0, "<command-name>/model</command-name>"),
        said(1, "Caveat: what follows was made by local commands", isMeta=True),
        said(2, "add a test"),
        answer(3, 1, tool()),
        gave(5, "ok"),
        answer(6, 2),
        said(9, [{"type": "text", "text": "and another"}], promptId="p2"),
        answer(12, 3),
    )
    bring("claude-code", path)
    assert [call.task for call in calls()] == ["u2", "u2", "p2"]
    assert [call.duration_ms for call in calls()] == [1000, 1000, 3000]
    task = ledger.task("u2")
    assert (task.session, task.project, task.trigger) == (SESSION, "shop", "user")
    assert (task.end_us - task.start_us) // 1_000_000 == 4
    assert ledger.task("u0") is None


def test_tools_stand_where_they_were_asked_and_carried_in(
    bring: Any, calls: Any, lines: Any
) -> None:
    path = lines(
        said(0, "go"),
        answer(1, 1, tool(command="ls", x=1)),
        gave(2, "a file"),
        answer(3, 2, tool(use="toolu_2", x=1, command="ls")),
        gave(4, "a file", "toolu_2", failed=True),
        answer(5, 3),
    )
    bring("claude-code", path)
    one, two, three = calls()
    assert one.tool_calls[0]["id"] == "toolu_1"
    assert one.tool_calls[0]["args_hash"] == two.tool_calls[0]["args_hash"]
    assert two.tool_results[0]["result_hash"] == three.tool_results[0]["result_hash"]
    assert [two.tool_results[0]["status"], three.tool_results[0]["status"]] == ["ok", "error"]
    assert two.tool_results[0]["tokens"] == 2
    assert one.tool_results == ()
    assert "a file" not in str((one, two, three))


@pytest.mark.parametrize(
    ("words", "verifier"),
    [
        ("<tool_use_error>Error: No such tool available: Grepp</tool_use_error>", "tool"),
        ("<tool_use_error>InputValidationError: Edit failed</tool_use_error>", "schema"),
        ("<tool_use_error>String to replace not found in file.</tool_use_error>", "edit"),
        ("<tool_use_error>File does not exist.</tool_use_error>", "missing"),
        ("<tool_use_error>Path does not exist: src/a.py. Note: your</tool_use_error>", "missing"),
        ("<tool_use_error>No task found with ID: b0be39e</tool_use_error>", "missing"),
        ("<tool_use_error>Unknown skill: shop:pay</tool_use_error>", "tool"),
        ("<tool_use_error>Agent type 'reviewer' not found. Available: a</tool_use_error>", "tool"),
        ("<tool_use_error>Cancelled: parallel tool call Bash(ls) errored</tool_use_error>", None),
        ("<tool_use_error>File has not been read yet. Read it</tool_use_error>", "guardrail"),
        ("The user doesn't want to proceed with this tool use. ", "user"),
        ("Exit code 1", None),
    ],
)
def test_a_refused_answer_names_its_verifier(
    bring: Any, calls: Any, lines: Any, words: str, verifier: str | None
) -> None:
    bring(
        "claude-code",
        lines(said(0, "go"), answer(1, 1, tool()), gave(2, words, failed=True), answer(3, 2)),
    )
    assert [call.verifier for call in calls()] == [verifier, None]


def test_an_interrupted_answer_was_rejected_by_the_user(bring: Any, calls: Any, lines: Any) -> None:
    stop = [{"type": "text", "text": "[Request interrupted by user]"}]
    bring("claude-code", lines(said(0, "go"), answer(1, 1), said(2, stop), said(3, "no: so")))
    (call,) = calls()
    assert (call.verifier, call.task) == ("user", "u0")


def test_an_interrupt_before_any_answer_blames_no_earlier_one(
    bring: Any, calls: Any, lines: Any
) -> None:
    stop = [{"type": "text", "text": "[Request interrupted by user]"}]
    bring("claude-code", lines(said(0, "go"), answer(1, 1), said(2, "and?"), said(3, stop)))
    assert [call.verifier for call in calls()] == [None]


def test_an_interrupt_of_what_follows_an_answer_blames_it_not(
    bring: Any, calls: Any, lines: Any
) -> None:
    stop = [{"type": "text", "text": "[Request interrupted by user]"}]
    bring("claude-code", lines(said(0, "go"), answer(1, 1, stop="end_turn"), said(9, stop)))
    assert [call.verifier for call in calls()] == [None]


@pytest.mark.parametrize(
    ("name", "kind", "verifier"),
    [
        ("TaskOutput", None, None),
        ("Bash", "interrupted", None),
        ("Bash", "user-rejected", "user"),
        ("Bash", None, "user"),
    ],
)
def test_who_stops_a_tool_at_work_has_not_corrected_the_answer(
    bring: Any, calls: Any, lines: Any, name: str, kind: str | None, verifier: str | None
) -> None:
    words = "The user doesn't want to proceed with this tool use. The tool use was rejected"
    told = gave(9, words, failed=True) | ({"toolDenialKind": kind} if kind else {})
    stop = [{"type": "text", "text": "[Request interrupted by user for tool use]"}]
    bring("claude-code", lines(said(0, "go"), answer(1, 1, tool(name)), told, said(9, stop)))
    assert [call.verifier for call in calls()] == [verifier]


def agent_line(second: int, number: int, **record: Any) -> dict[str, Any]:
    told = {"isSidechain": True, "agentId": "a1b2c3d", **record}
    return answer(second, number, record=told)


def test_a_sub_agent_belongs_to_the_turn_that_started_it(
    bring: Any, calls: Any, lines: Any
) -> None:
    start = tool("Task", "toolu_9", subagent_type="Explore", prompt="look")
    main = [said(0, "go"), answer(1, 1, start)]
    path = lines(*main, name=f"p/{SESSION}.jsonl")
    lines(
        said(2, "look", isSidechain=True, agentId="a1b2c3d"),
        agent_line(3, 2),
        name=f"p/{SESSION}/subagents/agent-a1b2c3d.jsonl",
    )
    bring("claude-code", path.parent)
    one, two = calls()
    assert (two.agent, two.parent, two.task) == ("Explore", one.id, "u0")
    lines(  # later, with nothing new in the main transcript
        said(2, "look", isSidechain=True, agentId="a1b2c3d"),
        agent_line(3, 2),
        agent_line(4, 3),
        name=f"p/{SESSION}/subagents/agent-a1b2c3d.jsonl",
    )
    lines(
        said(5, "x", isSidechain=True, agentId="b9"),
        agent_line(6, 4, agentId="b9", attributionAgent="Plan"),
        name=f"p/{SESSION}/subagents/agent-b9.jsonl",
    )
    bring("claude-code", path.parent)
    assert [(c.agent, c.task) for c in calls()[2:]] == [("Explore", "u0"), ("Explore", "u0")]


def test_agents_are_told_apart_by_what_their_results_say(
    bring: Any, calls: Any, lines: Any
) -> None:
    def done(second: int, use: str, agent: str) -> dict[str, Any]:
        return {**gave(second, "done", use), "toolUseResult": {"agentId": agent}}

    path = lines(
        said(0, "go"),
        answer(1, 1, tool("Task", "toolu_1", subagent_type="Explore")),
        answer(1, 1, tool("Agent", "toolu_2", subagent_type="Plan")),
        done(8, "toolu_1", "aaa"),
        done(9, "toolu_2", "bbb"),
        name=f"{SESSION}.jsonl",
    )
    for number, agent in ((2, "aaa"), (3, "bbb")):
        lines(agent_line(4, number, agentId=agent), name=f"agent-{agent}.jsonl")
    bring("claude-code", path.parent)
    assert {c.response_id: c.agent for c in calls()} == {
        "msg_1": "main", "msg_2": "Explore", "msg_3": "Plan",
    }  # fmt: skip


def test_a_sub_agent_finds_its_turn_in_whatever_order_the_files_come(
    bring: Any, calls: Any, lines: Any
) -> None:
    session = "f" + SESSION[1:]  # its name comes behind `agent-…` in the alphabet
    start = tool("Task", "toolu_9", subagent_type="Explore")
    lines(
        said(0, "go", sessionId=session),
        answer(1, 1, start, record={"sessionId": session}),
        name=f"p/{session}.jsonl",
    )
    path = lines(agent_line(3, 2, sessionId=session), name="p/agent-a1b2c3d.jsonl")
    bring("claude-code", path, path.parent)
    one, two = calls()
    assert (two.agent, two.parent, two.task) == ("Explore", one.id, "u0")


def test_a_sub_agent_of_a_workflow_belongs_to_a_turn_but_to_no_other_agents_call(
    bring: Any, calls: Any, lines: Any
) -> None:
    path = lines(
        said(0, "go"),
        answer(1, 1, tool("Task", "toolu_1", subagent_type="Explore")),
        {**gave(2, "done"), "toolUseResult": {"agentId": "other"}},
        answer(3, 2, tool("Workflow", "toolu_2")),
        name=f"p/{SESSION}.jsonl",
    )
    lines(agent_line(4, 3), name=f"p/{SESSION}/subagents/workflows/wf_1/agent-a1b2c3d.jsonl")
    bring("claude-code", path.parent)
    assert [(c.agent, c.parent, c.task) for c in calls()][2:] == [("subagent", None, "u0")]


@pytest.mark.parametrize(("name", "verifier"), [("Bash", None), ("mcp__crm__find", "schema")])
def test_what_a_program_printed_is_no_refusal(
    bring: Any, calls: Any, lines: Any, name: str, verifier: str | None
) -> None:
    words = "Exit code 1\nE  pydantic: 1 validation error for Settings"
    path = lines(said(0, "go"), answer(1, 1, tool(name)), gave(2, words, failed=True), answer(3, 2))
    bring("claude-code", path)
    assert [call.verifier for call in calls()] == [verifier, None]


def test_an_iteration_of_a_form_not_known_costs_the_call_nothing(
    bring: Any, calls: Any, lines: Any
) -> None:
    told = [{"input_tokens": 3, "output_tokens": 7}, None, {"type": "new", "input_tokens": "?"}]
    assert bring("claude-code", lines(answer(1, 1, usage={"iterations": told}))).rejected == []
    assert [call.output_tokens for call in calls()] == [7]


def test_a_packed_sub_agent_belongs_to_the_turn_of_its_packed_main(
    bring: Any, calls: Any, lines: Any, tmp_path: Path
) -> None:
    start = tool("Task", "toolu_9", subagent_type="Explore")
    main = lines(said(0, "go"), answer(1, 1, start), name=f"{SESSION}.jsonl")
    agent = lines(agent_line(3, 2), name="agent-a1b2c3d.jsonl")
    for path in (main, agent):
        packed = tmp_path / "packed" / f"{path.name}.gz"
        packed.parent.mkdir(exist_ok=True)
        packed.write_bytes(gzip.compress(path.read_bytes()))
    bring("claude-code", tmp_path / "packed")
    assert [(c.agent, c.task) for c in calls()] == [("main", "u0"), ("Explore", "u0")]


def test_what_was_guessed_of_agents_at_work_is_made_good_when_they_are_done(
    bring: Any, calls: Any, lines: Any
) -> None:
    main = [
        said(0, "go"),
        answer(1, 1, tool("Task", "toolu_1", subagent_type="Explore")),
        answer(1, 1, tool("Task", "toolu_2", subagent_type="Plan")),
    ]
    path = lines(*main, name=f"{SESSION}.jsonl")
    lines(agent_line(4, 2, agentId="aaa"), name=f"{SESSION}/subagents/agent-aaa.jsonl")
    lines(agent_line(5, 3, agentId="bbb"), name="agent-bbb.jsonl")
    bring("claude-code", path.parent)
    for second, use, agent in ((8, "toolu_1", "aaa"), (9, "toolu_2", "bbb")):
        main.append({**gave(second, "done", use), "toolUseResult": {"agentId": agent}})
    lines(*main, name=f"{SESSION}.jsonl")
    more = agent_line(5, 3, agentId="bbb"), agent_line(6, 4, agentId="bbb")
    lines(*more, name="agent-bbb.jsonl")
    bring("claude-code", path.parent)
    assert [c.agent for c in calls()] == ["main", "Explore", "Plan", "Plan"]


def test_agents_of_one_kind_at_work_are_told_apart_by_what_lies_beside_them(
    bring: Any, calls: Any, lines: Any
) -> None:
    path = lines(
        said(0, "go"),
        answer(1, 1, tool("Task", "toolu_1", subagent_type="Explore")),
        gave(2, "launched"),
        answer(3, 2, tool("Task", "toolu_2", subagent_type="Explore")),
        name=f"{SESSION}.jsonl",
    )
    beside = {"aaa": {"agentType": "Explore", "toolUseId": "toolu_1"},
              "bbb": {"agentType": "Explore", "toolUseId": "toolu_2"},
              "ccc": {"agentType": "Plan", "toolUseId": "of another agent's"}}  # fmt: skip
    for number, (agent, told) in enumerate(beside.items(), 3):
        folder = f"{SESSION}/subagents"
        lines(agent_line(number + 4, number, agentId=agent), name=f"{folder}/agent-{agent}.jsonl")
        lines(told, name=f"{folder}/agent-{agent}.meta.json")
    bring("claude-code", path.parent)
    one, two, *agents = calls()
    assert [(c.agent, c.parent) for c in agents] == [
        ("Explore", one.id), ("Explore", two.id), ("Plan", None),
    ]  # fmt: skip


def test_an_agent_that_begins_with_a_copy_of_the_conversation_takes_none_of_its_calls(
    bring: Any, calls: Any, lines: Any
) -> None:
    told = [
        said(0, "go"),
        answer(1, 1, tool()),
        gave(2, "ok"),
        answer(3, 2, tool("Agent", "toolu_9", subagent_type="fork")),
    ]
    done = {**gave(20, "done", "toolu_9"), "toolUseResult": {"agentId": "aaa"}}
    main = lines(*told, done, answer(21, 4), name=f"p/{SESSION}.jsonl")
    side = {"isSidechain": True, "agentId": "aaa"}
    copied = [{**record, **side, "uuid": f"new-{record['uuid']}"} for record in told]
    own = said(4, "look", **side), agent_line(6, 3, agentId="aaa")
    lines(*copied, *own, name=f"p/{SESSION}/subagents/agent-aaa.jsonl")
    bring("claude-code", main.parent)
    one, two, three, four = calls()
    assert [call.agent for call in (one, two, three, four)] == ["main", "main", "fork", "main"]
    assert [call.parent for call in (one, two, three, four)] == [None, None, two.id, None]
    assert (three.tool_results, len(two.tool_results)) == ((), 1)


def test_a_helper_that_begins_with_a_copy_belongs_to_the_turn_in_which_it_asks(
    bring: Any, calls: Any, lines: Any
) -> None:
    told = [said(0, "go"), answer(1, 1), said(60, "and now?"), answer(61, 2)]
    main = lines(*told, name=f"p/{SESSION}.jsonl")
    side = {"isSidechain": True, "agentId": "acompact-fffbd0"}
    own = said(70, "summarize", **side), agent_line(80, 3, agentId="acompact-fffbd0")
    copied = [{**record, **side} for record in told]
    lines(*copied, *own, name=f"p/{SESSION}/subagents/agent-acompact-fffbd0.jsonl")
    bring("claude-code", main.parent)
    assert [(c.agent, c.task) for c in calls()] == [
        ("main", "u0"), ("main", "u60"), ("compact", "u60"),
    ]  # fmt: skip
    more = agent_line(81, 3, agentId="acompact-fffbd0")  # another line of the same answer
    lines(*copied, *own, more, name=f"p/{SESSION}/subagents/agent-acompact-fffbd0.jsonl")
    bring("claude-code", main.parent)
    assert [c.task for c in calls()] == ["u0", "u60", "u60"]


def test_sub_agents_of_older_versions_stand_in_the_main_transcript(
    bring: Any, calls: Any, lines: Any
) -> None:
    def side(line: dict[str, Any], uuid: str, above: str | None) -> dict[str, Any]:
        return {**line, "isSidechain": True, "uuid": uuid, "parentUuid": above}

    records = [
        said(0, "go"),
        answer(1, 1, tool("Task", "toolu_1", subagent_type="Explore", prompt="look")),
        answer(1, 1, tool("Task", "toolu_2", subagent_type="Plan", prompt="think")),
        side(said(2, "look"), "x1", None),
        side(said(2, "think"), "y1", None),
        side(answer(3, 2, tool("Read", "toolu_3")), "x2", "x1"),
        side(answer(4, 3, tool("Read", "toolu_4")), "y2", "y1"),
        side(gave(5, "text", "toolu_4"), "y3", "y2"),
        side(gave(5, "text", "toolu_3"), "x3", "x2"),
        side(answer(6, 4), "y4", "y3"),
        side(answer(7, 5), "x4", "x3"),
        gave(8, "done", "toolu_1"),
        said(10, "and now?"),
        answer(11, 6, tool("Task", "toolu_5", subagent_type="Test", prompt="run")),
        side(said(12, "run"), "z1", None),
        side(answer(13, 7), "z2", "z1"),
    ]
    path = lines(*records[:7])
    bring("claude-code", path)
    lines(*records)
    bring("claude-code", path)
    assert [(c.agent, c.task) for c in calls()] == [
        ("main", "u0"), ("Explore", "u0"), ("Plan", "u0"), ("Plan", "u0"), ("Explore", "u0"),
        ("main", "u10"), ("Test", "u10"),
    ]  # fmt: skip
    told = {c.response_id: [r["tool_call_id"] for r in c.tool_results] for c in calls()}
    assert (told["msg_4"], told["msg_5"]) == (["toolu_4"], ["toolu_3"])


def test_a_call_begins_when_its_question_was_sent(bring: Any, calls: Any, lines: Any) -> None:
    told = {"iterations": [{"type": "compaction", "input_tokens": 5, "output_tokens": 5}]}
    path = lines(
        said(2, "add a test"),
        answer(5, 1, tool()),
        answer(6, 1, tool("Edit", "toolu_2")),
        gave(8, "ok"),
        answer(9, 2, usage=told),
        answer(20, 3),  # nothing says when it was asked for
    )

    def times() -> list[tuple[str, int | None]]:
        return [(call.started_at.strftime("%S"), call.duration_ms) for call in calls()]

    bring("claude-code", path)
    assert times() == [("02", 4000), ("08", 1000), ("08", None), ("20", None)]
    bring("claude-code", path, billing="metered")  # told anew from the first line
    assert times() == [("02", 4000), ("08", 1000), ("08", None), ("20", None)]


def test_tries_that_the_api_refused_are_attempts_of_what_got_through(
    bring: Any, calls: Any, lines: Any
) -> None:
    def refused(second: int, uuid: str, wait_ms: float, **more: Any) -> dict[str, Any]:
        told = {"subtype": "api_error", "error": {"status": 529}, "retryInMs": wait_ms}
        return base("system", second, **told, **more) | {"uuid": uuid}

    side = {"isSidechain": True, "agentId": "aaa"}
    path = lines(
        said(2, "add a test"),
        refused(3, "e1", 500.5),
        refused(3, "e1", 500.5),  # a transcript that repeats a line
        refused(4, "e2", 1000),
        refused(5, "e3", 9000, **side),  # of another request
        answer(6, 1, tool()),
        gave(8, "ok"),
        answer(9, 2),
        said(10, "and another"),
        refused(11, "e4", 500),
        base("assistant", 12, message={"model": "<synthetic>", "usage": USAGE}),
        said(30, "go on"),
        answer(31, 3),
    )
    bring("claude-code", path)
    assert [call.attempts for call in calls()] == [3, 1, 1]
    assert [call.lost_ms for call in calls()] == [3000, 0, 0]


def test_a_dry_run_knows_what_it_has_read_before(bring: Any, lines: Any) -> None:
    told = [said(0, "go"), answer(2, 1, tool()), gave(3, "ok"), answer(5, 2)]
    bring("claude-code", lines(*told))
    path = lines(*told, answer(6, 2, usage={"output_tokens": 50}), answer(9, 3))
    found = bring("claude-code", path, dry_run=True)
    assert (found.new, found.corrected, found.unchanged) == (1, 1, 1)


def test_who_pays_is_kept_and_corrects_what_was_read(bring: Any, calls: Any, lines: Any) -> None:
    path = lines(answer(1, 1))
    assert bring("claude-code", path).billing == "unknown"
    assert bring("claude-code", path, billing="subscription").corrected == 1
    lines(answer(1, 1), answer(2, 2))
    assert bring("claude-code", path).billing == "subscription"
    assert [call.billing_mode for call in calls()] == ["subscription"] * 2
    bring("claude-code", path, billing="metered")
    assert [call.billing_mode for call in calls()] == ["metered"] * 2


def test_default_folders(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert importers.present(claude_code) == []
    for place in (".claude", ".config/claude"):
        (empty_home / place / "projects").mkdir(parents=True)
    found = importers.present(claude_code)
    assert found == [empty_home / ".claude/projects", empty_home / ".config/claude/projects"]
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(empty_home / ".claude"))
    assert claude_code.default_paths() == (empty_home / ".claude/projects",)


def test_a_cut_off_second_pass_is_taken_up(
    bring: Any, calls: Any, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(shared_data / "claude_code", folder)

    def cut(path: Path, state: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(claude_code, "details", cut)
        with pytest.raises(KeyboardInterrupt):
            bring("claude-code", folder)
    assert len(calls()) == 173
    assert not any(row.task for row in calls())
    assert bring("claude-code", folder).read == 0
    assert all(row.task for row in calls())


def test_a_call_tracked_live_and_imported_is_one(
    bring: Any, calls: Any, ledger: Any, lines: Any
) -> None:
    usage = Usage(953, 7, 900, 20, 30)
    told = {"model": "claude-opus-4-6", "provider": "anthropic", "response_id": "msg_1"}
    recorder.configure(ledger=ledger.url).record(usage=usage, agent="mine", **told)
    recorder.flush()
    summary = bring("claude-code", lines(said(0, "go"), answer(1, 1), answer(2, 2)))
    assert (summary.read, summary.new) == (2, 1)
    one, two = sorted(calls(), key=lambda call: call.response_id)
    assert (one.source, one.agent, one.session) == ("live", "mine", SESSION)
    assert one.task == two.task == "u0"
    assert ledger.check() == []


def test_a_file_that_goes_away_in_between_is_named(
    bring: Any, calls: Any, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lines(answer(1, 1))

    def gone(path: Path, state: Any) -> Any:
        path.unlink()
        yield from path.open()

    monkeypatch.setattr(claude_code, "details", gone)
    summary = bring("claude-code", path)
    assert [(r.file, r.reason) for r in summary.rejected] == [
        (str(path), "No such file or directory")
    ]
    assert len(calls()) == 1


def test_progress_tells_bytes_of_both_passes(ledger: Any, lines: Any) -> None:
    path = lines(*(answer(n, n) for n in range(5)))
    told: list[tuple[int, int]] = []
    options = importers.Options(ledger=ledger.url)
    importers.run(claude_code, [path], options, lambda *both: told.append(both))  # type: ignore[arg-type]
    size = path.stat().st_size
    assert told == [(size, 2 * size), (2 * size, 2 * size)]


def test_a_ledger_made_anew_in_the_place_of_a_deleted_one_is_filled(
    bring: Any, calls: Any, ledger: Any, lines: Any
) -> None:
    path = lines(answer(1, 1))
    bring("claude-code", path)
    assert bring("claude-code", path).skipped == 1
    recorder.close()
    ledger.close()
    for file in Path(ledger.url.removeprefix("sqlite:///")).parent.glob("ledger.db*"):
        if file.suffix != ".lock":
            file.unlink()
    bring("jsonl", lines({"id": "1", "time": at(1), "model": "m", "usage": {}}, name="other.jsonl"))
    assert bring("claude-code", path).new == 1


@pytest.mark.parametrize(
    "nothing",
    [
        {"output_tokens": None},
        {"input_tokens": None, "server_tool_use": {"web_search_requests": None}},
        {"cache_creation": {"ephemeral_5m_input_tokens": None, "ephemeral_1h_input_tokens": None}},
        {"cache_read_input_tokens": None, "output_tokens_details": {"thinking_tokens": None}},
    ],
)
def test_a_count_that_is_null_is_none_at_all(
    bring: Any, calls: Any, lines: Any, nothing: dict[str, Any]
) -> None:
    bring("claude-code", lines(answer(1, 1, usage=nothing), answer(2, 2)))
    assert [call.problems for call in calls()] == [(), ()]


def test_a_packed_transcript_is_found_in_its_folder(bring: Any, calls: Any, lines: Any) -> None:
    path = lines(said(0, "go"), answer(1, 1), answer(2, 2))
    path.with_name("log.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert bring("claude-code", path.parent).new == 2
    assert bring("claude-code", path.parent).skipped == 1


def test_a_byte_order_mark_is_no_damage(bring: Any, lines: Any) -> None:
    path = lines({"type": "mode", "mode": "normal"}, answer(1, 1))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert (bring("claude-code", path).new, bring("claude-code", path).rejected) == (1, [])


def test_a_link_to_nowhere_stops_no_import(bring: Any, lines: Any) -> None:
    path = lines(answer(1, 1))
    (path.parent / "gone.jsonl").symlink_to(path.parent / "nowhere")
    assert bring("claude-code", path.parent).new == 1
