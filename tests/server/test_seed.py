"""The examples of the public documentation answer as documented, field by field."""

from __future__ import annotations

import json
import re
import subprocess

from finops_pack.server import accounts

SEED = {
    "date": "2026-02-28",
    "total_tokens": 1842000,
    "total_cost": 14.73,
    "total_requests": 312,
    "cost_by_model": {
        "gpt-4o": 9.20,
        "claude-sonnet-4-20250514": 4.18,
        "text-embedding-3-small": 1.35,
    },
    "cost_by_action": {
        "code_generation": 6.50,
        "document_analysis": 4.10,
        "chat_response": 2.80,
        "embeddings": 1.33,
    },
    "waste_categories": {"retries": 1.20, "unused_context": 0.85, "hallucination_recovery": 0.40},
    "efficiency_score": 78,
    "metadata": {"agent_version": "1.4.2", "environment": "production"},
}

CURL = """\
curl -X POST https://goldtaler.at/api/finops/daily-report \\
-H "Authorization: Bearer finops_your_api_key" \\
-H "Content-Type: application/json" \\
-d '{
"date": "2026-02-28",
"total_tokens": 1842000,
"total_cost": 14.73,
"total_requests": 312
}'
"""


def test_the_documented_report_is_saved_as_documented(site, key):
    answer = site.report(key, **SEED)
    assert set(answer) == {"ok", "report_id", "message"}
    assert answer["ok"] is True
    assert re.fullmatch(r"rpt_[0-9a-f]+", answer["report_id"])
    assert answer["message"] == "Daily report saved"


def test_dashboard(site):
    account = site.account()
    accounts.set_budget(site.db, account.id, 500, 80, "Acme AI")
    key = site.key(account)
    site.report(key, **SEED)
    assert site.ask(key, "GET", "/dashboard?period=30d").json() == {
        "customer": {
            "id": account.id,
            "company_name": "Acme AI",
            "monthly_budget": 500,
            "alert_threshold_pct": 80,
        },
        "summary": {
            "total_cost": 14.73,
            "total_tokens": 1842000,
            "total_requests": 312,
            "avg_efficiency": 78,
            "report_count": 1,
            "period_start": "2026-01-30",
            "period_end": "2026-02-28",
        },
        "efficiency": {"score": 78, "date": "2026-02-28"},
        "alerts": [],
        "recommendations": [],
    }


def test_efficiency_score(site, key):
    for day, score in (("26", 74), ("27", 76), ("28", 78)):
        site.report(key, **{**SEED, "date": f"2026-02-{day}", "efficiency_score": score})
    assert site.ask(key, "GET", "/efficiency-score").json() == {
        "current": {"score": 78, "date": "2026-02-28"},
        "trend": [
            {"date": "2026-02-26", "score": 74},
            {"date": "2026-02-27", "score": 76},
            {"date": "2026-02-28", "score": 78},
        ],
    }


def test_cost_trends(site, key):
    saved = site.report(key, **SEED)
    answer = site.ask(key, "GET", "/cost-trends?period=30d").json()
    assert answer["period"] == {"start": "2026-01-30", "end": "2026-02-28", "days": 30}
    (row,) = answer["data"]
    (held,) = row.pop("reports")
    assert row == {
        name: SEED[name]
        for name in (
            "date",
            "total_cost",
            "total_tokens",
            "total_requests",
            "cost_by_model",
            "cost_by_action",
            "waste_categories",
        )
    }
    assert (held["report_id"], held["reporter"]) == (saved["report_id"], "default")


def test_the_budget_alert_has_the_documented_words(site):
    account = site.account()
    accounts.set_budget(site.db, account.id, 500, 80, "Acme AI")
    key = site.key(account)
    site.report(key, date="2026-02-27", total_cost=400)
    (alert,) = site.ask(key, "GET", "/alerts").json()["alerts"]
    assert re.fullmatch(r"alt_[0-9a-f]+", alert.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", alert.pop("created_at"))
    assert alert == {
        "alert_type": "budget_warning",
        "severity": "high",
        "title": "Monthly budget 80% consumed",
        "message": "You have used $400 of your $500 monthly budget.",
    }


def test_the_documented_curl_works_by_copy_and_paste(live):
    command = CURL.replace("https://goldtaler.at", live.url)
    command = command.replace("finops_your_api_key", live.key)
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20)
    assert json.loads(done.stdout)["message"] == "Daily report saved", done.stderr
