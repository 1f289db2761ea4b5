"""The pages of an account: sign-in, forms that only our pages can send, nothing from outside."""

from __future__ import annotations

import json
import re

import pytest
from starlette.testclient import TestClient

from finops_pack.server import accounts, pages, throttle
from tests.server.conftest import PASSWORD

PAGES = ("/", "/costs", "/levers", "/alerts", "/keys", "/settings", "/start")


def token_of(page):
    return re.search(r'name="form_token" value="([0-9a-f]{64})"', page.text)[1]


def once_of(page):
    return re.search(r'name="once" value="([0-9a-f]{16})"', page.text)[1]


def sign_in(client, password=PASSWORD, email="me@acme.test"):
    token = token_of(client.get("/login"))
    fields = {"email": email, "password": password, "form_token": token}
    return client.post("/login", data=fields)


@pytest.fixture
def member(site):
    site.account()
    assert sign_in(site.client).url.path in ("/", "/start")
    return site


def reported(site, **fields):
    account = accounts.by_password(site.db, "me@acme.test", PASSWORD)
    return site.report(site.key(account), **fields)


def test_every_page_asks_for_a_sign_in(site):
    for path in PAGES:
        answer = site.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    for path in ("/keys", "/keys/key_1/revoke", "/settings", "/logout"):
        assert site.client.post(path, follow_redirects=False).headers["location"] == "/login"


def test_sign_in_and_out(site):
    site.account()
    wrong = sign_in(site.client, "wrong")
    assert wrong.status_code == 401
    assert "E-mail address or password is wrong." in wrong.text
    assert "Get started" in sign_in(site.client).text
    cookie = site.client.cookies.jar
    (session,) = (c for c in cookie if c.name == "finops_session")
    assert session.has_nonstandard_attr("HttpOnly")
    token = token_of(site.client.get("/keys"))
    site.client.post("/logout", data={"form_token": token})
    site.client.cookies.set("finops_session", session.value)
    assert site.client.get("/keys").url.path == "/login"


def test_a_sign_in_goes_on_to_the_page_that_was_asked_for(site):
    site.account()
    reported(site)
    site.client.get("/costs?period=7d")
    assert sign_in(site.client, "wrong").status_code == 401
    page = sign_in(site.client)
    assert str(page.url).endswith("/costs?period=7d")
    assert "finops_wanted" not in site.client.cookies


@pytest.mark.parametrize("page", ["//evil.test", "https://evil.test", "/login@evil.test", "/a\\b"])
def test_a_sign_in_goes_to_no_other_host(site, page):
    site.account()
    site.client.cookies.set("finops_wanted", page)
    assert sign_in(site.client).url.path == "/start"


def test_no_page_that_is_none_of_ours_is_remembered(site):
    for query in ("period=" + "9" * 5000, "a=%22"):  # a proxy refuses heads of some thousand bytes
        answer = site.client.get(f"/costs?{query}", follow_redirects=False)
        assert "set-cookie" not in answer.headers


def test_the_session_cookie_is_secure_behind_tls(site):
    site.account()
    client = TestClient(site.client.app, base_url="https://finops.test")
    token = token_of(client.get("/login"))
    fields = {"email": "me@acme.test", "password": PASSWORD, "form_token": token}
    answer = client.post("/login", data=fields, follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("secure", "httponly", "samesite=lax"))
    assert "max-age" in answer.headers["strict-transport-security"]


def test_sign_in_is_throttled(site):
    site.account()
    for _ in range(throttle.TRIES_PER_PAIR):
        sign_in(site.client, "wrong")
    refused = sign_in(site.client)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


@pytest.mark.parametrize("token", [None, "", "0" * 64, "é"])
def test_a_form_of_another_site_is_refused(member, token):
    fields = {"name": "x", **({} if token is None else {"form_token": token})}
    for path in ("/keys", "/settings", "/logout", "/keys/key_1/revoke"):
        answer = member.client.post(path, data=fields)
        assert answer.status_code == 403
        assert "load the page again" in answer.text
    account = accounts.by_password(member.db, "me@acme.test", PASSWORD)
    assert accounts.keys(member.db, account.id) == []


def test_the_token_of_another_session_is_refused(member):
    other = TestClient(member.client.app)
    sign_in(other)
    stolen = token_of(other.get("/keys"))
    answer = member.client.post("/keys", data={"name": "x", "form_token": stolen})
    assert answer.status_code == 403


