"""Reports to figures: exact, whatever the order, and whoever reports."""

from __future__ import annotations

from decimal import Decimal, DefaultContext, getcontext

from hypothesis import given
from hypothesis import strategies as st

from finops_pack.server import figures
from finops_pack.server.reports import Kept

amounts = st.decimals(0, 10**9, places=6)
parts = st.dictionaries(st.sampled_from("abc"), amounts, max_size=3)


@st.composite
def kept(draw):
    body = {
        "total_cost": draw(amounts),
        "total_tokens": draw(st.integers(0, 2**63)),
        "total_requests": draw(st.integers(0, 10**9)),
        "cost_by_model": draw(parts | st.none()),
    }
    day = draw(st.sampled_from(["2026-02-27", "2026-02-28"]))
    return Kept(day, draw(st.text(max_size=3)), "rpt", "hash", body)


@given(st.lists(kept(), max_size=8))
def test_nothing_is_lost_and_nothing_is_rounded(found):
    days = figures.days(sorted(found, key=lambda k: k.date))
    bodies = [k.body for k in found]
    assert sum((d.cost for d in days), Decimal(0)) == sum(
        (b["total_cost"] for b in bodies), Decimal(0)
    )
    assert sum(d.tokens for d in days) == sum(b["total_tokens"] for b in bodies)
    by_model = sum((usd for d in days for usd in d.by_model.values()), Decimal(0))
    assert by_model == sum(
        (usd for b in bodies for usd in (b["cost_by_model"] or {}).values()), Decimal(0)
    )
    assert [d.date for d in days] == sorted({k.date for k in found})


@given(st.lists(st.tuples(st.decimals(0, 100, places=1), amounts), min_size=1, max_size=6))
def test_a_weighed_mean_lies_between_its_values(pairs):
    mean = figures.weighed(pairs)
    slack = Decimal("1e-9")
    assert min(v for v, _ in pairs) - slack <= mean <= max(v for v, _ in pairs) + slack


def test_unknown_scores_do_not_weigh():
    assert figures.weighed([(None, Decimal(9)), (Decimal(80), Decimal(1))]) == 80
    assert figures.weighed([(Decimal(80), Decimal(0)), (Decimal(60), Decimal(0))]) == 70
    assert figures.weighed([(None, Decimal(9))]) is None


def test_a_share_is_weighed_by_what_it_is_a_share_of():
    def reporter(cost, tokens, share):
        cache = dict.fromkeys(figures.CACHE_SHARES, Decimal(share))
        body = {"total_cost": cost, "total_tokens": tokens, "total_requests": 1,
                "metadata": {"cache": cache}}  # fmt: skip
        return Kept("2026-02-28", "r", "rpt", "hash", body)

    [day] = figures.days([reporter(9, 1_000, "0.8"), reporter(1, 9_000, "0.4")])
    shares = {name: share for name, (share, _) in day.cache.items()}
    assert shares == {
        "write_share_usd": Decimal("0.76"),
        "hit_rate": Decimal("0.44"),
        "attainable": Decimal("0.44"),
        "write_share_tokens": Decimal("0.44"),
    }
    free = figures.days([reporter(0, 1_000, "0.8"), reporter(0, 9_000, "0.4")])
    assert free[0].cache["hit_rate"][0] == Decimal("0.44")


def test_a_day_of_many_names_is_not_held_with_the_others():
    body = {"total_cost": 1, "total_tokens": 1, "total_requests": 1}
    made = []

    def kept():
        for n in range(1, 4):
            made.append(n)
            yield Kept(f"2026-02-0{n}", "r", "rpt", "hash", body)

    days = figures.day_by_day(kept())
    first = next(days)
    assert len(made) == 2  # the one after it says that the day is over
    assert [report.body for report in first.kept] == [{}]
    assert getcontext().prec == DefaultContext.prec
