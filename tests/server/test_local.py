"""The dashboard of this machine's ledger: the same pages, without an account, on loopback."""

from __future__ import annotations

import re
import time

import pytest
from starlette.testclient import TestClient

from finops_pack.cli import main
from finops_pack.ledger import open_ledger
from finops_pack.model import Call
from finops_pack.query import Reader
from finops_pack.server import chrome, machine, render, tasks
from finops_pack.server.local import create_local

HOUR = 3_600_000_000
PICO = 10**12


def call(number, **fields):
    """A call of today, of an hour ago or so, of 10 cents."""
    now = time.time_ns() // 1000
    midnight = now - now % (24 * HOUR)
    return {
        "type": "call",
        "id": f"c{number}",
        "start_us": max(now - HOUR, midnight) + number * 1000,
        "model": "gpt-4o",
        "provider": "openai",
        "task": "ticket/1",
        "action": "plan",
        "input_tokens": 1000,
        "output_tokens": 100,
        "duration_ms": 1500,
        "cost_pico": PICO // 10,
        "cost_state": "priced",
        "billing_mode": "metered",
        **fields,
    }


@pytest.fixture
def ledger(tmp_path):
    made = open_ledger(str(tmp_path / "ledger.db"))
    yield made
    made.close()


@pytest.fixture
def client(ledger):
    return TestClient(create_local(ledger.url), base_url="http://localhost")


@pytest.fixture
def furnished(ledger):
    """Thirty calls in two tasks, one with a tree, one call without a price."""
    ledger.book(
        [
            call(0),
            call(1, parent="c0", action="search", tool_calls=[{"name": "grep"}]),
            call(2, parent="c1", action="read", status="error", error_type="Timeout", attempts=3),
            call(3, action="<b>evil</b>", cost_state="unpriced", cost_pico=None, model="my-llama"),
            *(call(n, task=f"t{n}") for n in range(4, 30)),
        ]
    )
    ledger.put("budget", "month:everything", {"limit_usd": "100", "window": "month"})
    return ledger


PAGES = ("/", "/costs", "/levers", "/alerts", "/tasks")


def test_figures(furnished, client):
    for path in PAGES:
        for language in ("en", "de"):
            page = client.get(path, headers={"Accept-Language": language})
            assert page.status_code == 200
            assert f'<html lang="{language}">' in page.text
    page = client.get("/").text
    for shown in ("$2.90", "of $100.00", "gpt-4o", "96.6%", "my-llama", "Cost per task"):
        assert shown in page, shown
    assert "Sign out" not in page
    # a prompt that no cache was asked for is cold, too, and wrote nothing
    assert "calls that read nothing from the cache" in client.get("/costs").text


def test_waste_is_called_estimated_only_where_a_part_of_it_is(ledger, client):
    def waste_card():
        return re.search(r"<h2>Waste</h2>.*?</section>", client.get("/").text, re.DOTALL)[0]

    rejected = {"session": "s", "verifier": "schema"}
    ledger.book([call(0, **rejected), call(1, session="s"), call(2, session="s")])
    assert "$0.10" in waste_card()
    assert "estimated" not in waste_card()
    ledger.book([call(n, task=f"t{n}", output_tokens=100 + n) for n in range(3, 40)])
    ledger.book([call(40, task="long", output_tokens=60_000, finish_reason="length")])
    assert "estimated" in waste_card()
    by_cause = re.search(r"Waste by cause.*?</section>", client.get("/").text, re.DOTALL)[0]
    assert by_cause.count("estimated") == 1, "of two causes the one that is"


def test_a_task_opens_to_its_call_tree(furnished, client):
    listed = client.get("/tasks").text
    address = re.search(r'href="(/tasks/ticket[^"]*)"', listed)[1]
    page = client.get(address).text
    inner = page.index("search")
    assert page.index("plan") < inner < page.index("read")
    assert page.count("<ul>") == 2
    for shown in ("grep", "Timeout", "3 attempts", "unpriced", "1.5 s", "&lt;b&gt;evil"):
        assert shown in page, shown
    assert "<b>evil" not in page


def test_a_task_without_a_price_is_not_free(ledger, client):
    unknown = {"cost_state": "unpriced", "cost_pico": None}
    ledger.book([call(0, task="dear"), call(1, task="odd", **unknown),
                 call(2, task="half"), call(3, task="half", **unknown)])  # fmt: skip
    rows = re.sub(r"\s+", " ", client.get("/tasks").text).split("<tr>")[2:]
    (odd,) = [row for row in rows if "/tasks/odd" in row]
    assert 'data-label="Cost">unpriced</td>' in odd
    assert 'data-label="Against the usual">–</td>' in odd, "0.0× would be free, too"
    (half,) = [row for row in rows if "/tasks/half" in row]
    assert 'data-label="Cost">$0.10 <span class="tag">1 unpriced</span>' in half
    assert "· unpriced · 1 call</p>" in client.get("/tasks/odd").text
    assert "$0.10 · 2 calls · 1 unpriced" in client.get("/tasks/half").text


