"""What every store promises: the protocol `Ledger`, the same over each of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from finops_pack.errors import ConfigError, InputError, LedgerUnreachable
from finops_pack.ledger import Booked, Ledger, Reservation, _reader, _sums
from finops_pack.model import Call, Segment, Totals, Where
from finops_pack.money import PICO_MAX

Line = Callable[..., dict[str, Any]]
NOON = 1_763_985_600_000_000
DAY = 86_400_000_000
ALL = Where()


def total(ledger: Ledger, where: Where = ALL) -> Totals:
    return ledger.totals(None, where)[0]


# --- booking ----------------------------------------------------------------------------------


def test_a_call_comes_back_as_it_was_told(ledger: Ledger, line: Line) -> None:
    told = line(
        tags={"customer": "acme"},
        extra={"web_search": 2},
        tool_calls=[{"id": "t", "name": "bash", "args_hash": "ab"}],
        prefix_hashes=("a", "b"),
        missing=["image"],
        task="t1",
        billed_pico=7,
    )
    assert ledger.book([told]) == Booked(new=1)
    call = ledger.call("c1")
    assert call is not None
    assert call == Call(
        **{k: v for k, v in told.items() if k not in ("type", "tool_calls", "missing")},
        tool_calls=({"id": "t", "name": "bash", "args_hash": "ab"},),
        missing=("image",),
        booked_us=call.booked_us,
    )
    assert list(ledger.calls(ALL)) == [call]


def test_the_same_line_again_changes_nothing(ledger: Ledger, line: Line) -> None:
    ledger.book([line()])
    before = ledger.call("c1")
    assert ledger.book([line(), line()]) == Booked(unchanged=1)
    assert ledger.call("c1") == before
    assert total(ledger).calls == 1


def test_calls_of_one_moment_stay_in_the_order_they_were_told(ledger: Ledger, line: Line) -> None:
    named = ["t/8", "t/9", "t/10", "t/11", "t/12"]
    checks = [None, "edit", None, None, "edit"]  # so that not all rows have the same columns
    told = [line(name, verifier=check) for name, check in zip(named, checks, strict=True)]
    ledger.book(told)
    assert [call.id for call in ledger.calls(ALL)] == named


def test_a_changed_line_of_the_same_source_corrects(ledger: Ledger, line: Line) -> None:
    ledger.book([line(status="error", verifier="schema")])
    changed = line(status="ok", output_tokens=9, cost_pico=3_000_000)
    assert ledger.book([changed]) == Booked(corrected=1)
    call = ledger.call("c1")
    assert call is not None
    assert (call.status, call.output_tokens, call.cost_pico) == ("ok", 9, 3_000_000)
    assert call.verifier == "schema", "what a line omits is not taken away"
    assert call.corrected_us is not None
    assert total(ledger) == Totals(
        calls=1, requests=1, input_tokens=10, output_tokens=9, priced_calls=1,
        usd=Decimal("0.000003"), list_usd=Decimal("0.000003"),
    )  # fmt: skip


def test_corrected_counts_make_sense_again(ledger: Ledger, line: Line) -> None:
    wrong = line(input_tokens=-1, problems=["input_tokens is negative"], cost_pico=None)
    ledger.book([{**wrong, "cost_state": "unpriced"}])
    assert total(ledger).invalid_calls == 1
    assert ledger.book([line()]) == Booked(corrected=1)
    assert total(ledger).invalid_calls == 0
    assert ledger.check() == []


def test_new_rates_alone_change_no_price(ledger: Ledger, line: Line) -> None:
    ledger.book([line(rate_id="old")])
    assert ledger.book([line(rate_id="new", cost_pico=9)]) == Booked(unchanged=1)
    assert ledger.call("c1").rate_id == "old"


def test_tokens_that_change_bring_their_price(ledger: Ledger, line: Line) -> None:
    ledger.book([line()])
    ledger.book([line(input_tokens=99, cost_pico=None, cost_state="unpriced", rate_id=None)])
    call = ledger.call("c1")
    assert (call.cost_pico, call.cost_state) == (None, "unpriced")
    assert total(ledger).unpriced_tokens == 104


def test_one_answer_told_by_two_sources_is_one_call(ledger: Ledger, line: Line) -> None:
    ledger.book([line(response_id="r", output_tokens=5, agent="a")])
    imported = line("log1", source="log", response_id="r", output_tokens=7, agent="b", session="s")
    assert ledger.book([imported]) == Booked(corrected=1)
    assert ledger.book([imported]) == Booked(unchanged=1)
    call = ledger.call("c1")
    assert (call.output_tokens, call.agent, call.session) == (7, "a", "s")
    assert ledger.call("log1", "log") == call, "found under either name"
    assert ledger.calls_of(["log1", "c1", "no"], "log") == {"log1": call}
    assert total(ledger).calls == 1


def test_measured_tokens_replace_estimated_ones(ledger: Ledger, line: Line) -> None:
    live = line(response_id="r", output_tokens=900, usage_basis="estimated", cost_pico=99)
    ledger.book([live, line("log1", source="log", response_id="r", cost_pico=5)])
    call = ledger.call("c1")
    assert (call.output_tokens, call.usage_basis, call.cost_pico) == (5, "measured", 5)


def test_one_source_may_see_an_answer_twice(ledger: Ledger, line: Line) -> None:
    """A gateway's cache answers two calls with one response id."""
    assert ledger.book([line("a", response_id="r"), line("b", response_id="r")]).new == 2


