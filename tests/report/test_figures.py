"""The sums of a report hold for its literals."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from finops_pack.report import exact
from finops_pack.report.figures import filled, floored, rounded, within

PICO = st.integers(0, 10**16).map(lambda pico: Decimal(pico).scaleb(-12))
PARTS = st.dictionaries(st.text(max_size=5), PICO, min_size=1, max_size=30)


def literals(parts: dict[str, Decimal]) -> list[Decimal]:
    return list(exact.loads(exact.dumps(parts)).values())


@given(PARTS)
def test_parts_fill_their_total_exactly(parts: dict[str, Decimal]) -> None:
    total = rounded(sum(parts.values(), Decimal(0)))
    full = filled(parts, total)
    assert sum(literals(full), Decimal(0)) == total
    assert all(abs(full[name] - parts[name]) < Decimal("0.000001") for name in parts)
    assert all(-Decimal(str(v)).normalize().as_tuple().exponent <= 6 for v in literals(full))


@given(PARTS, st.randoms())
def test_order_of_arrival_changes_nothing(parts: dict[str, Decimal], random: object) -> None:
    names = list(parts)
    random.shuffle(names)  # type: ignore[attr-defined]
    total = rounded(sum(parts.values(), Decimal(0)))
    shuffled = {name: parts[name] for name in names}
    assert list(filled(shuffled, total).items()) == list(filled(parts, total).items())


@given(PARTS, st.integers(0, 10**16))
def test_waste_never_exceeds_the_total(parts: dict[str, Decimal], pico: int) -> None:
    total = rounded(Decimal(pico).scaleb(-12))
    assert sum(literals(within(parts, total)), Decimal(0)) <= total


@given(PARTS, st.data())
def test_waste_that_fits_is_only_floored(parts: dict[str, Decimal], data: st.DataObject) -> None:
    """Waste is a part of each amount, so the floors fit even under a total rounded down."""
    total = rounded(sum(parts.values(), Decimal(0)))
    share = {name: usd * data.draw(st.sampled_from([0, 1])) for name, usd in parts.items()}
    assert within(share, total) == {name: floored(usd) for name, usd in share.items()}


def test_ties_go_by_name() -> None:
    third = Decimal("0.0000005")
    full = filled({"b": third, "a": third, "c": third}, rounded(3 * third))
    assert full == {"a": Decimal("0.000001"), "b": Decimal("0.000001"), "c": Decimal("0.000000")}
