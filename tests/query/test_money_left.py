"""What is left: spent and reserved against each limit, when it runs out, what else would do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import finops_pack
from finops_pack import admin, config, query
from finops_pack.errors import InputError
from finops_pack.ledger import Ledger, Reservation, open_ledger
from finops_pack.model import Where
from finops_pack.query import Reader
from finops_pack.query.money_left import view
from finops_pack.query.text import ahead, budget_lines

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
USD = 10**12


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """An empty ledger, the one in force."""
    made = open_ledger(config.load().ledger)
    yield made
    made.close()


@pytest.fixture
def spent(ledger: Ledger) -> Callable[..., None]:
    """Books one call of so many USD, so long before noon."""

    def book(usd: str, before: timedelta = timedelta(0), **fields: Any) -> None:
        row = {
            "type": "call",
            "id": f"c{time.monotonic_ns()}",
            "start_us": int((NOON - before).timestamp() * 1e6) - 1,
            "model": "gpt-4o",
            "cost_pico": int(Decimal(usd) * USD),
            "cost_state": "priced",
            **fields,
        }
        ledger.book([row])

    return book


def seen(ledger: Ledger, *specs: str) -> query.BudgetView:
    for spec in specs:
        admin.set_budget(None, spec)
    return view(ledger, UTC, 0, now=NOON)


def test_what_is_left_of_a_day(ledger: Ledger, spent: Callable[..., None]) -> None:
    spent("1.25")
    spent("9", timedelta(hours=13))  # yesterday
    (line,) = seen(ledger, "5 USD/day").lines
    assert line.spent_usd == Decimal("1.25")
    assert line.remaining_usd == Decimal("3.75")
    assert line.used == Decimal("0.25")
    assert line.resets_at == "2026-11-25T00:00:00Z"


def test_it_runs_out_at_the_pace_so_far(ledger: Ledger, spent: Callable[..., None]) -> None:
    """3 of 4 USD in 12 hours: the fourth is gone after 4 more."""
    spent("3")
    (line,) = seen(ledger, "4 USD/day").lines
    assert line.runs_out_at == "2026-11-24T16:00:00Z"
    (line,) = seen(ledger, "7 USD/day").lines
    assert line.runs_out_at is None, "not before it resets"


def test_a_rolling_window_does_not_fill_at_an_even_pace(
    ledger: Ledger, spent: Callable[..., None]
) -> None:
    for hours in range(72):
        spent("0.25", timedelta(hours=hours))
    (line,) = seen(ledger, "10 USD/24h").lines
    assert (line.spent_usd, line.runs_out_at) == (6, None)
    (line,) = seen(ledger, "5 USD/24h").lines
    assert line.runs_out_at == "2026-11-24T12:00:00Z", "it is used up"


def test_what_is_reserved_counts(ledger: Ledger, spent: Callable[..., None]) -> None:
    spent("1")
    day = int(NOON.replace(hour=0).timestamp() * 1e6)
    noon_us, never = int(NOON.timestamp() * 1e6), 2**60
    wanted = Reservation("next", USD // 2, noon_us, never)
    refused = ledger.reserve(wanted, {"day:everything": (Where(since_us=day), 5 * USD)}, 1.0)
    assert refused is None
    (line,) = seen(ledger, "5 USD/day").lines
    assert line.reserved_usd == Decimal("0.5")
    assert line.remaining_usd == Decimal("3.5")


def test_a_scope_counts_its_own(ledger: Ledger, spent: Callable[..., None]) -> None:
    spent("1", project="shop")
    spent("2", project="lab")
    lines = seen(ledger, "5 USD/day", "4 USD/day project=shop").lines
    assert {line.scope: line.spent_usd for line in lines} == {"everything": 3, "project shop": 1}
    assert lines[0].scope == "everything", "the tightest stands first"


def test_flat_plans_stand_apart(ledger: Ledger, spent: Callable[..., None]) -> None:
    spent("1")
    spent("100", billing_mode="subscription")
    found = seen(ledger, "5 USD/day")
    assert found.lines[0].spent_usd == 1
    assert found.today_usd == 1
    assert found.subscription_usd == 100
    assert "flat plans: $100.00 list equivalent" in "\n".join(budget_lines(found))
    own = budget_lines(seen(ledger, "200 USD/day billing=subscription"))[0]
    assert "$100.00 left; $100.00 list equivalent, " in own


def test_without_a_budget_what_was_spent(ledger: Ledger, spent: Callable[..., None]) -> None:
    spent("1")
    spent("2", timedelta(days=1))  # Monday
    spent("4", timedelta(days=2))  # Sunday
    said = budget_lines(seen(ledger))
    assert said[0] == "spent $1.00 today, $3.00 this week, $7.00 this month"
    assert "no budget is set" in said[1]


def test_a_setting_wins_over_the_ledger(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINOPS_BUDGET", "2 USD/day; 9 USD/week")
    config.reload()
    assert {line.spec for line in seen(ledger, "5 USD/day").lines} == {"2 USD/day", "9 USD/week"}


def test_never_more_than_five_lines(ledger: Ledger, spent: Callable[..., None]) -> None:
    spent("1", model="x", cost_state="unpriced", cost_pico=None)
    spent("1", billing_mode="subscription")
    specs = [f"{n} USD/{window}" for n, window in enumerate(("day", "week", "month", "24h"), 3)]
    assert len(budget_lines(seen(ledger, *specs, "1 USD/task"))) == 5


def test_over_is_said_to_be_over(ledger: Ledger, spent: Callable[..., None]) -> None:
    spent("6")
    (line, *_) = budget_lines(seen(ledger, "5 USD/day"))
    assert "120%, over by $1.00" in line


@pytest.fixture
def reader(ledger: Ledger, spent: Callable[..., None]) -> Iterator[Reader]:
    """The reader of a ledger with 4 of 5 USD of this month spent."""
    now = datetime.now(UTC)
    spent("4", NOON - now)
    admin.set_budget(None, "5 USD/month")
    with query.open() as opened:
        yield opened


def test_a_cost_fits_or_not(reader: Reader) -> None:
    assert reader.check(Decimal(1)).allowed
    refused = reader.check(Decimal("1.01"))
    assert not refused.allowed
    assert refused.limit is not None
    assert refused.limit.remaining_usd == 1
    assert "when it resets" in (refused.advice or "")


def test_a_call_that_does_not_fit_gets_a_cheaper_way(reader: Reader) -> None:
    answer = reader.check(model="gpt-4o", tokens_in=1_000_000, tokens_out=1000)
    assert not answer.allowed
    assert answer.cost_usd == Decimal("2.51")
    assert answer.advice is not None
    assert "-mini for $0." in answer.advice
    assert "when it resets" in answer.advice


def test_waiting_helps_only_what_fits_a_whole_budget(reader: Reader) -> None:
    assert reader.check(Decimal("4.99")).advice is not None
    assert reader.check(Decimal("5.01")).advice is None


def test_money_held_back_is_not_there_to_be_spent(reader: Reader) -> None:
    admin.set_budget(None, "5 USD/month", reserve_usd=Decimal("0.25"))
    with query.open() as again:
        assert again.check(Decimal("0.75")).allowed
        refused = again.check(Decimal("0.76"))
    assert refused.to_dict()["remaining_usd"] == "0.75"
    assert "$0.25 held back" in refused.text


def test_a_budget_of_another_model_or_of_flat_plans_is_none_of_this_call(reader: Reader) -> None:
    admin.set_budget(None, "0.01 USD/day model=gpt-4o")
    admin.set_budget(None, "0.01 USD/day billing=subscription")
    with query.open() as again:
        ask = {"tokens_in": 100_000, "tokens_out": 1000}
        assert again.check(model="gpt-4o-mini", **ask).allowed
        assert again.check(Decimal("0.02")).limit is not None
        refused = again.check(model="gpt-4o", **ask)
    assert refused.limit is not None
    assert refused.limit.id == "day:model=gpt-4o"
    assert (refused.advice or "").startswith("yes on gpt-")


def test_a_budget_of_another_project_is_none_of_a_project_that_the_settings_name(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.set_budget(None, "0.01 USD/day project=theirs")
    assert not reader.check(Decimal("0.02")).allowed, "whose work this is, nobody said"
    for project, allowed in (("ours", True), ("theirs", False)):
        monkeypatch.setenv("FINOPS_PROJECT", project)
        config.reload()
        assert reader.check(Decimal("0.02")).allowed is allowed


def test_an_answer_is_short(reader: Reader) -> None:
    for answer in (
        reader.check(Decimal(1)),
        reader.check(model="gpt-4o", tokens_in=400_000, tokens_out=10_000),
        reader.check(model="house-llm", tokens_in=10),
    ):
        assert len(answer.text.splitlines()) <= 5
        assert len(answer.text) <= 4 * 80, "80 tokens of an agent's context"


def test_a_call_without_a_price_is_refused_under_a_hard_budget(reader: Reader) -> None:
    answer = reader.check(model="house-llm", tokens_in=10)
    assert not answer.allowed
    assert answer.cost_usd is None
    assert "finops rates alias house-llm" in (answer.advice or "")
    admin.set_budget(None, "5 USD/month", unpriced="warn")
    with query.open() as again:
        assert again.check(model="house-llm", tokens_in=10).allowed


def test_a_group_that_is_none_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="cannot group by 'nope'"):
        finops_pack.spend(by="nope")


def test_the_public_functions(ledger: Ledger, spent: Callable[..., None]) -> None:
    spent("1.5", NOON - datetime.now(UTC), model="<b>")
    spend = finops_pack.spend(by="model", last="1d")
    assert spend.to_dicts()[0]["cost_usd"] == "1.5"
    assert "&lt;b&gt;" in spend._repr_html_()
    assert finops_pack.budget().today_usd == Decimal("1.5")
    assert "<table>" in finops_pack.budget()._repr_html_()
    assert str(spend).splitlines() == [
        "model  calls  input  output  USD",
        "<b>        1      0       0  1.5",
        "total      1      0       0  1.5",
    ]
    assert "$1.50 today" in str(finops_pack.budget())


def test_a_table_says_what_is_not_in_it(ledger: Ledger) -> None:
    finops_pack.record(model="house-llm", usage=finops_pack.Usage(10, 1))
    assert finops_pack.flush()
    spend = finops_pack.spend(by="model", last="1d")
    *_, row, _, note = str(spend).splitlines()
    assert row.split() == ["house-llm", "1", "10", "1", "unpriced"]
    assert note.startswith("1 of 1 calls has no price")
    assert note in spend._repr_html_()


def test_how_far_ahead() -> None:
    assert ahead("2026-11-24T12:40:59Z", NOON) == "40 min"
    assert ahead("2026-11-24T17:59:00Z", NOON) == "5 h"
    assert ahead("2026-11-29T11:00:00Z", NOON) == "4 days"
    assert ahead("2026-11-24T11:00:00Z", NOON) == "0 min"
