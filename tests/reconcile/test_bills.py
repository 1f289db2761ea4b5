"""Bills of every known shape, in invented files."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finops_pack.errors import InputError
from finops_pack.reconcile import Charge, bills

OPENAI = """start_time,end_time,start_time_iso,amount_value,amount_currency,line_item
1763424000,1763510400,2025-11-18T00:00:00+00:00,1.25,usd,"gpt-4o-2024-08-06, input"
1763424000,1763510400,2025-11-18T00:00:00+00:00,0.75,usd,"gpt-4o-2024-08-06, output"
"""
ANTHROPIC = """usage_date_utc,model,workspace,token_type,cost_usd
2025-11-18,claude-sonnet-4-5-20250929,Default,output_tokens,"1,234.50"
"""
OPENROUTER = """generation_id,created_at,cost_total,tokens_prompt,model_permaslug,provider_name
gen-1,2025-11-18 23:55:16.123,0.004596,1662,google/gemini-3-pro-preview,Google
"""
FOCUS = """BilledCost,BillingCurrency,ChargePeriodStart,x_Model
0.5,USD,2025-11-18T10:00:00Z,gpt-4o
"""
GENERIC = "date,model,cost_usd\n2025/11/18,gpt-4o,$2\n"
OPENAI_API = {
    "data": [
        {
            "object": "bucket",
            "start_time": 1763424000,
            "results": [{"amount": {"value": 0.06, "currency": "usd"}, "line_item": "gpt-4o"}],
        }
    ]
}
ANTHROPIC_API = {
    "data": [
        {
            "starting_at": "2025-11-18T00:00:00Z",
            "results": [{"amount": "123.45", "currency": "USD", "model": "claude-opus-4-6"}],
        }
    ]
}
ACTIVITY = {"data": [{"date": "2025-11-18 00:00:00", "model": "openai/gpt-4o", "usage": 0.015}]}


@pytest.mark.parametrize(
    ("text", "usd", "model"),
    [
        (OPENAI, "1.25", "gpt-4o-2024-08-06, input"),
        (ANTHROPIC, "1234.50", "claude-sonnet-4-5-20250929"),
        (OPENROUTER, "0.004596", "google/gemini-3-pro-preview"),
        (FOCUS, "0.5", "gpt-4o"),
        (GENERIC, "2", "gpt-4o"),
        (json.dumps(OPENAI_API, indent=1), "0.06", "gpt-4o"),
        (json.dumps(ANTHROPIC_API), "1.2345", "claude-opus-4-6"),
        (json.dumps(ACTIVITY), "0.015", "openai/gpt-4o"),
        (json.dumps(ACTIVITY["data"][0]) + "\n" + json.dumps(ACTIVITY["data"][0]), "0.015",
         "openai/gpt-4o"),
    ],
)  # fmt: skip
def test_every_shape(tmp_path: Path, text: str, usd: str, model: str) -> None:
    path = tmp_path / "bill"
    path.write_text(text)
    bill = bills.read(path)
    assert bill.rejected == []
    assert bill.charges[0] == Charge(Decimal(usd), "2025-11-18", model)


def test_a_cost_report_that_names_no_model_is_anthropics_all_the_same(tmp_path: Path) -> None:
    """Ungrouped, as the API answers unless it is asked for more: all but the amount is null."""
    result = {"amount": "123.45", "currency": "USD", "context_window": None, "model": None}
    path = tmp_path / "bill.json"
    page = [{"starting_at": "2025-11-18T00:00:00Z", "results": [result]}]
    path.write_text(json.dumps({"data": page}))
    bill = bills.read(path)
    assert (bill.provider, bill.charges) == ("anthropic", [Charge(Decimal("1.2345"), "2025-11-18")])


@pytest.mark.parametrize("thing", ["date", "model", "currency"])
def test_a_column_that_was_named_and_is_not_there_is_told(tmp_path: Path, thing: str) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("day,model,cost\n2025-11-18,gpt-4o,1\n")
    with pytest.raises(InputError, match="no column dya among cost, day, model"):
        bills.read(path, {thing: "dya"})


def test_lines_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("date,model,cost,currency\n2025-11-18,a,1,USD\nsoon,a,1,\n2025-11-18,a,x,\n"
                    "2025-11-18,a,1,EUR\n,,2,\n")  # fmt: skip
    bill = bills.read(path)
    assert [number for number, _ in bill.rejected] == [3, 4, 5]
    assert bill.charges == [Charge(Decimal(1), "2025-11-18", "a"), Charge(Decimal(2))]
    lines = tmp_path / "bill.jsonl"
    lines.write_text('{"cost": 1}\n{\n7\n')
    assert [number for number, _ in bills.read(lines).rejected] == [2, 3]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([{"date": "2025-11-18", "cost": 1}, None], "must be an object"),
        ({"data": [{"date": "2025-11-18", "results": [{"cost": 1}, None]}]}, "must be an object"),
        ({"data": [{"starting_at": "2025-11-18", "results": [{"amount": "100"}, {"amount": ""}]}]},
         "cost: must be an amount in USD, got ''"),
    ],
)  # fmt: skip
def test_one_wrong_entry_of_a_document_does_not_count_the_others_twice(
    tmp_path: Path, document: object, reason: str
) -> None:
    path = tmp_path / "bill.json"
    path.write_text(json.dumps(document))
    bill = bills.read(path)
    assert bill.charges == [Charge(Decimal(1), "2025-11-18")]
    assert bill.rejected == [(1, reason)]


@pytest.mark.parametrize("cost", ["1e999999999", "1e-999999999", "0e-999999999", "9" * 5000])
def test_an_amount_that_would_fill_the_memory_once_written_out(tmp_path: Path, cost: str) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(f"date,cost\n2025-11-18,{cost}\n")
    bill = bills.read(path)
    assert bill.charges == []
    assert "must be an amount in USD" in bill.rejected[0][1]


def test_a_bill_that_is_nested_too_deep_is_none(tmp_path: Path) -> None:
    path = tmp_path / "bill.json"
    path.write_text("[" * 100_000)
    assert bills.read(path).rejected == [(1, "not JSON")]


@pytest.mark.parametrize(
    ("cost", "usd"),
    [("1,234.50", "1234.5"), ("-1,234,567", "-1234567"), ("-$1.00", "-1"), ("3,50", None),
     ("1234,5", None), ("1.234,50", None), ("0,123", None), ("-0,123", None)],
)  # fmt: skip
def test_a_comma_that_stands_for_a_point_is_refused(
    tmp_path: Path, cost: str, usd: str | None
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(f'date,cost\n2025-11-18,"{cost}"\n')
    bill = bills.read(path)
    assert [charge.usd for charge in bill.charges] == ([] if usd is None else [Decimal(usd)])
    assert len(bill.rejected) == (usd is None)


def test_a_comma_parts_no_thousands_where_semicolons_part_columns(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("date;cost\n2025-11-18;1,234\n2025-11-18;1.5\n")
    bill = bills.read(path)
    assert bill.charges == [Charge(Decimal("1.5"), "2025-11-18")]
    assert bill.rejected == [(2, "cost: must be an amount in USD, got '1,234'")]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_columns_are_parted_as_the_head_is(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(mark.join(("date", "model", "cost")) + "\n"
                    + mark.join(("2025-11-18", '"a, b"', "2.5")) + "\n")  # fmt: skip
    assert bills.read(path).charges == [Charge(Decimal("2.5"), "2025-11-18", "a, b")]


@pytest.mark.parametrize(
    "time",
    ["2025-11-17T16:30:00-08:00", "2025-11-18T00:59:59.123456789Z", "2025/11/18 23:00", "20251118",
     "2025-11-18 10:00:00 UTC", "1763424000"],
)  # fmt: skip
def test_a_time_is_of_its_utc_day(tmp_path: Path, time: str) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(f"date,cost\n{time},1\n")
    assert bills.read(path).charges == [Charge(Decimal(1), "2025-11-18")]


def test_a_line_that_is_no_csv_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(f"date,cost,x\n2025-11-18,1,{'y' * 200_000}\n2025-11-18,2,\n")
    bill = bills.read(path)
    assert [number for number, _ in bill.rejected] == [2]
    assert bill.charges == [Charge(Decimal(2), "2025-11-18")]


def test_unusual_columns_are_named_by_the_user(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("when,what,eur\n2025-11-18,gpt-4o,3\n")
    with pytest.raises(InputError, match="no column of costs among eur, what, when"):
        bills.read(path)
    named = {"date": "when", "model": "what", "cost": "eur"}
    assert bills.read(path, named).charges == [Charge(Decimal(3), "2025-11-18", "gpt-4o")]


def test_what_is_no_bill(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file") as missing:
        bills.read(tmp_path / "none.csv")
    assert missing.value.mend.startswith("name a bill")
    path = tmp_path / "bill.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        bills.read(path)
    path.write_bytes(b"")
    assert bills.read(path).charges == []


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.sampled_from(("cost,date\n", "{", "[", "")))
def test_nothing_raises_but_our_errors(tmp_path: Path, text: str, head: str) -> None:
    path = tmp_path / "bill"
    path.write_text(head + text, encoding="utf-8")
    try:
        bills.read(path)
    except InputError:
        pass
