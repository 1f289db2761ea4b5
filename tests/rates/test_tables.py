"""A table with a mistake is refused by file, line and field, and says how to mend it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finops_pack import config
from finops_pack.errors import RatesError
from finops_pack.rates.tables import compile_table

GOOD = """\
schema: finops-rates/1
currency: USD
provider: anthropic
provider_aliases: [my-claude]
aliases: {house-model: m-1}
models:
  - id: m-1
    match: {equals: [m-1, m-one], regex: ['^m-1-\\d{8}$']}
    regions: [eu-*]
    prices:
      - effective_from: "2025-09-29"
        effective_to: null
        source: https://example.com/prices
        checked: "2026-11-23"
        per_mtok: {input: "3", output: "15", cache_read: "0.30"}
        per_unit: {web_search: "0.01"}
        tiers:
          - {above_input_tokens: 200000, inclusive: false, mode: cliff, per_mtok: {input: "6"}}
        variants:
          - {when: {processing: batch}, multiplier: "0.5"}
        schedule:
          - {utc: "01:00-04:00", weekdays: [1-5, 7], per_mtok: {input: "1", output: "2"}}
overrides:
  - {match: "*", discount_pct: "12", contract: ACME-2026}
cache_rules:
  - minimum_tokens: 1024
    ttl_seconds: 300
    explicit: true
    source: https://example.com/cache
    checked: "2026-11-23"
alternatives: [m-1]
"""


def refusal(text: str) -> tuple[str, str]:
    with pytest.raises(RatesError) as caught:
        compile_table(text.encode(), "mine.yaml")
    return str(caught.value), caught.value.mend or ""


def test_a_good_table_compiles_to_plain_json() -> None:
    table = compile_table(GOOD.encode(), "mine.yaml")
    assert json.loads(json.dumps(table)) == table
    (model,) = table["models"]
    assert model["names"] == ["m-1", "m-one"]
    assert model["patterns"] == [["m-1-", r"\d{8}"]]
    (period,) = model["periods"]
    assert period["prices"]["input"] == ["3", 200000, "6"]
    assert period["schedule"][0]["weekdays"] == [1, 2, 3, 4, 5, 7]
    assert table["overrides"][0]["factor"] == "0.88"


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words", "mend"),
    [
        ("finops-rates/1", "finops-rates/9", 1, "schema", "must be one of finops-rates/1", ""),
        ("currency: USD", "currency: EUR", 2, "currency", "must be one of USD", ""),
        ("provider: anthropic\n", "", 1, "document", "'provider' is missing", "provider: openai"),
        ("checked: \"2026", "cheked: \"2026", 14, "cheked", "unknown key", "'checked'"),
        ("        source: https://example.com/prices\n", "", 11, "prices[0]", "'source'", "source"),
        ('input: "3"', 'input: "-3"', 15, "per_mtok.input", "≥ 0", "plain digits"),
        ('input: "3"', "input: 3e-6", 15, "per_mtok.input", "exponent", "million tokens"),
        ('input: "3"', "input: three", 15, "per_mtok.input", "must be a number", "0.30"),
        ('input: "3"', "inptu: 3", 15, "per_mtok.inptu", "unknown key", "'input'"),
        ('"2025-09-29"', '"2025-13-29"', 11, "effective_from", "must be a date", "2026-11-23"),
        ("effective_to: null", 'effective_to: "2025-01-01"', 11, "prices[0]", "come after", ""),
        ("inclusive: false", "inclusive: maybe", 18, "inclusive", "must be one of", ""),
        ("mode: cliff", "mode: slope", 18, "mode", "must be one of cliff", ""),
        ("200000", "0", 18, "above_input_tokens", "whole number", ""),
        ('{input: "6"}', '{cache_write_5m: "6"}', 18, "tiers[0]", "no price below", "per_mtok"),
        ('multiplier: "0.5"', 'multipler: "0.5"', 20, "multipler", "unknown key", "multiplier"),
        (', multiplier: "0.5"', "", 20, "variants[0]", "is missing", ""),
        ('"01:00-04:00"', '"1am"', 22, "utc", "hours of the day", "01:00-04:00"),
        ("[1-5, 7]", "[Mon]", 22, "weekdays[0]", "days of the week", "Monday"),
        ("[1-5, 7]", "[5-1]", 22, "weekdays[0]", "first day", ""),
        ('"12"', '"120"', 24, "discount_pct", "at most 100", ""),
        ("web_search", "output", 16, "per_unit.output", "million tokens", "per_mtok"),
        ("'^m-1-\\d{8}$'", "'^m-1-(\\d{8}$'", 8, "regex[0]", "not a regular expression", ""),
        ("minimum_tokens: 1024", "minimum_tokens: few", 26, "minimum_tokens", "whole number", ""),
        ("natives: [m-1]", "natives: m-1", 31, "alternatives", "must be a list", "[a, b]"),
        ("currency: USD", "schema: finops-rates/1", 2, "schema", "stands here twice", ""),
        ("{house-model: m-1}", "{a: b, B: C, c: A}", 5, "aliases.a", "a → b → c → a", "on file"),
        ("{house-model: m-1}", "{a: b, b: b}", 5, "aliases.b", "leads back to itself: b → b", ""),
        ("aliases: {house-model: m-1}", "aliases: {}", 5, "aliases", "must be a mapping", ""),
    ],
)  # fmt: skip
def test_each_mistake_names_its_line_and_field(
    old: str, new: str, line: int, field: str, words: str, mend: str
) -> None:
    assert old in GOOD
    said, how = refusal(GOOD.replace(old, new, 1))
    assert said.startswith(f"mine.yaml, line {line}: "), said
    assert field in said
    assert words in said
    assert mend in how, how


def test_periods_may_not_overlap() -> None:
    second = """
      - effective_from: "2026-01-01"
        source: https://example.com
        checked: "2026-11-23"
        per_mtok: {input: "2"}
