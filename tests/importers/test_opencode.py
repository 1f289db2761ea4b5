"""OpenCode's messages, in invented files of the real shapes."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

TOKENS = {"input": 1000, "output": 80, "reasoning": 20, "cache": {"read": 300, "write": 50}}
NEW = {**TOKENS, "total": 1450}


def message(name: str, tokens: Any = NEW, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "sessionID": "ses_1", "role": "assistant", "parentID": "msg_user",
        "modelID": "claude-sonnet-4-5", "providerID": "anthropic", "mode": "build", "cost": 9.9,
        "time": {"created": 1_767_607_200_000, "completed": 1_767_607_204_000},
        "path": {"cwd": "/home/me/shop/src", "root": "/home/me/shop"}, "finish": "stop",
        "tokens": tokens, **more,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """`folder(message, …, db=True)`: a data folder as OpenCode leaves it."""

    def write(*messages: dict[str, Any], db: bool) -> Path:
        top = tmp_path / "opencode"
        place = top / "storage" / "message" / "ses_1"
        place.mkdir(parents=True, exist_ok=True)
        if not db:
            for one in messages:
                (place / f"{one['id']}.json").write_text(json.dumps(one))
            return top
        with sqlite3.connect(top / "opencode.db") as made:
            made.execute("CREATE TABLE message (id TEXT, session_id TEXT, data TEXT)")
            made.execute("CREATE TABLE part (id TEXT, message_id TEXT, data TEXT)")
            for one in messages:
                data = {k: v for k, v in one.items() if k not in ("id", "sessionID")}
                row = (one["id"], one["sessionID"], json.dumps(data))
                made.execute("INSERT INTO message VALUES (?, ?, ?)", row)
        made.close()
        return top

    return write


@pytest.mark.parametrize("db", [True, False], ids=["database", "files"])
def test_every_answer_is_a_call(bring: Any, calls: Any, folder: Any, db: bool) -> None:
    user = {"id": "msg_user", "sessionID": "ses_1", "role": "user", "time": {"created": 1}}
    begun = message("msg_3", {"input": 0, "output": 0, "reasoning": 0, "cache": {}})
    failed = message("msg_2", error={"name": "MessageAbortedError", "data": {}})
    top = folder(user, message("msg_1"), failed, begun, db=db)
    summary = bring("opencode", top)
    assert (summary.read, summary.rejected) == (2, [])
    one, two = sorted(calls(), key=lambda call: call.id)
    assert (one.id, one.session, one.task, one.project) == ("msg_1", "ses_1", "msg_user", "shop")
    assert (one.input_tokens, one.cache_read_tokens, one.cache_write_5m_tokens) == (1350, 300, 50)
    assert (one.output_tokens, one.reasoning_tokens, one.duration_ms) == (100, 20, 4000)
    assert (one.cost_state, one.billed_pico) == ("priced", None)
    assert (two.status, two.error_type) == ("error", "MessageAbortedError")
    assert bring("opencode", top).new == 0


@pytest.mark.parametrize(
    ("data", "kind"),
    [({"statusCode": 400}, "400"), ({"isRetryable": True}, "APIError"), (None, "APIError")],
)
def test_what_an_api_refuses_is_told_by_its_status(
    bring: Any, calls: Any, folder: Any, data: Any, kind: str
) -> None:
    bring("opencode", folder(message("m", error={"name": "APIError", "data": data}), db=True))
    assert [call.error_type for call in calls()] == [kind]


@pytest.mark.parametrize(
    ("root", "cwd"), [("/", "/home/me/shop"), ("C:\\Users\\me\\shop", "C:\\Users\\me\\shop\\src")]
)
def test_the_project_is_the_folder_of_the_repository_or_else_that_at_work_in(
    bring: Any, calls: Any, folder: Any, root: str, cwd: str
) -> None:
    bring("opencode", folder(message("m", path={"root": root, "cwd": cwd}), db=True))
    assert [call.project for call in calls()] == ["shop"]


def test_a_seller_is_told_by_the_name_that_its_prices_have(
    bring: Any, calls: Any, folder: Any
) -> None:
    sold = message("m", providerID="google-vertex-anthropic", modelID="claude-sonnet-4-5@20250929")
    bring("opencode", folder(sold, db=True))
    (call,) = calls()
    assert (call.provider, call.cost_state) == ("vertex_ai", "priced")


def test_what_a_fork_copies_counts_once(bring: Any, calls: Any, folder: Any) -> None:
    later = {"created": 1_767_607_300_000, "completed": 1_767_607_304_000}
    top = folder(
        message("msg_1"),
        message("msg_2", sessionID="ses_2"),
        message("msg_3", sessionID="ses_2", time=later),
        db=True,
    )
    bring("opencode", top)
    assert [(c.id, c.session) for c in calls()] == [("msg_1", "ses_1"), ("msg_3", "ses_2")]


def test_a_copy_in_the_files_of_before_is_told_by_the_time_in_its_id(
    bring: Any, calls: Any, folder: Any
) -> None:
    def named(ms: int, end: str) -> str:
        return f"msg_{(ms << 12) % 2**48:012x}{end}"

    began, forked = 1_767_607_200_000, 1_767_607_300_000
    first = message(named(began - 1, "a"))
    copy = message(named(forked, "copy"), sessionID="ses_2")
    own = message(named(forked + 9, "b"), sessionID="ses_2", time={"created": forked + 9})
    bring("opencode", folder(first, copy, own, db=False))
    assert [(call.id[-1], call.session) for call in calls()] == [("a", "ses_1"), ("b", "ses_2")]


def tool(call: str, name: str, status: str = "completed", **state: Any) -> dict[str, Any]:
    state = {"status": status, "input": {"path": "a"}, **state}
    return {"type": "tool", "callID": call, "tool": name, "state": state}


PARTS = (
    {"type": "text", "text": 'use the "tool"'},
    tool("c1", "read", output="a file"),
    tool("c2", "edit", "error", error="oldString not found in content"),
    tool("c3", "invalid", output="The arguments provided to the tool are invalid: x"),
    tool("c4", "bash", "running"),
    {"type": "tool", "tool": "torn"},
)


def test_tools_of_an_answer_and_what_they_gave_the_next(
    bring: Any, calls: Any, folder: Any
) -> None:
    top = folder(message("msg_1"), message("msg_2", {**NEW, "input": 7}), db=True)
    with sqlite3.connect(top / "opencode.db") as made:
        rows = [(f"p{n}", "msg_1", json.dumps(part)) for n, part in enumerate(PARTS)]
        made.executemany("INSERT INTO part VALUES (?, ?, ?)", rows)
    made.close()
    bring("opencode", top)
    one, two = calls()
    assert [made["name"] for made in one.tool_calls] == ["read", "edit", "invalid", "bash"]
    assert (one.action, one.tool_results, two.action) == ("read", (), "answer")
    assert [(r["tool_call_id"], r["status"], r.get("verifier")) for r in two.tool_results] == [
        ("c1", "ok", None), ("c2", "error", "edit"), ("c3", "error", "schema"),
    ]  # fmt: skip
    assert "a file" not in str((one, two))


def test_tools_in_the_files_of_before_are_those_of_the_database(
    bring: Any, calls: Any, folder: Any
) -> None:
    top = folder(message("msg_1"), db=False)
    for number, part in enumerate(PARTS):
        file = top / "storage" / "part" / "msg_1" / f"p{number}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(part))
    bring("opencode", top)
    (call,) = calls()
    assert (call.action, len(call.tool_calls)) == ("read", 4)


def test_a_sub_agent_works_for_what_the_session_above_was_asked(
    bring: Any, calls: Any, folder: Any
) -> None:
    def asks(name: str, session: str) -> dict[str, Any]:
        return {"id": name, "sessionID": session, "role": "user", "time": {"created": 1}}

    def answers(name: str, session: str, asked: str, count: int) -> dict[str, Any]:
        return message(name, {**NEW, "input": count}, sessionID=session, parentID=asked)

    top = folder(
        asks("msg_1", "ses_1"), answers("msg_2", "ses_1", "msg_1", 2),
        asks("msg_3", "ses_1"), answers("msg_4", "ses_1", "msg_3", 4),
        asks("msg_5", "ses_2"), answers("msg_6", "ses_2", "msg_5", 6),
        asks("msg_7", "ses_1"), answers("msg_8", "ses_2", "msg_5", 8),
        answers("msg_9", "ses_1", "msg_7", 9),
        asks("msg_a", "ses_2"), answers("msg_b", "ses_2", "msg_a", 10),  # told to go on
        db=True,
    )  # fmt: skip
    with sqlite3.connect(top / "opencode.db") as made:
        made.execute("CREATE TABLE session (id TEXT, parent_id TEXT)")
        made.executemany("INSERT INTO session VALUES (?, ?)", [("ses_1", None), ("ses_2", "ses_1")])
    made.close()
    folder(answers("msg_6", "ses_2", "msg_5", 6), db=False)  # the file that it took over
    bring("opencode", top)
    assert {call.id: call.task for call in calls()} == {
        "msg_2": "msg_1", "msg_4": "msg_3", "msg_6": "msg_3", "msg_8": "msg_3", "msg_9": "msg_7",
        "msg_b": "msg_7",
    }  # fmt: skip


def test_a_database_whose_sessions_name_none_above_them_is_read(
    bring: Any, calls: Any, folder: Any
) -> None:
    top = folder(message("msg_1"), db=True)
    with sqlite3.connect(top / "opencode.db") as made:
        made.execute("CREATE TABLE session (id TEXT)")
    made.close()
    assert bring("opencode", top).rejected == []
    assert len(calls()) == 1


@pytest.mark.parametrize("imports", [1, 2])
@pytest.mark.parametrize("whole", ["database", "files"])
def test_of_a_message_in_two_files_the_larger_counts(
    bring: Any, calls: Any, folder: Any, whole: str, imports: int
) -> None:
    told = {"database": message("m", finish=None), "files": message("m", finish=None)}
    told[whole] = message("m", {**NEW, "output": 180, "total": 1550})
    for db in (True, False):
        top = folder(told["database" if db else "files"], db=db)
        if not db or imports == 2:
            bring("opencode", top)
    (call,) = calls()
    assert (call.output_tokens, call.finish_reason) == (200, "stop")
    assert call.amount_usd == Decimal("0.0062775")


def second(made: sqlite3.Connection, *rows: tuple[str, str, str, int, Any]) -> None:
    """The tables of OpenCode 2: s2 is a fork of s1, s3 a sub-agent of it, and s4 one of s3."""
    made.execute(
        "CREATE TABLE session_v2 (id, fork_session_id, directory, time_created, parent_id)"
    )
    made.execute("CREATE TABLE session_message (id, session_id, type, seq, time_created, data)")
    sessions = [
        ("s2", "s1", "/home/me/shop", 2, None), ("s1", None, "/home/me/shop", 1, None),
        ("s3", None, "/home/me/shop", 4, "s1"), ("s4", None, "/home/me/shop", 7, "s3"),
    ]  # fmt: skip
    made.executemany("INSERT INTO session_v2 VALUES (?, ?, ?, ?, ?)", sessions)
    told = [(*row[:4], row[3], json.dumps(row[4])) for row in rows]
    made.executemany("INSERT INTO session_message VALUES (?, ?, ?, ?, ?, ?)", told)


@pytest.mark.parametrize("migrated", [True, False])
def test_opencode_2_is_read_from_its_own_tables(
    bring: Any, calls: Any, folder: Any, migrated: bool
) -> None:
    top = folder(message("msg_old", sessionID="s1"), db=True)
    answer = {
        "agent": "build", "model": {"id": "claude-sonnet-4-5", "providerID": "anthropic"},
        "tokens": TOKENS, "cost": 0, "finish": "stop", "content": [
            {"type": "text", "text": "not kept"},
            {"type": "tool", "id": "c1", "name": "edit", "state": {
                "status": "error", "input": {"path": "a"}, "content": [], "structured": {},
                "error": {"type": "unknown", "message": "File not found: a"}}},
        ],
        "time": {"created": 1_767_607_200_000, "completed": 1_767_607_204_000},
    }  # fmt: skip
    begun = {"agent": "build", "model": answer["model"], "content": []}
    moved = {**answer, "time": {"created": 1_767_607_300_000}}  # a copy with a time of its own
    with sqlite3.connect(top / "opencode.db") as made:
        if not migrated:
            made.execute("DROP TABLE message")
        second(
            made,
            ("msg_old", "s1", "assistant", 1, answer),
            ("u1", "s1", "user", 2, {"text": "not kept"}),
            ("a1", "s1", "assistant", 3, answer | {"tokens": {**TOKENS, "input": 7}}),
            ("a2", "s1", "assistant", 4, begun),
            ("copy1", "s2", "assistant", 1, moved),
            ("copy3", "s2", "assistant", 3, moved | {"tokens": {**TOKENS, "input": 7}}),
            ("a4", "s2", "assistant", 4, moved | {"tokens": {**TOKENS, "input": 9}}),
            ("u5", "s1", "user", 5, {"text": "asked when s3 was at work"}),
            ("u3", "s3", "user", 4, {"text": "look"}),
            ("a6", "s3", "assistant", 7, moved | {"tokens": {**TOKENS, "input": 11}}),
            ("u4", "s4", "user", 8, {"text": "look closer"}),
            ("a8", "s4", "assistant", 9, moved | {"tokens": {**TOKENS, "input": 12}}),
            ("u6", "s3", "user", 10, {"text": "go on"}),
            ("a11", "s3", "assistant", 11, moved | {"tokens": {**TOKENS, "input": 13}}),
        )
    made.close()
    assert bring("opencode", top).rejected == []
    found = {call.id: call for call in calls()}
    assert set(found) == {"msg_old", "a1", "a4", "a6", "a8", "a11"}
    assert [found[name].task for name in ("a6", "a8", "a11")] == ["u1", "u1", "u5"]
    one = found["a1"]
    assert (one.session, one.task, one.project, one.agent) == ("s1", "u1", "shop", "build")
    assert (one.input_tokens, one.cache_read_tokens, one.output_tokens) == (357, 300, 100)
    assert (one.model, one.provider, one.duration_ms) == ("claude-sonnet-4-5", "anthropic", 4000)
    assert (one.action, [made["name"] for made in one.tool_calls]) == ("edit", ["edit"])
    assert bring("opencode", top, source="again").new == 6


@pytest.mark.parametrize(
    ("tokens", "output"),
    [
        (NEW, 100),  # apart: the total counts both
        ({**TOKENS, "total": 1430}, 80),  # a part: the total counts it once
        (TOKENS, 80),
        ({**TOKENS, "output": 5}, 25),  # it cannot be a part
    ],
)
def test_reasoning_counts_once(
    bring: Any, calls: Any, folder: Any, tokens: Any, output: int
) -> None:
    assert bring("opencode", folder(message("msg_1", tokens), db=False)).read == 1
    (call,) = calls()
    assert (call.output_tokens, call.problems) == (output, ())


@pytest.mark.parametrize("db", [True, False], ids=["database", "files"])
def test_damage_is_named(bring: Any, folder: Any, db: bool) -> None:
    top = folder(message("msg_1"), message("msg_2", {"input": -1}), db=db)
    (rejected,) = bring("opencode", top).rejected
    assert "input" in rejected.reason
    for file in [*top.glob("*.db"), *top.rglob("*.json")]:
        file.write_bytes(b"{" * 5000)
    assert bring("opencode", top).rejected
