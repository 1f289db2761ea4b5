"""Bills against calls."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finops_pack import reconcile, recorder
from finops_pack.cli import main
from finops_pack.model import Call
from finops_pack.money import to_pico
from finops_pack.reconcile import Charge, compare, normal

NOON = 1_763_467_200_000_000  # 2025-11-18T12:00Z


def call(name: str, usd: str | None = "1", **fields: Any) -> Call:
    told = {"model": "gpt-4o", "provider": "openai", **fields}
    if usd is not None:
        told |= {"cost_pico": to_pico(Decimal(usd)), "cost_state": "priced"}
    return Call(id=name, start_us=NOON, **told)


def charge(usd: str, model: str | None = "gpt-4o", day: str | None = "2025-11-18") -> Charge:
    return Charge(Decimal(usd), day, model)


def test_by_day_and_model() -> None:
    charges = [charge("1.25", "gpt-4o-2024-08-06, input"), charge("0.75"), charge("9", "o3")]
    calls = [
        call("a"),
        call("b", served_model="gpt-4o-2024-08-06"),
        call("c", model="gpt-4o-mini"),
        call("d", model="claude-opus-4-6", provider="anthropic"),
        call("e", "5", billing_mode="subscription"),
    ]
    found = compare(charges, calls)
    assert [(r.model, r.billed_usd, r.list_usd, r.note) for r in found.rows] == [
        ("gpt-4o", 2, 2, ""),
        ("gpt-4o-mini", 0, 1, "not on the bill"),
        ("o3", 9, 0, "not in the ledger"),
    ]
    assert (found.total.billed_usd, found.total.difference_usd) == (11, 8)


def test_without_days_or_models() -> None:
    calls = [call("a"), call("b", None)]
    (row,) = compare([charge("3", None)], calls).rows
    assert (row.day, row.model, row.note) == ("2025-11-18", None, "1 without a price")
    (row,) = compare([charge("3", "gpt-4o", None)], calls).rows
    assert (row.day, row.model, row.difference_usd) == (None, "gpt-4o", 2)


def test_a_provider_can_be_named() -> None:
    calls = [call("a"), call("b", provider="azure")]
    (row,) = compare([charge("1", None)], calls, "azure").rows
    assert row.calls == 1


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("google/gemini-3-pro-preview", "gemini-3-pro-preview"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("Claude Sonnet 4.5", "claude-sonnet-4-5"),
        ("gpt-4o-2024-08-06, cached input", "gpt-4o"),
        ("claude-opus-4@20250514", "claude-opus-4"),
        ("gpt-4-0613", "gpt-4-0613"),
    ],
)
def test_names_meet(told: str, name: str) -> None:
    assert normal(told) == name


@pytest.fixture
def recorded(tmp_path: Path) -> Any:
    url = str(tmp_path / "ledger.db")
    recorder.configure(ledger=url)
    lines = [call("a", None, input_tokens=1000, output_tokens=100), call("b", "0.5")]
    rows = [{n: getattr(c, n) for n in ("id", "start_us", "model", "provider")} for c in lines]
    rows[0] |= {"input_tokens": 1000, "output_tokens": 100, "billed_pico": 3_600_000_000}
    recorder.get().book([{"type": "call", **row} for row in rows])
    recorder.close()
    return url


def test_the_command_shows_differences(
    recorded: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("date,model,cost_usd\n2025-11-18,gpt-4o,1.5\nsoon,x,1\n2024-01-01,gpt-4o,4\n")
    since = ["--since", "2025-11-01"]
    assert main(["reconcile", str(path), "--ledger", recorded, *since]) == 0
    told = capsys.readouterr()
    assert "differs" in told.out
    assert "rows that agree to the cent: 0 of 1; billed $1.50, ours $0.0035" in told.out
    assert f"{path}:3: date: cannot be read: 'soon'" in told.err
    assert main(["reconcile", str(path), "--ledger", recorded, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "finops.reconcile"
    assert document["total"]["billed_usd"] == "5.5"
    assert document["total"]["list_usd"] == "0.0035"
    assert document["rejected"] == [
        {"file": str(path), "line": 3, "reason": "date: cannot be read: 'soon'"}
    ]


def test_a_bill_that_is_known_is_held_against_its_own_provider(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = str(tmp_path / "ledger.db")
    used = {"type": "call", "start_us": 1_763_460_000_000_000, "model": "gpt-4o", "source": "live"}
    used |= {"input_tokens": 1_000_000}
    recorder.configure(ledger=url)
    recorder.get().book([{**used, "id": name, "provider": name} for name in ("openai", "azure")])
    recorder.close()
    path = tmp_path / "bill.csv"
    path.write_text("start_time_iso,amount_value,line_item\n2025-11-18,2.5,gpt-4o, input\n")
    assert main(["reconcile", str(path), "--ledger", url, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["calls"], row["list_usd"], row["note"]) == (1, "2.5", "")
    path.write_text("date,cost,model\n2025-11-18,5,gpt-4o\n")
    assert main(["reconcile", str(path), "--ledger", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["calls"] == 2


def test_what_is_nothing_on_either_side_is_no_difference() -> None:
    calls = [call("a"), call("failed", "0", model="gpt-4o-mini")]
    found = compare([charge("1"), charge("0", "o3")], calls)
    assert {row.model: row.note for row in found.rows} == dict.fromkeys(
        ("gpt-4o", "gpt-4o-mini", "o3"), ""
    )


def test_a_bill_without_charges_blames_no_call(
    recorded: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text('date,cost\n2025-11-18,"3,50"\n')
    assert main(["reconcile", str(path), "--ledger", recorded]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"{path}:2: cost: must be an amount" in told.err
    assert f"{path}: no charge could be read" in told.err
    assert main(["reconcile", str(path), "--json", "--ledger", recorded]) == 2
    assert json.loads(capsys.readouterr().out)["schema"] == "finops.error"
    assert "3,50" in told.err


def test_days_are_those_of_the_bill_in_any_zone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINOPS_TZ", "America/Los_Angeles")
    url = str(tmp_path / "ledger.db")
    recorder.configure(ledger=url)
    early = {"start_us": 1_763_431_200_000_000, "model": "gpt-4o", "input_tokens": 1_000_000}
    recorder.get().book([{"type": "call", "id": "a", "source": "live", **early}])  # 02:00 UTC
    recorder.close()
    path = tmp_path / "bill.csv"
    path.write_text("date,model,cost\n2025-11-18,gpt-4o,2.5\n")
    days = ["--since", "2025-11-18", "--until", "2025-11-19"]
    assert main(["reconcile", str(path), "--ledger", url, "--json", *days]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["calls"], row["note"]) == (1, "")


def test_without_a_file_it_takes_what_gateways_said(
    recorded: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reconcile", "--ledger", recorded, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["calls"], row["billed_usd"], row["difference_usd"]) == (1, "0.0036", "0.0001")
    assert main(["reconcile", "--ledger", recorded]) == 0
    assert "rows that agree to the cent: 1 of 1;" in capsys.readouterr().out


def test_an_empty_ledger_is_said_to_be_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reconcile", "--ledger", str(tmp_path / "none.db")]) == 0
    assert "nothing recorded yet" in capsys.readouterr().out
    for unreadable in ("price=x", "cost"):
        assert main(["reconcile", "--columns", unreadable]) == 2
        assert "mend: write --columns cost=NAME,date=NAME; there are " in capsys.readouterr().err


def test_every_bill_of_a_call_is_a_charge() -> None:
    flat = call("c", "3", billed_pico=7, billing_mode="subscription")
    charges, billed = reconcile.own_bills([call("a"), call("b", "2", billed_pico=5), flat])
    assert [c.id for c in billed] == ["b"]
    assert charges == [Charge(Decimal("5E-12"), "2025-11-18", "gpt-4o")]
