"""Our client against our server: what was sent is what is shown, corrections included."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from finops_pack.report.client import Client
from finops_pack.report.connect import register
from finops_pack.report.keys import Secret, Target
from finops_pack.report.reports import open_reports


def ago(days: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=days)).isoformat()


def test_what_is_sent_is_shown_and_corrected(
    our_server: tuple[str, str, str], book: Callable[..., None], ledger_url: str
) -> None:
    url, email, password = our_server
    target = Target(url, register(url, email, Secret(password)), "test")
    book({ago(11): 2, ago(12): 3})
    with open_reports(ledger_url, target=target) as reports:
        assert [row["date"] for row in reports.send().sent] == [ago(12), ago(11)]
    book({ago(11): 4})
    with open_reports(ledger_url, target=target) as reports:
        assert [row["date"] for row in reports.send().sent] == [ago(11)]
        assert reports.send().complete
        expected = [reports.of(day) for day in (ago(12), ago(11))]
    with Client(url, target.key) as client:
        reply = client.trends()
    assert reply.replaces
    shown = reply.body["data"]
    for row, report in zip(shown, expected, strict=True):
        told = report.body()
        names = ("date", "total_cost", "total_requests", "total_tokens", "cost_by_model")
        assert {n: row[n] for n in names} == {n: told[n] for n in names}
        assert row["reports"][0]["reporter"] == report.reporter
        assert row["reports"][0]["content_hash"] == report.content_hash


def test_a_revoked_key_is_said_and_nothing_is_lost(
    our_server: tuple[str, str, str], book: Callable[..., None], ledger_url: str
) -> None:
    url, email, password = our_server
    unknown = Target(url, Secret("finops_" + "x" * 40), "test")
    book({ago(1): 2})
    with open_reports(ledger_url, target=unknown) as reports:
        failed = reports.send().failed
    assert (failed[0]["status"], failed[0]["mend"]) == (
        401,
        "store a key that is valid: finops connect",
    )
    fresh = Target(url, register(url, email, Secret(password)), "test")
    with open_reports(ledger_url, target=fresh) as reports:
        assert [row["date"] for row in reports.send().sent] == [ago(1)]


def test_a_key_that_may_only_read_is_refused_for_good(
    our_server: tuple[str, str, str], book: Callable[..., None], ledger_url: str
) -> None:
    url, email, password = our_server
    with Client(url, None) as client:
        token = client.login(email, Secret(password)).body["token"]
    with Client(url, Secret(token)) as client:
        made = client._ask("POST", "/register", '{"name":"reader","scope":"read"}')
    book({ago(1): 2})
    target = Target(url, Secret(made.body["api_key"]), "test")
    with open_reports(ledger_url, target=target) as reports:
        failed = reports.send().failed
    assert failed[0]["status"] == 403
    assert "finops connect" in failed[0]["mend"]