def test_a_sign_in_form_of_another_site_is_refused(site):
    site.account()
    fields = {"email": "me@acme.test", "password": PASSWORD, "form_token": "0" * 64}
    assert site.client.post("/login", data=fields).status_code == 403


def test_a_key_is_shown_once_and_can_be_revoked(member):
    token = token_of(member.client.get("/keys"))
    made = member.client.post("/keys", data={"name": "laptop", "form_token": token})
    key = re.search(r"finops_[\w-]{43}", made.text)[0]
    assert member.ask(key, "GET", "/alerts").status_code == 200
    page = member.client.get("/keys")
    assert key not in page.text
    moments = re.findall(r"<time [^>]*>\d+ \w{3} \d{4}, \d\d:\d\d UTC</time>", page.text)
    assert len(moments) >= 2  # registered and last used
    key_id = re.search(r"key_[0-9a-f]{16}", page.text)[0]
    member.client.post(f"/keys/{key_id}/revoke", data={"form_token": token})
    assert member.ask(key, "GET", "/alerts").status_code == 401


@pytest.mark.parametrize("name", [" ", "x" * 201])
def test_a_key_needs_a_name(member, name):
    token = token_of(member.client.get("/keys?lang=de"))
    refused = member.client.post("/keys", data={"name": name, "form_token": token})
    assert refused.status_code == 422
    assert "Der Schlüssel braucht einen Namen von höchstens 200 Zeichen." in refused.text
    assert "finops_" not in refused.text


def test_the_form_of_a_key_makes_one_however_often_it_is_sent(member):
    page = member.client.get("/keys")
    fields = {"name": "laptop", "form_token": token_of(page), "once": once_of(page)}
    made = member.client.post("/keys", data=fields)
    again = member.client.post("/keys", data=fields)  # as a browser does when the page is loaded
    assert "finops_" in made.text
    assert again.status_code == 409
    assert pages.SENT in again.text  # a double click shows this answer, not the one with the key
    assert "finops_" not in again.text
    assert again.text.count('<code class="hint">key_') == 1
    fields["once"] = once_of(again)
    assert "finops_" in member.client.post("/keys", data=fields).text


def test_the_form_of_one_account_says_nothing_of_anothers_keys(member):
    member.account("you@acme.test")
    other = TestClient(member.client.app)
    sign_in(other, email="you@acme.test")
    page = other.get("/keys")
    fields = {"name": "a", "form_token": token_of(page), "once": once_of(page)}
    listed = other.post("/keys", data=fields).text
    taken = re.search(r'<code class="hint">key_([0-9a-f]{16})', listed)[1]
    token = token_of(member.client.get("/keys"))
    for once in (fields["once"], taken):
        mine = {"name": "b", "form_token": token, "once": once}
        assert "finops_" in member.client.post("/keys", data=mine).text


def test_settings_are_kept_and_checked(member):
    token = token_of(member.client.get("/settings"))
    fields = {"company_name": "Neu", "monthly_budget": "1234,50", "alert_threshold_pct": "70"}
    saved = member.client.post("/settings", data={**fields, "form_token": token})
    assert "Saved." in saved.text
    account = accounts.by_password(member.db, "me@acme.test", PASSWORD)
    assert (account.company_name, str(account.monthly_budget)) == ("Neu", "1234.5")
    for bad in ({"monthly_budget": "-3"}, {"monthly_budget": "much"}, {"alert_threshold_pct": "0"}):
        answer = member.client.post("/settings", data={**fields, **bad, "form_token": token})
        assert answer.status_code == 422
        assert pages.PROBLEMS[next(iter(bad))] in answer.text


@pytest.mark.parametrize("budget", ["1,000", "1.000", "1,234,567", "1,234.50"])
def test_a_grouped_amount_is_asked_again(member, budget):
    token = token_of(member.client.get("/settings"))
    fields = {"company_name": "Neu", "monthly_budget": budget, "alert_threshold_pct": "70"}
    answer = member.client.post("/settings", data={**fields, "form_token": token},
                                headers={"Accept-Language": "de"})  # fmt: skip
    assert "ohne Tausenderpunkte" in answer.text
    assert f'value="{budget}"' in answer.text
    account = accounts.by_password(member.db, "me@acme.test", PASSWORD)
    assert account.monthly_budget is None


