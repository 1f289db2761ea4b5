from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from finops_pack.model import Call
from tests.facts import call

SECOND = 1 / 60


def failed(minute: float, error: str = "RateLimitError", **fields: Any) -> Call:
    named = {"status": "error", "error_type": error, "request_hash": "r", "session": "s", **fields}
    return call(minute, **named)


def sent(minute: float, **fields: Any) -> Call:
    named = {"request_hash": "r", "session": "s", "input_tokens": 1000, **fields}
    return call(minute, **named)


def test_a_refused_attempt_costs_nothing_and_is_named(found: Any) -> None:
    [one] = found("retries", failed(0, duration_ms=900), sent(3 * SECOND))
    assert (one.usd, one.basis, one.calls) == (Decimal(0), "measured", ("c0",))
    assert one.evidence[0] == (
        "call c0 at 2026-03-01 00:00:00 UTC failed with RateLimitError; call c0.05 2.1 s later "
        "sent the same request and was billed $0.003"
    )
    assert one.title == "1 attempt failed before 1 request got through (RateLimitError)"


def test_what_a_failed_attempt_was_billed_is_avoidable_and_the_delivery_is_not(found: Any) -> None:
    cut = failed(0, "ReadTimeout", input_tokens=1000)
    [one] = found("retries", cut, sent(1))
    assert (one.usd, one.calls) == (Decimal("0.003"), ("c0",))


@pytest.mark.parametrize(
    "error",
    [
        "DeadlineExceeded", "httpx.RemoteProtocolError", "ReadError", "overloaded_error",
        "ChunkedEncodingError", "aiohttp.ClientPayloadError", "IncompleteRead", "BrokenPipeError",
        "ModelStreamErrorException",
    ],
)  # fmt: skip
def test_a_timeout_or_a_lost_connection_by_any_name_passes(found: Any, error: str) -> None:
    [one] = found("retries", failed(0, error), sent(1))
    assert one.calls == ("c0",)


@pytest.mark.parametrize(
    "error", ["api_error", "INTERNAL", "litellm.BadGatewayError", "ConflictError", "502"]
)
def test_a_fault_of_the_server_by_any_name_passes(found: Any, error: str) -> None:
    [one] = found("retries", failed(0, error), sent(1))
    assert one.calls == ("c0",)


def test_an_attempt_of_unknown_bill_is_unknown(found: Any) -> None:
    cut = failed(0, "ReadTimeout", status="unknown", usage_basis="unknown")
    [one] = found("retries", cut, sent(1))
    assert (one.usd, one.basis, one.unknown_tokens) == (Decimal(0), "estimated", 1000)
    assert "not known" in one.evidence[0]


def test_a_chain_that_never_got_through_has_one_attempt_that_was_needed(found: Any) -> None:
    tries = [failed(i, input_tokens=1000) for i in range(3)]
    [one] = found("retries", *tries)
    assert (one.usd, one.calls) == (Decimal("0.006"), ("c0", "c1"))
    assert one.title == "2 attempts failed, none got through (RateLimitError)"
    assert one.evidence[-1] == "how long they took was not recorded"


def test_what_is_no_retry(found: Any) -> None:
    assert found("retries", failed(0), sent(3)) == []  # two minutes are over
    assert found("retries", failed(0), sent(1, request_hash="other")) == []
    assert found("retries", failed(0, "BadRequestError"), sent(1)) == []
    assert found("retries", failed(0, "ThreadError"), sent(1)) == []
    assert found("retries", sent(0), sent(1)) == []
    assert found("retries", failed(0)) == []


def test_without_hashes_the_next_of_the_same_agent_and_action_is_the_retry(found: Any) -> None:
    first = failed(0, request_hash=None, action="plan")
    other, again = sent(0.5, action="act"), sent(1, action="plan")
    [one] = found("retries", first, other, again)
    assert "call c1 " in one.evidence[0]


def test_attempts_below_are_counted_with_their_seconds(found: Any) -> None:
    [one] = found("retries", sent(0, attempts=4, lost_ms=7500))
    assert one.usd == 0
    assert one.title == "3 attempts failed before 1 request got through"
    assert one.evidence[-1] == "7.5 s were lost waiting"
