"""genai-prices' data, as it publishes it (v2 `data.json`), made into our compact snapshot."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from finops_pack.money import plain
from finops_pack.rates.clauses import names_of
from finops_pack.rates.plan import REGIONAL
from finops_pack.rates.rate import TOKEN_KINDS
from finops_pack.rates.snapshot import SCHEMA

# genai-prices' units by ours. Ours are priced per million ("_tokens" and the six token kinds),
# per hour ("_seconds") or each; theirs per million, per hour or per thousand.
_KINDS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write_5m",  # what they call plain cache writes are short ones
    "cache_write_5m_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_reasoning_mtok": "reasoning",
    "output_citation_mtok": "citation_tokens",
    "input_audio_mtok": "audio_input_tokens",
    "output_audio_mtok": "audio_output_tokens",
    "input_image_mtok": "image_input_tokens",
    "output_image_mtok": "image_output_tokens",
    "input_video_mtok": "video_input_tokens",
    "output_video_mtok": "video_output_tokens",
    "audio_hours": "audio_seconds",
}
_THOUSANDS = {
    "requests_kcount": "request",
    "web_searches_kcount": "web_search",
    "storage_searches_kcount": "storage_search",
    "social_searches_kcount": "social_search",
    "rerank_searches_kcount": "rerank_search",
    "code_executions_kcount": "code_execution",
    "input_document_kpages": "document_page",
    "input_annotated_document_kpages": "annotated_page",
    "input_text_messages_kcount": "text_message",
}
# litellm 1.109.1 has every DeepSeek model on Azure at another price than DeepSeek's own.
_NO_FALLBACK = {("azure", "deepseek")}
# The same source: Bedrock's plain models cost 3 to 70 % more outside the US, models with a
# regional entry the same everywhere but in GovCloud, which is 9 % dearer.
_WORLDWIDE = ("global.", "regional.anthropic.", "regional.openai.", "regional.moonshotai.")
_US = r"us|us-(?:east|west)-\d"
_NOT_GOV = r"(?!us-gov).*"
# US-only inference of Anthropic's own API, which models before Claude Opus 4.6 refuse: a tenth more
# for every token (https://platform.claude.com/docs/en/manage-claude/data-residency, litellm). The
# same on any endpoint of Vertex but the global one (genai-prices' own notes, litellm).
_BOUND = Decimal("1.1")
_US_ONLY = {"inference_geo": "us"}
_ELSEWHERE = {"region": REGIONAL}
_VERTEX = rf"{REGIONAL}|global|us|eu|[a-z]+-[a-z]+\d+"
# An entry copied from a reseller says nothing about what its maker charges.
_COPIED = re.compile(r"(?i)^(imported from|seen on) openrouter(?!.*verified against)", re.DOTALL)
# A comment names days to come, too: when an introductory price ends, when a model retires.
_CHECKED = re.compile(
    r"(?i)\b(?:checked|verified|updated|launched|as of)\b[^.,;\d]{0,20}(20\d\d-\d\d-\d\d)"
)


def snapshot(data: Sequence[Mapping[str, Any]], *, version: str, date: str) -> str:
    """The text of a snapshot file: a header, then one line a model, grouped by provider."""
    lines: list[str] = []
    providers: dict[str, list[int]] = {}
    fallbacks: dict[str, list[str]] = {}
    for provider in data:
        models = list(_models(provider))
        providers[provider["id"]] = [len(lines) + 1, len(models)]
        lines += [json.dumps(m, separators=(",", ":"), ensure_ascii=False) for m in models]
        resold = provider.get("fallback_model_providers") or ()
        if believed := [home for home in resold if (provider["id"], home) not in _NO_FALLBACK]:
            fallbacks[provider["id"]] = believed
    body = "\n".join(lines)
    header = {
        "schema": SCHEMA,
        "source": "genai-prices",
        "version": version,
        "date": date,
        "sha256": hashlib.sha256(body.encode()).hexdigest(),
        "providers": providers,
        "fallbacks": fallbacks,
    }
    return f"{json.dumps(header, separators=(',', ':'))}\n{body}\n"


def newest_date(data: Sequence[Mapping[str, Any]], today: str) -> str:
    """The newest day that the data says it was checked on: its age, at the most."""
    comments = (m.get("price_comments") or "" for p in data for m in (p, *p["models"]))
    dates = {day for text in comments for day in _CHECKED.findall(text)}
    return max((day for day in dates if day <= today), default=today)


def _models(provider: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for model in provider["models"]:
        comment = model.get("price_comments") or ""
        if provider["id"] != "openrouter" and _COPIED.search(comment):
            continue
        periods = list(_periods(model, comment))
        names = names_of(model)
        if periods and any(names.values()):
            variants = [_variant(v) for v in model.get("price_variants") or ()]
            variants = [v for v in variants if v["when"] != {"service_tier": "default"}]
            entry = {"id": model["id"], **names, "periods": periods}
            entry["regions"], bound = _places(provider["id"], model["id"], comment)
            everywhere = ({"when": {}}, *variants) if bound else ()
            entry["variants"] = [*variants, *(_bound_to(variant, bound) for variant in everywhere)]
            yield {key: value for key, value in entry.items() if value}


def _places(provider: str, model: str, comment: str) -> tuple[str, Mapping[str, str]]:
    """The regions that have a price, and what names those that cost a tenth more."""
    if provider == "aws":
        return _NOT_GOV if model.startswith(_WORLDWIDE) else _US, {}
    if "global endpoint" in comment.lower():
        return _VERTEX, _ELSEWHERE
    return "", _US_ONLY if provider == "anthropic" else {}


def _periods(model: Mapping[str, Any], comment: str) -> Iterator[dict[str, Any]]:
    """Conditional prices, of which the last that holds wins, as periods with a schedule."""
    listed = model["prices"] if isinstance(model["prices"], list) else [{"prices": model["prices"]}]
    rules: list[tuple[Any, Any]] = [(r.get("constraint") or {}, r["prices"]) for r in listed]
    starts = sorted({rule["start_date"] for rule, _ in rules if "start_date" in rule})
    for number, since in enumerate([None, *starts]):
        dated = [
            i
            for i, (rule, _) in enumerate(rules)
            if "start_time" not in rule and (rule.get("start_date") or "") <= (since or "")
        ]
        chosen = max(dated, default=0)
        prices = _prices(rules[chosen][1]) or _free(model, comment)
        if not prices:
            continue
        period: dict[str, Any] = {"prices": prices}
        schedule = [
            {"utc": [_minute(rule["start_time"]), _minute(rule["end_time"])], "prices": _prices(p)}
            for rule, p in reversed(rules[chosen + 1 :])
            if "start_time" in rule
        ]
        if schedule:
            period["schedule"] = schedule
        if since:
            period["from"] = since
        if number < len(starts):
            period["to"] = starts[number]
        yield period


def _free(model: Mapping[str, Any], comment: str) -> dict[str, Any]:
    """No price at all is "unknown", unless the entry itself says that it is free."""
    free = model["id"].endswith(":free") or "free of charge" in comment.lower()
    return dict.fromkeys(("input", "output"), "0") if free else {}


def _variant(raw: Mapping[str, Any]) -> dict[str, Any]:
    since = (raw.get("constraint") or {}).get("start_date")
    variant = {"when": raw["when"], "prices": _prices(raw["prices"])}
    return {**variant, "from": since} if since else variant


def _bound_to(variant: Mapping[str, Any], place: Mapping[str, str]) -> dict[str, Any]:
    """The same for inference that is bound to a place."""
    prices = {k: _dearer(p) for k, p in variant.get("prices", {}).items() if k in TOKEN_KINDS}
    more = {"multiplier": plain(_BOUND), "of": TOKEN_KINDS, "prices": prices}
    return {**variant, "when": {**variant["when"], **place}, **more}


def _dearer(price: Any) -> Any:
    if isinstance(price, list):  # base, above, price, above, price
        return [step if at % 2 else _dearer(step) for at, step in enumerate(price)]
    return plain(Decimal(price) * _BOUND)


def _prices(raw: Mapping[str, Any]) -> dict[str, Any]:
    prices: dict[str, Any] = {}
    for key, value in raw.items():
        if value is None:
            continue
        if key in _KINDS:
            prices[_KINDS[key]] = _price(value, 1)
        elif key in _THOUSANDS:
            prices[_THOUSANDS[key]] = _price(value, 1000)
    return prices


def _price(value: Any, per: int) -> Any:
    if not isinstance(value, Mapping):
        return plain(Decimal(str(value)) / per)
    steps = [part for t in value["tiers"] for part in (t["start"], _price(t["price"], per))]
    return [_price(value["base"], per), *steps]


def _minute(text: str) -> int:
    """Minute of the UTC day of `16:30:00Z`; other offsets do not occur in the data."""
    hours, minutes = text.split(":")[:2]
    return int(hours) * 60 + int(minutes)
