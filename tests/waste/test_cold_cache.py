from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from finops_pack import waste
from finops_pack.model import Call, Segment
from tests.facts import FACTS, call

CATEGORY = "cold_cache"
BIG = tuple("abcdef")  # six prefixes: 9,216 tokens


def first(**fields: Any) -> Call:
    return call(0, session="s", input_tokens=10_000, cache_write_5m_tokens=10_000, **fields)


def later(minute: float = 1, read: int = 0, **fields: Any) -> Call:
    fields = {"session": "s", "input_tokens": 10_000, "cache_read_tokens": read, **fields}
    return call(minute, **fields)


def test_a_lost_prefix_costs_what_was_paid_beyond_a_read(found: Any) -> None:
    [one] = found(CATEGORY, first(), later(read=4_000))
    assert one.usd == 6_000 * Decimal("2.70") / 10**6
    assert one.calls == ("c1",)
    assert "of them up to 6,000 that call c0 had sent 60 s before" in one.evidence[0]


def test_what_was_lost_without_a_price_is_unknown_and_not_nothing() -> None:
    cached = waste.find([first(model="new"), later(read=4_000, model="new")], FACTS)
    assert "cold_cache" not in cached.categories
    assert cached.unknown["cold_cache"].tokens == 6_000
    plain = [later(minute, model="new", prefix_hashes=BIG) for minute in (0, 1)]
    assert "cold_cache" not in waste.find(plain, FACTS).unknown  # it may have none to read from


def test_what_was_lost_of_a_cache_that_nobody_knows_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FACTS, "cache_rules", lambda *_: None)
    found = waste.find([first(), later(read=4_000)], FACTS)
    assert "cold_cache" not in found.categories
    assert found.unknown["cold_cache"].tokens == 6_000


def test_written_again_at_the_write_price(found: Any) -> None:
    [one] = found(CATEGORY, first(), later(20, cache_write_5m_tokens=10_000))
    assert one.usd == 10_000 * Decimal("3.45") / 10**6


@pytest.mark.parametrize(
    ("second", "cause"),
    [
        (later(20), "ttl_expired"),
        (later(1), "provider_miss"),
        (later(1, read=5_000), "prefix_changed"),
        (later(1, input_tokens=5_000), "prefix_changed"),
    ],
)
def test_causes(found: Any, second: Call, cause: str) -> None:
    assert [f.subtype for f in found(CATEGORY, first(), second)] == [cause]


def test_never_written_at_a_provider_that_wants_to_be_asked(found: Any) -> None:
    [one] = found(CATEGORY, later(0, prefix_hashes=BIG), later(1, prefix_hashes=BIG))
    assert one.subtype == "not_cached"
    assert found(CATEGORY, later(0), later(1)) == []  # nothing shows that they share anything


def test_what_was_read_of_estimated_tokens_is_unknown_and_not_lost(found: Any) -> None:
    ours = later(1, prefix_hashes=BIG, usage_basis="estimated")
    assert found(CATEGORY, first(prefix_hashes=BIG), ours) == []
    assert found(CATEGORY, first(), later(1, usage_basis="estimated"), later(2, 10_000)) == []
    [one] = found(CATEGORY, first(), later(1, 4_000, usage_basis="estimated"))  # cut off, so told
    assert one.calls == ("c1",)


def test_what_is_not_lost(found: Any) -> None:
    assert found(CATEGORY, first()) == []
    assert found(CATEGORY, first(), later(read=10_000)) == []
    assert found(CATEGORY, first(), later(read=9_900)) == []  # below the grain of caches
    assert found(CATEGORY, first(), later(input_tokens=1_000)) == []  # below the minimum
    assert found(CATEGORY, first(), later(session="other")) == []
    assert found(CATEGORY, first(agent="a"), later(agent="b")) == []
    assert found(CATEGORY, first(duration_ms=90_000), later()) == []  # not over yet


def test_by_hashes_the_call_that_shares_most_counts(found: Any) -> None:
    one, other = first(prefix_hashes=BIG), later(1, prefix_hashes=tuple("uvwxyz"))
    [again] = found(CATEGORY, one, other, later(2, prefix_hashes=BIG))
    assert "of them 10k that call c0 had sent" in again.evidence[0], "both prompts were seen"
    assert again.calls == ("c2",)


def test_by_hashes_only_the_common_start_was_there_to_be_read(found: Any) -> None:
    parted = later(1, prefix_hashes=(*BIG[:3], "x", "y", "z"))
    [one] = found(CATEGORY, first(prefix_hashes=BIG), parted)
    assert one.usd == 256 * 9 * Decimal("2.70") / 10**6


def test_context_known_to_be_sent_again_counts_when_the_start_changed(found: Any) -> None:
    calls = first(prefix_hashes=BIG), later(1, prefix_hashes=tuple("uvwxyz"))
    assert found(CATEGORY, *calls) == []
    held = Segment("s", "h.m", "tool_result", 7_000, "c0", "c1", 2)
    [one] = found(CATEGORY, *calls, segments=[held])
    assert one.subtype == "prefix_changed"
    assert one.usd == 7_000 * Decimal("2.70") / 10**6


def test_without_a_price_nothing_is_said(found: Any) -> None:
    unknown = [later(i, model="unheard of") for i in range(2)]
    assert found(CATEGORY, *unknown) == []


def test_a_discount_makes_the_loss_smaller(found: Any) -> None:
    full = later(1)
    half = later(1, billed_pico=full.cost_pico // 2)
    [one], [other] = found(CATEGORY, first(), full), found(CATEGORY, first(), half)
    assert other.usd == one.usd / 2
