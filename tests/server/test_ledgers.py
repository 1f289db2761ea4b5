"""A ledger behind the server answers as one on disk, once for every call, for its account alone."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import repeat

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finops_pack import config, recorder
from finops_pack.cli import main
from finops_pack.errors import BudgetExceeded, LedgerUnreachable
from finops_pack.gate import _limits, _store
from finops_pack.ledger import Reservation, _http, open_ledger, wire
from finops_pack.ledger._http import Http
from finops_pack.ledger.remote import RemoteLedger
from finops_pack.ledger.spool import Spool, encode
from finops_pack.model import Usage, Where
from finops_pack.report import tls
from finops_pack.server import accounts
from finops_pack.server.throttle import Rate
from tests.server.conftest import listening
from tests.test_forks import FORK, HEAD, SLOW_IMPORT, run_it

NOON = 1_763_985_600_000_000  # 2025-11-24 12:00 UTC
DAY = 86_400_000_000
BOMB = {"Content-Encoding": "gzip, gzip"}
LINES = [
    {
        "type": "call",
        "id": f"c{n}",
        "start_us": NOON + n * DAY // 2,
        "model": ("gpt-4o", "claude-opus-4-6")[n % 2],
        "provider": ("openai", "anthropic")[n % 2],
        "task": f"t{n // 3}",
        "session": "s",
        "action": "step",
        "tags": {"customer": "acme"},
        "input_tokens": 1000 + n,
        "cache_read_tokens": 10,
        "output_tokens": 50,
        "cost_pico": 123_456_789 * (n + 1),
        "cost_state": "priced",
        "billing_mode": "metered",
        "tool_calls": [{"name": "bash", "args_hash": "x"}],
        "prefix_hashes": ["ab", "cd"],
    }
    for n in range(7)
] + [
    {"type": "task", "id": "t0", "start_us": NOON, "outcome": "succeeded"},
    {"type": "segment", "session": "s", "id": "g", "kind": "system", "tokens": 5,
     "first_call": "c0", "last_call": "c1"},
]  # fmt: skip


@pytest.fixture
def remote(live, monkeypatch):
    """The ledger of the live server's account."""
    monkeypatch.setenv("FINOPS_API_KEY", live.key)
    config.reload()
    made = open_ledger(live.url)
    assert isinstance(made, RemoteLedger)
    yield made
    made.close()


@pytest.fixture
def local(tmp_path):
    made = open_ledger(str(tmp_path / "local.db"))
    yield made
    made.close()


def test_it_answers_as_a_ledger_on_disk(remote, local):
    assert remote.book(LINES) == local.book(LINES)
    every, part = Where(), Where(since_us=NOON + DAY, model="gpt-4o")
    for where in (every, part, Where(tag=("customer", "acme")), Where(billing="subscription")):
        for by in (None, "model", "day", "tag:customer"):
            assert remote.totals(by, where) == local.totals(by, where)
        assert remote.days(where) == local.days(where)
        assert remote.tasks(where) == local.tasks(where)
        assert remote.spent(where) == local.spent(where)
        there, here = (x.calls(where, newest_first=True, limit=3) for x in (remote, local))
        assert [call.id for call in there] == [call.id for call in here]
    mine, theirs = remote.call("c3"), local.call("c3")
    assert replace(mine, booked_us=theirs.booked_us) == theirs
    assert remote.call("nobody") is None
    assert remote.calls_of(["c3", "nobody", "c1"]).keys() == {"c1", "c3"}
    many = [f"c{n}" for n in range(3000)]
    assert (
        remote.calls_of(many).keys() == local.calls_of(many).keys() == {f"c{n}" for n in range(7)}
    )
    assert remote.task("t0") == local.task("t0")
    assert remote.tasks_of(["t1", "t0"]) == local.tasks_of(["t1", "t0"]) != []
    assert remote.segments(["s"]) == local.segments(["s"])
    assert remote.span() == local.span()
    assert remote.time_zone == local.time_zone
    assert remote.check() == []


