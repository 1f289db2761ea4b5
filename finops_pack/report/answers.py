"""What the REST API answers, field by field; amounts are exact and shown as JSON numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from finops_pack.report.model import Breakdown, Count, Percent, Shown

Period = Literal["7d", "30d", "90d"]
Severity = Literal["low", "medium", "high", "critical"]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Saved(_Answer):
    """`POST /api/finops/daily-report`: 200."""

    ok: Literal[True]
    report_id: str | None = None
    message: str = "Daily report saved"
    warnings: list[str] = []


class Fault(_Answer):
    """What an error names; `field` only where one is at fault."""

    code: str
    message: str
    field: str | None = None


class Refused(_Answer):
    """Every answer of 400 and above."""

    ok: Literal[False] = False
    error: Fault


class LoggedIn(_Answer):
    """`POST /api/finops/login`: a short-lived session token."""

    ok: Literal[True]
    token: str
    expires_at: str


class Registered(_Answer):
    """`POST /api/finops/register`: 201; the key is shown this once."""

    ok: Literal[True]
    api_key: str
    key_id: str
    message: str = "Store this key now: it is not shown again"


class Customer(_Answer):
    """The account behind the key."""

    id: str
    company_name: str | None = None
    monthly_budget: Shown | None = None
    alert_threshold_pct: int | None = None


class Summary(_Answer):
    """Totals of the calendar days of the period."""

    total_cost: Shown
    total_tokens: int
    total_requests: int
    avg_efficiency: Percent = None
    report_count: int
    period_start: str
    period_end: str


class Score(_Answer):
    """One scored day."""

    score: Shown
    date: str


class Alert(_Answer):
    """One active alert; `created_at` ISO-8601 UTC."""

    id: str
    alert_type: str
    severity: Severity
    title: str
    message: str
    created_at: str


class Recommendation(_Answer):
    """One lever that saves money; the saving is USD a month."""

    id: str
    lever: str
    title: str
    message: str
    estimated_saving_usd: Shown | None = None
    basis: Literal["measured", "estimated", "unknown"]
    effort: Literal["config", "workflow", "automatic"]


class Dashboard(_Answer):
    """`GET /api/finops/dashboard`."""

    customer: Customer
    summary: Summary
    efficiency: Score | None
    alerts: list[Alert]
    recommendations: list[Recommendation]


class Efficiency(_Answer):
    """`GET /api/finops/efficiency-score`; `trend` oldest first."""

    current: Score | None
    trend: list[Score]


class Span(_Answer):
    """Inclusive calendar days."""

    start: str
    end: str
    days: int


class Landed(_Answer):
    """One report that the server holds for a day."""

    report_id: str
    reporter: str
    content_hash: str


class TrendDay(_Answer):
    """One day of `cost-trends`; `reports` only from servers that replace."""

    date: str
    total_cost: Shown
    total_tokens: Count
    total_requests: Count
    cost_by_model: Breakdown = None
    cost_by_action: Breakdown = None
    waste_categories: Breakdown = None
    reports: list[Landed] | None = None


class CostTrends(_Answer):
    """`GET /api/finops/cost-trends`; `data` oldest first."""

    period: Span
    data: list[TrendDay]


class Alerts(_Answer):
    """`GET /api/finops/alerts`."""

    alerts: list[Alert]