overrides:"""
    said, how = refusal(GOOD.replace("\noverrides:", second, 1))
    assert "overlaps another one in time" in said
    assert "line 11" in how


def doubled(old: str, new: str, indent: str = " " * 10) -> str:
    return GOOD.replace(old, f"{old}\n{indent}{new}", 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('- {when: {processing: batch}, multiplier: "0.5"}',
         '- {when: {processing: batch}, multiplier: "0.4"}'),
        ('- {when: {processing: batch}, multiplier: "0.5"}',
         '- {when: {processing: batch}, effective_from: "2026-01-01", multiplier: "0.4"}'),
    ],
)  # fmt: skip
def test_two_variants_may_not_hold_at_once(first: str, second: str) -> None:
    said, how = refusal(doubled(first, second))
    assert said.startswith("mine.yaml, line 21: models[0].prices[0].variants[1]: overlaps")
    assert "line 20" in how


def test_variants_may_follow_each_other() -> None:
    old = '- {when: {processing: batch}, multiplier: "0.5"}'
    until = old.replace("batch}", 'batch}, effective_to: "2026-01-01"')
    text = doubled(
        old, '- {when: {processing: batch}, effective_from: "2026-01-01", multiplier: 1}'
    )
    assert compile_table(text.replace(old, until).encode(), "mine.yaml")


@pytest.mark.parametrize(
    ("hours", "days", "refused"),
    [
        ("03:59-05:00", "[5]", True),
        ("23:00-02:00", "[1]", True),
        ("00:30-01:30", "[2-3]", True),
        ("03:00-05:00", "[6]", False),
        ("04:00-01:00", "[1-7]", False),
    ],
)
def test_windows_of_a_schedule_may_not_overlap(hours: str, days: str, refused: bool) -> None:
    window = '- {utc: "01:00-04:00", weekdays: [1-5, 7], per_mtok: {input: "1", output: "2"}}'
    text = doubled(window, f'- {{utc: "{hours}", weekdays: {days}, per_mtok: {{input: "2"}}}}')
    if not refused:
        assert compile_table(text.encode(), "mine.yaml")
        return
    said, how = refusal(text)
    assert said.startswith("mine.yaml, line 23: models[0].prices[0].schedule[1]: overlaps")
    assert "line 22" in how


def test_two_models_may_not_claim_one_name() -> None:
    again = (
        '\n  - {id: m-one, prices: [{source: x, checked: "2026-01-01", per_mtok: {input: 1}}]}\n'
    )
    said, _ = refusal(GOOD.replace("\noverrides:", f"{again}overrides:", 1))
    assert "'m-one' is claimed by 'm-1' too" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("just words", "must be a mapping"),
        ("- a\n- b", "must be a mapping"),
        ("a: [1, 2", "not YAML"),
        ("schema: finops-rates/1\nmodels: &m [*m]", "aliases are not supported"),
        ("schema: finops-rates/1\n? [a, b]\n: c", "keys must be plain words"),
        ("schema: finops-rates/1\n---\nschema: x", "not YAML"),
        ("[" * 2000, "not YAML"),
        ("a: " + "[" * 900 + "]" * 900, ""),
    ],
)
def test_what_is_no_table_is_refused(text: str, words: str) -> None:
    said, _ = refusal(text)
    assert words in said
    assert said.startswith("mine.yaml")


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(RatesError, match="not UTF-8"):
        compile_table(b"\xff\xfe\x00schema", "mine.yaml")


def test_the_shipped_tables_are_sound_and_sourced() -> None:
    files = sorted(config.data_dir("rates").glob("*.yaml"))
    assert len(files) >= 5
    for path in files:
        table = compile_table(path.read_bytes(), str(path))
        for model in table["models"]:
            for stretch in (*model.get("periods", ()), *model.get("variants", ())):
                assert stretch["source"], path
                assert re.fullmatch(r"20\d\d-\d\d-\d\d", stretch["checked"]), path


LINES = GOOD.splitlines()
JUNK = st.text(max_size=6) | st.sampled_from(
    ["~", "[]", "{}", "-1", "1e9", "NaN", "'", '"', ":", "- ", "\t", "!!int x", "&a", "*a", "? "]
)  # fmt: skip
WORDS = st.sampled_from(sorted(set(re.findall(r"[\w.-]+", GOOD))))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good table in which some lines or words were lost, moved or spoilt."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        what = draw(st.sampled_from(["drop", "double", "indent", "word", "swap", "junk"]))
        if what == "drop":
            lines.pop(place)
        elif what == "double":
            lines.insert(place, lines[place])
        elif what == "indent":
            lines[place] = " " * draw(st.integers(0, 9)) + lines[place].lstrip()
        elif what == "word":
            lines[place] = lines[place].replace(draw(WORDS), draw(JUNK | WORDS))
        elif what == "swap":
            lines[place] = draw(st.sampled_from(LINES))
        else:
            lines[place] += draw(JUNK)
    return "\n".join(lines).encode()


def only_refusals(content: bytes) -> None:
    said = "mine.yaml"
    try:
        json.dumps(compile_table(content, "mine.yaml"))
    except RatesError as error:
        said = str(error)
    assert "mine.yaml" in said


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged())
def test_a_damaged_table_gives_nothing_but_a_refusal(content: bytes) -> None:
    only_refusals(content)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(WORDS, VALUES, max_size=6), st.booleans())
def test_any_document_gives_nothing_but_a_refusal(document: dict[str, object], head: bool) -> None:
    if head:
        document = {**document, "schema": "finops-rates/1", "provider": "anthropic"}
    only_refusals(json.dumps(document).encode())


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_nothing_but_a_refusal(content: bytes) -> None:
    only_refusals(content)


def test_a_path_names_the_file_in_the_refusal(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    with pytest.raises(RatesError, match=re.escape(str(path))):
        compile_table(b"x", str(path))