def test_what_explains_an_unpriced_task_is_not_worth_nothing(ledger, client):
    unknown = {"cost_state": "unpriced", "cost_pico": None, "model": "house"}
    ledger.book([*(call(n, task=f"t{n}") for n in range(20)),
                 call(20, task="odd", output_tokens=60_000, **unknown)])  # fmt: skip
    page = client.get("/tasks/odd").text
    assert "answered with 60k tokens" in page
    assert '<p class="saving"><strong>unpriced</strong></p>' in page


def test_a_task_counts_with_the_tasks_inside_it_as_on_the_command_line(ledger, client, capsys):
    start = call(0)["start_us"]
    ledger.book(
        [
            {"type": "task", "id": "outer", "start_us": start},
            *({"type": "task", "id": f"inner{n}", "parent": "outer", "start_us": start + n}
              for n in (1, 2)),
            *(call(n, task=f"inner{n}", cost_pico=n * PICO) for n in (1, 2)),
            call(3, task="plain", cost_pico=2 * PICO),
        ]
    )  # fmt: skip
    page = re.sub(r"\s+", " ", client.get("/tasks").text)
    assert re.findall(r'href="/tasks/(\w+)"', page) == ["outer", "inner2", "plain", "inner1"]
    assert '<td class="number" data-label="Cost">$0 + $3.00</td>' in page
    assert "1.5×" in page, "the other such task cost 2.00"
    assert "+ what the tasks inside it cost" in page
    opened = client.get("/tasks/outer").text
    assert "$3.00 · 2 calls" in opened
    assert ("$1.00" in opened, "$2.00" in opened) == (True, True)
    assert main(["task", "outer", "--ledger", ledger.url]) == 0
    assert "task outer: $3.00, 2 calls, 1.5× the usual $2.00" in capsys.readouterr().out


def test_flat_plans_stand_apart_and_are_not_nothing(ledger, client):
    ledger.book([call(n, billing_mode="subscription") for n in range(3)])
    page = client.get("/", headers={"Accept-Language": "de"}).text
    assert "Pauschaltarife: 0,30\u00a0$ zum Listenpreis, kein ausgegebenes Geld" in page
    for path in ("/", "/tasks"):
        assert "only calls of flat plans in this period" in client.get(path).text
    assert "$0.30 list equivalent · 3 calls" in client.get("/tasks/ticket%2F1").text
    ledger.book([call(9)])
    assert "$0.30 list equivalent" in client.get("/").text
    assert "of flat plans in this period" not in client.get("/").text


def test_a_budget_of_each_task_is_none_that_fills(furnished, client):
    furnished.put("budget", "task:everything", {"limit_usd": "1", "window": "task"})
    furnished.put("budget", "day:everything", {"limit_usd": "2.91", "window": "day"})
    page = client.get("/").text
    assert "$1.00 for each task" in page
    assert "$2.90 of $2.91" in page
    assert '<td class="share">99%</td>' in page, "rounded, 2.90 of 2.91 would be all of it"


def test_the_mark_of_the_month_is_where_its_alert_is_raised(monkeypatch, request):
    monkeypatch.setenv("FINOPS_THRESHOLDS", "50,90,100")
    request.getfixturevalue("furnished")
    assert "2% used, alert at 90%" in request.getfixturevalue("client").get("/").text


def test_a_change_of_the_cost_of_a_task_comes_with_its_interval(ledger, client):
    week = 7 * 24 * HOUR
    ledger.book([call(n, task=f"t{n}", cost_pico=PICO * (1 + n % 6)) for n in range(30)])
    before = call(0)["start_us"] - week
    ledger.book([call(n, task=f"t{n}", cost_pico=PICO * (1 + n % 5), start_us=before + n)
                 for n in range(50, 80)])  # fmt: skip
    english, german = (
        client.get("/", headers={"Accept-Language": language}).text for language in ("en", "de")
    )
    assert '<span class="change open">+17%' in english
    assert re.search(r"<p class=\"hint\">−\d+% to \+\d+% · n = 30 · could be chance", english)
    assert re.search(r"\d+ Punkte durch (höhere Preise|andere Ursachen)", german)


def test_tasks_that_are_not_shown_are_counted(ledger, client):
    ledger.book([call(n, task=f"t{n}") for n in range(tasks.SHOWN + 1200)])
    page = client.get("/tasks").text
    assert page.count('<th scope="row"><a') == tasks.SHOWN
    assert "and 1,200 more" in page
    assert "finops task --json --last 7d" in page


def test_every_tab_counts_the_alerts(furnished, client):
    furnished.put("budget", "day:everything", {"limit_usd": "1", "window": "day"})
    for path in (*PAGES, "/tasks/ticket%2F1"):
        assert '<span class="badge"' in client.get(path).text, path


def test_one_of_them_is_not_said_as_many(ledger, client):
    ledger.book([call(0)])
    assert "over 1 task\n" in client.get("/").text
    assert "über 1 Aufgabe\n" in client.get("/?lang=de").text
    screen = machine.of_ledger(Reader(ledger, 1), "7d")
    frame = chrome.of_ledger("", "/")
    values = {"chrome": frame, "screen": screen, "chart": ""}
    page = render.page("overview.html", "en", **values).body.decode()
    assert "1 call is not booked yet" in page


