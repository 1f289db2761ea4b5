from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from finops_pack.model import VERIFIERS, Call
from tests.facts import call

CATEGORY = "hallucination_recovery"


def step(minute: float, verifier: str | None = None, **fields: Any) -> Call:
    fields = {"session": "s", "input_tokens": 1000, "verifier": verifier, **fields}
    return call(minute, **fields)


def test_the_call_after_a_rejected_answer_is_recovery(found: Any) -> None:
    [one] = found(CATEGORY, step(0), step(1, "schema"), step(2), step(3))
    assert (one.calls, one.usd, one.subtype) == (("c2",), Decimal("0.003"), "format")
    assert one.evidence == (
        "the answer of call c1 at 2026-03-01 00:01:00 UTC did not fit the schema; "
        "call c2 after it cost $0.003",
    )


def test_until_one_passes(found: Any) -> None:
    [one] = found(CATEGORY, step(0, "format"), step(1, "format"), step(2), step(3))
    assert one.calls == ("c1", "c2")


def test_calls_that_failed_do_not_pass_and_three_are_enough(found: Any) -> None:
    broken = [step(i, status="error", error_type="BadRequest") for i in range(1, 6)]
    [one] = found(CATEGORY, step(0, "tool"), *broken)
    assert one.calls == ("c1", "c2", "c3")


def test_a_retry_mends_nothing_and_what_it_got_through_does(found: Any) -> None:
    refused = [step(i, status="error", error_type="RateLimitError") for i in range(1, 5)]
    [one] = found(CATEGORY, step(0, "edit"), *refused, step(5), step(6))
    assert one.calls == ("c5",)


@pytest.mark.parametrize("verifier", [*VERIFIERS, "our own check"])
def test_every_verifier_is_one_of_two_kinds(found: Any, verifier: str) -> None:
    [one] = found(CATEGORY, step(0, verifier), step(1))
    assert one.subtype in ("format", "factual")


@pytest.mark.parametrize(("verifier", "words"), [("edit", "the file"), ("user", "memory file")])
def test_the_mend_fits_what_was_rejected(found: Any, verifier: str, words: str) -> None:
    steps = [step(0, verifier), step(1), step(2, verifier), step(3), step(4, "tool"), step(5)]
    [one] = found(CATEGORY, *steps)
    assert words in one.mend


def test_kinds_are_kept_apart(found: Any) -> None:
    both = found(CATEGORY, step(0, "schema"), step(1), step(2, "missing"), step(3))
    assert {f.subtype: f.calls for f in both} == {"format": ("c1",), "factual": ("c3",)}


def test_others_work_is_not_recovery(found: Any) -> None:
    assert found(CATEGORY, step(0, "edit", agent="a"), step(1, agent="b")) == []
    assert found(CATEGORY, step(0, "edit", task="1"), step(1, task="2")) == []
    assert found(CATEGORY, step(0, "edit"), step(1, session="other")) == []


def test_a_correction_by_the_user_is_a_task_of_its_own(found: Any) -> None:
    [one] = found(CATEGORY, step(0, "user", task="1"), step(1, task="2"), step(2, task="2"))
    assert one.calls == ("c1",)


def test_what_was_heard_of_a_tool_call_blames_no_other_of_its_id(found: Any) -> None:
    uses = [{"id": "call_0", "name": "search"}]
    heard = [{"tool_call_id": "call_0", "verifier": "schema"}]
    steps = [step(at, tool_calls=uses, tool_results=heard * (at == 2)) for at in range(6)]
    [one] = found(CATEGORY, *steps)
    assert one.calls == ("c2",)


def test_recovery_without_a_price_is_counted_in_tokens(found: Any) -> None:
    [one] = found(CATEGORY, step(0, "edit"), step(1, model="unheard of"))
    assert (one.usd, one.unknown_tokens, one.calls) == (Decimal(0), 1000, ("c1",))


def test_of_an_answer_whose_other_tools_were_answered_a_share_was_recovery(found: Any) -> None:
    uses = [{"id": f"t{n}", "name": "read"} for n in range(4)]
    told = [{"tool_call_id": f"t{n}", "status": "ok" if n else "error"} for n in range(4)]
    steps = step(0, "missing", tool_calls=uses), step(1, tool_results=told)
    [one] = found(CATEGORY, *steps)
    assert (one.calls, one.usd, one.basis) == (("c1",), Decimal("0.00075"), "estimated")
    assert one.evidence[0].endswith("cost $0.00075: 25% of it, as its other tools were answered")
    [user] = found(CATEGORY, step(0, "user", tool_calls=uses), steps[1])
    assert (user.usd, user.basis) == (Decimal("0.003"), "measured")
