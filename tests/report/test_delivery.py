"""Each day arrives exactly once, whatever the server and the network do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from finops_pack import query
from finops_pack.errors import InputError, LedgerUnreachable
from finops_pack.ledger import ledger_id, open_ledger
from finops_pack.ledger.spool import Spool, encode
from finops_pack.report import outbox, reports
from finops_pack.report.delivery import Clock, Delivery
from finops_pack.report.keys import Secret, Target
from finops_pack.report.reports import open_reports, problems

NOON = 1_772_452_800.0  # 2026-03-02T12:00:00Z
DAYS = ("2026-02-27", "2026-02-28", "2026-03-01")
Start = Callable[..., Any]
Book = Callable[..., None]


class FakeTime:
    """A clock that sleeping moves on."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> Clock:
        """What a run takes."""
        return Clock(lambda: self.now, self.sleep)


@pytest.fixture
def time() -> FakeTime:
    """Noon of 2 March 2026."""
    return FakeTime()


@pytest.fixture
def deliver(ledger_url: str, key: str, time: FakeTime) -> Callable[..., Delivery]:
    """One run of the sender against a platform."""

    def run(server: Any, only: str | None = None, secret: str | None = None) -> Delivery:
        target = Target(server.url, Secret(secret or key), "test")
        with open_reports(ledger_url, target=target, clock=time.clock()) as reports:
            return reports.send(only, deadline=0.4)

    return run


@pytest.fixture
def believe(ledger_url: str, key: str, time: FakeTime) -> Callable[..., Delivery]:
    """A person says that a day is on the platform."""

    def run(server: Any, day: str) -> Delivery:
        target = Target(server.url, Secret(key), "test")
        with open_reports(ledger_url, target=target, clock=time.clock()) as reports:
            return reports.believe(day)

    return run


Deliver = Callable[..., Delivery]


def dates(rows: list[dict[str, Any]]) -> list[str]:
    return [row["date"] for row in rows]


def test_every_complete_day_is_sent_once_oldest_first(
    platform: Start, book: Book, deliver: Deliver
) -> None:
    server = platform(replaces=True)
    book(dict.fromkeys((*DAYS, "2026-03-02"), 3))
    assert dates(deliver(server).sent) == list(DAYS)
    assert server.requests() == dict.fromkeys(DAYS, 3)
    again = deliver(server)
    assert (again.sent, again.pending, again.failed) == ([], [], [])
    assert len(server.posts) == 3