def test_an_action_without_any_price_is_not_free(ledger, client):
    unknown = {"cost_state": "unpriced", "cost_pico": None}
    ledger.book([call(0), call(1, action="draft", **unknown), call(2, action="free", cost_pico=0),
                 call(3, action=None, **unknown)])  # fmt: skip
    for path in ("/", "/costs"):
        page = re.sub(r"\s+", " ", client.get(path).text)
        cells = '<th scope="row">{}</th> <td class="amount">{}</td>'
        assert cells.format("draft", "unpriced") in page
        assert cells.format("(not set)", "unpriced") in page
        assert cells.format("free", "$0") in page


def test_a_model_without_any_price_stands_among_the_models(ledger, client):
    ledger.book([call(0), call(1, model="my-llama", cost_state="unpriced", cost_pico=None)])
    for path in ("/", "/costs"):
        page = re.sub(r"\s+", " ", client.get(path).text)
        assert '<th scope="row">my-llama</th> <td class="amount">unpriced</td>' in page


def test_where_nothing_has_a_price_no_amount_is_zero(ledger, client):
    ledger.book([call(n, cost_state="unpriced", cost_pico=None) for n in range(3)])
    for path in ("/", "/costs", "/tasks", "/tasks/ticket%2F1"):
        page = client.get(path).text
        assert "unpriced" in page
        assert not re.search(r">\s*\$0", page), path


def test_a_day_has_no_column_for_scores_that_nobody_made(furnished, client):
    table = client.get("/").text.partition("<thead>")[2].partition("</thead>")[0]
    assert "Waste" in table
    assert "Efficiency" not in table


def test_an_estimated_call_is_marked_in_its_tree(ledger, client):
    ledger.book([call(0, usage_basis="estimated"), call(1)])
    assert client.get("/tasks/ticket%2F1").text.count(">estimated<") == 1


def test_the_chart_of_cache_writes_has_its_days(ledger, client):
    tokens = {"input_tokens": 9000, "cache_write_5m_tokens": 8000, "output_tokens": 10}
    claude = {"model": "claude-sonnet-4-5", "provider": "anthropic", "cost_pico": 33_150_000_000}
    ledger.book([call(1, **tokens, **claude), call(2, start_us=call(0)["start_us"] - 25 * HOUR)])
    page = client.get("/costs").text
    assert '"write_share": [0.0, 0.9049' in page


def test_an_unknown_task_says_so(furnished, client):
    missing = client.get("/tasks/nobody")
    assert missing.status_code == 404
    assert "no longer in the ledger" in missing.text


def test_first_use_gives_the_one_line(client):
    for path in PAGES:
        page = client.get(path).text
        assert "import finops_pack.auto" in page
        assert "finops import claude-code" in page


def test_nothing_in_the_period_is_not_zero(ledger, client):
    ledger.book([call(1, start_us=1_700_000_000_000_000)])
    page = client.get("/").text
    assert "no calls in this period" in page
    assert re.search(r"<h2>Waste</h2>\s*<p class=\"figure\">–</p>", page)
    for path, command in (("/", "spend"), ("/tasks", "task")):  # to be copied: no date of a page
        for language in ("en", "de"):
            page = client.get(path, headers={"Accept-Language": language}).text
            assert f"(finops {command} --since 2023-11-14)" in page


def test_a_ledger_that_cannot_be_read_says_why(tmp_path):
    client = TestClient(create_local(str(tmp_path)), base_url="http://localhost")  # a folder
    answer = client.get("/")
    assert answer.status_code == 503
    assert "The ledger cannot be read" in answer.text


def test_each_page_says_what_can_be_done_next(ledger, client):
    ledger.book([call(n, task=f"t{n}") for n in range(3)])
    assert "No budget is set:" in client.get("/").text
    assert "No failure mode seen" in client.get("/tasks/t1").text
    ledger.put("budget", "day:everything", {"limit_usd": "0.2", "window": "day"})
    page = client.get("/alerts").text
    assert re.search(r"finops alerts ack budget_exceeded:day:everything:\S+", page)
    assert "No budget is set:" not in client.get("/").text


def test_another_name_for_this_machine_is_refused(furnished, client):
    for host in ("evil.example", "127.0.0.1.evil.example", "testserver"):
        assert client.get("/", headers={"Host": host}).status_code == 400
    assert client.get("/", headers={"Host": "localhost:8765"}).status_code == 200


def test_it_only_reads(client):
    for path in (*PAGES, "/tasks/x"):
        assert client.post(path).status_code == 405


def test_a_new_call_is_seen_at_once(furnished, client):
    assert "$2.90" in client.get("/").text
    furnished.book([call(99, task="late")])
    assert "$3.00" in client.get("/").text


def test_a_loop_of_parents_is_cut_open():
    calls = [Call(f"c{n}", n, parent=f"c{(n + 1) % 3}") for n in range(3)]
    calls.append(Call("c9", 9, parent="c9"))

    def count(nodes):
        return sum(1 + count(node.children) for node in nodes)

    assert count(tasks.tree(calls)) == 4
