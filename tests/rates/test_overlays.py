"""User over project over shipped over snapshot; and what happens to a broken file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from finops_pack import config, rates
from finops_pack.model import Cost, Usage

Write = Callable[..., Path]
MILLION = Usage(1_000_000)
AT = "2026-11-20T12:00:00Z"


def usd(model: str, provider: str | None = None, **more: str) -> Decimal | None:
    return rates.price(model, MILLION, provider=provider, at=AT, context=more or None).usd


def table(price: str, *, model: str = "gpt-4o", provider: str = "openai", more: str = "") -> str:
    return f"""provider: {provider}
models:
  - id: {model}
    prices:
      - source: contract
        checked: "2026-11-23"
        per_mtok: {{input: "{price}"}}
{more}"""


def test_the_users_table_wins_over_the_projects_over_the_shipped_one(
    user_table: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert usd("gpt-4o") == Decimal("2.5")
    project = tmp_path / "project.yaml"
    project.write_text(f"schema: finops-rates/1\n{table('2')}")
    monkeypatch.setenv("FINOPS_RATES", str(project))
    config.reload()
    rates.reload()
    assert usd("gpt-4o") == 2
    user_table(table("1.75"))
    assert usd("gpt-4o") == Decimal("1.75")
    assert usd("gpt-4o-mini") == Decimal("0.15")


def test_a_folder_and_a_project_file_name_tables_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shop" / "prices"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text(f"schema: finops-rates/1\n{table('2')}")
    (tmp_path / "shop" / "finops.toml").write_text('rates = "prices"')
    monkeypatch.chdir(tmp_path / "shop")
    config.reload()
    rates.reload()
    assert usd("gpt-4o") == 2
    assert rates.current().warnings == []


def test_a_missing_project_table_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINOPS_RATES", "/no/such/table.yaml")
    config.reload()
    rates.reload()
    assert usd("gpt-4o") == Decimal("2.5")
    assert any("/no/such/table.yaml" in str(warning) for warning in rates.current().warnings)


def test_outside_its_time_a_table_leaves_the_word_to_the_one_below(user_table: Write) -> None:
    text = table("1").replace("source:", 'effective_from: "2026-11-01"\n        source:')
    user_table(text)
    assert rates.price("gpt-4o", MILLION, at="2026-10-31T23:59:59Z").usd == Decimal("2.5")
    assert rates.price("gpt-4o", MILLION, at="2026-11-01T00:00:00Z").usd == 1


def test_a_table_of_ones_own_has_no_batch_it_does_not_name(user_table: Write) -> None:
    assert usd("gpt-4o", processing="batch") == Decimal("1.25")
    user_table(table("1"))
    assert usd("gpt-4o", processing="batch") is None


def test_a_component_without_price_is_unpriced_unless_told(user_table: Write) -> None:
    user_table(table("1"))
    cached = Usage(1000, 0, cache_read_tokens=400)
    cost = rates.price("gpt-4o", cached)
    assert (cost.state, cost.missing) == ("unpriced", ("cache_read",))
    user_table(table("1", more="        fallback: input\n"))
    assert rates.price("gpt-4o", cached).usd == Decimal("0.001")


def test_a_price_of_zero_is_free(user_table: Write) -> None:
    user_table(table("0"))
    cost = rates.price("gpt-4o", MILLION)
    assert (cost.state, cost.usd) == ("free", Decimal(0))
    assert rates.price_pico("gpt-4o", MILLION, None, 0, None)[:2] == (0, "free")


def test_an_unknown_unit_makes_a_price_partial(user_table: Write) -> None:
    user_table(table("1", more='        per_unit: {web_search: "0.02"}\n'))
    used = Usage(1_000_000, extra={"web_search": 2, "code_execution": 1})
    cost = rates.price("gpt-4o", used)
    assert (cost.state, cost.usd, cost.missing) == ("partial", Decimal("1.04"), ("code_execution",))
    pico, state, rate_id, missing = rates.price_pico("gpt-4o", used, None, 0, None)
    assert (pico, state, rate_id, missing) == (
        1_040_000_000_000, "partial", cost.rate_id, ("code_execution",),
    )  # fmt: skip


def test_audio_tokens_leave_the_plain_input_they_are_part_of(user_table: Write) -> None:
    text = table("1").replace('{input: "1"}', '{input: "1", audio_input_tokens: "10"}')
    user_table(text)
    cost = rates.price("gpt-4o", Usage(1000, extra={"audio_input_tokens": 400}))
    assert cost.usd == Decimal("0.0046")
    over = rates.price("gpt-4o", Usage(100, extra={"audio_input_tokens": 400}))
    assert over.state == "unpriced"
    assert "invalid usage" in (over.reason or "")


def self_hosted(user_table: Write, price: str) -> Callable[[Usage], Cost]:
    text = table("1", model="llama", provider="my-vllm").replace('per_mtok: {input: "1"}', price)
    user_table(text)
    return lambda usage: rates.price("llama", usage, provider="my-vllm")


def test_self_hosted_by_the_request(user_table: Write) -> None:
    price = self_hosted(user_table, 'per_request: "0.002"')
    assert price(Usage(900, 90)).usd == Decimal("0.002")
    assert price(Usage(900, 90, extra={"request": 3})).usd == Decimal("0.006")


def test_self_hosted_by_the_hour_needs_the_seconds(user_table: Write) -> None:
    price = self_hosted(user_table, 'per_hour: "3.60"')
    assert price(Usage(900, 90, extra={"compute_seconds": 30})).usd == Decimal("0.03")
    unknown = price(Usage(900, 90))
    assert (unknown.state, unknown.missing) == ("unpriced", ("compute_seconds",))
    assert "by the hour" in (unknown.reason or "")


def test_a_discount_applies_to_list_prices_and_marks_the_rate(user_table: Write) -> None:
    user_table(
        """provider: anthropic
