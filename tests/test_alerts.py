from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops_pack import alerts
from finops_pack.model import DayTotals, Totals

TODAY = date(2026, 2, 25)


def day(ago: int, usd: str = "10", **fields: Any) -> DayTotals:
    when = (TODAY - timedelta(days=ago)).isoformat()
    return DayTotals(when, Totals(usd=Decimal(usd)), **fields)


def found(days: list[DayTotals], **options: Any) -> list[alerts.Alert]:
    return alerts.from_days(days, today=TODAY, **options)


def types(days: list[DayTotals], **options: Any) -> list[str]:
    return [alert.alert_type for alert in found(days, **options)]


def test_budget_warning_uses_the_documented_words() -> None:
    [alert] = found([day(3, "400")], monthly_budget=Decimal(500))
    assert (alert.alert_type, alert.severity) == ("budget_warning", "high")
    assert alert.title == "Monthly budget 80% consumed"
    assert alert.message == "You have used $400 of your $500 monthly budget."


@pytest.mark.parametrize(
    ("usd", "expected"),
    [("399.99", []), ("400", ["budget_warning"]), ("500", ["budget_exceeded"])],
)
def test_budget_boundaries(usd: str, expected: list[str]) -> None:
    assert types([day(1, usd)], monthly_budget=Decimal(500)) == expected


def test_last_month_does_not_count() -> None:
    assert types([day(40, "600"), day(2, "5")], monthly_budget=Decimal(500)) == []


def test_same_cause_same_key_over_reports() -> None:
    first = found([day(2, "410")], monthly_budget=Decimal(500))
    later = found([day(2, "410"), day(1, "20")], monthly_budget=Decimal(500))
    assert first[0].key == later[0].key


def history() -> list[DayTotals]:
    return [day(ago, usd) for ago, usd in zip(range(20, 1, -1), ["9", "10", "12"] * 7)]  # noqa: B905


def test_a_day_far_above_the_usual_is_an_anomaly_until_the_next() -> None:
    assert types([*history(), day(1, "60")]) == ["cost_anomaly"]
    assert types([*history(), day(1, "12")]) == []
    assert types([*history(), day(2, "60")]) == []  # yesterday's absence ends it


def test_weekends_are_compared_with_weekends() -> None:
    usual = [day(ago, "40" if (TODAY - timedelta(days=ago)).weekday() < 5 else "4")
             for ago in range(32, 3, -1)]  # fmt: skip
    friday, saturday, sunday = day(5, "42"), day(4, "5"), day(3, "40")
    assert sunday.date == "2026-02-22"
    sunday_is_over = TODAY - timedelta(days=2)
    told = alerts.from_days([*usual[:-2], friday, saturday, sunday], today=sunday_is_over)
    assert [alert.title for alert in told] == ["Cost anomaly on 2026-02-22"]


def test_a_small_amount_is_no_anomaly() -> None:
    cheap = [day(ago, "0.01") for ago in range(20, 1, -1)]
    assert types([*cheap, day(1, "0.30")]) == []


def test_short_history_gives_no_anomaly() -> None:
    assert types([day(3), day(2), day(1, "900")]) == []


def test_efficiency_drop() -> None:
    days = [day(ago, score=80.0) for ago in range(9, 1, -1)]
    assert types([*days, day(1, score=69.0)]) == ["efficiency_drop"]
    assert types([*days, day(1, score=71.0)]) == []


def test_a_drop_that_lasts_is_one_alert_a_week() -> None:
    low = [day(ago, score=60.0) for ago in (2, 1, 0)]  # Monday to Wednesday
    days = [day(ago, score=90.0) for ago in range(12, 2, -1)]
    alike = {found(days + low[:count])[0].key for count in (1, 2, 3)}
    assert alike == {"efficiency_drop::2026-W09"}
    later = alerts.from_days([*days, *low], today=TODAY + timedelta(days=30))
    assert [alert.key for alert in later] == [*alike]


def test_write_share_is_weighed_by_cost_and_opens_above_thirty_percent() -> None:
    dear = day(2, "10", cache_write_usd_share=Decimal("0.4"))
    cheap = day(1, "10", cache_write_usd_share=Decimal("0.2"))
    assert types([dear, cheap]) == []
    assert types([dear]) == ["cache_write_share"]


def test_a_write_share_a_little_above_its_limit_does_not_read_as_the_limit() -> None:
    [alert] = found([day(0, cache_write_usd_share=Decimal("0.304"))])
    assert alert.message == (
        "Cache writes were 30.4% of your spend in the last 7 days, above 30%; they pay only where "
        "they are read back."
    )


@pytest.mark.parametrize(
    ("usd", "said"), [("400", "$400"), ("1234.5", "$1,234.50"), ("0.0933", "$0.093"), ("0", "$0")]
)
def test_an_alert_has_the_digits_of_every_other_screen(usd: str, said: str) -> None:
    assert alerts.dollars(Decimal(usd)) == said