def test_a_log_tells_a_call_in_pieces(ledger: Ledger, line: Line) -> None:
    first = line(output_tokens=3, tool_calls=[{"name": "a"}], merge="max")
    second = line(output_tokens=8, cost_pico=5, tool_calls=[{"name": "b"}], merge="max")
    ledger.book([first])
    ledger.book([second, {**first, "output_tokens": 2}])
    call = ledger.call("c1")
    assert call.output_tokens == 8
    assert call.tool_calls == ({"name": "a"}, {"name": "b"})


def test_amendments_change_what_they_name(ledger: Ledger, line: Line) -> None:
    ledger.book([line(agent="a")])
    amend = {"type": "amend", "id": "c1", "verifier": "edit", "agent": None, "cost_pico": 5}
    assert ledger.book([amend]) == Booked(corrected=1)
    assert ledger.book([amend]) == Booked(unchanged=1)
    call = ledger.call("c1")
    assert (call.verifier, call.agent, call.cost_pico, call.model) == ("edit", None, 5, "gpt-4o")
    assert total(ledger).usd == Decimal("0.000000000005")


def test_an_amendment_may_come_before_its_call(ledger: Ledger, line: Line) -> None:
    assert ledger.book([{"type": "amend", "id": "c1", "verifier": "edit"}]) == Booked()
    assert ledger.book([line()]) == Booked(new=1)
    assert ledger.call("c1").verifier == "edit"
    assert ledger.book([line("c2")]).new == 1, "it is used up"


@pytest.mark.parametrize("name", ["half \ud800", "nul \0"])
def test_what_a_store_cannot_hold_in_an_amendment_before_its_call_costs_no_call(
    ledger: Ledger, line: Line, name: str
) -> None:
    ledger.book([{"type": "amend", "id": "c1", "finish_reason": name, "verifier": "edit"}])
    assert ledger.book([line()]).rejected == ()
    assert ledger.call("c1").verifier == "edit"


def test_an_amendment_may_come_before_its_call_in_one_batch(ledger: Ledger, line: Line) -> None:
    told = {"type": "amend", "id": "c1"}
    ledger.book([{**told, "verifier": "edit", "agent": "a"}])
    ledger.book([{**told, "verifier": "user"}, line(agent="b"), {**told, "project": "p"}])
    call = ledger.call("c1")
    assert (call.verifier, call.agent, call.project) == ("user", "a", "p")
    assert ledger.book([line("c2")]).new == 1, "it is used up"


def test_an_amendment_finds_a_call_that_another_source_has_told(ledger: Ledger, line: Line) -> None:
    ledger.book([line("x", source="log", response_id="r")])
    ledger.book([{"type": "amend", "id": "c1", "verifier": "edit"}])
    ledger.book([line(response_id="r")])
    assert ledger.call("x", "log").verifier == "edit"
    ledger.book([{"type": "amend", "id": "c1", "verifier": None}])
    assert ledger.call("c1").verifier is None


def test_of_calls_with_one_answer_the_first_is_the_imported_one(ledger: Ledger, line: Line) -> None:
    ledger.book([line(response_id="r"), line("c2", response_id="r")])
    ledger.book([{"type": "amend", "id": "c1", "start_us": NOON + 1}])  # a row that moves
    ledger.book([line("x", source="log", response_id="r")])
    assert ledger.call("x", "log").id == "c1"


