"""The snapshot: made from genai-prices' data, equal to it, renewed only when it is sound."""

from __future__ import annotations

import json
import runpy
import threading
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from finops_pack import config, rates
from finops_pack.errors import RatesError
from finops_pack.model import Usage
from finops_pack.rates import convert, manage, snapshot
from finops_pack.rates.book import Book
from finops_pack.rates.names import Candidate
from finops_pack.rates.plan import make_plan

DATA: list[dict[str, Any]] = [
    {
        "id": "openai",
        "models": [
            {
                "id": "gpt-9o",
                "match": {"or": [{"equals": "GPT-9o"}, {"regex": r"^gpt-9o-\d{8}$"}]},
                "price_comments": "Verified on 2026-11-01.",
                "prices": {"input_mtok": 2.5, "output_mtok": 10, "web_searches_kcount": 10},
                "price_variants": [
                    {"when": {"service_tier": "default"}, "prices": {}},
                    {
                        "when": {"processing": "batch"},
                        "constraint": {"start_date": "2026-10-14"},
                        "prices": {"input_mtok": 1.25},
                    },
                ],
            },
            {
                "id": "o9",
                "match": {"starts_with": "o9"},
                "prices": [
                    {"prices": {"input_mtok": {"base": 5, "tiers": [{"start": 1000, "price": 6}]}}},
                    {"constraint": {"start_date": "2026-02-01"}, "prices": {"input_mtok": 4}},
                    {
                        "constraint": {"start_time": "22:00:00Z", "end_time": "06:00:00Z"},
                        "prices": {"input_mtok": 3},
                    },
                ],
            },
            {"id": "gpt-oss", "match": {"equals": "gpt-oss"}, "prices": {"input_mtok": 1},
             "price_comments": "Imported from OpenRouter pricing; verify against OpenAI."},
            {"id": "x:free", "match": {"equals": "x:free"}, "prices": {}},
            {"id": "secret", "match": {"equals": "secret"}, "prices": {}},
        ],
    },
    {"id": "azure", "fallback_model_providers": ["openai", "deepseek"], "models": []},
]  # fmt: skip


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "data.json"
    path.write_text(json.dumps(DATA))
    return path


def test_genai_prices_data_is_read_strictly(small: Path) -> None:
    manage.refresh(str(small))
    price = rates.price
    million = Usage(1_000_000)
    assert price("gpt-9o-20260101", million).usd == Decimal("2.5")
    assert price("gpt-9o", Usage(0, extra={"web_search": 3})).usd == Decimal("0.03")
    batch = {"processing": "batch"}
    assert price("gpt-9o", million, at="2026-10-14", context=batch).usd == Decimal("1.25")
    assert price("gpt-9o", million, at="2026-10-13", context=batch).usd is None
    assert price("o9", Usage(1000), at="2026-01-01T12:00").usd == Decimal("0.005")
    assert price("o9", Usage(1001), at="2026-01-01T12:00").usd == Decimal("0.006006")
    assert price("o9-2026-01-01", million, at="2026-02-01T12:00").usd == 4
    assert price("o9", million, at="2026-02-01T23:00").usd == 3
    assert price("o9-mini", million).usd is None
    assert price("gpt-oss", million).usd is None
    assert price("secret", million, provider="openai").usd is None
    assert price("x:free", million, provider="openai").state == "free"
    assert price("o9", million, provider="azure", at="2026-02-01T12:00").usd == 4
    assert rates.current().snapshot.fallbacks == {"azure": ["openai"]}


def test_the_shipped_snapshot_is_what_make_rates_writes(tmp_path: Path) -> None:
    pytest.importorskip("genai_prices")
    shipped = snapshot.read(snapshot.shipped_path())
    if metadata.version("genai-prices") != shipped.header["version"]:
        pytest.skip("another genai-prices is installed than the snapshot was made from")
    made = runpy.run_path(str(config.data_dir("rates") / "make_snapshot.py"))
    text = convert.snapshot(
        made["data"](), version=shipped.header["version"], date=shipped.header["date"]
    )
    assert snapshot.parse(text, tmp_path).lines == shipped.lines
    shipped.check()


