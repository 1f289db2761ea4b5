"""Calls out: FOCUS, OpenTelemetry, CSV."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops_pack import export, importers
from finops_pack.export import _buckets, focus, otel
from finops_pack.export._cells import cell
from finops_pack.importers import State
from finops_pack.model import Call
from finops_pack.money import to_pico
from finops_pack.query.facts import LedgerFacts
from finops_pack.rates import price

FACTS = LedgerFacts(None)  # type: ignore[arg-type]  # only its prices are asked
USAGE = {
    "input_tokens": 60_200,
    "cache_read_tokens": 50_000,
    "cache_write_5m_tokens": 4_000,
    "cache_write_1h_tokens": 6_000,
    "output_tokens": 500,
}


def priced(name: str = "a", **fields: Any) -> Call:
    """A call of Claude Sonnet as the recorder would have booked it."""
    told = {"provider": "anthropic", "model": "claude-sonnet-4-5", **USAGE, **fields}
    call = Call(id=name, start_us=1_770_000_000_000_000, **told)
    context = {"provider": call.provider, "at": call.started_at, "context": call.context}
    cost = price(call.model, call.usage, **context)  # type: ignore[arg-type]
    pico = None if cost.usd is None else to_pico(cost.usd)
    return Call(id=name, start_us=call.start_us, cost_pico=pico, cost_state=cost.state,
                rate_id=cost.rate_id, **told)  # fmt: skip


def rows(name: str, *calls: Call) -> tuple[list[dict[str, str]], export.Written]:
    out = io.StringIO()
    written = export.load(name).write(calls, FACTS, out)
    return list(csv.DictReader(io.StringIO(out.getvalue()))), written


def test_focus_has_a_row_a_bucket_that_sum_to_the_call() -> None:
    found, written = rows("focus", priced(), priced("b", served_model="claude-sonnet-4-5"))
    assert (written.calls, written.rows, written.unpriced_calls) == (2, 10, 0)
    assert [row["SkuMeter"] for row in found[:5]] == [
        "Input Tokens",
        "Cache Read Tokens",
        "Cache Write Tokens (5 minutes)",
        "Cache Write Tokens (1 hour)",
        "Output Tokens",
    ]
    assert [row["ConsumedQuantity"] for row in found[:5]] == [
        "200.0", "50000.0", "4000.0", "6000.0", "500.0",
    ]  # fmt: skip
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for row in found:
        paid[row["x_CallId"]] += Decimal(row["BilledCost"])
        product = Decimal(row["PricingQuantity"]) * Decimal(row["ListUnitPrice"])
        assert product == Decimal(row["ListCost"])
    assert paid == {"a": priced().amount_usd, "b": priced().amount_usd}


def test_focus_keeps_what_was_billed_and_what_a_plan_covers() -> None:
    billed = priced("billed", billed_pico=10**11 + 1, billed_source="openrouter")
    plan = priced("plan", billing_mode="subscription")
    found, _ = rows("focus", billed, plan)
    sums = {
        (name, column): sum(Decimal(r[column]) for r in found if r["x_CallId"] == name)
        for name in ("billed", "plan")
        for column in ("BilledCost", "EffectiveCost", "ListCost")
    }
    assert sums["billed", "BilledCost"] == Decimal("0.100000000001")
    assert sums["plan", "BilledCost"] == sums["plan", "EffectiveCost"] == 0
    assert sums["billed", "ListCost"] == sums["plan", "ListCost"] == priced().amount_usd
    assert {r["InvoiceIssuerName"] for r in found} == {"openrouter", "anthropic"}
    (row, *_), _ = rows("focus", priced(billed_pico=5, billed_source="provider"))
    assert row["InvoiceIssuerName"] == "anthropic"


def test_focus_does_not_invent_a_split_or_a_price() -> None:
    moved = Call(**{**_fields(priced("moved")), "cost_pico": 77 * 10**9})
    found, written = rows("focus", moved, Call(id="none", start_us=0, model="nobody-knows"))
    assert written.unpriced_calls == 1
    assert [(r["x_CallId"], r["SkuMeter"], r["BilledCost"]) for r in found] == [
        ("moved", "Requests", "0.077")
    ]


def _fields(call: Call) -> dict[str, Any]:
    return {name: getattr(call, name) for name in call.__slots__}


def test_focus_columns_are_filled_as_the_specification_wants() -> None:
    call = priced(processing="batch", tags={"customer": "=acme"}, duration_ms=90_000, project="-x")
    booked = {"cost_pico": 5, "cost_state": "priced", "start_us": 1_798_761_599_000_000}
    call = Call(**{**_fields(call), **booked})
    (row,), _ = rows("focus", call)
    assert tuple(row) == focus.COLUMNS
    assert json.loads(row["SkuPriceDetails"]) == {"x_Processing": "batch"}
    assert json.loads(row["Tags"]) == {"customer": "=acme"}
    assert row["x_Project"] == "'-x"
    assert row["BillingPeriodStart"] == "2026-12-01T00:00:00Z"
    assert row["BillingPeriodEnd"] == "2027-01-01T00:00:00Z"
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == (
        "2026-12-31T23:59:59Z", "2027-01-01T00:01:29Z",
    )  # fmt: skip


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**12), min_size=1, max_size=6))
def test_a_split_sums_and_is_in_proportion(total: int, weights: list[int]) -> None:
    shares = _buckets.split(total, weights)
    assert sum(shares) == total
    whole = sum(weights)
    if whole:
        assert all(abs(s - total * w / whole) <= 1 + total / 10**12 for s, w in
                   zip(shares, weights, strict=True))  # fmt: skip


def test_csv_has_every_call() -> None:
    found, written = rows("csv", priced(action="=1+1"), Call(id="b", start_us=0, model="nobody"))
    assert (written.rows, written.unpriced_calls) == (2, 1)
    assert [row["usd"] for row in found] == [cell(priced().amount_usd), ""]
    assert (found[0]["action"], found[0]["start"]) == ("'=1+1", "2026-02-02T02:40:00Z")
    assert (found[0]["cache_read_tokens"], found[1]["cost_state"]) == ("50000", "unpriced")


def test_otel_comes_back_as_it_went(tmp_path: Path) -> None:
    calls = [
        priced("a", task="t", session="s", agent="coder", project="shop", response_id="r",
               finish_reason="stop", duration_ms=1500, served_model="claude-sonnet-4-5-20250929"),
        priced("b", task="t", parent="a", project="shop", status="error", error_type="timeout"),
        priced("c", task="u", tags={"customer": "acme"}, usage_basis="unknown"),
    ]  # fmt: skip
    path = tmp_path / "spans.jsonl"
    with path.open("w") as out:
        written = export.load("otel").write(calls, FACTS, out)
    assert written.rows == 3
    back = [item for item in importers.load("otlp").read(path, State()) if isinstance(item, dict)]
    by_project = sorted(calls, key=lambda call: call.project or "")
    for call, row in zip(by_project, back, strict=True):
        for name in ("start_us", "model", "served_model", "session", "agent", "response_id",
                     "finish_reason", "error_type"):  # fmt: skip
            assert (row[name] or None) == getattr(call, name), name
        assert row["duration_ms"] == (call.duration_ms or 0)
        if call.usage_basis == "measured":
            assert row["input_tokens"] == call.input_tokens
            assert row["cache_read_tokens"] == call.cache_read_tokens
            assert row["cache_write_5m_tokens"] == 4_000
            assert row["cache_write_1h_tokens"] == 6_000
        assert row["task"] == call.task


def test_otel_brings_back_all_that_money_depends_on(tmp_path: Path) -> None:
    calls = [
        priced("a", processing="batch", action="index", tags={"customer": "acme"}),
        priced("b", service_tier="priority", region="eu", usage_basis="estimated"),
        priced("c", billing_mode="subscription", extra={"web_search": 3}),
        priced("d", billed_pico=10**10 + 1, billed_source="openrouter"),
    ]
    path = tmp_path / "spans.jsonl"
    with path.open("w") as out:
        export.load("otel").write(calls, FACTS, out)
    back = [item for item in importers.load("otlp").read(path, State()) if isinstance(item, dict)]
    kept = ("processing", "service_tier", "region", "billing_mode", "billed_pico", "billed_source",
            "usage_basis", "extra", "tags", *USAGE)  # fmt: skip
    for call, row in zip(calls, back, strict=True):
        again = Call.from_row({**row, "id": call.id})
        assert {n: getattr(again, n) for n in kept} == {n: getattr(call, n) for n in kept}
    assert back[0]["action"] == "index"
    assert "billing_mode" not in back[0]  # not known: what was said of the source holds


def test_a_flat_plan_costs_nothing_by_the_call() -> None:
    plan = priced("plan", billing_mode="subscription")
    ((row,), _) = rows("csv", plan)
    assert (row["usd"], row["list_usd"]) == ("0", cell(plan.amount_usd))
    told = {entry["key"]: entry["value"] for entry in otel.span(plan)["attributes"]}
    assert told["finops.cost.usd"] == {"stringValue": "0"}
    assert told["finops.cost.list_usd"] == {"stringValue": cell(plan.amount_usd)}


def test_otel_attributes_are_the_conventions() -> None:
    span = otel.span(priced(tags={"customer": "acme"}, provider="google"))
    told = {entry["key"]: entry["value"] for entry in span["attributes"]}
    assert told["gen_ai.provider.name"] == {"stringValue": "gcp.gemini"}
    assert told["gen_ai.usage.input_tokens"] == {"intValue": "60200"}
    assert told["finops.tag.customer"] == {"stringValue": "acme"}
    assert "error.type" not in told
    conventions = pytest.importorskip(
        "opentelemetry.semconv._incubating.attributes.gen_ai_attributes"
    )
    known = {v for v in vars(conventions).values() if isinstance(v, str)} | {"error.type"}
    ours = {name for name in told if not name.startswith("finops.")}
    newer = {
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.reasoning.output_tokens",
    }
    assert ours - newer <= known


def test_ids_that_are_already_ids_stay() -> None:
    trace, spanned = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    span = otel.span(priced(f"{trace}/{spanned}", task=trace))
    assert (span["traceId"], span["spanId"]) == (trace, spanned)