def test_a_merged_call_is_amended_under_its_other_name(ledger: Ledger, line: Line) -> None:
    ledger.book([line(response_id="r"), line("x", source="log", response_id="r")])
    ledger.book([{"type": "amend", "id": "x", "source": "log", "verifier": "user"}])
    assert ledger.call("c1").verifier == "user"


@pytest.mark.parametrize("pico", [PICO_MAX + 1, 10**40, -(10**30), -1, -1.0])
def test_an_amount_that_does_not_fit_is_unpriced(ledger: Ledger, line: Line, pico: int) -> None:
    ledger.book(
        [line(cost_pico=pico), line("c2", cost_pico=PICO_MAX), line("c3", billed_pico=pico)]
    )
    call = ledger.call("c1")
    assert (call.cost_pico, call.cost_state) == (None, "unpriced")
    assert "cost_pico" in call.problems[0]
    assert ledger.call("c3").billed_pico is None


def test_sums_go_beyond_64_bits(ledger: Ledger, line: Line) -> None:
    ledger.book(
        [line(f"c{n}", cost_pico=PICO_MAX, action="a", served_model="x") for n in range(50)]
    )
    whole = Decimal(PICO_MAX * 50).scaleb(-12)
    for by in (None, "model", "served_model", "task"):
        assert sum(row.usd for row in ledger.totals(by, ALL)) == whole
    assert ledger.spent(ALL) == (PICO_MAX * 50, 0)
    assert ledger.days(ALL)[0].by_action == {"a": whole}


def test_lines_that_cannot_be_read_cost_only_themselves(ledger: Ledger, line: Line) -> None:
    bad: list[Any] = [{"type": "call"}, {"type": "what"}, {}, {"type": "call", "id": "x"},
                      line(start_us="soon"), line(start_us=-1), 7, {"type": "task"},
                      {"type": "segment", "session": "s"}, {"type": "amend"},
                      {"type": "event"}]  # fmt: skip
    booked = ledger.book([*bad, line()])
    assert booked.new == 1
    assert [index for index, _ in booked.rejected] == list(range(len(bad)))


def test_strange_values_do_not_cost_the_call(ledger: Ledger, line: Line) -> None:
    odd = line(action=5, input_tokens=3.0, output_tokens="many", model="\ud800x\0", tags=["a"],
               attempts=True, agent="x" * 5000, duration_ms=10**15)  # fmt: skip
    assert ledger.book([odd, line("c2")]) == Booked(new=2)
    call = ledger.call("c1")
    assert (call.action, call.input_tokens, call.output_tokens, call.attempts) == ("5", 3, 0, 1)
    assert len(call.agent) == 1024
    assert call.cost_state == "unpriced"
    assert {p.partition(":")[0] for p in call.problems} == {
        "output_tokens",
        "attempts",
        "duration_ms",
        "tags",
    }
    assert total(ledger).invalid_calls == 1


def test_what_analyses_could_not_read_is_left_out_and_named(ledger: Ledger, line: Line) -> None:
    odd = {"tags": "x", "extra": [1], "tool_calls": ["x"], "tool_results": {"a": 1},
           "prefix_hashes": 5, "missing": [1]}  # fmt: skip
    ledger.book([line(**odd)])
    call = ledger.call("c1")
    assert [getattr(call, name) for name in odd] == [{}, {}, (), (), (), ()]
    assert {p.partition(":")[0] for p in call.problems} == {*odd}
    assert total(ledger).usd == Decimal("0.000001"), "its price is as it was told"


def test_no_text_of_a_tool_is_kept(ledger: Ledger, line: Line) -> None:
    asked = {"id": "t1", "name": "bash", "args_hash": "a", "arguments": {"cmd": "TEXT"}}
    ran = {"tool_call_id": "t1", "result_hash": "r", "content": "TEXT", "tokens": 1}
    ledger.book([line(tool_calls=[asked], tool_results=[ran])])
    ledger.book([line(id="c2", tool_results="TEXT of a tool")])
    ledger.book([line(id="c3", duration_ms="TEXT", extra={"image": "TEXT", "request": 1})])
    call = ledger.call("c1")
    assert call.tool_calls == ({"args_hash": "a", "id": "t1", "name": "bash"},)
    assert call.tool_results == ({"result_hash": "r", "tokens": 1, "tool_call_id": "t1"},)
    assert ledger.call("c2").problems == ("tool_results: cannot be booked: a str",)
    assert ledger.call("c3").problems == ("duration_ms: cannot be booked: a str",)
    assert ledger.call("c3").usage.extra == {"request": 1}