def test_seven_days_of_writes_are_seven() -> None:
    share = {"cache_write_usd_share": Decimal("0.5")}
    assert types([day(6, **share)]) == ["cache_write_share"]
    assert types([day(7, **share)]) == []


def test_one_more_model_without_a_price_leaves_the_alert_what_it_is() -> None:
    before = found([day(1, unpriced_models=("b",))])
    after = found([day(1, unpriced_models=("b",)), day(0, unpriced_models=("a", "b"))])
    assert [alert.key for alert in before] == [alert.key for alert in after]
    assert "a, b" in after[0].message


def test_unpriced_models_name_the_mend() -> None:
    [alert] = found([day(1, unpriced_models=("my-deployment",))])
    assert "finops rates alias my-deployment=" in alert.message


def test_silent_reporter() -> None:
    last = {"a": "2026-02-22", "b": "2026-02-24"}
    [alert] = found([], last_reports=last)
    assert (alert.alert_type, alert.cause) == ("report_missing", "a")


def tasks(ago: int, costs: list[float]) -> list[alerts.TaskCost]:
    when = (TODAY - timedelta(days=ago)).isoformat()
    return [alerts.TaskCost(when, f"{ago}-{i}", Decimal(str(c))) for i, c in enumerate(costs)]


def ordinary(days: range) -> list[alerts.TaskCost]:
    spread = [0.3 + 0.02 * (i % 20) for i in range(20)]
    return [task for ago in days for task in tasks(ago, spread)]


def test_tasks_that_became_dearer_are_told_with_n() -> None:
    dear = tasks(1, [0.6 + 0.02 * i for i in range(20)])
    [alert] = found([], tasks=[*ordinary(range(28, 1, -1)), *dear])
    assert (alert.alert_type, alert.cause) == ("cost_anomaly", "tasks")
    assert "(n = 20)" in alert.message
    assert found([], tasks=ordinary(range(28, 0, -1))) == []


def test_one_task_far_off_is_told_on_its_day() -> None:
    days = [*ordinary(range(28, 0, -1)), *tasks(0, [0.4, 9.0])]
    [alert] = found([], tasks=days)
    assert alert.cause == "0-1"
    assert "finops task 0-1 --why" in alert.message


def test_small_amounts_are_not_told_as_nothing() -> None:
    cheap = [one for ago in range(28, 1, -1) for one in tasks(ago, [0.004] * 20)]
    [far] = found([], tasks=[*cheap, *tasks(0, [0.5])])
    assert "95 % of tasks cost less than $0.004." in far.message
    [rise] = found([], tasks=[*cheap, *tasks(1, [0.009] * 300)])
    assert "cost $0.009 each, +125%" in rise.message


def test_a_budget_below_a_cent_is_not_told_as_nothing() -> None:
    [alert] = found([day(1, "0.0085")], monthly_budget=Decimal("0.009"))
    assert alert.message == "You have used $0.0085 of your $0.009 monthly budget."


def test_very_many_models_without_a_price_are_counted() -> None:
    [alert] = found([day(0, unpriced_models=tuple(f"m{n}" for n in range(9)))])
    assert "known for m0, m1, m2, m3, m4 and 4 more: the cost" in alert.message


def test_many_more_tasks_at_the_usual_cost_are_a_dear_day() -> None:
    known = [*ordinary(range(28, 1, -1)), *ordinary(range(1, 2)) * 4]
    days = [day(ago) for ago in range(28, 1, -1)]
    assert found(days, tasks=known) == []
    assert [alert.title for alert in found([*days, day(1, "40")], tasks=known)] == [
        "Cost anomaly on 2026-02-24"
    ]


def test_a_dear_day_that_its_tasks_explain_is_told_once() -> None:
    days = [*(day(ago) for ago in range(28, 1, -1)), day(1, "40")]
    [alert] = found(days, tasks=[*ordinary(range(28, 0, -1)), *tasks(1, [30.0])])
    assert alert.cause == "1-0"


@pytest.mark.parametrize("cause", ["unpriced_models", "cache_write_share"])
def test_a_cause_that_lasts_is_told_again_with_the_week(cause: str) -> None:
    bad = DayTotals("2026-02-25", Totals(usd=Decimal(5)), unpriced_models=("m",),
                    cache_write_usd_share=Decimal("0.5"))  # fmt: skip
    keys = []
    for today in (date(2026, 2, 25), date(2026, 2, 26), date(2026, 3, 2)):
        told = alerts.from_days([replace(bad, date=today.isoformat())], today=today)
        keys += [alert.key for alert in told if alert.alert_type == cause]
    assert keys[0] == keys[1] != keys[2]


def test_few_tasks_raise_nothing() -> None:
    assert found([], tasks=[*tasks(3, [0.1] * 19), *tasks(1, [99.0])]) == []