def test_more_is_spent_than_64_bits_hold(remote, local):
    dear = [{**LINES[0], "id": f"dear{n}", "cost_pico": 5 * 10**18} for n in range(2)]
    for ledger in (remote, local):
        ledger.book(dear)
        assert ledger.spent(Where()) == (10**19, 0)
        assert ledger.totals(None, Where())[0].usd == 10**7


def test_a_batch_sent_again_is_one_batch(remote):
    assert remote.book(LINES[:3]).new == 3
    assert remote.book(LINES[:3]).new == 0
    assert remote.book(LINES[3:5], spool="p", offset=100, after=0).new == 2
    assert remote.book(LINES[5:7], spool="p", offset=200, after=0).new == 0  # somebody was faster
    assert remote.offset("p") == 100
    assert remote.totals(None, Where())[0].calls == 5
    remote.forget_spool("p")
    assert remote.offset("p") == 0


def test_bad_lines_are_named_and_the_others_kept(remote):
    booked = remote.book([LINES[0], {"type": "call"}, {"type": "nonsense", "id": "x"}, LINES[1]])
    assert booked.new == 2
    assert [index for index, _ in booked.rejected] == [1, 2]


def test_more_than_one_request_takes_goes_in_several(remote):
    large = [{**LINES[0], "id": f"big{n}", "action": "a" * 3000} for n in range(500)]
    many = [
        {"type": "call", "id": f"small{n}", "start_us": NOON, "model": "m"} for n in range(2500)
    ]
    bad = {"type": "call", "id": "", "start_us": NOON, "model": "m"}
    assert (remote.book([*large, bad]).new, remote.book([*many, bad]).new) == (500, 2500)
    ((index, _),) = remote.book([*many, bad]).rejected
    assert index == len(many)
    assert remote.book(large, spool="s", offset=10, after=0).unchanged == 500
    assert remote.offset("s") == 10
    assert remote.book([], spool="s", offset=20, after=10).new == 0
    assert remote.offset("s") == 20


ODD = [
    ({"project": "x" * 1_200_000}, "x" * 120),
    ({"tags": {"url": "x" * 1_200_000}}, None),
    ({"extra": {"a": float("nan"), "b": 2**80}}, None),
]


@pytest.mark.parametrize(("odd", "project"), ODD, ids=["name", "tag", "nan"])
def test_a_line_that_no_server_takes_holds_up_no_other(remote, odd, project):
    spool = Spool(remote.id)
    for line in ({**LINES[0], **odd}, LINES[1]):
        spool.append(encode(line))
    assert remote.drain(5.0) == 0
    assert [(call.id, call.project) for call in remote.calls(Where())] == [
        ("c0", project),
        ("c1", None),
    ]


def test_a_line_that_cannot_be_mended_is_lost_alone_and_counted(remote):
    spool = Spool(remote.id)
    for line in ({**LINES[0], "id": "x" * 1_200_000}, LINES[1]):
        spool.append(encode(line))
    assert remote.drain(5.0) == 0
    assert [call.id for call in remote.calls(Where())] == ["c1"]
    assert [lost["lines"] for lost in remote.documents("loss").values()] == [1]


def test_a_ledger_is_asked_more_often_than_a_dashboard(site):
    site.client.app.state.rate = Rate(per_second=0.001, burst=2)
    key = site.key(site.account())
    for _ in range(20):
        assert site.ask(key, "POST", "/ledger/read/about").status_code == 200
    assert site.ask(key, "GET", "/alerts").status_code == 200
    refused = site.ask(key, "GET", "/alerts")
    assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)


def test_it_comes_back_when_the_server_says_so(live, remote, monkeypatch):
    live.app.state.rate = Rate(per_second=0.1, burst=1)
    live.app.state.rate.take(accounts.keys(live.db, live.account.id)[0]["key_id"], 0.96)
    waited = []
    monkeypatch.setattr("time.sleep", lambda seconds: (waited.append(seconds), refill(live)))
    assert remote.get("budget", "x") is None
    assert waited == [1]