def test_a_call_that_nobody_knows_who_pays_counts(ledger: Ledger, line: Line) -> None:
    ledger.book([line(billing_mode="monthly")])
    assert total(ledger).calls == 1
    assert ledger.call("c1").problems == ("billing_mode: cannot be booked: monthly",)
    ledger.book([{"type": "amend", "id": "c1", "billing_mode": "metred"}])
    assert total(ledger).calls == 1


@pytest.mark.parametrize("where", [{"task": ""}, {"session": ""}, {"tag": ("k", "")}])
def test_calls_for_which_something_is_not_set_are_found_in_every_period(
    ledger: Ledger, line: Line, where: Any
) -> None:
    ledger.book([line(task="t", session="s", tags={"k": "v"}), line("c2", start_us=NOON + 1)])
    for period in ({}, {"since_us": NOON - 1}, {"since_us": NOON - DAY, "until_us": NOON + DAY}):
        asked = Where(**where, **period)
        assert [call.id for call in ledger.calls(asked)] == ["c2"]
        assert ledger.totals(None, asked)[0].calls == 1
        assert ledger.spent(asked)[0] == 1_000_000
        [name] = where
        by = "tag:k" if name == "tag" else name
        assert [(row.key, row.calls) for row in ledger.totals(by, asked)] == [(None, 1)]


@pytest.mark.parametrize("value", ["x\0y", 5, True, None, {"a": 1}])
def test_tags_count_alike_in_every_period(ledger: Ledger, line: Line, value: Any) -> None:
    ledger.book([line(tags={"k\0": "v", "k": value})])
    inside_a_day = Where(since_us=NOON - 1, until_us=NOON + 1)
    assert ledger.totals("tag:k", inside_a_day) == ledger.totals("tag:k", ALL)
    assert ledger.check() == []


def test_fields_of_a_newer_version_are_left_out(ledger: Ledger, line: Line) -> None:
    assert ledger.book([line(invented_tomorrow=1)]) == Booked(new=1)


# --- spools -----------------------------------------------------------------------------------


def test_the_offset_moves_with_the_lines(ledger: Ledger, line: Line) -> None:
    assert ledger.offset("s") == 0
    ledger.book([line()], spool="s", offset=100, after=0)
    assert ledger.offset("s") == 100
    assert ledger.book([line("c2")], spool="s", offset=150, after=50) == Booked()
    assert (ledger.offset("s"), ledger.call("c2")) == (100, None)
    ledger.forget_spool("s")
    assert ledger.offset("s") == 0


# --- questions --------------------------------------------------------------------------------


def test_what_is_not_set_stands_under_none(ledger: Ledger, line: Line) -> None:
    ledger.book([line("a", agent="x", tags={"customer": "acme"}), line("b")])
    for by in ("agent", "tag:customer"):
        assert {row.key: row.calls for row in ledger.totals(by, ALL)}.keys() == {None} | {
            "x" if by == "agent" else "acme"
        }


def test_nothing_is_one_empty_row_or_none(ledger: Ledger) -> None:
    assert ledger.totals(None, ALL) == [Totals()]
    assert ledger.totals("model", ALL) == []
    assert ledger.days(ALL) == []
    assert ledger.span() is None
    assert ledger.spent(ALL) == (0, 0)
    assert ledger.call("x") is None
    assert ledger.task("x") is None


def test_an_unknown_group_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="colour") as refused:
        ledger.totals("colour", ALL)
    assert "served_model" in str(refused.value.mend)


def test_subscriptions_are_asked_for(ledger: Ledger, line: Line) -> None:
    modes = ("metered", "unknown", "subscription")
    ledger.book([line(m, billing_mode=m, task=m) for m in modes])
    assert total(ledger).calls == 2
    assert total(ledger, Where(billing="subscription")).calls == 1
    assert [task.id for task in ledger.tasks(Where(billing="subscription"))] == ["subscription"]
    assert len(ledger.tasks(ALL)) == 2
    assert ledger.task("subscription").calls == 1


@pytest.mark.parametrize("key", ["a.b", "ü", "[0]", "$", 'a"b', "a\\b", "a\nb"])
def test_a_tag_of_any_name_is_found_in_parts_of_a_day_too(
    ledger: Ledger, line: Line, key: str
) -> None:
    ledger.book([line(tags={key: "v"}), line("c2")])
    for where in (ALL, Where(NOON - 1, NOON + 1)):
        found = {row.key: row.calls for row in ledger.totals(f"tag:{key}", where)}
        assert found == {"v": 1, None: 1}
        tagged = Where(where.since_us, where.until_us, tag=(key, "v"))
        assert [call.id for call in ledger.calls(tagged)] == ["c1"]
        assert total(ledger, tagged).calls == 1


