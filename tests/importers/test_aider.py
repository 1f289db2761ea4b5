"""aider's analytics log, in invented lines of the real shape."""

from __future__ import annotations

from typing import Any


def event(seconds: int, name: str = "message_send", **more: Any) -> dict[str, Any]:
    told = {
        "main_model": "gpt-4o", "weak_model": "gpt-4o-mini", "edit_format": "diff",
        "prompt_tokens": 1200, "completion_tokens": 80, "total_tokens": 1280, "cost": 9.9, **more,
    }  # fmt: skip
    return {"event": name, "properties": told, "user_id": "u", "time": seconds}


def test_every_message_sent_is_a_call(bring: Any, calls: Any, lines: Any) -> None:
    path = lines(event(1_767_607_200), event(1_767_607_200), event(1, "exit"))
    assert bring("aider", path).new == 2
    with path.open("a") as log:
        log.write(path.read_text().splitlines()[0].replace("1767607200", "1767607300") + "\n")
    assert bring("aider", path).new == 1
    found = calls()
    assert [call.start_us for call in found] == [1767607200000000] * 2 + [1767607300000000]
    assert {(call.input_tokens, call.output_tokens, call.action) for call in found} == {
        (1200, 80, "diff")
    }
    assert {(call.usage_basis, call.cost_state) for call in found} == {("estimated", "priced")}
    assert len({call.id for call in found}) == 3


def test_a_log_that_is_cut_at_its_head_doubles_nothing(bring: Any, calls: Any, lines: Any) -> None:
    told = [event(second) for second in (1, 2, 2, 3)]
    bring("aider", lines(*told))
    assert bring("aider", lines(*told[1:])).new == 0
    assert bring("aider", lines(*told[1:], event(3))).new == 1
    assert len(calls()) == 5


def test_damage_is_named(bring: Any, lines: Any) -> None:
    summary = bring("aider", lines("{", event(1, prompt_tokens="many"), event(2)))
    assert [row.line for row in summary.rejected] == [1, 2]
    assert summary.new == 1