def test_what_we_price_costs_what_genai_prices_says() -> None:
    pytest.importorskip("genai_prices")
    from genai_prices import Usage as TheirUsage
    from genai_prices.data import providers

    if metadata.version("genai-prices") != rates.current().snapshot.header["version"]:
        pytest.skip("another genai-prices is installed than the snapshot was made from")
    book = Book([], rates.current().snapshot)
    compared = 0
    for provider in providers:
        for number, model in enumerate(provider.models):
            for context in ({}, *(v.when for v in model.price_variants or ())):
                at = datetime(2026, 11, 1 + number % 28, number % 24, tzinfo=UTC)
                tokens = (1000, 128_001, 200_000, 200_001, 272_001)[number % 5]
                for name in book.snapshot.index(provider.id).names(model.id)[:1]:
                    plan = make_plan(book.found(Candidate(provider.id, name)), dict(context))
                    rate = plan.rate(int(at.timestamp()) * 1_000_000, tokens)
                    usage = Usage(tokens, 500, tokens // 3 if number % 2 else 0)
                    cost = rate.cost(usage) if rate else None
                    if cost is None or cost.usd is None:
                        continue
                    theirs = TheirUsage(
                        input_tokens=tokens,
                        output_tokens=500,
                        cache_read_tokens=usage.cache_read_tokens,
                    )
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        expected = model.calc_price(
                            theirs, provider, genai_request_timestamp=at, price_context=context
                        ).total_price
                    assert abs(cost.usd - expected) < Decimal("1e-15"), (provider.id, name, context)
                    compared += 1
    assert compared > 1500


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a snapshot"),
        (b"{}", "not a snapshot"),
        (b'{"schema":"finops-snapshot/2","providers":{"a":[1,1]}}', "not a snapshot"),
        (b"\xff\xfe", "cannot be read"),
        (b"[1, 2]", "cannot be read"),
        (b'[{"id": "openai"}]', "cannot be read"),
        (b'[{"id": "openai", "models": []}]', "prices no model"),
        (b"[]", "not a snapshot"),
        (b"[" * 100_000, "nested too deeply"),
        (b'[{"id":"openai","models":[{"id":"x","match":{"equals":"x"},"prices":{"input_mtok":"NaN"}}]}]',
         "cannot be read"),
    ],
)  # fmt: skip
def test_a_refresh_from_rubbish_changes_nothing(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "rubbish"
    path.write_bytes(content)
    with pytest.raises(RatesError, match=words):
        manage.refresh(str(path))
    assert not snapshot.refreshed_path().exists()
    assert rates.price("gpt-4o", Usage(1000)).usd == Decimal("0.0025")


def test_a_refresh_counts_the_models_that_go(small: Path) -> None:
    shipped = len(rates.current().snapshot.models)
    assert manage.refresh(str(small)).gone == shipped
    fewer = json.loads(json.dumps(DATA))
    fewer[0]["models"][1]["match"] = {"equals": "o9"}  # changed, not gone
    del fewer[0]["models"][0]
    small.write_text(json.dumps(fewer))
    fresh = manage.refresh(str(small))
    assert (fresh.models, fresh.changed, fresh.gone) == (2, 1, 1)


def test_a_tampered_snapshot_is_refused(tmp_path: Path) -> None:
    text = snapshot.shipped_path().read_text()
    changed = tmp_path / "changed.jsonl"
    changed.write_text(text.replace('"input":"2.5"', '"input":"0.5"', 1))
    with pytest.raises(RatesError, match="does not match its hash"):
        manage.refresh(str(changed))
    same = tmp_path / "same.jsonl"
    same.write_text(text)
    assert manage.refresh(str(same)).changed == 0


def test_a_refreshed_snapshot_that_breaks_later_gives_way_to_the_shipped_one(small: Path) -> None:
    manage.refresh(str(small))
    assert rates.price("claude-opus-4-6", Usage(1000)).usd is None
    snapshot.refreshed_path().write_text("half a li")
    rates.reload()
    assert rates.price("claude-opus-4-6", Usage(1000)).usd == Decimal("0.005")
    (warning,) = rates.current().warnings
    assert "the shipped one is in force" in (warning.mend or "")


def test_seeded_prices_give_way_to_a_newer_snapshot_and_corrections_do_not(small: Path) -> None:
    newer = json.loads(json.dumps(DATA))
    newer[0]["models"][0]["match"] = {"equals": "gpt-4o"}
    newer[0]["models"][0]["prices"]["input_mtok"] = 2
    newer[0]["models"][0]["price_comments"] = f"Verified on {datetime.now(UTC).date()}."
    small.write_text(json.dumps(newer))
    manage.refresh(str(small))
    assert rates.price("gpt-4o", Usage(1_000_000)).usd == 2
    assert rates.price("deepseek-v4-pro", Usage(1000), at="2026-11-21T07:30Z").usd is not None


def test_an_upgrade_that_brings_newer_prices_wins_over_an_old_refresh(small: Path) -> None:
    manage.refresh(str(small))
    assert rates.price("claude-opus-4-6", Usage(1000)).usd is None
    path = snapshot.refreshed_path()
    path.write_text(path.read_text().replace('"over": "', '"over": "another', 1))
    rates.reload()
    assert rates.price("claude-opus-4-6", Usage(1000)).usd == Decimal("0.005")
    assert rates.current().warnings == []


def test_an_old_snapshot_says_so(small: Path) -> None:
    old = json.loads(json.dumps(DATA))
    old[0]["models"][0]["price_comments"] = "Verified on 2025-01-01."
    small.write_text(json.dumps(old))
    fresh = manage.refresh(str(small))
    assert fresh.date == "2025-01-01"
    (problem,) = manage.problems()
    assert "days ago (2025-01-01)" in str(problem)
    assert "finops rates refresh" in (problem.mend or "")
    version, date, digest, age = rates.snapshot_info()
    assert (version, date, len(digest)) == ("genai-prices data.json", "2025-01-01", 64)
    assert age > 300


def test_a_day_to_come_in_a_comment_is_no_check(small: Path) -> None:
    old = json.loads(json.dumps(DATA))
    old[0]["models"][0]["price_comments"] = (
        "Introductory rates apply through 2025-06-30. Fast mode ends on 2025-07-31. "
        "The page (https://acme.example/prices, checked 2025-01-01) says no more."
    )
    small.write_text(json.dumps(old))
    assert manage.refresh(str(small)).date == "2025-01-01"


@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1.example.com", "localhost.example.com", "localhost@a.example"]
)
def test_a_refresh_over_the_network_takes_https_or_this_machine_only(host: str) -> None:
    with pytest.raises(RatesError, match="not https"):
        manage.refresh(f"http://{host}/data.json")
    with pytest.raises(RatesError, match=r"127\.0\.0\.1:9"):
        manage.refresh("http://127.0.0.1:9/data.json")


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "https://127.0.0.1:9/", "https://h:x/", "https://h/#/?key=se/cret"],
)
def test_a_refresh_that_fails_shows_no_password(url: str) -> None:
    with pytest.raises(RatesError) as refused:
        manage.refresh(url.replace("://", "://me:se/cret@" if ":x" in url else "://me:secret@"))
    assert "cret" not in f"{refused.value} {refused.value.mend}"


class Bad(BaseHTTPRequestHandler):
    """Answers in each of the ways that a server of prices should not."""

    def do_GET(self) -> None:
        self.send_response({"/away": 302, "/gone": 404}.get(self.path, 200))
        if self.path == "/away":
            self.send_header("Location", "http://prices.example/data.json")
        if self.path == "/bomb":
            self.send_header("Content-Encoding", "gzip, gzip")
        self.end_headers()
        with suppress(OSError):
            while self.path == "/endless":
                self.wfile.write(b" " * 2**20)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("away", "not https"),
        ("endless", "larger than 64 MiB"),
        ("bomb", "packed as 'gzip, gzip'"),
        ("gone", r"/gone: 404 Not Found$"),
    ],
)
def test_a_refresh_from_a_server_that_means_ill(path: str, said: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Bad) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(RatesError, match=said):
            manage.refresh(f"http://127.0.0.1:{server.server_port}/{path}")
        server.shutdown()