def test_a_question_about_every_call_is_given_time(remote, monkeypatch):
    def slow(answer):
        return lambda ledger, asked: (time.sleep(0.8), answer(ledger, asked))[1]

    for name in ("check", "totals", "get"):
        monkeypatch.setitem(wire.READS, name, slow(wire.READS[name]))
    remote._http._client().timeout = 0.4  # which is five seconds
    assert remote.check() == []
    assert remote.totals(None, Where())[0].calls == 0
    with pytest.raises(LedgerUnreachable, match="timed out"):
        remote.get("budget", "x")


def refill(live):
    live.app.state.rate = Rate()


def test_documents(remote):
    budget = {"limit_usd": "5", "window": "day"}
    assert remote.get("budget", "day:everything") is None
    remote.put("budget", "day:everything", budget)
    assert remote.get("budget", "day:everything") == budget
    assert remote.documents("budget") == {"day:everything": budget}
    assert remote.delete("budget", "day:everything")
    assert not remote.delete("budget", "day:everything")


AMISS = [
    ("budget", "limit_usd", {"limit_usd": "abc", "window": "day"}),
    ("budget", "limit_usd", {"limit_usd": "NaN", "window": "day"}),
    ("budget", "limit_usd", {"limit_usd": -5, "window": "day"}),
    ("budget", "limit_usd", {"window": "day"}),
    ("budget", "window", {"limit_usd": "5", "window": "eon"}),
    ("budget", "scope", {"limit_usd": "5", "window": "day", "scope": ["planet", "earth"]}),
    ("budget", "reserve_usd", {"limit_usd": "5", "window": "day", "reserve_usd": []}),
    ("budget", "key", {"limit_usd": "5", "window": "week"}),
    ("alert", "sent_to", {"sent_to": 3}),
    ("lever", "accepted_at", {"title": "t", "estimated_saving_usd": "1"}),
    ("lever", "scope", {"title": "t", "estimated_saving_usd": "1", "scope": {"planet": "earth"},
                        "accepted_at": "2025-11-24T12:00:00+00:00"}),
    ("loss", "lines", {"lines": "x"}),
    ("lever", "accepted_at", {"title": "t", "estimated_saving_usd": "1",
                              "accepted_at": "0001-01-01T00:00:00+00:00"}),
    ("outbox", "url", {"sent_hash": "x"}),
    ("outbox", "tried_at", {"url": "u", "date": "2025-11-24", "tried_at": "now"}),
    ("import", "offset", {"offset": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "field", "body"), AMISS)
def test_a_setting_that_no_machine_could_read_is_refused(site, key, kind, field, body):
    asked = {"kind": kind, "key": "day:everything", "before": None, "body": body, "after": body}
    for way in ("put", "swap"):
        answer = site.ask(key, "POST", f"/ledger/write/{way}", json=asked)
        assert answer.status_code == 422
        assert f"{field}: " in answer.json()["error"]["message"]
    line = json.dumps({**body, "type": "event", "kind": kind, "key": "day:everything"})
    headers = {"Content-Type": "application/x-ndjson"}
    answer = site.ask(key, "POST", "/calls", content=line, headers=headers).json()
    assert answer["rejected"][0]["reason"].startswith(f"{field}: ")
    asked = site.ask(key, "POST", "/ledger/read/documents", json={"kind": kind})
    assert asked.json()["answer"] == {}


def test_a_setting_kept_amiss_by_an_older_server_spoils_no_command(
    remote, live, tmp_path, monkeypatch, capsys, caplog
):
    remote.book(LINES)
    held = open_ledger(str(tmp_path / "ledgers" / f"{live.account.id}.db"))
    for number, (kind, _, body) in enumerate(AMISS):
        held.put(kind, f"amiss{number}", body)
    remote.put("budget", "month:everything", {"limit_usd": "5", "window": "month"})
    monkeypatch.setenv("FINOPS_LEDGER", live.url)
    config.reload()
    for words in ("", "budget", "alerts", "levers --done", "doctor", "statusline"):
        assert main(words.split()) == 0
    assert "5 USD/month" in capsys.readouterr().out
    assert caplog.text.count("'amiss0'") == 1  # told once, however often it is asked for
    assert "limit_usd: must be an amount in USD, got 'abc'; mend: if a newer" in caplog.text
    assert main(["budget", "rm", "amiss0"]) == 0
    with pytest.raises(LedgerUnreachable, match="cannot be read: sent_to"):
        remote.get("alert", next(f"amiss{n}" for n, row in enumerate(AMISS) if row[0] == "alert"))
    for number in range(1, len(AMISS)):
        held.delete("budget", f"amiss{number}")
    held.close()


@pytest.mark.parametrize("answer", [{"answer": "x"}, {"answer": {"time_zone": 1}}, {}, [1], 1])
def test_what_is_no_answer_of_ours_is_said_to_be_none(monkeypatch, answer):
    other = FastAPI()
    other.add_api_route("/api/finops/ledger/read/about", lambda: answer, methods=["POST"])
    monkeypatch.setenv("FINOPS_API_KEY", "finops_x")
    config.reload()
    with listening(other) as url, pytest.raises(LedgerUnreachable):
        open_ledger(url)


@pytest.mark.parametrize("head", [b"HTTP/1.1 500 Oops\r\n\r\n", b""], ids=["answer", "garbage"])
def test_the_key_is_in_no_message_whatever_a_server_says(monkeypatch, head):
    """As some answer while they are debugged: with what they were sent."""
    listening = socket.create_server(("127.0.0.1", 0))

    def echo():
        with listening.accept()[0] as client:
            sent = next(w for w in client.recv(65536).decode().split() if w.startswith("finops_"))
            said = {"error": {"message": f"\x1b[2J\n{sent}"}} if head else sent
            client.sendall(head + json.dumps(said).encode() + b"\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):  # closed with a part unread, the answer would be lost
                pass

    threading.Thread(target=echo, daemon=True).start()
    monkeypatch.setenv("FINOPS_API_KEY", "finops_of_mine")
    config.reload()
    with listening, pytest.raises(LedgerUnreachable, match="secret") as refused:
        open_ledger(f"http://127.0.0.1:{listening.getsockname()[1]}")
    assert "finops_of_mine" not in str(refused.value)
    assert str(refused.value).isprintable()


async def _dripping():
    while True:
        yield b" "
        await asyncio.sleep(0.05)


def server_that_turned_bad(path, method, body, packed):
    """One that is a ledger until it is asked this."""
    other = FastAPI()
    about = {"answer": {"time_zone": "UTC", "span": None}}
    other.add_api_route("/api/finops/ledger/read/about", lambda: about, methods=["POST"])
    answer = lambda: StreamingResponse(body(), headers=packed)  # noqa: E731
    other.add_api_route(path, answer, methods=[method])
    return other


@pytest.mark.parametrize(
    ("body", "packed", "said"),
    [
        (_dripping, {}, "does not end"),
        (lambda: iter([gzip.compress(gzip.compress(b"{}"))]), BOMB, "gzip, gzip"),
        (lambda: iter([b'{"answer":' + b"[" * 100_000]), {}, "no FinOps server"),
    ],
    ids=["drip", "bomb", "deep"],
)
def test_a_server_that_turned_bad_holds_no_agent(monkeypatch, body, packed, said):
    other = server_that_turned_bad("/api/finops/ledger/write/reserve", "POST", body, packed)
    monkeypatch.setenv("FINOPS_API_KEY", "finops_x")
    config.reload()
    with listening(other) as url:
        ledger, began = open_ledger(url), time.monotonic()
        with pytest.raises(LedgerUnreachable, match=said):
            ledger.reserve(Reservation("c", 1, 1, 2), {}, 0.25)
        assert time.monotonic() - began < 2
        ledger.close()


@pytest.mark.parametrize(
    ("body", "packed", "said"),
    [
        (lambda: repeat(b" " * 2**20), {}, "does not end"),
        (lambda: iter([gzip.compress(gzip.compress(b"{}\n"))]), BOMB, "gzip, gzip"),
        (lambda: iter([b"[" * 100_000, b"\n"]), {}, "no FinOps server"),
        (lambda: iter([b"[1]\n"]), {}, "no FinOps server"),
    ],
    ids=["endless", "bomb", "deep", "strange"],
)
def test_a_stream_of_calls_that_turned_bad_fills_no_memory(monkeypatch, body, packed, said):
    other = server_that_turned_bad("/api/finops/calls", "GET", body, packed)
    monkeypatch.setenv("FINOPS_API_KEY", "finops_x")
    monkeypatch.setattr(_http, "LONGEST_LINE", 2**21)
    config.reload()
    with listening(other) as url:
        ledger = open_ledger(url)
        with pytest.raises(LedgerUnreachable, match=said):
            list(ledger.calls(Where()))
        ledger.close()


def test_changes_of_one_document_are_not_lost(remote, live):
    def add(_):
        ledger = RemoteLedger(live.url)
        ledger.update("count", "n", lambda held: {"n": (held or {"n": 0})["n"] + 1})
        ledger.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    assert remote.get("count", "n") == {"n": 12}
    assert remote.update("count", "n", lambda held: None) == {"n": 12}


def test_a_budget_is_shared_by_all_who_ask(remote):
    limits = {"day": (Where(since_us=NOON), 10_000)}

    def ask(number):
        wanted = Reservation(f"r{number}", 3_000, NOON, NOON + DAY * 10_000)
        return remote.reserve(wanted, limits, 5.0)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(8)))
    assert sum(answer is None for answer in answers) == 3
    assert {a["day"] for a in answers if a is not None} == {(0, 9_000)}
    granted = next(n for n, answer in enumerate(answers) if answer is None)
    remote.settle(f"r{granted}", None)
    assert remote.spent(Where(since_us=NOON)) == (0, 6_000)