@pytest.fixture
def spooled(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """More calls of 27 February in a spool than a reader books in its quarter of a second."""
    monkeypatch.setattr(query, "DRAIN_SECONDS", 0.0)
    noon = 1_772_193_600_000_000
    spool = Spool(ledger_id(ledger_url))
    for n in range(20):
        spool.append(encode({"type": "call", "id": f"late-{n}", "start_us": noon, "model": "m"}))
    yield 20
    spool.close()


def test_a_day_is_sent_with_what_waits_in_the_spools(
    platform: Start, book: Book, deliver: Deliver, spooled: int
) -> None:
    server = platform()
    book({DAYS[0]: 3})
    deliver(server)
    assert server.requests() == {DAYS[0]: 3 + spooled}


def test_no_day_is_sent_without_what_waits_in_the_spools(
    platform: Start, book: Book, deliver: Deliver, spooled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = platform()
    book({DAYS[0]: 3})
    monkeypatch.setattr(reports, "BOOKING", 0.0)
    with pytest.raises(LedgerUnreachable, match=rf"\({spooled}\)"):
        deliver(server)
    assert server.posts == []


def test_a_day_that_changed_is_corrected_where_that_replaces(
    platform: Start, book: Book, deliver: Deliver
) -> None:
    server = platform(replaces=True)
    book({DAYS[0]: 3, DAYS[1]: 1})
    deliver(server)
    book({DAYS[0]: 2})
    assert dates(deliver(server).sent) == [DAYS[0]]
    assert server.requests() == {DAYS[0]: 5, DAYS[1]: 1}
    keys = [post["headers"]["Idempotency-Key"] for post in server.posts]
    assert len(set(keys)) == 3
    assert keys[0].rsplit(":", 1)[0] == keys[2].rsplit(":", 1)[0]


def test_a_correction_is_kept_back_where_it_might_add_up(
    platform: Start, book: Book, deliver: Deliver, ledger_url: str
) -> None:
    server = platform()
    book({DAYS[0]: 3})
    deliver(server)
    book({DAYS[0]: 2})
    again = deliver(server)
    assert (again.complete, again.sent, server.requests()) == (True, [], {DAYS[0]: 3})
    assert [p["date"] for p in problems(ledger_url)] == [DAYS[0]]


def test_a_correction_made_by_hand_is_believed(
    platform: Start, book: Book, deliver: Deliver, believe: Deliver, ledger_url: str
) -> None:
    server = platform()
    book({DAYS[0]: 3})
    deliver(server)
    book({DAYS[0]: 2})
    deliver(server)
    assert "--delivered" in problems(ledger_url)[0]["mend"]
    assert dates(believe(server, DAYS[0]).sent) == [DAYS[0]]
    assert problems(ledger_url) == []
    book({DAYS[0]: 1})  # what comes later is another correction
    deliver(server)
    assert [p["date"] for p in problems(ledger_url)] == [DAYS[0]]


def test_a_day_whose_calls_have_moved_away_is_corrected_to_nothing(
    platform: Start, book: Book, deliver: Deliver, ledger_url: str
) -> None:
    server = platform(replaces=True)
    book({DAYS[0]: 3})
    deliver(server)
    ledger = open_ledger(ledger_url)
    ledger.rebuild("Pacific/Kiritimati")  # noon in UTC is the next day there
    ledger.close()
    assert dates(deliver(server).sent) == [DAYS[0], DAYS[1]]
    assert server.requests() == {DAYS[0]: 0, DAYS[1]: 3}
    assert server.saved[DAYS[0]][0]["total_cost"] == 0
    assert deliver(server).sent == []


def test_a_day_without_calls_any_more_can_be_corrected_by_hand(
    platform: Start, book: Book, deliver: Deliver, believe: Deliver, ledger_url: str
) -> None:
    server = platform()
    book({DAYS[1]: 1}, id="it")
    deliver(server)
    book({DAYS[1]: 1}, id="it", billing_mode="subscription")
    assert (deliver(server).sent, len(server.posts)) == ([], 1)
    assert [p["date"] for p in problems(ledger_url)] == [DAYS[1]]
    with open_reports(ledger_url) as reports:
        assert reports.date(DAYS[1]) == DAYS[1]
    assert dates(believe(server, DAYS[1]).sent) == [DAYS[1]]
    assert problems(ledger_url) == []


def test_a_day_in_doubt_is_settled_by_who_has_looked(
    platform: Start, book: Book, deliver: Deliver, believe: Deliver, ledger_url: str
) -> None:
    server = platform(trends=False, acts=deque(["save drop"]))
    book({DAYS[0]: 3})
    left = deliver(server).pending
    assert (dates(left), len(server.posts)) == ([DAYS[0]], 1)
    assert f"finops report --date {DAYS[0]} --delivered" in left[0]["mend"]
    assert believe(server, DAYS[0]).complete
    assert deliver(server).complete
    assert (len(server.posts), problems(ledger_url)) == (1, [])


def test_a_day_that_is_not_over_cannot_be_called_delivered(
    platform: Start, book: Book, deliver: Deliver, believe: Deliver
) -> None:
    server = platform(replaces=True)
    book({"2026-03-02": 3})
    with pytest.raises(InputError, match="2026-03-02 cannot be called delivered: it is not over"):
        believe(server, "2026-03-02")
    assert dates(deliver(server, only="2026-03-02").sent) == ["2026-03-02"]


@pytest.mark.parametrize(
    "how",
    [{"replaces": True}, {}, {"days_apart": True}, {"adds": False}],
    ids=["replaces", "appends", "appends in rows of their own", "replaces, untold"],
)
@pytest.mark.parametrize(
    "acts",
    [
        ["save hang"],
        ["hang"],
        ["save drop"],
        ["drop"],
        ["save 500", "save 502"],
        ["500", "503", "500"],
        ["save garbage"],
        ["429", "408", "425"],
        ["save drop", "drop", "save hang"],
    ],
    ids=" ".join,
)
def test_each_day_arrives_once(
    platform: Start, book: Book, deliver: Deliver, how: dict[str, bool], acts: list[str]
) -> None:
    server = platform(acts=deque(acts), **how)
    book({DAYS[0]: 3, DAYS[1]: 2})
    for _ in range(4):
        if deliver(server).complete:
            break
    assert server.requests() == {DAYS[0]: 3, DAYS[1]: 2}
    assert deliver(server).complete


def test_what_others_report_for_the_day_is_no_proof(
    platform: Start, book: Book, deliver: Deliver
) -> None:
    server = platform(acts=deque(["drop"]))
    server.save({"date": DAYS[0], "total_requests": 50, "total_tokens": 1, "total_cost": 1})
    book({DAYS[0]: 3})
    assert deliver(server).complete
    assert server.requests() == {DAYS[0]: 53}


def test_a_sick_cost_trends_is_waited_for(platform: Start, book: Book, deliver: Deliver) -> None:
    server = platform(trend_acts=deque(["500", "garbage", "hang", "drop", "503"]))
    book({DAYS[0]: 3})
    first = deliver(server)
    assert (dates(first.pending), server.posts) == ([DAYS[0]], [])
    assert deliver(server).complete
    assert server.requests() == {DAYS[0]: 3}


@pytest.mark.parametrize("then", ["429 after=3600", "422"])
def test_a_refusal_does_not_end_the_doubt_about_the_try_before(
    platform: Start, book: Book, deliver: Deliver, time: FakeTime, then: str
) -> None:
    server = platform(acts=deque(["500", then]))
    book({DAYS[0]: 3})
    assert not deliver(server).complete
    server.save(server.posts[0]["body"])  # only now does it get round to the first
    time.now += 3600
    assert dates(deliver(server, only=DAYS[0]).sent) == [DAYS[0]]
    assert (len(server.posts), server.requests()) == (2, {DAYS[0]: 3})


def test_a_gateway_that_timed_out_speaks_for_a_server_that_may_still_save(
    platform: Start, book: Book, deliver: Deliver, time: FakeTime
) -> None:
    server = platform(acts=deque(["504"]))
    book({DAYS[0]: 3})

    def sleep(seconds: float) -> None:
        time.now += seconds
        if seconds > 20:
            server.save(server.posts[0]["body"])

    time.sleep = sleep  # type: ignore[method-assign]
    assert dates(deliver(server).sent) == [DAYS[0]]
    assert (len(server.posts), server.requests()) == (1, {DAYS[0]: 3})


def test_a_day_that_grew_after_a_lost_try_is_not_sent_on_top_of_it(
    platform: Start, book: Book, deliver: Deliver, time: FakeTime, ledger_url: str
) -> None:
    server = platform(acts=deque(["500", "429 after=3600"]))
    book({DAYS[0]: 3})
    deliver(server)
    server.acts.append("429 after=3600")
    time.now += 3600
    book({DAYS[0]: 2})
    deliver(server)
    server.save(server.posts[0]["body"])
    time.now += 3600
    assert dates(deliver(server).sent) == [DAYS[0]]
    assert deliver(server).complete
    assert server.requests() == {DAYS[0]: 3}
    assert [p["date"] for p in problems(ledger_url)] == [DAYS[0]]  # a correction to make by hand


@pytest.mark.parametrize(("act", "posts"), [("save drop", 1), ("drop", 2)])
def test_only_what_did_not_land_before_cost_trends_could_be_read_is_sent_again(
    platform: Start, book: Book, deliver: Deliver, act: str, posts: int
) -> None:
    server = platform(trend_acts=deque(["404"]), acts=deque([act]))
    book({DAYS[0]: 3})
    assert dates(deliver(server).sent) == [DAYS[0]]
    assert (len(server.posts), server.requests()) == (posts, {DAYS[0]: 3})


@pytest.mark.parametrize("act", ["500", "503"])
def test_where_nothing_tells_an_answer_of_5xx_is_tried_again(
    platform: Start, book: Book, deliver: Deliver, act: str
) -> None:
    server = platform(trends=False, acts=deque([act]))
    book({DAYS[0]: 3})
    assert dates(deliver(server).sent) == [DAYS[0]]
    assert server.requests() == {DAYS[0]: 3}


@pytest.mark.parametrize("act", ["drop", "save drop", "504"])
@pytest.mark.parametrize("case", ["no cost-trends", "older than it tells", "rows without counts"])
def test_where_nothing_tells_a_person_is_asked(
    platform: Start, book: Book, deliver: Deliver, ledger_url: str, act: str, case: str
) -> None:
    day = "2025-10-01" if case.startswith("older") else DAYS[0]
    server = platform(trends=not case.startswith("no"), acts=deque([act]))
    if case.startswith("rows"):
        server.data = lambda: [{"date": "2026-02-20", "total_cost": 1}]
    if case.startswith("older"):
        server.data = list
    book({day: 3})
    for _ in range(3):
        assert dates(deliver(server).pending) == [day]
    assert len(server.posts) == 1
    told = problems(ledger_url)
    assert [row["date"] for row in told] == [day]
    assert "may have arrived" in told[0]["reason"]
    assert f"if not: finops report --send --date {day}" in told[0]["mend"]
    assert dates(deliver(server, only=day).sent) == [day]
    assert (len(server.posts), problems(ledger_url)) == (2, [])


def test_a_day_asked_for_by_date_is_not_sent_twice_in_one_run(
    platform: Start, book: Book, deliver: Deliver
) -> None:
    server = platform(trends=False, acts=deque(["save drop"]))
    book({DAYS[0]: 3})
    assert dates(deliver(server, only=DAYS[0]).pending) == [DAYS[0]]
    assert len(server.posts) == 1


@pytest.mark.parametrize("act", ["large", "garbage", "500"])
def test_what_replaces_is_sent_to_whatever_cost_trends_says(
    platform: Start, book: Book, deliver: Deliver, act: str
) -> None:
    server = platform(replaces=True, trend_acts=deque([act] * 9))
    book({DAYS[0]: 3})
    assert dates(deliver(server).sent) == [DAYS[0]]


def test_what_replaces_is_left_alone_when_it_says_so(
    platform: Start, book: Book, deliver: Deliver
) -> None:
    server = platform(replaces=True, trend_acts=deque(["503 after=3600"]))
    book({DAYS[0]: 3})
    assert dates(deliver(server).pending) == [DAYS[0]]
    assert server.posts == []


def test_retry_after_is_honoured_across_runs(
    platform: Start, book: Book, deliver: Deliver, time: FakeTime
) -> None:
    server = platform(acts=deque(["429 after=3600"]))
    book(dict.fromkeys(DAYS, 3))
    first = deliver(server)
    assert (dates(first.pending), len(server.posts)) == (list(DAYS), 1)
    assert first.pending[0]["not_before"] == "2026-03-02T13:00:00Z"
    asked = len(server.asked)
    assert not deliver(server).complete
    assert (len(server.posts), len(server.asked)) == (1, asked)
    time.now += 3600
    assert dates(deliver(server).sent) == [*DAYS[1:], DAYS[0]]


def test_a_short_retry_after_is_waited_out(
    platform: Start, book: Book, deliver: Deliver, time: FakeTime
) -> None:
    server = platform(acts=deque(["429 after=20"]))
    book({DAYS[0]: 3})
    assert deliver(server).complete
    assert 19 < sum(time.slept) < 25


def test_a_backlog_goes_out_in_one_run_at_the_pace_of_the_server(
    platform: Start, book: Book, deliver: Deliver, time: FakeTime
) -> None:
    server = platform(replaces=True, acts=deque(["save", "save", "429 after=1"] * 9))
    book({f"2026-02-{day:02}": 1 for day in range(1, 20)})
    assert deliver(server).complete
    assert (len(server.saved), sum(time.slept)) == (19, pytest.approx(9, abs=1))


def test_a_server_that_takes_nothing_in_is_left_after_a_few_rounds(
    platform: Start, book: Book, deliver: Deliver
) -> None:
    server = platform(acts=deque(["429 after=1"] * 9))
    book(dict.fromkeys(DAYS, 3))
    assert dates(deliver(server).pending) == list(DAYS)
    assert len(server.posts) == 4


def test_a_refused_day_is_kept_marked_and_does_not_hold_up_the_others(
    platform: Start, book: Book, deliver: Deliver, ledger_url: str
) -> None:
    server = platform(acts=deque(["422"]))
    book(dict.fromkeys(DAYS, 3))
    first = deliver(server)
    assert (dates(first.sent), dates(first.failed)) == (list(DAYS[1:]), [DAYS[0]])
    assert "--date 2026-02-27" in problems(ledger_url)[0]["mend"]
    again = deliver(server)
    assert (dates(again.failed), len(server.posts)) == ([DAYS[0]], 3)
    assert dates(deliver(server, only=DAYS[0]).sent) == [DAYS[0]]
    assert problems(ledger_url) == []


def test_a_refused_day_that_changed_is_tried_again(
    platform: Start, book: Book, deliver: Deliver
) -> None:
    server = platform(acts=deque(["422"]))
    book({DAYS[0]: 3})
    deliver(server)
    book({DAYS[0]: 1})
    assert dates(deliver(server).sent) == [DAYS[0]]


def test_a_refused_key_stops_the_run_until_it_is_replaced(
    platform: Start, book: Book, deliver: Deliver, key: str
) -> None:
    server = platform(acts=deque(["401", "401"]))
    book({DAYS[0]: 3})
    assert dates(deliver(server).failed) == [DAYS[0]]
    deliver(server)
    assert len(server.posts) == 1
    server.acts.clear()
    assert dates(deliver(server, secret=key + "new").sent) == [DAYS[0]]


def test_a_refused_key_is_tried_on_one_day_only(
    platform: Start, book: Book, deliver: Deliver
) -> None:
    server = platform(acts=deque(["401"] * 9))
    book(dict.fromkeys(DAYS, 3))
    first = deliver(server)
    assert (dates(first.failed), dates(first.pending)) == ([DAYS[0]], list(DAYS[1:]))
    assert len(server.posts) == 1


@pytest.mark.parametrize("replaces", [True, False])
def test_another_account_at_the_same_url_is_sent_every_day(
    platform: Start, book: Book, deliver: Deliver, key: str, replaces: bool
) -> None:
    server = platform(replaces=replaces)
    book({"2025-06-01": 1, **dict.fromkeys(DAYS, 3)})
    deliver(server)
    first, server.saved = server.saved, {}
    assert dates(deliver(server, secret=key + "2").sent) == ["2025-06-01", *DAYS]
    assert server.saved == first
    assert deliver(server).sent == [], "back at the first one, which has its days already"


@pytest.mark.parametrize("replaces", [True, False])
def test_a_new_key_of_the_same_account_is_sent_nothing_again(
    platform: Start, book: Book, deliver: Deliver, key: str, replaces: bool
) -> None:
    server = platform(replaces=replaces)
    book({"2025-06-01": 1, **dict.fromkeys(DAYS, 3)})
    deliver(server)
    server.saved.pop("2025-06-01")  # so far back it does not tell
    asked = len(server.asked)
    assert deliver(server, secret=key + "2").complete
    assert deliver(server, secret=key + "2").complete
    assert (len(server.posts), len(server.asked)) == (4, asked + 1)


def test_an_account_that_is_come_back_to_is_sent_what_changed_meanwhile(
    platform: Start, book: Book, deliver: Deliver, key: str
) -> None:
    server = platform(replaces=True)
    book(dict.fromkeys(DAYS, 3))
    deliver(server)
    first, server.saved = server.saved, {}
    book({DAYS[0]: 1})
    deliver(server, secret=key + "2")
    server.saved = first
    assert dates(deliver(server).sent) == [DAYS[0]]


def test_what_others_report_to_an_account_is_not_taken_for_ours(
    platform: Start, book: Book, deliver: Deliver, key: str
) -> None:
    server = platform(replaces=True)
    book(dict.fromkeys(DAYS, 3))
    deliver(server)
    for rows in server.saved.values():
        rows[0]["metadata"]["reporter"] = "a teammate"
    assert dates(deliver(server, secret=key + "2").sent) == list(DAYS)


def test_one_poisoned_day_does_not_hold_up_the_others(
    platform: Start, book: Book, deliver: Deliver
) -> None:
    server = platform(replaces=True, acts=deque(["500"]), trend_acts=deque())
    book(dict.fromkeys(DAYS, 3))
    server.acts.extend(["save", "save", "500", "500", "500", "500"])
    first = deliver(server)
    assert (dates(first.sent), dates(first.pending)) == (list(DAYS[1:]), [DAYS[0]])


def test_today_is_sent_only_when_asked_for_and_replaceable(
    platform: Start, book: Book, deliver: Deliver
) -> None:
    book({"2026-03-02": 3})
    adds, replaces = platform(), platform(replaces=True)
    assert deliver(replaces).sent == []
    assert dates(deliver(replaces, only="2026-03-02").sent) == ["2026-03-02"]
    refused = deliver(adds, only="2026-03-02")
    assert "not over" in refused.pending[0]["reason"]
    assert adds.posts == []


def test_without_a_key_nothing_is_sent(
    platform: Start, book: Book, ledger_url: str, time: FakeTime
) -> None:
    server = platform()
    book({DAYS[0]: 3})
    nobody = Target(server.url, None, "")
    with open_reports(ledger_url, target=nobody, clock=time.clock()) as reports:
        kept = reports.send()
    assert (dates(kept.pending), server.asked) == ([DAYS[0]], [])


@pytest.mark.parametrize("act", ["429 after=3600", "hang"])
def test_a_clock_that_was_put_back_holds_up_no_day(
    platform: Start, book: Book, deliver: Deliver, time: FakeTime, act: str
) -> None:
    server = platform(acts=deque([act] * 4))
    book({DAYS[0]: 3})
    time.now = NOON + 400 * 86_400
    assert dates(deliver(server).pending) == [DAYS[0]]
    server.acts.clear()
    time.now = NOON
    assert dates(deliver(server).sent) == [DAYS[0]]
    assert server.requests() == {DAYS[0]: 3}


def test_a_claim_whose_process_died_counts_as_unclear(
    platform: Start, book: Book, deliver: Deliver, ledger_url: str, time: FakeTime
) -> None:
    server = platform(acts=deque(["422"]))
    book({DAYS[0]: 3})
    deliver(server)
    ledger = open_ledger(ledger_url)
    before = outbox.entries(ledger, server.url)[DAYS[0]]
    dead = before.owner.rsplit("/", 2)[0] + "/999999999/beef"
    claimed = outbox.Entry(
        **{**_fields(before), "state": "sending", "owner": dead, "quiet_until": 0.0, "status": None}
    )
    assert outbox.swap(ledger, before, claimed)
    server.save({"date": DAYS[0], "total_requests": 3, "total_tokens": 1, "total_cost": 1})
    assert dates(deliver(server).sent) == [DAYS[0]]
    assert (len(server.posts), server.requests()) == (1, {DAYS[0]: 3})


def test_a_claim_of_another_host_is_respected_until_it_lapses(
    platform: Start, book: Book, deliver: Deliver, ledger_url: str, time: FakeTime
) -> None:
    server = platform(replaces=True)
    book({DAYS[0]: 3})
    elsewhere = outbox.Entry(
        server.url, DAYS[0], "sending", owner="other:pid:[1]/1/a", tried_at=time.now
    )
    assert outbox.swap(open_ledger(ledger_url), None, elsewhere)
    assert dates(deliver(server).pending) == [DAYS[0]]
    time.now += outbox.LEASE_SECONDS
    assert dates(deliver(server).sent) == [DAYS[0]]


def test_a_claim_of_another_host_from_a_clock_far_ahead_has_lapsed(
    platform: Start, book: Book, deliver: Deliver, ledger_url: str, time: FakeTime
) -> None:
    server = platform(replaces=True)
    book({DAYS[0]: 3})
    later = time.now + 400 * 86_400
    elsewhere = outbox.Entry(server.url, DAYS[0], "sending", owner="other:1/1/a", tried_at=later)
    assert outbox.swap(open_ledger(ledger_url), None, elsewhere)
    assert dates(deliver(server).sent) == [DAYS[0]]


def _fields(entry: outbox.Entry) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(entry)
