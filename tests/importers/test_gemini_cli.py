"""Gemini CLI's sessions, in invented files of the real shapes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from finops_pack.importers import gemini_cli

TOKENS = {"input": 1000, "output": 80, "cached": 300, "thoughts": 20, "tool": 5, "total": 1105}


def answer(name: str, **more: Any) -> dict[str, Any]:
    told = {"id": name, "timestamp": "2026-01-05T10:00:01.000Z", "type": "gemini", "content": "ok"}
    return {**told, "model": "gemini-2.5-pro", "tokens": TOKENS, **more}


def tool(status: str = "success") -> dict[str, Any]:
    result = [{"functionResponse": {"response": {"output": "x"}}}]
    return {"id": "t1", "name": "read_file", "args": {"path": "a"}, "result": result,
            "status": status}  # fmt: skip


HEAD = {"sessionId": "s1", "projectHash": "f" * 64, "startTime": "2026-01-05T10:00:00.000Z"}


@pytest.fixture
def session(lines: Any) -> Any:
    def write(suffix: str, *messages: Any) -> Any:
        if suffix == ".json":
            text = json.dumps({**HEAD, "messages": list(messages)}, indent=2)
            return lines(text, name="hash/chats/session-1.json")
        return lines(HEAD, *messages, name="hash/chats/session-1.jsonl")

    return write


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_every_answer_with_tokens_is_a_call(
    bring: Any, calls: Any, session: Any, suffix: str
) -> None:
    user = {"id": "u", "type": "user", "timestamp": "2026-01-05T10:00:00Z", "content": "hi"}
    second = answer("m2", timestamp="2026-01-05T10:00:09Z", toolCalls=[tool("error")])
    third = answer("m3", timestamp="2026-01-05T10:01:00Z")
    silent = answer("m4", tokens=None)
    path = session(suffix, user, answer("m1", toolCalls=[tool()]), second, third, silent)
    summary = bring("gemini-cli", path.parent.parent)
    assert (summary.read, summary.rejected) == (3, [])
    one, two, three = calls()
    assert (one.id, one.model, one.provider) == ("s1:m1", "gemini-2.5-pro", "google")
    assert (one.input_tokens, one.cache_read_tokens) == (1005, 300)
    assert (one.output_tokens, one.reasoning_tokens) == (100, 20)
    assert (one.session, one.project, one.action) == ("s1", "f" * 12, "read_file")
    assert (one.tool_results, three.action) == ((), "answer")
    assert [two.tool_results[0]["status"], three.tool_results[0]["status"]] == ["ok", "error"]
    assert {c.cost_state for c in (one, two, three)} == {"priced"}


def test_qwen_code_counts_thoughts_in_its_answers(bring: Any, calls: Any, session: Any) -> None:
    told = {"input": 1000, "output": 80, "cached": 0, "thoughts": 20, "tool": 0, "total": 1080}
    bring("gemini-cli", session(".jsonl", answer("m1", model="qwen3-coder-plus", tokens=told)))
    (call,) = calls()
    assert (call.output_tokens, call.reasoning_tokens) == (80, 20)
    assert call.provider is None  # any endpoint may serve it


def test_qwen_code_of_today_is_read(bring: Any, calls: Any, lines: Any) -> None:
    used = {"promptTokenCount": 1000, "cachedContentTokenCount": 300, "candidatesTokenCount": 80,
            "thoughtsTokenCount": 20, "totalTokenCount": 1080}  # fmt: skip
    parts = [{"text": "not kept"}, {"functionCall": {"id": "c1", "name": "read_file", "args": {}}}]
    told = {"sessionId": "s1", "timestamp": "2026-04-23T10:00:01.000Z", "cwd": "/home/me/shop"}
    path = lines(
        {**told, "uuid": "u0", "type": "user", "message": {"parts": [{"text": "hi"}]}},
        {**told, "uuid": "u1", "type": "assistant", "model": "qwen3-coder-plus",
         "message": {"role": "model", "parts": parts}, "usageMetadata": used},
        {**told, "uuid": "u2", "type": "system", "subtype": "ui_telemetry", "systemPayload": {}},
        name="-home-me-shop/chats/s1.jsonl",
    )  # fmt: skip
    assert bring("gemini-cli", path.parent.parent).rejected == []
    (call,) = calls()
    assert (call.id, call.model, call.project) == ("s1:u1", "qwen3-coder-plus", "shop")
    assert (call.input_tokens, call.cache_read_tokens, call.output_tokens) == (1000, 300, 80)
    assert (call.action, call.reasoning_tokens) == ("read_file", 20)
    assert call.task == "s1:u0"


def test_what_a_branch_of_qwen_code_copies_counts_once(bring: Any, calls: Any, lines: Any) -> None:
    def record(kind: str, name: str, second: int, **more: Any) -> dict[str, Any]:
        time = f"2026-04-23T10:00:{second:02}.000Z"
        return {"uuid": name, "type": kind, "sessionId": "s1", "timestamp": time, **more}

    used = {"promptTokenCount": 10, "candidatesTokenCount": 8, "totalTokenCount": 18}
    told = record("user", "u0", 0), record("assistant", "a1", 1, usageMetadata=used)
    path = lines(*told, name="shop/chats/s1.jsonl")
    branch = {"sessionId": "s2", "forkedFrom": {"sessionId": "s1"}}
    own = (
        record("user", "u2", 2, sessionId="s2", subtype="mid_turn_user_message"),
        record("user", "u3", 3, sessionId="s2"),
        record("assistant", "a4", 4, sessionId="s2", usageMetadata=used),
    )
    lines(*(one | branch for one in told), *own, name="shop/chats/s2.jsonl")
    bring("gemini-cli", path.parent)
    assert [(c.id, c.session, c.task) for c in calls()] == [
        ("s1:a1", "s1", "s1:u0"), ("s2:a4", "s2", "s2:u3"),
    ]  # fmt: skip


def test_what_a_sub_agent_of_qwen_code_says_is_counted(bring: Any, calls: Any, lines: Any) -> None:
    def record(kind: str, name: str, second: int, **more: Any) -> dict[str, Any]:
        time = f"2026-04-23T10:00:{second:02}.000Z"
        return {"uuid": name, "type": kind, "sessionId": "s1", "timestamp": time, **more}

    used = {"promptTokenCount": 10, "candidatesTokenCount": 8, "totalTokenCount": 18}
    side = {"isSidechain": True, "agentId": "x", "agentName": "explore"}
    lines(record("user", "u0", 0), record("user", "u5", 9), name="shop/chats/s1.jsonl")
    folder = "shop/subagents/s1"
    meta = {"agentId": "x", "model": "qwen3-coder-plus"}
    lines(json.dumps(meta, indent=2), name=f"{folder}/agent-x.meta.json")
    path = lines(
        record("user", "u1", 1, **side),
        record("assistant", "a2", 2, usageMetadata=used, **side),
        record("assistant", "a3", 3, message={"parts": []}, **side),
        name=f"{folder}/agent-x.jsonl",
    )
    assert bring("gemini-cli", path.parent.parent.parent).rejected == []
    (call,) = calls()
    assert (call.id, call.model, call.agent) == ("s1:a2", "qwen3-coder-plus", "explore")
    assert (call.session, call.task, call.output_tokens) == ("s1", "s1:u0", 8)


def test_the_project_and_sub_agents_have_their_names(bring: Any, calls: Any, lines: Any) -> None:
    root = lines("/home/me/shop", name="shop/.project_root")
    lines({**HEAD, "kind": "subagent"}, answer("m1"), name="shop/chats/s1/agent.jsonl")
    bring("gemini-cli", root.parent)
    assert [(call.project, call.agent) for call in calls()] == [("shop", "subagent")]


def test_an_empty_answer_is_of_the_model_before(bring: Any, calls: Any, session: Any) -> None:
    empty = answer("m2", content=[], timestamp="2026-01-05T10:00:09Z", model=None)
    bring("gemini-cli", session(".jsonl", answer("m1"), empty))
    assert [(c.model, c.cost_state) for c in calls()] == [("gemini-2.5-pro", "priced")] * 2


def user(name: str, second: int, content: Any = "go", **more: Any) -> dict[str, Any]:
    told = {"id": name, "type": "user", "timestamp": f"2026-01-05T10:00:{second:02}.000Z"}
    return {**told, "content": content, **more}


def later(name: str, second: int, **more: Any) -> dict[str, Any]:
    return answer(name, timestamp=f"2026-01-05T10:00:{second:02}.000Z", **more)


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_what_the_user_asks_is_a_task(bring: Any, calls: Any, session: Any, suffix: str) -> None:
    gave = [{"functionResponse": {"response": {}}}, {"text": "and mind the tests"}]
    called = later("m1", 3, toolCalls=[tool()])
    bring("gemini-cli", session(
        suffix, later("m0", 1), user("u1", 2), called, user("u2", 4, gave), later("m2", 5),
        user("u3", 6, [{"text": "Please continue."}]), later("m3", 7),
        user("u4", 8, [{"text": "now the other"}]), later("m4", 9),
    ))  # fmt: skip
    assert [call.task for call in calls()] == [None, "s1:u1", "s1:u1", "s1:u1", "s1:u4"]


def test_what_is_written_again_stays_with_its_question(
    bring: Any, calls: Any, session: Any
) -> None:
    again = {"$set": {"messages": [user("sum", 6, "a summary"), later("m1", 3), user("u2", 4)]}}
    told = [user("u1", 2), later("m1", 3), user("u2", 4), later("m2", 5), again, later("m3", 7)]
    bring("gemini-cli", session(".jsonl", *told))
    assert [call.task for call in calls()] == ["s1:u1", "s1:u2", "s1:u2"]


def test_a_sub_agent_works_for_what_was_asked_last(bring: Any, calls: Any, lines: Any) -> None:
    name = "0d3f7a52-5d8e-4a63-8f0a-6f5c0d0f8d11"
    head = {**HEAD, "sessionId": name}
    told = user("u1", 2), later("m1", 3), user("u2", 4), later("m2", 5), user("u3", 20)
    path = lines(head, *told, name=f"shop/chats/session-2026-01-05T10-00-{name[:8]}.jsonl")
    helper = {**HEAD, "sessionId": "x1y2z3", "kind": "subagent"}
    work = user("a1", 6, "look"), later("b1", 7), user("a2", 30, "hurry"), later("b2", 31)
    lines(helper, *work, name=f"shop/chats/{name}/x1y2z3.jsonl")
    lines({**helper, "sessionId": "x2"}, *work, name=f"shop/chats/{name}/x2.jsonl")
    lines(helper, *work, name="shop/chats/gone/x1y2z3.jsonl")
    bring("gemini-cli", path.parent / name)
    assert [call.task for call in calls()] == [f"{name}:u2"] * 4
    again = later("m1", 3), user("u4", 4)
    lines(head, *again, name=f"shop/chats/{path.name}")
    bring("gemini-cli", path.parent / name, source="again")
    assert [call.task for call in calls() if call.source == "again"] == [f"{name}:u4"] * 4


def test_a_session_is_read_once_for_all_its_sub_agents(
    bring: Any, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def document(path: Path) -> bytes:
        read.append(path.name)
        return path.read_bytes()

    monkeypatch.setattr(gemini_cli, "document", document)
    lines({**HEAD, "sessionId": "s1", "messages": []}, name="shop/chats/session-s1.json")
    for name in ("a", "b", "c"):
        helper = {**HEAD, "sessionId": name, "kind": "subagent"}
        folder = lines(helper, answer("m"), name=f"shop/chats/s1/{name}.jsonl").parent
    assert bring("gemini-cli", folder).new == 3
    assert read == ["session-s1.json"]


@pytest.mark.parametrize(("name", "check"), [("read_fil", "tool"), ("run_shell_command", None)])
def test_a_refused_tool_names_its_verifier(
    bring: Any, calls: Any, session: Any, name: str, check: str | None
) -> None:
    told = [{"functionResponse": {"response": {"error": f'Tool "{name}" not found.'}}}]
    asked = {**tool("error"), "name": name, "result": told}
    after = answer("m2", timestamp="2026-01-05T10:00:09Z")
    bring("gemini-cli", session(".jsonl", answer("m1", toolCalls=[asked]), after))
    assert [r.get("verifier") for call in calls() for r in call.tool_results] == [check]


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_a_packed_session_is_read(bring: Any, calls: Any, session: Any, suffix: str) -> None:
    path = session(suffix, answer("m1"))
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert bring("gemini-cli", path.parent).rejected == []
    assert [call.id for call in calls()] == ["s1:m1"]


def test_a_message_written_again_is_told_as_it_was_last(
    bring: Any, calls: Any, session: Any
) -> None:
    first = answer("m1", tokens={**TOKENS, "output": 1})
    patch = {"$set": {"messages": [answer("m1")]}}
    path = session(".jsonl", first, answer("m1"), {"$rewindTo": "m1"}, patch)
    assert bring("gemini-cli", path).read == 1
    (call,) = calls()
    assert call.output_tokens == 100
    assert bring("gemini-cli", path).skipped == 1


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_damage_is_named(bring: Any, calls: Any, session: Any, suffix: str) -> None:
    path = session(suffix, answer("m1"), answer("m2", tokens={"input": "x"}), answer("m3"))
    (rejected,) = bring("gemini-cli", path).rejected
    assert "'m2': input" in rejected.reason
    assert sorted(call.id for call in calls()) == ["s1:m1", "s1:m3"]
    path.write_text(path.read_text()[:-30])
    assert bring("gemini-cli", path).rejected