def test_days_made_anew_in_another_zone_are_the_agents_with_its_next_answer(remote, tmp_path):
    remote.book(LINES)
    assert remote.time_zone == "UTC"
    [path] = (tmp_path / "ledgers").glob("*.db")
    held = open_ledger(str(path))
    held.rebuild("Pacific/Kiritimati")
    held.close()
    asked = Reservation("r", 1, NOON, NOON + DAY)
    assert remote.reserve(asked, {"day": (Where(since_us=NOON), 10**15)}, 5.0) is None
    assert remote.time_zone == "Pacific/Kiritimati"


@pytest.mark.parametrize("task", ["a\ud800b", "a\0b", "x" * 5000])
def test_a_task_named_oddly_is_held_for_all_who_ask(remote, task):
    limits = {"b": (Where(task=task), 100)}
    assert remote.reserve(Reservation("r1", 90, NOON, NOON * 2), limits, 5) is None
    assert remote.book([{**LINES[0], "id": "r1", "task": task, "cost_pico": 90}]).new == 1
    again = Reservation("r2", 20, NOON, NOON * 2)
    assert remote.reserve(again, limits, 5) == {"b": (90, 0)}
    assert remote.spent(Where(task=task)) == (90, 0)


def test_a_revoked_key_says_what_to_do(live, remote):
    for key in accounts.keys(live.db, live.account.id):
        accounts.revoke_key(live.db, live.account.id, key["key_id"])
    with pytest.raises(LedgerUnreachable, match="401") as refused:
        remote.totals(None, Where())
    assert str(refused.value.mend).startswith("give FINOPS_API_KEY a key of http://127")


