"""FOCUS 1.2 (FinOps Open Cost and Usage Specification) as CSV: one row a token bucket.

Costs are USD; a call of a flat plan has its list cost and nothing billed; calls without a price
are left out and counted, since the specification has no word for unknown.

Source: focus.finops.org, specification 1.2; checked with PyPI `focus-validator` 2.2.1
(`python -m bench focus`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TextIO

from finops_pack.export import Written
from finops_pack.export._buckets import Bucket, buckets
from finops_pack.export._cells import cell, moment
from finops_pack.model import Call, Facts

SECOND = 1_000_000
_METERS = {
    "input": "Input Tokens",
    "cache_read": "Cache Read Tokens",
    "cache_write_5m": "Cache Write Tokens (5 minutes)",
    "cache_write_1h": "Cache Write Tokens (1 hour)",
    "output": "Output Tokens",
    "reasoning": "Reasoning Tokens",
    "request": "Requests",
}
_UNITS = {"tokens": "Tokens", "requests": "Requests"}
_SAME: dict[str, str] = {
    "BillingCurrency": "USD",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargeFrequency": "Usage-Based",
    "CommitmentDiscountStatus": "",
    "InvoiceId": "",
    "PricingCategory": "Standard",
    "PricingCurrency": "USD",
    "ServiceCategory": "AI and Machine Learning",
    "ServiceSubcategory": "Generative AI",
}
COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency",
    "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass",
    "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
    "CommitmentDiscountStatus", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost",
    "ListUnitPrice", "PricingCategory", "PricingCurrency", "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost", "PricingCurrencyListUnitPrice", "PricingQuantity",
    "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName",
    "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "Tags",
    "x_Model", "x_Project", "x_Agent", "x_Action", "x_Task", "x_CallId", "x_CostState",
    "x_BillingMode",
)  # fmt: skip


def write(calls: Iterable[Call], facts: Facts, out: TextIO) -> Written:
    """Write a row for every token bucket of every call that has a price."""
    written, writer = Written(), csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for call in calls:
        written.calls += 1
        if call.unpriced:
            written.unpriced_calls += 1
            continue
        shared = _of_call(call)
        for bucket in buckets(call, facts):
            row = {**shared, **_of_bucket(call, bucket)}
            writer.writerow([cell(row[name]) for name in COLUMNS])
            written.rows += 1
    return written


def _of_call(call: Call) -> dict[str, Any]:
    provider = call.provider or "unknown"
    account = call.account or provider
    begin, end = _month(call.started_at)
    said = call.billed_source
    lasted = max(SECOND, (call.duration_ms or 0) * 1000)
    return {
        **_SAME,
        "BillingAccountId": account,
        "BillingAccountName": account,
        "BillingPeriodStart": begin,
        "BillingPeriodEnd": end,
        "ChargePeriodStart": moment(call.start_us),
        "ChargePeriodEnd": moment(call.start_us + lasted),
        "InvoiceIssuerName": provider if said in (None, "provider") else said,
        "ProviderName": provider,
        "PublisherName": provider,
        "ServiceName": f"{provider} API",
        "SkuPriceDetails": {f"x_{_camel(k)}": v for k, v in call.context.items()},
        "Tags": dict(call.tags),
        "x_Model": call.answered_by,
        "x_Project": call.project,
        "x_Agent": call.agent,
        "x_Action": call.action,
        "x_Task": call.task,
        "x_CallId": call.id,
        "x_CostState": call.cost_state,
        "x_BillingMode": call.billing_mode,
    }


def _of_bucket(call: Call, bucket: Bucket) -> dict[str, Any]:
    model = call.answered_by
    meter = _METERS.get(bucket.kind, bucket.kind.replace("_", " ").title())
    unit = _UNITS.get(bucket.unit, bucket.unit.title())
    quantity, price = _decimal(Decimal(bucket.quantity)), _decimal(bucket.unit_usd)
    paid, listed = _decimal(bucket.paid_usd), _decimal(bucket.list_usd)
    return {
        "BilledCost": paid,
        "EffectiveCost": paid,
        "ListCost": listed,
        "ContractedCost": listed,
        "ChargeDescription": f"{meter} of {model}",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": unit,
        "PricingQuantity": quantity,
        "PricingUnit": unit,
        "ListUnitPrice": price,
        "ContractedUnitPrice": price,
        "PricingCurrencyListUnitPrice": price,
        "PricingCurrencyContractedUnitPrice": price,
        "PricingCurrencyEffectiveCost": paid,
        "SkuId": f"{call.provider or 'unknown'}/{model}/{bucket.kind}",
        "SkuPriceId": f"{call.rate_id or call.billed_source or model}/{bucket.kind}",
        "SkuMeter": meter,
    }


def _decimal(amount: Decimal) -> str:
    """A decimal with a point in it, as the specification's validator wants them."""
    text = cell(amount)
    return text if "." in text else f"{text}.0"


def _month(at: datetime) -> tuple[str, str]:
    begin = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = datetime(begin.year + begin.month // 12, begin.month % 12 + 1, 1, tzinfo=UTC)
    return f"{begin:%Y-%m-%dT%H:%M:%SZ}", f"{end:%Y-%m-%dT%H:%M:%SZ}"


def _camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))
