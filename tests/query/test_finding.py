"""The analyses asked from Python give what the reader gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import finops_pack
from finops_pack import Usage, query, recorder, tools
from finops_pack.ledger import spool


def test_each_analysis_in_one_go() -> None:
    for n in range(25):
        recorder.record(
            model="claude-sonnet-4-5", provider="anthropic", task=f"t{n}", session="s",
            project="mail", usage=Usage(input_tokens=9_000, output_tokens=50),
        )  # fmt: skip
    recorder.flush()
    assert finops_pack.find_cache().calls == 25
    assert finops_pack.find_cache(project="other").calls == 0
    assert finops_pack.find_cache(since="2020-01-01", until="2020-01-02").calls == 0
    assert finops_pack.find_score().tasks == 25
    assert finops_pack.find_trend(last="1d").now_tasks == 25
    assert "Set cache breakpoints" in {lever.title for lever in finops_pack.find_levers()}
    assert finops_pack.find_forensics() == finops_pack.find_forensics(only="t1") == []


def test_who_asks_right_after_a_call_is_told_of_its_prompt_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is read of prompts off the agent's thread: else there is no waste in the last call."""
    monkeypatch.setattr(query, "DRAIN_SECONDS", 60.0)
    long = [{"role": "user", "content": "what was said before, and " * 40_000}]
    call = recorder.get().begin(model="gpt-4o", provider="openai", messages=long)
    call.finish(Usage(input_tokens=200_000, output_tokens=2), response="Hello")
    with query.open() as reader:
        (booked,) = reader.calls(query.Period(None, None))
    assert booked.request_hash


@pytest.mark.parametrize("ask", [finops_pack.budget, finops_pack.spend, tools.check_budget])
def test_what_was_spent_waits_for_no_prompt(
    ask: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its call is in the spool at once; what is read of the prompt changes no sum."""
    waited: list[float] = []
    monkeypatch.setattr(spool, "before_reading", [waited.append])
    recorder.record(model="gpt-4o", provider="openai", usage=Usage(9, 1))
    ask()
    assert not waited
    assert finops_pack.spend().total.calls == 1
    finops_pack.find_waste()
    assert waited