def test_no_server_and_no_key(monkeypatch):
    """Connecting without the URL would try this server's key on the one of the reports."""
    with pytest.raises(LedgerUnreachable, match="no key") as keyless:
        open_ledger("http://127.0.0.1:1")
    assert keyless.value.mend == "run: finops connect --url http://127.0.0.1:1"
    monkeypatch.setenv("FINOPS_API_KEY", "finops_x")
    config.reload()
    with pytest.raises(LedgerUnreachable, match="127") as down:
        open_ledger("http://127.0.0.1:1")
    assert down.value.mend == "is the URL right, and the server up?"


@pytest.mark.parametrize("answer", [b"{}", b"[1]", b"<html>sign in</html>", b"\xff"])
def test_a_server_that_is_not_ours_is_called_so(monkeypatch, answer):
    class Other(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("FINOPS_API_KEY", "finops_" + "k" * 40)
        monkeypatch.setenv("FINOPS_API_URL", url)
        config.reload()
        with pytest.raises(LedgerUnreachable, match="no FinOps server"):
            open_ledger(url)
        server.shutdown()


def test_accounts_have_ledgers_of_their_own(site):
    keys = [site.key(site.account(f"{name}@acme.test")) for name in ("a", "b")]
    text = json.dumps(LINES[0])
    headers = {"Content-Type": "application/x-ndjson"}
    assert site.ask(keys[0], "POST", "/calls", content=text, headers=headers).json()["new"] == 1
    spans = [site.ask(key, "POST", "/ledger/read/about").json()["answer"]["span"] for key in keys]
    assert spans == [[NOON, NOON], None]
    assert site.ask(keys[1], "GET", "/calls").text == ""


def test_a_read_key_cannot_write(site):
    key = site.key(site.account(), "read")
    assert site.ask(key, "POST", "/ledger/read/about").status_code == 200
    assert site.ask(key, "POST", "/ledger/write/put", json={}).status_code == 403
    headers = {"Content-Type": "application/x-ndjson"}
    assert site.ask(key, "POST", "/calls", content="{}", headers=headers).status_code == 403


numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.sampled_from(["c1", "call", "\0", "\ud800", "2025-01-01", "", "day"])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = ["type", "id", "start_us", "model", "tags", "extra", "cost_pico", "task", "source",
          "session", "kind", "key", "tool_calls", "input_tokens", "problems"]  # fmt: skip
lines = st.fixed_dictionaries(
    {"type": st.sampled_from(["call", "amend", "task", "segment", "event", "x"])},
    optional=dict.fromkeys(FIELDS[1:], values),
)


def test_a_call_named_oddly_spoils_no_later_answer(site, key):
    odd = {**LINES[0], "id": "a\0b", "session": "s\0", "task": "t\0"}
    headers = {"Content-Type": "application/x-ndjson"}
    assert site.ask(key, "POST", "/calls", content=json.dumps(odd), headers=headers).json()["new"]
    (call,) = map(json.loads, site.ask(key, "GET", "/calls").text.splitlines())
    assert (call["id"], call["session"], call["task"]) == ("ab", "s", "t")
    for name, ids in (
        ("segments", {"sessions": [call["session"]]}),
        ("tasks_of", {"ids": [call["task"]]}),
    ):
        assert site.ask(key, "POST", f"/ledger/read/{name}", json=ids).status_code == 200


def test_what_is_nested_too_deep_is_the_senders_fault(site, key):
    depth = 700 if sys.version_info < (3, 12) else 2000  # where JSON's own reader still follows
    deep = '{"kind": "k\\u0000", "key": "a", "body": {"a": %s}}' % ("[" * depth + "]" * depth)
    headers = {"Content-Type": "application/json"}
    answer = site.ask(key, "POST", "/ledger/write/put", content=deep, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_json")


@pytest.mark.parametrize("where", [{"projects": "a"}, ["project"], "project"])
def test_a_filter_that_is_not_known_does_not_ask_for_everything(site, key, where):
    for name in ("totals", "days", "tasks", "spent"):
        answer = site.ask(key, "POST", f"/ledger/read/{name}", json={"where": where})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_question")
    asked = site.ask(key, "GET", "/calls", params={"where": json.dumps(where)})
    assert asked.status_code == 422


ASKED = ["where", "by", "id", "ids", "kind", "key", "sessions", "limit", "wanted", "limits", "body",
         "before", "after", "call_id", "pico", "spool", "source"]  # fmt: skip


def test_nothing_that_is_sent_breaks_the_server(site):
    key = site.key(site.account())
    paths = [
        f"{path[len('/api/finops') : -len('{question}')]}{name}"
        for path, methods in site.client.get("/openapi.json").json()["paths"].items()
        if path.endswith("{question}")
        for name in methods["post"]["parameters"][0]["schema"]["enum"]
    ]
    assert len(paths) == 19
    quiet = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

    @quiet
    @given(st.lists(lines, max_size=3), st.sampled_from(paths), st.data())
    def send(batch, path, data):
        body = "\n".join(json.dumps(line) for line in batch)
        headers = {"Content-Type": "application/x-ndjson"}
        answer = site.ask(key, "POST", "/calls", content=body, headers=headers)
        assert answer.status_code in (200, 400, 422), answer.text
        asked = data.draw(st.dictionaries(st.sampled_from(ASKED), values, max_size=5))
        answer = site.ask(key, "POST", path, content=json.dumps(asked),
                          headers={"Content-Type": "application/json"})  # fmt: skip
        assert answer.status_code in (200, 422), (path, asked, answer.text)

    send()


def test_a_screen_asks_each_question_once(remote, monkeypatch):
    now = time.time_ns() // 1000
    wrote = {"input_tokens": 9000, "cache_write_5m_tokens": 8000}
    remote.book([{**line, **wrote, "start_us": now} for line in LINES[:7]])
    remote.put("budget", "day:everything", {"limit_usd": "5", "window": "day"})
    asked, exchange, stream = [], Http._exchange, Http.stream
    monkeypatch.setattr(
        Http, "_exchange", lambda http, *at, **k: asked.append(at) or exchange(http, *at, **k)
    )
    monkeypatch.setattr(Http, "stream", lambda *at: asked.append(at) or stream(*at))
    assert main(["overview", "--ledger", remote.url]) == 0
    assert len(asked) <= 20  # they were more than 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.parametrize(
    "slow",
    [
        "httpcore",  # with the first connection
        "encodings.idna",  # with the first name of a host that is looked up
        "pydantic._internal._generate_schema",  # with the first answer that is read
    ],
)
def test_a_fork_while_a_thread_imports_what_asks_the_server_leaves_no_child_waiting(
    live, monkeypatch, slow
):
    monkeypatch.setenv("FINOPS_LEDGER", live.url)
    monkeypatch.setenv("FINOPS_API_KEY", live.key)
    run_it(HEAD + SLOW_IMPORT + FORK, slow)


FIRST_CALL = """
import importlib.util

class Slow(importlib.abc.MetaPathFinder):  # in the module itself: a finder holds up every import
    def find_spec(self, name, path=None, target=None):
        if name == "httpcore":
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec(name)
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: (time.sleep(1.5), execute(module))
            return spec

sys.meta_path.insert(0, Slow())
from finops_pack import BudgetExceeded, recorder
from finops_pack.gate import _limits, _store

_limits.FIRST_SECONDS = _store.WAIT_SECONDS = 0.5  # a server of a busy machine answers in this
try:
    recorder.get().begin(model="gpt-4o", messages=["hi"], max_output_tokens=9)
except BudgetExceeded as refused:
    print(refused.reason)
"""


@pytest.mark.parametrize(
    ("here", "there", "said"), [("1 USD/day", [], ""), ("", ["0.0000001"], "exceeded\n")]
)
def test_what_the_first_call_imports_is_no_silence_of_the_server(
    live, remote, monkeypatch, here, there, said
):
    for limit in there:
        remote.put("budget", "day:everything", {"limit_usd": limit, "window": "day"})
    monkeypatch.setenv("FINOPS_LEDGER", live.url)
    monkeypatch.setenv("FINOPS_BUDGET", here)
    assert run_it(HEAD + FIRST_CALL) == said


@pytest.mark.parametrize(("limit", "reason"), [("1", None), ("0.0000001", "exceeded")])
def test_reading_the_cas_of_the_machine_is_no_silence_of_the_server(
    live, monkeypatch, limit, reason
):
    made = tls.context

    def slowly():
        time.sleep(0.8)
        return made()

    monkeypatch.setattr(tls, "is_loopback", lambda url: False)  # as a server elsewhere
    monkeypatch.setattr(tls, "context", slowly)
    monkeypatch.setattr(_limits, "FIRST_SECONDS", 0.5)
    monkeypatch.setattr(_store, "WAIT_SECONDS", 0.5)
    monkeypatch.setenv("FINOPS_API_KEY", live.key)
    monkeypatch.setenv("FINOPS_LEDGER", live.url)
    monkeypatch.setenv("FINOPS_BUDGET", f"{limit} USD/day")
    config.reload()
    try:
        recorder.get().begin(model="gpt-4o", messages=["hi"], max_output_tokens=9).drop()
        refused = None
    except BudgetExceeded as error:
        refused = error.reason
    assert refused == reason


@pytest.mark.parametrize("silent", ["reserve", "spent"])
def test_who_asks_the_gate_waits_no_longer_than_agreed_whatever_takes_long(
    live, monkeypatch, silent
):
    """As the look-up of its name may, once the connection was idle: it knows no deadline."""
    monkeypatch.setattr(_limits, "FIRST_SECONDS", 5.0)
    monkeypatch.setenv("FINOPS_API_KEY", live.key)
    monkeypatch.setenv("FINOPS_LEDGER", live.url)
    monkeypatch.setenv("FINOPS_BUDGET", "1 USD/day")
    monkeypatch.setattr(_store, "WAIT_SECONDS", 5.0)
    config.reload()
    rec = recorder.get()
    rec.begin(model="gpt-4o", messages=["hi"], max_output_tokens=9).drop()
    monkeypatch.setattr(_store, "WAIT_SECONDS", 0.5)
    asked, over = threading.Event(), threading.Event()

    def wait(*_):
        asked.set()
        over.wait(30)

    monkeypatch.setattr(RemoteLedger, silent, wait)
    began = time.monotonic()
    with suppress(BudgetExceeded):
        rec.begin(model="gpt-4o", messages=["hi"], max_output_tokens=9).finish(Usage(9, 1))
    assert ("did not answer in time" in str(rec.refusal)) == (silent == "reserve")
    assert time.monotonic() - began < 20
    assert asked.is_set()
    over.set()


TRACKED = """
import finops_pack
from finops_pack import recorder

finops_pack.track(ledger=sys.argv[1])
loaded = set(sys.modules)
recorder.get().begin(model="gpt-4o")
print(*(name for name in set(sys.modules) - loaded if "httpx" in name or "pydantic" in name))
"""


def test_track_imports_what_the_first_call_would_wait_for(live):
    assert run_it(HEAD + TRACKED, live.url) == "\n"


ASKED = """
from finops_pack import ledger, recorder
from finops_pack.model import Where

recorder.get()
opened, loaded = ledger.load(sys.argv[1]), set(sys.modules)
held = opened()
held.drain(1)
held.documents("budget")
held.reserve(ledger.Reservation("c", 1, 1, 2), {"b": (Where(), 9)}, 1.0)
print(*set(sys.modules) - loaded)
"""


def test_a_ledger_that_is_loaded_imports_nothing_more_to_hold_a_call(live, remote, monkeypatch):
    monkeypatch.setenv("FINOPS_LEDGER", live.url)
    assert run_it(HEAD + ASKED, live.url) == "\n"
