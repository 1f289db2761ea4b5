"""`finops price` and `finops rates`, as a person and a program use them."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finops_pack import rates
from finops_pack.cli import main
from finops_pack.model import Usage
from finops_pack.rates import snapshot

Capture = pytest.CaptureFixture[str]
PROFILE = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"


def run(capsys: Capture, *words: str) -> tuple[int, str, str]:
    code = main(words)
    out = capsys.readouterr()
    return code, out.out, out.err


def document(capsys: Capture, *words: str, code: int = 0) -> dict[str, Any]:
    got, out, _ = run(capsys, *words, "--json")
    assert got == code
    found: dict[str, Any] = json.loads(out)
    assert out.count("\n") == 1
    assert found["version"] == 1
    return found


def test_a_price_as_json(capsys: Capture) -> None:
    found = document(
        capsys, "price", "claude-sonnet-4", "--provider", "anthropic", "--input", "70000",
        "--cache-read", "50000", "--cache-write-5m", "10000", "--output", "1000",
        "--at", "2026-11-20T12:00:00Z",
    )  # fmt: skip
    assert (found["schema"], found["state"], found["usd"]) == ("finops.price", "priced", "0.0975")
    assert found["rate_id"].startswith("anthropic/claude-sonnet-4#")
    assert {"kind": "cache_read", "tokens": 50000, "usd_per_mtok": "0.3", "usd": "0.015"} in (
        found["components"]
    )
    assert [part["kind"] for part in found["components"]] == [
        "input", "cache_read", "cache_write_5m", "output",
    ]  # fmt: skip


def test_context_and_extra_units(capsys: Capture) -> None:
    batch = document(
        capsys, "price", "gpt-5", "--input", "1000000", "--context", "processing=batch"
    )
    assert batch["usd"] == "0.625"
    partial = document(
        capsys, "price", "gpt-5", "--extra", "web_search=2", "--extra", "code_execution=1"
    )
    assert (partial["state"], partial["usd"], partial["missing"]) == (
        "partial", "0.02", ["code_execution"],
    )  # fmt: skip
    assert {"kind": "web_search", "quantity": 2, "usd_each": "0.01", "usd": "0.02"} in (
        partial["components"]
    )


def test_the_working_is_shown(capsys: Capture) -> None:
    code, out, err = run(capsys, "price", "gpt-4o", "--input", "120000", "--output", "900")
    assert (code, err) == (0, "")
    assert "gpt-4o: 0.309 USD" in out
    assert "120,000" in out
    assert "2.5/Mtok" in out
    assert "developers.openai.com" in out


def test_an_unknown_model_is_answered_with_names_and_the_alias_command(capsys: Capture) -> None:
    code, out, _ = run(capsys, "price", "gpt-4o-mino", "--input", "10")
    assert code == 0
    assert "gpt-4o-mino: unpriced" in out
    assert "gpt-4o-mini" in out
    assert "finops rates alias gpt-4o-mino=gpt-4o-mini" in out
    found = document(capsys, "price", "gpt-4o-mino", "--input", "10")
    assert (found["state"], found["usd"], found["rate_id"]) == ("unpriced", None, None)
    assert "gpt-4o-mini" in found["near"]


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("nosuch", None),
        ("NoSuch[1m]", None),
        ("nosuch", "litellm"),
        ("nosuch", "acme"),
        ("nosuch", "azure"),
        ("gpt-nosuch", None),
        ("gpt-nosuch", "acme"),
        ("gpt-4o", "anthropic"),
        ("openai/nosuch", None),
        ("acme/nosuch", None),
        ("litellm_proxy/nosuch", None),
        ("bedrock/eu-west-2/nosuch", None),
        ("ft:nosuch:acme::id", None),
        ("my model's", None),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123", None),
    ],
)
def test_the_suggested_price_works_as_printed(
    capsys: Capture, model: str, provider: str | None
) -> None:
    words = ["price", model, "--input", "10"]
    named = [*words, "--provider", provider] if provider else words
    _, out, _ = run(capsys, *named)
    line = out.partition("a price of your own: finops ")[2].splitlines()[0]
    code, out, err = run(capsys, *shlex.split(line))
    assert code == 0, out + err
    assert document(capsys, *named)["usd"] == "0.000025"
    assert document(capsys, *words)["usd"] == "0.000025"


def test_a_bare_name_is_the_users_own_only_where_one_table_has_it(capsys: Capture) -> None:
    words = ("rates", "set", "my-llm", "--input", "3", "--provider")
    assert run(capsys, *words, "acme")[0] == 0
    price = ("my-llm", Usage(1_000_000))
    assert rates.price(*price).usd == 3
    assert rates.price("my-llm-2", Usage(1_000_000)).usd is None
    assert rates.price("openai/my-llm", Usage(1_000_000)).usd is None
    assert rates.price(*price, provider="openai").usd is None
    assert run(capsys, *words, "other")[0] == 0
    assert rates.price(*price).usd is None  # whose is it?
    assert rates.price(*price, provider="other").usd == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["price", "gpt-4o", "--context", "batch"], "KEY=VALUE"),
        (["price", "gpt-4o", "--extra", "web_search=few"], "whole number"),
        (["price", "gpt-4o", "--at", "yesterday"], "not a time"),
        (["rates", "alias", "my-deployment"], "NAME=MODEL"),
        (["rates", "alias", "x=gpt-4o-mino"], "gpt-4o-mini"),
        (["rates", "alias", "x="], "NAME=MODEL"),
        (["rates", "set", "gpt-4o", "--input", "cheap"], "must be a number"),
        (["rates", "set", "gpt-4o"], "no price given"),
        (["rates", "set", "llama", "--input", "1"], "--provider"),
        (["rates", "set", "gpt-4o", "--unit", "x"], "UNIT=USD"),
        (["rates", "set", "gpt-4o", "--input", "1", "--unit", "input=3"], "--input 3"),
        (["rates", "set", "gpt-4o", "--unit", "cache_write_5m=3"], "--cache-write-5m 3"),
        (["rates", "set", "gpt-4o", "--per-request", "1", "--unit", "request=3"], "twice"),
        (["rates", "set", "gpt-4o", "--unit", "image=1", "--unit", "image=3"], "twice"),
        (["rates", "set", "gpt-4o", "--input", "1", "--since", "soon"], "must be a date"),
        (["rates", "refresh"], "--from"),
        (["rates", "refresh", "--from", "/no/such/file"], "No such file"),
        (["rates", "list", "--provider", "opnai"], "openai"),
        (["rates", "check", "/no/such/table.yaml"], "No such file"),
    ],
)
def test_a_mistake_is_told_what_to_do(capsys: Capture, words: list[str], said: str) -> None:
    code, out, err = run(capsys, *words)
    assert code == 2
    assert said in out + err
    assert "Traceback" not in err


def test_alias_then_price(capsys: Capture) -> None:
    code, out, _ = run(capsys, "rates", "alias", "my-deployment=gpt-4o", "Cheap=openai/gpt-5-nano")
    assert code == 0
    assert "aliases.yaml" in out
    assert document(capsys, "price", "my-deployment", "--input", "1000000")["usd"] == "2.5"
    run(capsys, "rates", "alias", "other=claude-haiku-4-5")
    for name, usd in (("cheap", "0.05"), ("my-deployment", "2.5"), ("other", "1")):
        assert document(capsys, "price", name, "--input", "1000000")["usd"] == usd


def test_an_alias_over_a_name_that_has_a_price_is_said(capsys: Capture) -> None:
    _, _, err = run(capsys, "rates", "alias", "gpt-4o=gpt-4o-mini", "mine=gpt-4o")
    assert err == "gpt-4o had a price before; from now on it costs what gpt-4o-mini does\n"


def test_an_alias_may_name_an_alias(capsys: Capture) -> None:
    run(capsys, "rates", "alias", "my-deployment=gpt-4o")
    run(capsys, "rates", "alias", "a=my-deployment")
    assert document(capsys, "price", "a", "--input", "1000000")["usd"] == "2.5"
    code, _, err = run(capsys, "rates", "alias", "my-deployment=a")
    assert code == 2
    assert "leads back to itself" in err
    assert document(capsys, "price", "a", "--input", "1000000")["usd"] == "2.5"


def test_set_then_price(capsys: Capture) -> None:
    written = document(
        capsys, "rates", "set", "gpt-4o", "--input", "2", "--output", "8", "--cache-read", "0.5",
        "--unit", "web_search=0.02", "--unit", "storage_search=0.0025", "--since", "2026-01-01",
        "--source", "contract 7",
    )  # fmt: skip
    assert Path(written["file"]).read_text().startswith("# Written by")
    found = document(capsys, "price", "gpt-4o", "--input", "1000000", "--cache-read", "1000000")
    assert (found["usd"], found["source"]) == ("0.5", "contract 7")
    stored = document(capsys, "price", "gpt-4o", "--extra", "storage_search=2")
    assert (stored["state"], stored["usd"]) == ("priced", "0.005")
    earlier = document(capsys, "price", "gpt-4o", "--input", "1000000", "--at", "2025-12-31")
    assert earlier["usd"] == "2.5"
    document(capsys, "rates", "set", "gpt-4o", "--input", "1")
    assert document(capsys, "price", "gpt-4o", "--input", "1000000")["usd"] == "1"


def test_a_second_set_ends_what_was_set_before(capsys: Capture) -> None:
    def change(since: str, usd: str) -> None:
        words = ("--provider", "acme", "--input", usd, "--output", "9", "--since", since)
        document(capsys, "rates", "set", "my-llm", *words)

    def usd(day: str) -> str | None:
        words = ("acme/my-llm", "--input", "1000000", "--at", day)
        found: str | None = document(capsys, "price", *words)["usd"]
        return found

    days = ("2025-12-31", "2026-01-01", "2026-03-15", "2026-05-31T23:59:59", "2026-06-01")
    change("2026-01-01", "1")
    change("2026-06-01", "2")
    assert [usd(day) for day in days] == [None, "1", "1", "1", "2"]
    change("2026-03-01", "3")  # between the two: the later one stays
    assert [usd(day) for day in days] == [None, "1", "3", "3", "2"]
    change("2026-06-01", "4")  # the same day again: it was a mistake
    assert [usd(day) for day in days] == [None, "1", "3", "3", "4"]
    document(capsys, "rates", "set", "my-llm", "--provider", "acme", "--input", "5")
    assert {usd(day) for day in days} == {"5"}
    change("2026-06-01", "6")
    assert [usd(day) for day in days] == ["5", "5", "5", "5", "6"]


def test_a_refused_set_leaves_the_file_as_it_was(capsys: Capture) -> None:
    words = ("rates", "set", "gpt-4o", "--input", "1", "--since")
    path = Path(document(capsys, *words, "2026-01-01")["file"])
    before = path.read_text()
    assert run(capsys, *words, "2026-13-01")[0] == 2
    assert path.read_text() == before


def test_set_says_that_dated_names_keep_their_price(capsys: Capture) -> None:
    _, _, err = run(capsys, "rates", "set", "o3", "--input", "1", "--output", "4")
    assert "names with a date in them keep theirs" in err
    assert document(capsys, "price", "o3-2025-04-16", "--input", "1000000")["usd"] == "2"
    _, _, err = run(capsys, "rates", "set", "mine", "--provider", "my-vllm", "--input", "1")
    assert err == ""


def test_set_for_a_server_of_ones_own(capsys: Capture) -> None:
    run(capsys, "rates", "set", "llama-3", "--provider", "my-vllm", "--per-request", "0.01")
    assert rates.price("llama-3", Usage(500, 50), provider="my-vllm").usd is not None
    assert rates.price("my-vllm/llama-3", Usage(500, 50)).usd is not None


@pytest.mark.parametrize(
    ("model", "also"),
    [
        ("openai/gpt-4.1-mini", ("gpt-4.1-mini", "openai")),
        ("azure/gpt-4.1-nano", ("gpt-4.1-nano", "azure")),
        ("azure/my-deployment", ("my-deployment", "azure")),
        ("litellm/openai/gpt-5", ("gpt-5", None)),
        ("models/gemini-2.5-flash", ("gemini-2.5-flash", "gemini")),
        ("bedrock/us.amazon.nova-pro-v1:0", ("us.amazon.nova-pro-v1:0", "bedrock")),
        ("openrouter/openai/gpt-4o", ("openai/gpt-4o", "openrouter")),
        ("ft:gpt-4o-2024-08-06:acme::abc", ("ft:gpt-4o-2024-08-06:acme::abc", "openai")),
        (PROFILE, (PROFILE, "bedrock")),
    ],
)
def test_a_price_set_behind_a_prefix_is_in_force(
    capsys: Capture, model: str, also: tuple[str, str | None]
) -> None:
    assert run(capsys, "rates", "set", model, "--input", "77")[0] == 0
    for name, provider in ((model, None), also):
        assert rates.price(name, Usage(1_000_000), provider=provider).usd == 77


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "amazon.nova-lite"),
        ("openai/ft:gpt-4o-2024-08-06:acme::abc", "ft:gpt-4o-2024-08-06'"),
        ("mine", "alias of 'gpt-4o'"),
    ],
)
def test_a_price_that_would_never_be_in_force_is_refused(
    capsys: Capture, model: str, said: str
) -> None:
    run(capsys, "rates", "alias", "mine=gpt-4o")
    code, _, err = run(capsys, "rates", "set", model, "--input", "77")
    assert code == 2
    assert said in err


def test_a_price_set_leaves_those_of_other_models(capsys: Capture) -> None:
    def put(model: str, usd: str) -> Path:
        words = ("rates", "set", model, "--provider", "ollama", "--input", usd)
        return Path(document(capsys, *words)["file"])

    first, second = put("qwen3:8b", "1"), put("qwen3-8b", "2")
    assert (put("qwen3:8b", "3"), put("qwen3-8b", "4")) == (first, second)
    usd = [
        rates.price(m, Usage(1_000_000), provider="ollama").usd for m in ("qwen3:8b", "qwen3-8b")
    ]
    assert usd == [3, 4]


def test_set_spares_a_file_to_which_the_user_added(capsys: Capture) -> None:
    words = ("rates", "set", "a", "--provider", "ollama", "--input")
    path = Path(document(capsys, *words, "1")["file"])
    more = '  - {id: b, prices: [{source: x, checked: "2026-01-01", per_mtok: {input: "2"}}]}\n'
    path.write_text(path.read_text() + more)
    rates.reload()
    code, _, err = run(capsys, *words, "3")
    assert (code, "prices other models too" in err) == (2, True)
    assert path.read_text().endswith(more)


def test_an_alias_spares_a_file_to_which_the_user_added(capsys: Capture) -> None:
    path = Path(document(capsys, "rates", "alias", "mine=gpt-4o")["file"])
    more = 'overrides: [{match: "*", discount_pct: "10"}]\n'
    path.write_text(path.read_text() + more)
    rates.reload()
    code, _, err = run(capsys, "rates", "alias", "yours=gpt-4o")
    assert (code, "holds more than aliases" in err) == (2, True)
    assert path.read_text().endswith(more)


def test_set_does_not_shadow_a_file_the_user_wrote(capsys: Capture, user_table: Any) -> None:
    path = user_table(
        'provider: openai\nmodels: [{id: gpt-4o, prices: [{source: x, checked: "2026-01-01", '
        'per_mtok: {input: "1"}}]}]\n'
    )
    code, _, err = run(capsys, "rates", "set", "gpt-4o", "--input", "2")
    assert code == 2
    assert str(path) in err


def test_list(capsys: Capture) -> None:
    code, out, _ = run(capsys, "rates", "list")
    assert code == 0
    assert "snapshot" in out
    assert "openai.yaml" in out
    found = document(capsys, "rates", "list", "--provider", "gemini")
    assert found["snapshot"]["version"].startswith("genai-prices")
    prices = {row["model"]: row["unit_prices"] for row in found["models"]}
    assert prices["gemini-2.5-pro"]["input"] == "1.25"
    assert [t["layer"] for t in found["tables"]][-1] == "snapshot"


def test_check(capsys: Capture, user_table: Any) -> None:
    assert document(capsys, "rates", "check") == {
        "schema": "finops.rates.check", "version": 1, "ok": True, "mistakes": [],
    }  # fmt: skip
    path = user_table("provider: openai\nmodels: [{id: x}]\n")
    code, _, err = run(capsys, "rates", "check")
    assert code == 2
    assert f"{path}, line 3: models[0]: 'prices' is missing" in err
    assert "mend:" in err
    assert err.count(str(path)) == 1
    code, _, _ = run(capsys, "rates", "check", str(path))
    assert code == 2
    _, _, err = run(capsys, "rates", "list")
    assert f"{path}, line 3" in err
    assert "until then it is left out" in err


def test_refresh(capsys: Capture) -> None:
    shipped = str(snapshot.shipped_path())
    found = document(capsys, "rates", "refresh", "--from", shipped)
    assert (found["changed"], found["gone"], found["models"] > 2000) == (0, 0, True)
    assert snapshot.refreshed_path().is_file()
    code, out, _ = run(capsys, "rates", "refresh", "--from", shipped)
    assert code == 0
    assert f"{found['models']:,} models, 0 gone" in out
    assert "finops reprice" in out


def test_prices_of_yesterday_are_one_day_old(capsys: Capture, tmp_path: Path) -> None:
    header, rest = snapshot.shipped_path().read_text(encoding="utf-8").split("\n", 1)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    fresh = tmp_path / "fresh.jsonl"
    head = json.dumps({**json.loads(header), "date": yesterday})
    fresh.write_text(f"{head}\n{rest}", encoding="utf-8")
    assert run(capsys, "rates", "refresh", "--from", str(fresh))[0] == 0
    assert f"checked {yesterday} (1 day ago)" in run(capsys, "rates", "list")[1]
    assert f"of {yesterday} (1 day old)" in run(capsys, "doctor")[1]


def test_a_failure_as_json(capsys: Capture) -> None:
    code, out, _ = run(capsys, "rates", "refresh", "--json")
    assert code == 2
    found = json.loads(out)
    assert (found["schema"], found["code"]) == ("finops.error", "bad_input")
    assert "--from" in found["mend"]
