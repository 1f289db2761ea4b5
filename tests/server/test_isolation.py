"""No endpoint gives one account anything of another, whatever ids and keys it is asked with."""

from __future__ import annotations

import json
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finops_pack.server import accounts
from tests.server.conftest import PASSWORD

MARK = "SECRET-OF-THE-OTHER"


def furnish(site, email, mark, cost):
    """An account whose every datum carries `mark`; everything an attacker might name."""
    account = site.account(email, f"{mark} Ltd")
    accounts.set_budget(site.db, account.id, cost, 80, f"{mark} Ltd")
    key, key_id = accounts.register_key(site.db, account.id, mark, "write")
    report = site.report(
        key,
        total_cost=cost,
        cost_by_model={f"{mark}-model": cost},
        efficiency_score=50,
        metadata={"reporter": f"{mark}-reporter"},
    )
    alerts = site.ask(key, "GET", "/alerts").json()["alerts"]
    token, _ = accounts.open_session(site.db, account)
    call = {"type": "call", "id": f"{mark}-call", "start_us": 10**15, "model": f"{mark}-model",
            "task": f"{mark}-task", "session": f"{mark}-session"}  # fmt: skip
    lines = {"Content-Type": "application/x-ndjson"}
    site.ask(key, "POST", "/calls", content=json.dumps(call), headers=lines)
    document = {"kind": "budget", "key": mark, "body": {"usd": mark}}
    site.ask(key, "POST", "/ledger/write/put", json=document)
    ids = {account.id, key_id, report["report_id"], *(alert["id"] for alert in alerts)}
    return {"account": account, "key": key, "key_id": key_id, "token": token, "ids": ids}


def snapshot(site, victim):
    paths = ("/dashboard?period=90d", "/cost-trends?period=90d", "/alerts", "/keys", "/budget")
    answers = {path: site.ask(victim["key"], "GET", path).json() for path in paths}
    for key in answers["/keys"]["keys"]:
        key.pop("last_used_at")
    for question in ("about", "totals", "tasks"):
        asked = site.ask(victim["key"], "POST", f"/ledger/read/{question}")
        answers[question] = asked.json()
    budgets = {"kind": "budget"}
    answers["documents"] = site.ask(
        victim["key"], "POST", "/ledger/read/documents", json=budgets
    ).json()
    answers["calls"] = site.ask(victim["key"], "GET", "/calls").text
    return answers


def calls(site):
    """Every (method, path) that the OpenAPI document knows."""
    for path, methods in site.client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            choices = [p["schema"].get("enum") for p in operation.get("parameters", ())]
            for question in next(filter(None, choices), [""]) if "{question}" in path else [""]:
                yield method.upper(), path.replace("{question}", question)


def test_every_endpoint_keeps_accounts_apart(site):
    victim = furnish(site, "victim@acme.test", MARK, 777)
    thief = furnish(site, "thief@acme.test", "mine", 1)
    before = snapshot(site, victim)
    walked = list(calls(site))
    assert len(walked) >= 30
    bodies = [
        {"date": "2026-02-28", "total_tokens": 1, "total_cost": 5, "total_requests": 1,
         "metadata": {"reporter": f"{MARK}-reporter"}, "account_id": victim["account"].id},
        {"monthly_budget": 1, "account_id": victim["account"].id, "customer_id": "x"},
        {"name": "n", "scope": "write", "account_id": victim["account"].id},
        {"email": "victim@acme.test", "password": "wrong password"},
    ]  # fmt: skip
    bodies += [
        {"kind": "budget", "key": MARK, "id": f"{MARK}-call", "sessions": [f"{MARK}-session"],
         "where": {"task": f"{MARK}-task"}, "by": "task", "account": victim["account"].id},
        {"kind": "budget", "key": MARK, "before": {"usd": MARK}, "after": {}, "body": {}},
        {"call_id": f"{MARK}-call", "pico": 1, "spool": MARK, "id": f"{MARK}-task"},
    ]  # fmt: skip
    identifiers = sorted({*victim["ids"], "default", f"{MARK}-reporter", victim["key"]})

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        call=st.sampled_from(walked),
        credential=st.sampled_from(["key", "token"]),
        identifier=st.sampled_from(identifiers),
        body=st.sampled_from(bodies),
        name=st.sampled_from(["account", "account_id", "customer", "key_id", "period"]),
    )
    def walk(call, credential, identifier, body, name):
        method, path = call
        answer = site.client.request(
            method,
            path.replace("{key_id}", identifier),
            params={name: identifier},
            headers={
                "Authorization": f"Bearer {thief[credential]}",
                "X-Account-Id": victim["account"].id,
            },
            json=None if method == "GET" else body,
        )
        # The thief may use such names itself, in its own account.
        said = answer.text.replace(f"{MARK}-reporter", "").replace(f'"{MARK}"', "")
        assert MARK not in said
        assert not any(identifier in said for identifier in victim["ids"])
        assert not re.search(r"\b777\b", said) or method != "GET"  # but for random ids

    walk()
    assert snapshot(site, victim) == before


def test_pages_keep_accounts_apart(site):
    victim = furnish(site, "victim@acme.test", MARK, 777)
    thief = furnish(site, "thief@acme.test", "mine", 1)
    site.client.cookies.set("finops_session", thief["token"])
    for path in ("/", "/costs", "/levers", "/alerts", "/keys", "/settings", "/start"):
        page = site.client.get(path, params={"account": victim["account"].id})
        assert page.status_code == 200
        assert MARK not in page.text
        assert not any(identifier in page.text for identifier in victim["ids"])


def test_a_key_of_another_account_cannot_be_revoked(site):
    victim = furnish(site, "victim@acme.test", MARK, 777)
    thief = furnish(site, "thief@acme.test", "mine", 1)
    refused = site.ask(thief["key"], "DELETE", f"/keys/{victim['key_id']}")
    assert refused.status_code == 404
    assert json.loads(refused.text)["error"]["code"] == "not_found"
    assert site.ask(victim["key"], "GET", "/alerts").status_code == 200


def test_the_same_report_of_two_accounts_is_two_reports(site):
    one = furnish(site, "one@acme.test", "one", 1)
    two = furnish(site, "two@acme.test", "two", 2)
    ids = {site.report(who["key"])["report_id"] for who in (one, two)}
    assert len(ids) == 2
    assert PASSWORD not in str(site.db.read("SELECT * FROM account"))