overrides:
  - {match: "*", discount_pct: "12", contract: ACME-2026}
  - {match: "claude-haiku-*", discount_pct: "20", effective_from: "2026-06-01"}
"""
    )
    cost = rates.price("claude-opus-4-6", MILLION, at=AT)
    assert cost.usd == Decimal("4.4")
    assert cost.rate_id is not None
    assert "|ACME-2026#" in cost.rate_id
    assert usd("claude-haiku-4-5") == Decimal("0.8")
    assert rates.price("claude-haiku-4-5", MILLION, at="2026-01-01").usd == Decimal("0.88")
    assert usd("gpt-4o") == Decimal("2.5")


def test_an_alias_names_a_deployment(user_table: Write) -> None:
    user_table("aliases: {my-deployment: gpt-4o, claude-prod: anthropic/claude-opus-4-6}\n")
    assert usd("My-Deployment") == Decimal("2.5")
    assert usd("my-deployment", "azure") == Decimal("2.5")
    assert usd("claude-prod", "openai") == 5
    assert usd("my-deployment", "some-gateway") == Decimal("2.5")


def test_an_alias_of_one_provider_holds_there_only(user_table: Write) -> None:
    user_table("provider: azure\naliases: {chat: gpt-4o}\n")
    assert usd("chat", "azure") == Decimal("2.5")
    assert usd("azure/chat") == Decimal("2.5")
    assert usd("chat", "openai") is None


@pytest.mark.parametrize("provider", [None, "azure", "litellm", "openai", "some-gateway"])
@pytest.mark.parametrize(
    "prefix", ["", "azure/", "openai/", "azure/responses/", "azure:", "Litellm/"]
)
def test_an_alias_holds_behind_a_prefix(
    user_table: Write, prefix: str, provider: str | None
) -> None:
    user_table("aliases: {my-deployment: gpt-4o, gpt-5: openai/gpt-4o-mini}\n")
    assert usd(f"{prefix}My-Deployment", provider) == Decimal("2.5")
    assert usd("openai/gpt-5", provider) == Decimal("0.15")


def test_an_alias_behind_a_prefix_is_not_guessed_at(user_table: Write) -> None:
    user_table("aliases: {gpt-4o: gpt-4o-mini, mine: amazon.nova-lite-v1:0}\n")
    assert usd("openrouter/openai/gpt-4o") == Decimal("2.5")  # another product, sold there
    assert usd("openai/gpt-4o", "openrouter") == Decimal("2.5")
    assert usd("azure/eu/gpt-4o") is None
    assert usd("bedrock/eu-west-1/mine") is None


def test_an_alias_of_an_alias_is_followed_to_its_end(user_table: Write) -> None:
    user_table("aliases: {a: b, b: azure/c, c: gpt-4o, gpt-5: openai/gpt-5}\n")
    assert usd("a") == Decimal("2.5")
    assert usd("azure/a") == Decimal("2.5")
    assert usd("gpt-5") == Decimal("1.25")  # the same model by a longer name is no loop
    assert usd("openai/gpt-5") == Decimal("1.25")


def test_provider_aliases_and_regions(user_table: Write) -> None:
    user_table(
        table("7", model="m", provider="house")
        .replace("models:", "provider_aliases: [the-house]\nmodels:")
        .replace("    prices:", "    regions: [eu-*]\n    prices:")
    )
    assert usd("m", "the-house") == 7
    assert usd("m", "house", region="eu-central-1") == 7
    assert usd("m", "house", region="us-east-1") is None


def test_only_bedrock_names_are_bound_to_a_part_of_the_world(user_table: Write) -> None:
    text = table("7", model="us.m", provider="house")
    user_table(text.replace("    prices:", "    regions: [eu-*]\n    prices:"))
    assert usd("us.m", "house", region="eu-central-1") == 7
    assert usd("us.m", "house", region="us-east-1") is None


def test_a_variant_can_name_a_region(user_table: Write) -> None:
    more = '        variants: [{when: {region: eu}, multiplier: "1.1"}]\n'
    user_table(table("10", more=more))
    assert usd("gpt-4o") == 10
    assert usd("gpt-4o", region="eu") == 11
    assert usd("gpt-4o", region="mars") is None


@pytest.mark.parametrize(
    "context",
    [
        {"processing": "Batch"},
        {"processing": "nightly"},
        {"service_tier": "platinum"},
        {"sevice_tier": "flex"},
        {"processing": "batch", "service_tier": "flex"},
    ],
)
def test_what_a_context_names_and_no_table_knows_is_unpriced(context: dict[str, str]) -> None:
    cost = rates.price("gpt-5", MILLION, at=AT, context=context)
    assert cost.state == "unpriced"
    assert "=".join(next(iter(context.items()))) in (cost.reason or "")
    assert rates.price_pico("gpt-5", MILLION, None, 1_790_000_000_000_000, context)[0] is None


@pytest.mark.parametrize(
    "context",
    [
        {"processing": "standard"},
        {"service_tier": "default"},
        {"service_tier": "standard"},
        {"service_tier": "auto"},
        {"service_tier": "", "processing": "standard"},
        {"region": "us-east-1"},
    ],
)
def test_standard_words_are_the_standard_price(context: dict[str, str]) -> None:
    assert usd("gpt-5", **context) == Decimal("1.25")


def test_a_broken_file_leaves_the_others_and_its_last_good_state(user_table: Write) -> None:
    good = user_table(table("1"), "a.yaml")
    user_table(table("9", model="gpt-4o-mini"), "b.yaml")
    assert usd("gpt-4o") == 1
    good.write_text("schema: finops-rates/1\nmodels: [oops")
    rates.reload()
    assert usd("gpt-4o") == 1  # as it was
    assert usd("gpt-4o-mini") == 9
    (warning,) = rates.current().warnings
    assert "a.yaml, line 3" in str(warning)
    assert "in force as it was before" in (warning.mend or "")


def test_a_file_that_was_never_good_is_left_out(user_table: Write) -> None:
    user_table("models: 3\n", "never.yaml")
    assert usd("gpt-4o") == Decimal("2.5")
    assert "never.yaml" in str(rates.current().warnings[0])


def test_a_folder_that_cannot_be_read_costs_its_own_tables_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unreadable = "/" + "x" * 300  # for root, too
    monkeypatch.setenv("XDG_CONFIG_HOME", unreadable)
    monkeypatch.setenv("XDG_STATE_HOME", unreadable)
    rates.reload()
    assert usd("gpt-4o") == Decimal("2.5")
    (warning,) = rates.current().warnings
    assert str(warning).startswith(f"{unreadable}/finops/rates: ")


def test_two_files_of_a_layer_may_not_price_one_name(user_table: Write) -> None:
    user_table(table("1"), "a.yaml")
    user_table(table("2"), "b.yaml")
    assert usd("gpt-4o") == 1
    (warning,) = rates.current().warnings
    assert "b.yaml" in str(warning)
    assert "a.yaml" in str(warning)


def test_an_unwritable_cache_costs_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    rates.reload()
    assert usd("claude-sonnet-4") == 3
    assert rates.current().warnings == []


def test_a_warm_process_needs_neither_yaml_nor_the_network(compiled: Path) -> None:
    assert usd("claude-sonnet-4") == 3  # the cache is warm now
    code = (
        "import sys; from finops_pack import rates; from finops_pack.model import Usage\n"
        "assert rates.price_pico('gpt-4o', Usage(1000), None, 0, None)[0] == 2_500_000_000\n"
        "heavy = {'yaml', 'httpx', 'pydantic', 'asyncio', 'logging', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_pattern_means_the_whole_name(user_table: Write) -> None:
    text = table("1", model="m").replace(
        "    prices:", "    match: {regex: ['^Alpha-\\d+|beta$', 'gamma(-x)?']}\n    prices:"
    )
    user_table(text)
    for name in ("alpha-7", "ALPHA-12", "beta", "gamma", "gamma-x", "m"):
        assert usd(name, "openai") == 1, name
    for name in ("alpha-", "alpha-7b", "betamax", "alphabeta", "gamma-xx", "m2"):
        assert usd(name, "openai") is None, name


def patterns(*pairs: tuple[str, str, str]) -> str:
    models = [
        f"""  - id: {id_}
    match: {{regex: ['{regex}']}}
    prices: [{{source: x, checked: "2026-11-23", per_mtok: {{input: "{price}"}}}}]