def test_a_tag_value_over_the_cap_is_found_by_its_name(
    ledger: Ledger, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_sums, _reader):
        monkeypatch.setattr(module, "TAG_VALUES", 3)
    named = {f"c{n}": {"customer": f"v{n % 5}"} for n in range(10)}
    ledger.book([line(name, tags=tags) for name, tags in named.items()])
    for since in (None, NOON - 1):
        found = {n: total(ledger, Where(since, tag=("customer", f"v{n}"))).calls for n in range(6)}
        assert found == {0: 2, 1: 2, 2: 2, 3: 2, 4: 2, 5: 0}
        assert total(ledger, Where(since, tag=("customer", "(other)"))).calls == 4
    budget = Where(NOON // DAY * DAY, tag=("customer", "v4"))
    refused = ledger.reserve(Reservation("c", 1, NOON, NOON + 9), {"b": (budget, 1)}, 1.0)
    assert refused == {"b": (2_000_000, 0)}
    assert ledger.reserve(Reservation("c", 1, NOON, NOON + 9), {"b": (budget, 9**9)}, 1) is None
    assert ledger.check() == []


def test_tag_values_over_the_cap_count_as_other(
    ledger: Ledger, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sums, "TAG_VALUES", 3)
    told = [line(f"c{n}", tags={"customer": f"v{n}"}, agent="a") for n in range(5)]
    ledger.book(told[:2])
    ledger.book(told[2:])
    for where in (ALL, Where(agent="a")):  # from the rollup, and from the calls
        found = {row.key: row.calls for row in ledger.totals("tag:customer", where)}
        assert found == {"v0": 1, "v1": 1, "v2": 1, "(other)": 2}
    assert total(ledger, Where(tag=("customer", "(other)"))).calls == 2
    assert ledger.check() == []
    assert ledger.call("c4").tags == {"customer": "v4"}


def test_days_tell_models_actions_and_what_is_unpriced(ledger: Ledger, line: Line) -> None:
    ledger.book([
        line("a", action="plan"),
        line("b", model="odd", cost_pico=None, cost_state="unpriced"),
        line("c", start_us=NOON + DAY, model="free", cost_pico=0, cost_state="free"),
    ])  # fmt: skip
    first, second = ledger.days(ALL)
    assert (first.date, second.date) == ("2025-11-24", "2025-11-25")
    assert first.by_model == {"gpt-4o": Decimal("0.000001")}
    assert first.by_action == {"plan": Decimal("0.000001"), "(not set)": Decimal(0)}
    assert first.unpriced_models == ("odd",)
    assert second.by_model == {"free": Decimal(0)}
    assert first.total.calls == 2


def test_calls_come_in_order_and_in_part(ledger: Ledger, line: Line) -> None:
    ledger.book([line(f"c{n}", start_us=NOON - n) for n in range(5)])
    assert [c.id for c in ledger.calls(ALL)] == ["c4", "c3", "c2", "c1", "c0"]
    assert [c.id for c in ledger.calls(ALL, newest_first=True, limit=2)] == ["c0", "c1"]
    assert [c.id for c in ledger.calls(Where(since_us=NOON - 1, until_us=NOON))] == ["c1"]
    assert ledger.span() == (NOON - 4, NOON)


def test_a_time_zone_decides_the_day(ledger: Ledger, line: Line) -> None:
    ledger.book([line(start_us=NOON + 11 * 3_600_000_000 + 1)])
    assert ledger.days(ALL)[0].date == "2025-11-24"
    ledger.rebuild("Europe/Vienna")
    assert ledger.days(ALL)[0].date == "2025-11-25"
    assert ledger.time_zone == "Europe/Vienna"
    ledger.rebuild()
    assert ledger.days(ALL)[0].date == "2025-11-25"


# --- tasks, segments, documents ----------------------------------------------------------------


def test_a_task_has_what_was_said_and_what_its_calls_cost(ledger: Ledger, line: Line) -> None:
    ledger.book([line(task="t", project="p", session="s", trigger="cron", start_us=NOON + 5)])
    ledger.book([
        {"type": "task", "id": "t", "start_us": NOON, "parent": "root"},
        {"type": "task", "id": "t", "end_us": NOON + 9, "outcome": "succeeded"},
        line("c2", task="t"), line("c3", task="t", cost_pico=None, cost_state="unpriced"),
    ])  # fmt: skip
    task = ledger.task("t")
    assert task is not None
    assert (task.start_us, task.end_us, task.parent) == (NOON, NOON + 9, "root")
    assert (task.project, task.session, task.trigger) == ("p", "s", "cron")
    assert (task.outcome, task.calls, task.unpriced_calls) == ("succeeded", 3, 1)
    assert task.usd == Decimal("0.000002")


def test_tasks_newest_first_by_what_is_asked(ledger: Ledger, line: Line) -> None:
    ledger.book([
        line(f"c{n}", task=f"t{n}", start_us=NOON + n, agent="a" if n % 2 else "b",
             tags={"k": str(n)}, project="p")
        for n in range(4)
    ])  # fmt: skip
    ledger.book([{"type": "task", "id": "idle", "start_us": NOON - 1}])
    assert [t.id for t in ledger.tasks(ALL, limit=2)] == ["t3", "t2"]
    assert [t.id for t in ledger.tasks(Where(agent="a"))] == ["t3", "t1"]
    assert [t.id for t in ledger.tasks(Where(tag=("k", "2")))] == ["t2"]
    assert [t.id for t in ledger.tasks(Where(until_us=NOON))] == ["idle"]
    assert len(ledger.tasks(Where(project="p"))) == 4


def test_many_tasks_by_their_ids(ledger: Ledger, line: Line) -> None:
    ledger.book([
        line("c1", task="paid"), line("c2", task="paid", billing_mode="subscription"),
        line("c3", task="flat", billing_mode="subscription"),
    ])  # fmt: skip
    ledger.book([{"type": "task", "id": "idle", "start_us": NOON - 1}])
    found = {task.id: task.calls for task in ledger.tasks_of(["flat", "idle", "none", "paid"])}
    assert found == {"flat": 1, "idle": 0, "paid": 1}
    many = [line(f"m{n}", task=f"m{n}") for n in range(2500)]
    ledger.book(many)
    assert len(ledger.tasks_of([f"m{n}" for n in range(5000)])) == 2500


def test_segments_are_replaced(ledger: Ledger) -> None:
    told = {"session": "s", "id": "g", "kind": "system", "tokens": 5, "first_call": "a",
            "last_call": "a"}  # fmt: skip
    ledger.book([{"type": "segment", **told}])
    ledger.book([{"type": "segment", **told, "last_call": "b", "calls_held": 2, "p_unused": 0.5}])
    found = Segment("s", "g", "system", 5, "a", "b", 2, 0.5)
    assert ledger.segments(["s", "other"]) == [found]


def test_documents(ledger: Ledger) -> None:
    assert ledger.get("k", "a") is None
    ledger.put("k", "a", {"n": 1})
    ledger.put("k", "a", {"n": 2})
    ledger.book([{"type": "event", "kind": "k", "key": "b", "n": 3}])
    assert ledger.documents("k") == {"a": {"n": 2}, "b": {"kind": "k", "key": "b", "n": 3}}
    assert ledger.update("k", "a", lambda held: {"n": held["n"] + 1}) == {"n": 3}
    assert ledger.update("k", "a", lambda held: None) == {"n": 3}
    assert ledger.update("k", "c", lambda held: {"was": held}) == {"was": None}
    assert ledger.delete("k", "a")
    assert not ledger.delete("k", "a")


def test_a_change_that_fails_leaves_the_document(ledger: Ledger) -> None:
    ledger.put("k", "a", {"n": 1})
    with pytest.raises(ZeroDivisionError):
        ledger.update("k", "a", lambda held: {"n": 1 / 0})
    assert ledger.get("k", "a") == {"n": 1}


# --- the gate ----------------------------------------------------------------------------------


def wanted(call: str, pico: int, *, expires_us: int = 2**60) -> Reservation:
    return Reservation(call, pico, NOON, expires_us)


JUST_NOW = time.time_ns() // 1000 - 1
TODAY = Where(since_us=NOON // DAY * DAY)


def test_a_budget_holds_what_is_reserved(ledger: Ledger, line: Line) -> None:
    limits = {"b": (TODAY, 100)}
    assert ledger.reserve(wanted("c1", 60), limits, 1) is None
    assert ledger.reserve(wanted("c2", 60), limits, 1) == {"b": (0, 60)}
    assert ledger.reserve(wanted("c2", 40), limits, 1) is None
    ledger.settle("c1", 10)
    assert ledger.spent(TODAY) == (0, 50)
    ledger.book([line("c1", cost_pico=10)])
    assert ledger.spent(TODAY) == (10, 40)
    ledger.settle("c1", 10)  # the drainer was faster
    ledger.settle("c2", None)
    assert ledger.spent(TODAY) == (10, 0)


def test_an_expired_reservation_is_spend(ledger: Ledger, line: Line) -> None:
    limits = {"b": (TODAY, 100)}
    ledger.reserve(wanted("c1", 60, expires_us=JUST_NOW), limits, 1)
    ledger.reserve(wanted("c2", 30, expires_us=JUST_NOW), limits, 1)
    ledger.settle("c2", 25)
    assert ledger.spent(TODAY) == (60, 25)
    ledger.book([line("c1", cost_pico=10)])
    assert ledger.spent(TODAY) == (10, 25)


def test_a_call_with_unknown_bill_keeps_its_reservation(ledger: Ledger, line: Line) -> None:
    ledger.reserve(wanted("c1", 60, expires_us=JUST_NOW), {"b": (TODAY, 100)}, 1)
    unseen = line("c1", usage_basis="unknown", cost_pico=None, cost_state="unpriced")
    ledger.book([unseen])
    assert ledger.spent(TODAY) == (60, 0)
    ledger.book([{"type": "amend", "id": "c1", "usage_basis": "measured", "cost_pico": 7}])
    assert ledger.spent(TODAY) == (7, 0)


def test_budgets_cover_what_they_name(ledger: Ledger, line: Line) -> None:
    scopes = {
        "project": Where(since_us=TODAY.since_us, project="p"),
        "agent and model": Where(since_us=TODAY.since_us, agent="a", model="gpt-4o"),
        "tag": Where(since_us=TODAY.since_us, tag=("customer", "x")),
        "task": Where(task="t"),
        "rolling": Where(since_us=NOON - 20 * 3_600_000_000 - 12_345),
    }
    limits = {name: (where, 10**9) for name, where in scopes.items()}
    assert ledger.reserve(wanted("first", 1), limits, 1) is None
    mine = {"project": "p", "agent": "a", "tags": {"customer": "x"}, "task": "t"}
    ledger.book([line("c1", cost_pico=5, **mine), line("c2", cost_pico=3)])
    ledger.book([line("c3", cost_pico=100, start_us=NOON - 2 * DAY, **mine)])
    ledger.book([{"type": "amend", "id": "c1", "cost_pico": 7}])
    spent = {name: ledger.spent(where) for name, where in scopes.items()}
    assert spent == {
        "project": (7, 1), "agent and model": (7, 1), "tag": (7, 1), "task": (107, 1),
        "rolling": (10, 1),
    }  # fmt: skip
    assert ledger.check() == []


def test_hours_reach_back_to_where_a_window_begins(ledger: Ledger, line: Line) -> None:
    told = [line(f"c{n}", cost_pico=1, start_us=NOON - n * DAY) for n in range(20)]
    ledger.book(told)
    month = Where(since_us=(NOON // DAY - 15) * DAY)
    ledger.reserve(wanted("r", 0), {"b": (month, 99)}, 1)
    assert ledger.spent(month) == (16, 0)
    ledger.book([line("late", cost_pico=1, start_us=NOON - 10 * DAY)])
    assert ledger.spent(month) == (17, 0)
    earlier = Where(since_us=(NOON // DAY - 18) * DAY)
    ledger.reserve(wanted("r", 0), {"b": (earlier, 99)}, 1)
    assert ledger.spent(earlier) == (20, 0)
    assert ledger.spent(Where(since_us=NOON - 3 * DAY + 1)) == (3, 0)
    assert ledger.check() == []


def test_hours_hold_both_days_where_one_begins_within_an_hour(ledger: Ledger, line: Line) -> None:
    ledger.rebuild("Asia/Kolkata")
    midnight = (NOON // DAY - 15) * DAY - 5 * 3_600_000_000 - 1_800_000_000
    ledger.book([line("before", cost_pico=1, start_us=midnight - 1)])
    ledger.book([line("after", cost_pico=1, start_us=midnight)])
    ledger.reserve(wanted("r", 0), {"b": (Where(since_us=midnight), 99)}, 1)
    assert ledger.spent(Where(since_us=midnight)) == (1, 0)
    assert ledger.check() == []


def test_a_reservation_is_forgotten_after_every_window(ledger: Ledger, line: Line) -> None:
    ledger.reserve(wanted("gone", 60, expires_us=NOON), {"b": (Where(), 100)}, 1)
    assert ledger.spent(ALL) == (60, 0)
    ledger.book([line()])  # it is more than 92 days later by now
    assert ledger.spent(ALL) == (1_000_000, 0)


def test_an_outer_task_keeps_what_a_task_inside_has_cost(ledger: Ledger, line: Line) -> None:
    outer, inner = Where(task="outer"), Where(task="inner")
    limits = {"outer": (outer, 100), "inner": (inner, 100)}
    for call, ended in (("c1", 40), ("c2", 30)):
        assert ledger.reserve(wanted(call, 50), limits, 1) is None
        ledger.book([line(call, task="inner", cost_pico=ended)])
        ledger.settle(call, ended)  # the drainer was faster
    assert ledger.spent(outer) == ledger.spent(inner) == (70, 0)
    ledger.book([{"type": "amend", "id": "c2", "cost_pico": 20, "billed_pico": 45}])
    assert ledger.spent(outer) == ledger.spent(inner) == (85, 0)
    assert set(ledger.reserve(wanted("c3", 50), limits, 1) or ()) == {"outer", "inner"}
    ledger.book([line("own", task="outer", cost_pico=5)])
    assert ledger.spent(outer) == (90, 0)


UNCOMMON = {
    "surrogate": "a\ud800b",
    "nul": "a\0b",
    "long": "x" * 5000,
    "wide": "".join(chr(0x4E00 + n * n * 7919 % 20_000) for n in range(1000)),
}


@pytest.mark.parametrize("kind", ["task", "session", "outer"])
@pytest.mark.parametrize("name", UNCOMMON)
def test_a_name_that_a_store_cannot_hold_is_held(
    ledger: Ledger, line: Line, name: str, kind: str
) -> None:
    named = UNCOMMON[name]
    limits = {"b": (Where(session=named) if kind == "session" else Where(task=named), 100)}
    told = {"task": "inner"} if kind == "outer" else {kind: named}
    for call in ("c1", "c2"):
        assert ledger.reserve(wanted(call, 50), limits, 1) is None
        assert ledger.book([line(call, cost_pico=50, **told)]).new == 1
    assert ledger.reserve(wanted("c3", 1), limits, 1) == {"b": (100, 0)}
    assert ledger.spent(limits["b"][0]) == (100, 0)


def test_two_budgets_are_broken_together(ledger: Ledger) -> None:
    limits = {"a": (TODAY, 5), "b": (Where(project="p"), 50), "c": (TODAY, 4)}
    assert ledger.reserve(wanted("x", 10), limits, 1) == {"a": (0, 0), "c": (0, 0)}
    assert ledger.spent(TODAY) == (0, 0)


def test_a_reservation_with_no_budget_is_none(ledger: Ledger) -> None:
    assert ledger.reserve(wanted("x", 10), {}, 1) is None


# --- upkeep ------------------------------------------------------------------------------------


def test_a_zone_that_does_not_exist_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ConfigError, match="Wien"):
        ledger.rebuild("Europe/Wien")


def test_rebuild_mends_what_check_finds(ledger: Ledger, line: Line) -> None:
    ledger.book([line(task="t", tags={"k": "v"})])
    with ledger._write() as db:  # type: ignore[attr-defined]
        db.run("UPDATE by_day SET calls = calls + 1")
        db.run("UPDATE by_task SET first_us = 0")
    faults = ledger.check()
    assert any(f.startswith("by_day") for f in faults)
    assert any(f.startswith("by_task") for f in faults)
    ledger.rebuild()
    assert ledger.check() == []


def test_a_closed_ledger_opens_again(ledger: Ledger, line: Line) -> None:
    ledger.book([line()])
    ledger.close()
    assert total(ledger).calls == 1


def test_a_nested_write_ends_in_an_error(ledger: Ledger) -> None:
    with pytest.raises(LedgerUnreachable):
        ledger.update("k", "a", lambda held: ledger.book([], timeout=0.05) and None)


@pytest.mark.parametrize("group", ["task", "session"])
def test_no_row_stands_for_no_calls(ledger: Ledger, line: Line, group: str) -> None:
    both = {"cost_pico": 600_000_000_000, "cost_state": "priced", "agent": "a"}
    ledger.book([line(f"c{n}", task=f"t{n}", session=f"s{n}", **both) for n in range(2)])
    assert [row.calls for row in ledger.totals(group, Where())] == [1, 1]
