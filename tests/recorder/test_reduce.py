"""Hashes and sketches behind the caller's back: bounded, in order, never in the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from finops_pack import Usage, config, recorder
from finops_pack.ledger import open_ledger
from finops_pack.model import Call
from finops_pack.recorder import _guard, _jobs, _reduce

Calls = Callable[[], list[Call]]
ASK = [{"role": "system", "content": "Be kind. " * 40}, {"role": "user", "content": "hi"}]


def ask(messages: Any = ASK, **fields: Any) -> recorder.Pending:
    call = recorder.get().begin(model="gpt-4o", messages=messages, **fields)
    call.finish(Usage(10, 1), response="Hello there")
    return call


def test_prompts_are_hashed_and_no_text_is_kept(calls: Calls) -> None:
    secret = [{"role": "user", "content": "my secret is swordfish"}]
    ask(secret)
    ask(secret)
    ask()
    one, same, other = calls()
    assert one.request_hash == same.request_hash != other.request_hash
    assert one.request_hash
    path = config.load().ledger
    for file in [path, f"{path}-wal"]:
        try:
            with open(file, "rb") as held:
                assert b"swordfish" not in held.read()
        except FileNotFoundError:
            pass


def test_hashes_depend_on_the_key(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    ask()
    recorder.close()
    monkeypatch.setenv("FINOPS_HASH_KEY", "another")
    config.reload()
    ask()
    one, other = calls()
    assert one.request_hash != other.request_hash


def test_segments_are_written_when_a_session_is_over(calls: Calls) -> None:
    told = [*ASK, {"role": "tool", "tool_call_id": "t", "content": "The parcel left. " * 20}]
    ask(session="s1")
    ask(told, session="s1")
    recorder.get().session_over("s1")
    assert len(calls()) == 2
    ledger = open_ledger(config.load().ledger)
    kinds = {segment.kind for segment in ledger.segments(["s1"])}
    ledger.close()
    assert "tool_result" in kinds


def test_a_tools_seconds_and_failure_go_with_its_result(calls: Calls) -> None:
    call = recorder.get().begin(model="gpt-4o")
    call.finish(Usage(1, 1), tool_calls=[{"id": "t9", "name": "fetch", "args": "{}"}])
    recorder.get().tool_ran("t9", 1.2345, failed=True)
    ask([{"role": "tool", "tool_call_id": "t9", "content": "could not"}])
    asked, told = calls()
    assert asked.tool_calls[0]["name"] == "fetch"
    assert told.tool_results[0]["seconds"] == 1.234
    assert told.tool_results[0]["status"] == "error"


def test_what_was_recorded_by_hand_gets_its_hashes_under_its_own_source(calls: Calls) -> None:
    wrong = {"role": "tool", "tool_call_id": "t9", "content": "Error: 1 validation error for Fetch"}
    asked = [{"id": "t9", "name": "fetsch", "args": "{}"}]
    for name, messages, tools in (("b1", ASK, asked), ("b2", [*ASK, wrong], [])):
        recorder.get().record(
            id=name, source="batch", session="s", model="gpt-4o", usage=Usage(10, 1),
            messages=messages, response="Hello there", tool_calls=tools,
        )  # fmt: skip
    one, two = calls()
    assert (one.source, one.tool_calls[0]["name"], one.verifier) == ("batch", "fetsch", "schema")
    assert one.response_hash
    assert one.response_hash == two.response_hash
    assert two.tool_results[0]["tool_call_id"] == "t9"


def test_cache_breakpoints_are_counted(calls: Calls) -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    ask([{"role": "system", "content": [{"type": "text", "text": "x", "cache_control": mark}]}])
    (row,) = calls()
    assert (row.cache_breakpoints, row.cache_ttl) == (1, "1h")


def test_the_queue_is_bounded_and_says_once_that_it_is_full(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_guard, "_said", set())
    held, written = threading.Event(), []

    def write(lines: Any) -> None:
        held.wait(5)
        written.extend(lines)

    reducing = _reduce.Reducing(b"k" * 32, write, lambda: None)
    began = time.perf_counter()
    for number in range(_reduce.LIMIT + 500):
        reducing.put(({"id": str(number), "session": "s"}, "hi", None, "yes", ()))
    assert time.perf_counter() - began < 2
    held.set()
    assert reducing.drain(20)
    kept = {line["id"] for line in written if line["type"] == "amend"}
    assert _reduce.LIMIT <= len(kept) <= _reduce.LIMIT + 100
    assert caplog.messages == [
        "finops: prompts come faster than they are read; what was wasted in some calls is not found"
    ]
    reducing.close(1)


def waiting(
    monkeypatch: pytest.MonkeyPatch, calls: Callable[[float], int], hurried: bool = False
) -> tuple[Any, list[float]]:
    """A queue, and how long each look at it waits; in that time so many calls end."""
    reducing, waited = _reduce.Reducing(b"k" * 32, lambda lines: None, lambda: None), []

    def wait(pause: float) -> bool:
        waited.append(pause)
        for _ in range(calls(pause)):
            reducing.put(_jobs.Over("s"))
        return hurried

    reducing._idle.clear()  # as while the thread works
    monkeypatch.setattr(reducing._hurry, "wait", wait)
    return reducing, waited


@pytest.mark.parametrize(("a_second", "looks"), [(0, [0.1]), (150, [0.1]), (9_000, [0.1, 0.1])])
def test_work_waits_for_rest_or_for_a_queue_that_is_half_full(
    monkeypatch: pytest.MonkeyPatch, a_second: int, looks: list[float]
) -> None:
    reducing, waited = waiting(monkeypatch, lambda pause: round(a_second * pause))
    reducing._lull(_reduce.LONGEST)
    assert waited == looks


def test_looks_grow_rare_while_the_agent_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    reducing, waited = waiting(monkeypatch, lambda pause: round(1_000 * pause))
    reducing._lull(_reduce.LULL)
    assert waited[:7] == [0.005, 0.01, 0.02, 0.04, 0.08, 0.1, 0.1]
    assert sum(waited) >= 1.0, "until 1,000 wait"


def test_who_waits_for_it_is_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    reducing, waited = waiting(monkeypatch, lambda pause: 50, hurried=True)
    reducing._lull(_reduce.LONGEST)
    assert len(waited) == 1


def test_what_closes_idle_sessions_is_written_before_it_rests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Closing:
        def observe(self, *_: Any) -> list[Any]:
            return []

        answered = observe

        def close(self, session: str) -> list[dict[str, Any]]:
            return [{"type": "closed", "session": session}]

    written: list[Any] = []
    monkeypatch.setattr(_jobs, "IDLE", -1.0)
    reducing = _reduce.Reducing(b"k" * 32, written.extend, lambda: None)
    reducing._reduction._made = Closing()
    reducing.put(({"id": "c", "session": "s"}, "hi", None, "yes", ()))
    assert reducing.drain(5)
    assert written == [{"type": "closed", "session": "s"}]
    reducing.close(1)


def test_upkeep_goes_on_while_the_queue_is_never_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = threading.Event()
    monkeypatch.setattr(_reduce, "MINUTE", 0.02)
    reducing = _reduce.Reducing(b"k" * 32, lambda lines: None, kept.set)
    monkeypatch.setattr(reducing._reduction, "take", lambda work: reducing.put(work))
    reducing.put(_jobs.Over("s"))
    assert kept.wait(5)
    assert not reducing.drain(0.01), "nor does it claim to be done"
    monkeypatch.setattr(reducing._reduction, "take", lambda work: None)
    assert reducing.drain(5)
    reducing.close(1)


def test_a_prompt_that_cannot_be_read_costs_its_hash_alone(calls: Calls) -> None:
    class Hostile:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    ask([Hostile()])
    ask()
    broken, fine = calls()
    assert broken.usage == Usage(10, 1)
    assert broken.request_hash is None
    assert fine.request_hash


def test_closing_ends_the_thread() -> None:
    ask()
    recorder.flush(5)
    assert any(thread.name == "finops-reduce" for thread in threading.enumerate())
    recorder.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not any(thread.name == "finops-reduce" for thread in threading.enumerate()):
            return
        time.sleep(0.01)
    pytest.fail("the thread is still there")


def test_lost_calls_are_swept_while_the_process_lives(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_reduce, "MINUTE", 0.02)
    monkeypatch.setattr("finops_pack.recorder._core.ORPHAN_AFTER", 0.0)
    lost = recorder.get().begin(model="gpt-4o")
    ask()
    deadline = time.monotonic() + 5
    while lost.open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert {row.status for row in calls()} == {"unknown", "ok"}