"""
        for id_, regex, price in pairs
    ]
    return "provider: acme\nmodels:\n" + "".join(models)


@pytest.mark.parametrize(
    ("general", "special", "name"),
    [
        ("m.*", r"m-mini-\d{8}", "acme/m-mini-20260101"),
        ("m-.*", r"m-(mini|nano)-\d{8}", "acme/m-nano-20260101"),
        ("(alpha|al).*", r"alpha-.*", "acme/alpha-7"),
        (r"[a-z]+-\d+", r"m(-x)?-1\d*", "acme/m-12"),
        (r"a\.b.*", r"a\.b(\.c)+", "acme/a.b.c"),
    ],
)
def test_the_pattern_that_spells_out_more_is_meant(
    user_table: Write, general: str, special: str, name: str
) -> None:
    pair = ("any", general, "1"), ("special", special, "2")
    for pairs in (pair, pair[::-1]):
        user_table(patterns(*pairs))
        assert usd(name) == 2


def test_two_patterns_that_fit_alike_price_nothing(user_table: Write) -> None:
    user_table(patterns(("one", "gpt-a.*", "1"), ("two", "gpt-.*a", "2")))
    cost = rates.price("gpt-aa", MILLION, provider="acme", at=AT)
    assert cost.state == "unpriced"
    assert "one and two fit 'gpt-aa' equally well" in (cost.reason or "")
    assert rates.price("gpt-a", MILLION, provider="acme", at=AT).state == "unpriced"
    assert usd("gpt-ab", "acme") == 1
    assert rates.alternatives("gpt-aa", "acme") == ()