def test_what_reports_hold_cannot_become_markup(member):
    evil = "</script><img src=x onerror=alert(1)>"
    reported(
        member,
        cost_by_model={evil: 10},
        cost_by_action={evil: 10},
        waste_categories={evil: 1},
        metadata={
            "reporter": evil,
            "coverage": {"unpriced_models": [evil], "priced_requests": 1, "estimated_requests": 0},
            "cache": {"cold_calls": {evil: 3}, "hit_rate": 0.5},
        },
    )
    for path in PAGES:
        page = member.client.get(path).text
        assert "<img src=x" not in page
        assert page.count("</script>") == page.count("<script")


def test_headers_keep_the_pages_to_themselves(member):
    reported(member)
    for path in PAGES:
        headers = member.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_nothing_is_loaded_from_elsewhere(member):
    reported(member)
    for path in PAGES:
        page = member.client.get(path).text
        loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', page)
        assert loaded
        assert all(address.startswith("/static/") for address in loaded)
        assert " style=" not in page
        assert "<style" not in page
        for address in loaded:
            assert member.client.get(address).status_code == 200
    assert member.client.get("/static/..%2Fapp.py").status_code == 404


def test_languages(member):
    reported(member, total_cost=1234.5)
    german = member.client.get("/", headers={"Accept-Language": "de-AT,en;q=0.5"}).text
    assert '<html lang="de">' in german
    assert "Kosten" in german
    assert "Optimierungen" in german
    assert "1.234,50\u00a0$" in german
    english = member.client.get("/?lang=en", headers={"Accept-Language": "de"}).text
    assert "$1,234.50" in english
    kept = member.client.get("/", headers={"Accept-Language": "de"}).text
    assert '<html lang="en">' in kept


def test_figures_of_an_account(member):
    account = accounts.by_password(member.db, "me@acme.test", PASSWORD)
    accounts.set_budget(member.db, account.id, 500, 80, "Acme AI")
    coverage = {"priced_requests": 9, "estimated_requests": 1, "unpriced_models": ["my-llama"]}
    cache = {"write_share_usd": 0.5, "hit_rate": 0.25, "cold_calls": {"ttl_expired": 3}}
    reported(
        member,
        total_cost=400,
        waste_categories={"retries": 40},
        efficiency_score=90,
        metadata={"coverage": coverage, "cache": cache},
    )
    overview = member.client.get("/").text
    for shown in ("$400.00", "of $500.00", "80% used", "90.0%", "my-llama", "10.0% estimated"):
        assert shown in overview
    costs = member.client.get("/costs").text
    for shown in ("50.0%", "above 30%", "25%", "Cache expired"):
        assert shown in costs
    assert "Lower the share of cache writes" in member.client.get("/levers").text
    assert "You have used $400 of your $500 monthly budget." in member.client.get("/alerts").text


def test_a_report_of_calls_without_a_price_says_so(member):
    coverage = {"priced_requests": 0, "unpriced_requests": 9, "unpriced_models": ["my-llama"]}
    reported(member, total_cost=0, total_requests=9, cost_by_model={}, cost_by_action={},
             waste_categories={}, metadata={"coverage": coverage})  # fmt: skip
    for path in ("/", "/costs"):
        page = re.sub(r"\s+", " ", member.client.get(path).text)
        assert '<th scope="row">my-llama</th> <td class="amount">unpriced</td>' in page
        assert not re.search(r">\s*\$0", page), path


def test_a_name_of_the_users_own_is_not_translated(member):
    names = {"first": 5, "retries": 4, "useful": 3, "model": 2, "(withheld)": 1}
    reported(member, cost_by_action=names, waste_categories={"retries": 1})
    page = member.client.get("/", headers={"Accept-Language": "de"}).text
    shown = re.findall(r'<th scope="row">([^<]+)</th>', page)
    said = ["first", "retries", "useful", "model", "(nicht genannt)"]
    assert shown[-5:] == said
    assert "Neuversuche" in shown
    chart = json.loads(re.search(r'id="chart-data">(.*?)</script>', page)[1])
    assert list(chart["splits"]["action"]) == said
    assert list(chart["splits"]["waste"]) == ["nützlich", "verschwendet"]


def test_first_use_gives_the_one_line_and_the_curl(member):
    page = member.client.get("/")
    assert page.url.path == "/start"
    assert "import finops_pack.auto" in page.text
    assert "curl -X POST http://testserver/api/finops/daily-report" in page.text


def test_a_page_that_is_not_there(site):
    missing = site.client.get("/nothing")
    assert missing.status_code == 404
    assert "That page does not exist." in missing.text
