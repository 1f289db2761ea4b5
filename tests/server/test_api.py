"""The REST API: who may, what is refused and how, and that what was sent is what is told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from starlette.testclient import TestClient

from finops_pack.report import exact
from finops_pack.server import accounts, reports
from finops_pack.server.http import MAX_BODY
from finops_pack.server.stores import Busy
from tests.server.conftest import PASSWORD

GOOD = {"date": "2026-02-28", "total_tokens": 1, "total_cost": 1, "total_requests": 1}


def fault(answer):
    body = answer.json()
    assert body["ok"] is False
    assert set(body["error"]) <= {"code", "message", "field"}
    return answer.status_code, body["error"]["code"], body["error"].get("field")


class TestKeys:
    def test_login_register_and_report(self, site):
        site.account()
        session = site.client.post(
            "/api/finops/login", json={"email": "ME@acme.test ", "password": PASSWORD}
        ).json()
        assert session["ok"] is True
        assert session["token"].startswith("fs_")
        made = site.ask(session["token"], "POST", "/register", json={"name": "laptop"})
        assert made.status_code == 201
        assert set(made.json()) == {"ok", "api_key", "key_id", "message"}
        key = made.json()["api_key"]
        assert key.startswith("finops_")
        assert len(key) >= len("finops_") + 32
        assert site.report(key)["ok"] is True
        (listed,) = site.ask(key, "GET", "/keys").json()["keys"]
        assert (listed["name"], listed["scope"]) == ("laptop", "write")
        assert listed["last_used_at"] is not None
        assert key not in str(site.db.read("SELECT * FROM api_key"))

    def test_register_needs_no_body(self, site):
        token, _ = accounts.open_session(site.db, site.account())
        assert site.ask(token, "POST", "/register").status_code == 201

    @pytest.mark.parametrize(
        "header",
        [None, "", "Bearer", "Bearer finops_wrong", "Basic YTpi", "Bearer fs_x", "Bearer é"],
    )
    def test_every_bad_credential_is_answered_alike(self, site, key, header):
        headers = {} if header is None else {"Authorization": header.encode()}
        answers = site.client.get("/api/finops/alerts", headers=headers)
        plain = site.client.get("/api/finops/alerts")
        assert answers.status_code == 401
        assert answers.json() == plain.json()
        assert answers.headers["www-authenticate"] == "Bearer"

    def test_a_session_is_no_key_and_a_key_no_session(self, site, key):
        token, _ = accounts.open_session(site.db, site.account("b@acme.test"))
        assert site.ask(token, "GET", "/alerts").status_code == 401
        assert site.ask(key, "POST", "/register").status_code == 401

    def test_a_revoked_key_is_dead_at_once(self, site):
        account = site.account()
        mine, other = site.key(account), site.key(account)
        ids = {k["key_id"] for k in site.ask(mine, "GET", "/keys").json()["keys"]}
        (used,) = (k["key_id"] for k in accounts.keys(site.db, account.id) if k["last_used_at"])
        (target,) = ids - {used}
        assert site.ask(other, "GET", "/alerts").status_code == 200
        assert site.ask(mine, "DELETE", f"/keys/{target}").json() == {"ok": True}
        assert site.ask(other, "GET", "/alerts").status_code == 401
        assert fault(site.ask(mine, "DELETE", f"/keys/{target}")) == (404, "not_found", None)

    def test_a_read_key_reads_only(self, site):
        reader = site.key(site.account(), "read")
        assert site.ask(reader, "GET", "/dashboard").status_code == 200
        for method, path in (("POST", "/daily-report"), ("PUT", "/budget"), ("DELETE", "/keys/x")):
            assert fault(site.ask(reader, method, path))[:2] == (403, "forbidden")

    def test_an_expired_session_is_over(self, site):
        token, _ = accounts.open_session(site.db, site.account(), -timedelta(seconds=1))
        assert site.ask(token, "POST", "/register").status_code == 401


class TestRefusals:
    def test_order_of_checks(self, site, key):
        large = b"x" * (MAX_BODY + 1)
        text = {"Content-Type": "text/plain"}
        as_json = {"Content-Type": "application/json"}
        post = ("POST", "/daily-report")
        assert site.ask("finops_no", *post, content=large).status_code == 401
        assert fault(site.ask(key, *post, content=large, headers=text))[0] == 413
        assert fault(site.ask(key, *post, content=b"{", headers=text))[0] == 415
        assert fault(site.ask(key, *post, content=b"{", headers=as_json))[0] == 400
        assert fault(site.ask(key, *post, content=b"[]", headers=as_json))[0] == 422

    def test_a_chunked_body_is_limited_too(self, site, key):
        def chunks():
            for _ in range(20):
                yield b" " * 100_000

        headers = {"Content-Type": "application/json"}
        answer = site.ask(key, "POST", "/daily-report", content=chunks(), headers=headers)
        assert fault(answer)[:2] == (413, "too_large")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"total_cost": "abc"}, "total_cost"),
            ({"total_cost": -1}, "total_cost"),
            ({"total_cost": True}, "total_cost"),
            ({"total_tokens": 1.5}, "total_tokens"),
            ({"date": "2026-13-01"}, "date"),
            ({"date": "2026-03-02"}, "date"),
            ({"efficiency_score": 101}, "efficiency_score"),
            ({"cost_by_model": {"gpt-4o": "1"}}, "cost_by_model"),
            ({"metadata": []}, "metadata"),
            ({"metadata": {"reporter": "r" * 201}}, "metadata"),
            ({"metadata": {"period": "p" * 65}}, "metadata"),
        ],
    )
    def test_a_bad_field_is_named(self, site, key, change, field):
        answer = site.ask(key, "POST", "/daily-report", json={**GOOD, **change})
        assert fault(answer) == (422, "invalid_report", field)

    @pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
    def test_no_number_that_is_none(self, site, key, value):
        body = f'{{"date":"2026-02-28","total_tokens":1,"total_cost":{value},"total_requests":1}}'
        headers = {"Content-Type": "application/json"}
        answer = site.ask(key, "POST", "/daily-report", content=body, headers=headers)
        assert fault(answer) == (422, "invalid_report", "total_cost")

    @pytest.mark.parametrize(
        "text",
        [b"\xff", b"", b"nul", b'{"date"', b"[" * 100_000],
    )
    def test_what_is_not_json(self, site, key, text):
        headers = {"Content-Type": "application/json; charset=utf-8"}
        answer = site.ask(key, "POST", "/daily-report", content=text, headers=headers)
        assert fault(answer)[:2] == (400, "not_json")

    @pytest.mark.parametrize("number", ["9" * 5000, "9" * 310, "1e" + "9" * 20, "1e-99"])
    @pytest.mark.parametrize("field", ["total_cost", "total_tokens", "metadata", "team"])
    def test_a_number_out_of_all_bounds_is_refused_by_field(self, site, key, number, field):
        value = f'{{"x": {number}}}' if field == "metadata" else number
        rest = {name: value for name, value in GOOD.items() if name != field}
        body = f'{{"{field}": {value}, {exact.dumps(rest)[1:]}'
        headers = {"Content-Type": "application/json"}
        answer = site.ask(key, "POST", "/daily-report", content=body, headers=headers)
        assert fault(answer) == (422, "invalid_report", field)
        assert "int_max_str" not in answer.text

    def test_a_large_number_of_metadata_is_kept(self, site, key):
        longest = int("9" * 309)
        site.report(key, metadata={"x": 1e100, "y": longest})
        (row,) = site.db.read("SELECT body FROM report")
        assert exact.loads(row["body"])["metadata"] == {"x": 10**100, "y": longest}

    def test_a_period_of_another_length(self, site, key):
        for path in ("/dashboard", "/cost-trends"):
            assert fault(site.ask(key, "GET", f"{path}?period=1d")) == (
                422,
                "invalid_request",
                "period",
            )

    def test_no_such_path_and_no_such_method(self, site):
        for path in ("/nothing", "/alerts/"):
            answer = site.client.get(f"/api/finops{path}", follow_redirects=False)
            assert fault(answer)[:2] == (404, "not_found")
        answer = site.client.put("/api/finops/daily-report")
        assert fault(answer)[:2] == (405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"

    def test_text_that_no_store_could_hold(self, site, key):
        headers = {"Content-Type": "application/json"}
        for path in ("/login", "/budget"):
            method = "PUT" if path == "/budget" else "POST"
            for bad in (r"\u0000", r"\ud800"):
                body = f'{{"email":"{bad}","password":"{bad}","company_name":"{bad}"}}'
                answer = site.ask(key, method, path, content=body, headers=headers)
                assert answer.status_code in (401, 422), answer.text
        assert site.ask(key, "DELETE", "/keys/%00").status_code == 404


class TestReports:
    def test_sent_again_it_replaces_and_keeps_its_id(self, site, key):
        first = site.report(key, total_cost=1)
        again = site.report(key, total_cost=1)
        corrected = site.report(key, total_cost=2)
        assert first["report_id"] == again["report_id"] == corrected["report_id"]
        messages = [answer["message"] for answer in (first, again, corrected)]
        assert messages == ["Daily report saved"] * 2 + ["Daily report replaced"]
        (row,) = site.ask(key, "GET", "/cost-trends").json()["data"]
        assert row["total_cost"] == 2

    def test_reporters_and_periods_add_up(self, site, key):
        site.report(key, metadata={"reporter": "a"}, cost_by_model={"m": 4}, efficiency_score=90)
        site.report(
            key,
            total_cost=30,
            metadata={"reporter": "b"},
            cost_by_model={"m": 1, "n": 2},
            efficiency_score=50,
        )
        site.report(key, total_cost=5, metadata={"reporter": "b", "period": "night"})
        (row,) = site.ask(key, "GET", "/cost-trends").json()["data"]
        assert (row["total_cost"], row["total_requests"]) == (45, 30)
        assert row["cost_by_model"] == {"m": 5, "n": 2}
        assert [r["reporter"] for r in row["reports"]] == ["a", "b", "b"]
        assert len({r["report_id"] for r in row["reports"]}) == 3
        current = site.ask(key, "GET", "/efficiency-score").json()["current"]
        assert current["score"] == 60  # (90 × 10 + 50 × 30) ÷ 40: the third has no score

    def test_odd_reports_are_kept_and_flagged(self, site, key):
        answer = site.report(key, cost_by_model={"m": 3}, colour="green")
        assert len(answer["warnings"]) == 2
        assert any("colour" in warning for warning in answer["warnings"])
        assert any("cost_by_model" in warning for warning in answer["warnings"])

    def test_amounts_are_exact_to_the_last_digit(self, site, key):
        cost = "123456789.123456789012345678901234567890"
        body = (
            f'{{"date":"2026-02-28","total_tokens":3.0,"total_cost":{cost},"total_requests":1,'
            f'"cost_by_model":{{"m":{cost}}}}}'
        )
        headers = {"Content-Type": "application/json"}
        for reporter in ("a", "b", "c"):
            text = body[:-1] + f',"metadata":{{"reporter":"{reporter}"}}}}'
            assert site.ask(key, "POST", "/daily-report", content=text, headers=headers).is_success
        answer = exact.loads(site.ask(key, "GET", "/cost-trends").content)
        with_all_digits = Decimal("370370367.37037036703703703670370370367")
        assert answer["data"][0]["total_cost"] == with_all_digits
        assert answer["data"][0]["cost_by_model"]["m"] == with_all_digits

    def test_it_says_that_reports_replace(self, site, key):
        assert site.ask(key, "GET", "/cost-trends").headers["finops-reports"] == "replace"
        assert site.client.get("/healthz").headers.get("finops-reports") is None


class TestAnswers:
    def test_an_account_without_reports(self, site, key):
        dashboard = site.ask(key, "GET", "/dashboard").json()
        assert dashboard["customer"]["monthly_budget"] is None
        assert dashboard["efficiency"] is None
        assert dashboard["summary"]["avg_efficiency"] is None
        assert dashboard["summary"]["total_cost"] == 0
        assert dashboard["alerts"] == dashboard["recommendations"] == []
        empty = {"current": None, "trend": []}
        assert site.ask(key, "GET", "/efficiency-score").json() == empty
        assert site.ask(key, "GET", "/cost-trends").json()["data"] == []

    def test_the_span_of_a_period(self, site, key):
        for day in ("2026-02-21", "2026-02-22", "2026-02-28"):
            site.report(key, day)
        answer = site.ask(key, "GET", "/cost-trends?period=7d").json()
        assert answer["period"] == {"start": "2026-02-22", "end": "2026-02-28", "days": 7}
        assert [row["date"] for row in answer["data"]] == ["2026-02-22", "2026-02-28"]

    def test_a_report_for_tomorrow_ends_the_span(self, site, key):
        site.report(key, "2026-03-01")
        assert site.ask(key, "GET", "/cost-trends").json()["period"]["end"] == "2026-03-01"

    def test_the_newest_score_counts_however_old_it_is(self, site, key):
        site.report(key, "2025-01-01", efficiency_score=70)
        expected = {"score": 70, "date": "2025-01-01"}
        answer = site.ask(key, "GET", "/efficiency-score").json()
        assert answer == {"current": expected, "trend": []}
        assert site.ask(key, "GET", "/dashboard").json()["efficiency"] == expected

    def test_average_weighs_by_cost(self, site, key):
        site.report(key, "2026-02-27", total_cost=30, efficiency_score=80)
        site.report(key, "2026-02-28", total_cost=10, efficiency_score=40)
        summary = site.ask(key, "GET", "/dashboard").json()["summary"]
        assert (summary["avg_efficiency"], summary["report_count"]) == (70, 2)

    @pytest.mark.parametrize("score", [78.25, 0.04, 99.99, 100])
    def test_a_score_reads_as_it_was_sent(self, site, key, score):
        site.report(key, "2026-02-28", efficiency_score=score)
        current = site.ask(key, "GET", "/efficiency-score").json()["current"]
        assert current == {"score": score, "date": "2026-02-28"}
        summary = site.ask(key, "GET", "/dashboard").json()["summary"]
        assert summary["avg_efficiency"] == score

    def test_budget(self, site, key):
        asked = {"monthly_budget": 500.5, "alert_threshold_pct": 70, "company_name": "B"}
        assert site.ask(key, "PUT", "/budget", json=asked).json() == asked
        assert site.ask(key, "GET", "/budget").json() == asked
        kept = {**asked, "monthly_budget": None}
        assert site.ask(key, "PUT", "/budget", json={"monthly_budget": None}).json() == kept

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "monthly_budget"),
            ({"monthly_budget": 0}, "monthly_budget"),
            ({"monthly_budget": "5"}, "monthly_budget"),
            ({"monthly_budget": 5, "alert_threshold_pct": 0}, "alert_threshold_pct"),
            ({"monthly_budget": 5, "alert_threshold_pct": 80.5}, "alert_threshold_pct"),
            ({"monthly_budget": 5, "company_name": ""}, "company_name"),
        ],
    )
    def test_a_bad_budget_is_refused_by_field(self, site, key, body, field):
        assert fault(site.ask(key, "PUT", "/budget", json=body)) == (422, "invalid_request", field)

    def test_health(self, site):
        assert site.client.get("/healthz").json() == {"ok": True}

    def test_head_is_get_without_its_body(self, live):
        headers = {"Authorization": f"Bearer {live.key}"}
        with httpx.Client(base_url=live.url, headers=headers) as client:  # one connection for all
            for path in ("/healthz", "/api/finops/keys", "/login", "/static/app.css", "/nowhere"):
                head, get = client.head(path), client.get(path)
                assert (head.status_code, head.content) == (get.status_code, b"")
                assert head.headers["content-length"] == get.headers["content-length"]
            assert client.head("/api/finops/login").status_code == 405


def test_our_own_fault_tells_nothing_of_what_is_inside(site, key, monkeypatch):
    def broken(*_):
        raise RuntimeError("/secret/path of the database")

    monkeypatch.setattr(reports, "span_end", broken)
    client = TestClient(site.client.app, raise_server_exceptions=False)
    answer = client.get("/api/finops/alerts", headers={"Authorization": f"Bearer {key}"})
    assert fault(answer)[:2] == (500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["Connection"] == "close"
    sound = site.ask(key, "GET", "/keys").headers
    assert sound.keys() <= answer.headers.keys()
    assert (answer.headers["FinOps-Reports"], answer.headers["Cache-Control"]) == (
        "replace", "no-store")  # fmt: skip


@pytest.mark.parametrize("method", ["read", "write"])
def test_a_store_that_is_held_is_worth_another_try(site, key, monkeypatch, method):
    def held(*_):
        raise Busy("server database: locked")

    monkeypatch.setattr(site.db, method, held)
    answer = site.ask(key, "POST", "/daily-report", json=GOOD)
    assert fault(answer)[:2] == (503, "busy")
    assert (answer.headers["Retry-After"], answer.headers["FinOps-Reports"]) == ("1", "replace")
