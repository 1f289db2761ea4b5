"""Names as frameworks, gateways and clouds write them; nothing is guessed from a prefix."""

from __future__ import annotations

from decimal import Decimal

import pytest

from finops_pack import rates
from finops_pack.model import Usage
from finops_pack.rates import names

AT = "2026-11-20T12:00:00Z"
ONE = Usage(1000, 1000)
PROFILE = (
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
    "us.anthropic.claude-sonnet-4-20250514-v1:0"
)
SONNET = "aws/regional.anthropic.claude-sonnet-4"


def entry_of(model: str, provider: str | None = None) -> str | None:
    """`provider/model` of the rate, without digest."""
    cost = rates.price(model, ONE, provider=provider, at=AT)
    return cost.rate_id.partition("#")[0] if cost.rate_id else None


@pytest.mark.parametrize(
    ("model", "provider", "entry"),
    [
        ("gpt-4o", None, "openai/gpt-4o"),
        (" GPT-4o ", None, "openai/gpt-4o"),
        ("openai/gpt-4o", None, "openai/gpt-4o"),
        ("openai:gpt-4o", None, "openai/gpt-4o"),
        ("openai/responses/gpt-4o", None, "openai/gpt-4o"),
        ("litellm/openai/gpt-4o", None, "openai/gpt-4o"),
        ("openai/gpt-4o", "litellm", "openai/gpt-4o"),
        ("gpt-4o", "litellm", "openai/gpt-4o"),
        ("gpt-5.2-20251211", "openai", "openai/gpt-5.2"),
        ("gpt-5-mini-2025-08-07", None, "openai/gpt-5-mini"),
        ("anthropic/claude-haiku-4-5-20251001", None, "anthropic/claude-haiku-4-5"),
        ("claude-sonnet-4-5-20250929[1m]", None, "anthropic/claude-sonnet-4-5"),
        ("claude-opus-4-1-20250805", "chatanthropic", "anthropic/claude-opus-4-1"),
        ("models/gemini-2.5-pro", None, "google/gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "google_genai", "google/gemini-2.5-pro"),
        ("gemini/gemini-2.5-pro-preview-05-06", None, "google/gemini-2.5-pro"),
        ("google/gemini-3-pro-preview", None, "google/gemini-3-pro-preview"),
        ("google-gla:gemini-2.5-flash", None, "google/gemini-2.5-flash"),
        ("gemini-2.0-flash-001", "gcp.vertex_ai", "google/gemini-2.0-flash"),
        ("gemini-live-2.5-flash-native-audio", None, "google/gemini-live-2.5-flash"),
        ("gemini-3.8-live-extended-thinking", "google", "google/gemini-3.8-live"),
        ("vertex_ai/claude-sonnet-4-6@20260101", None, "google/claude-sonnet-4-6"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic-bedrock", SONNET),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic-mantle", SONNET),
        (
            "projects/p/locations/global/publishers/anthropic/models/claude-opus-4-6@default",
            None,
            "google/claude-opus-4-6",
        ),
        (
            "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro",
            None,
            "google/gemini-2.5-pro",
        ),
        ("publishers/anthropic/models/claude-opus-4-6", None, "google/claude-opus-4-6"),
        ("claude-opus-4-0", None, "anthropic/claude-opus-4-0"),
        ("claude-opus-4-0", "anthropic", "anthropic/claude-opus-4-0"),
        ("claude-opus-4-0", "vertex_ai", "anthropic/claude-opus-4-0"),
        ("claude-opus-4@20250514", None, "anthropic/claude-opus-4-0"),
        ("claude-sonnet-4@20250514", None, "anthropic/claude-sonnet-4"),
        ("ft:gpt-4-0613:acme::id", None, "openai/gpt-4"),
        ("claude-opus-4-6@default", None, "anthropic/claude-opus-4-6"),
        ("gemini-2.5-pro", "vertex_ai-language-models", "google/gemini-2.5-pro"),
        ("claude-opus-4-6", "vertex_ai-anthropic_models", "google/claude-opus-4-6"),
        ("xai/grok-4", None, "x-ai/grok-4-0709"),
        ("grok-4", "x_ai", "x-ai/grok-4-0709"),
        ("command-a-03-2025", None, "cohere/command-a"),
        ("codestral-latest", None, "mistral/codestral"),
        ("mistral-large-latest", "mistral_ai", "mistral/mistral-large-latest"),
        ("azure/gpt-4o", None, "openai/gpt-4o"),
        ("azure/global/gpt-4o-2024-11-20", None, "openai/gpt-4o"),
        ("gpt-35-turbo", "azure_openai", "openai/gpt-3.5-turbo"),
        (
            "invoke/anthropic.claude-3-5-sonnet-20240620-v1:0",
            "bedrock",
            "aws/regional.anthropic.claude-3-5-sonnet-20240620-v1:0",
        ),
        ("openai/gpt-4.1", "az.ai.openai", "openai/gpt-4.1"),
        ("gpt-4.1", "azure.ai.openai", "openai/gpt-4.1"),
        ("openrouter/google/gemini-2.5-pro", None, "openrouter/google/gemini-2.5-pro"),
        ("google/gemini-2.5-pro", "openrouter", "openrouter/google/gemini-2.5-pro"),
        ("openai/gpt-oss-120b", "groq", "groq/openai/gpt-oss-120b"),
        ("openrouter:anthropic/claude-sonnet-4.5", None, "openrouter/anthropic/claude-sonnet-4.5"),
        ("openrouter:openai/gpt-4o", None, "openrouter/openai/gpt-4o"),
        ("openrouter:openai/gpt-4o", "litellm", "openrouter/openai/gpt-4o"),
        ("groq:openai/gpt-oss-120b", None, "groq/openai/gpt-oss-120b"),
        (
            "together:meta-llama/Llama-3.3-70B-Instruct-Turbo",
            None,
            "together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
        ),
        ("litellm:openai/gpt-4o", None, "openai/gpt-4o"),
        (f"bedrock:{PROFILE}", None, SONNET),
        ("perplexity/sonar", None, "perplexity/sonar"),
        ("perplexity/sonar", "perplexity", "perplexity/sonar"),
        ("cerebras/gpt-oss-120b", None, "cerebras/gpt-oss-120b"),
        ("groq/llama-3.3-70b-versatile", None, "groq/llama-3.3-70b-versatile"),
        # An OpenAI client that points at a gateway: the name says who it is.
        ("anthropic/claude-haiku-4-5", "openai", "anthropic/claude-haiku-4-5"),
        # Bedrock.
        (
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            None,
            "aws/regional.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        (
            "bedrock/converse/global.anthropic.claude-opus-4-6-v1",
            None,
            "aws/global.anthropic.claude-opus-4-6-v1:0",
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
            "us.anthropic.claude-opus-4-5-20251101-v1:0",
            None,
            "aws/regional.anthropic.claude-opus-4-5-v1:0",
        ),
        (
            "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-pro-v1:0",
            "aws.bedrock",
            "aws/amazon.nova-pro-v1:0",
        ),
        (f"bedrock/{PROFILE}", None, SONNET),
        (f"bedrock/{PROFILE}", "litellm", SONNET),
        (f"bedrock/converse/{PROFILE}", "bedrock", SONNET),
        (f"converse/{PROFILE}", "bedrock", SONNET),
        (f"litellm_proxy/{PROFILE}", None, SONNET),
        (
            "vertex_ai/projects/p/locations/global/publishers/anthropic/models/claude-opus-4-6",
            None,
            "google/claude-opus-4-6",
        ),
        ("bedrock/us-east-1/amazon.nova-lite-v1:0", None, "aws/amazon.nova-lite-v1:0"),
        # Fine-tunes have a price of their own.
        ("ft:gpt-4o-2024-08-06:acme::abc123", None, "openai/ft:gpt-4o"),
        ("openai/ft:gpt-4o-mini-2024-07-18:acme:name:id", None, "openai/ft:gpt-4o-mini"),
        ("ft:gpt-3.5-turbo-0125:acme::id", "openai", "openai/ft:gpt-3.5-turbo-"),
    ],
)  # fmt: skip
def test_a_name_finds_its_model(model: str, provider: str | None, entry: str) -> None:
    assert entry_of(model, provider) == entry


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o-foo", None),
        ("gpt-4o-super-fake-2099", "openai"),
        ("gpt-4o-2099-01-01", None),
        ("gpt-7", None),
        ("claude-sonnet-6", None),
        ("claude-opus-5-9", None),
        ("claude-opus-5-9-20270101", "anthropic"),
        ("claude-opus-4-01", "anthropic"),
        ("claude-opus-4-042", None),
        ("claude-opus-4-099", "vertex_ai"),
        ("claude-sonnet-4-07", "vertex_ai"),
        ("claude-opus-4@20250515", None),
        ("gemini-2.0-flash-07", None),
        ("gemini-4-pro", None),
        ("gemini-3.8-flash-cyber", None),
        ("gemini-2.5-pro-preview-tts-x", None),
        ("gemini-3.5-flash-8b", None),
        ("deepseek-v5", None),
        ("mistral-large-5", None),
        ("ft:gpt-4o-2099-01-01:acme::id", None),
        ("ft:llama-3:acme::id", None),
        ("nobody:openai/gpt-4o", None),
        ("gpt-oss-120b", None),  # not sold by its maker; a reseller's price would be a guess
        ("llama-3.3-70b-versatile", None),
        ("my-deployment", "azure"),
        ("gpt-4o", "no-such-provider"),
        ("gpt-4o", "anthropic"),
        ("claude-haiku-4-5", "bedrock_of_mine"),
        ("azure/eu/gpt-4o", None),  # a data zone costs more, and its price is not on file
        ("eu.amazon.nova-pro-v1:0", None),
        ("us.amazon.nova-pro-v2:0", None),  # the next version has a price of its own
        ("deepseek.r1-v2:0", "bedrock"),
        ("global.anthropic.claude-opus-4-5-20251101-v2:0", None),
        ("us-gov.anthropic.claude-sonnet-5", None),
        ("bedrock/eu-west-2/meta.llama3-70b-instruct-v1:0", None),
        ("eu.anthropic.claude-fable-5-1", None),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123", None),
        ("openrouter/arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", None),
        ("bedrock/arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0", None),
        ("", None),
        ("   ", "openai"),
        ("/", None),
        (":", None),
        ("openai/", None),
    ],
)
def test_an_unknown_name_is_unpriced(model: str, provider: str | None) -> None:
    cost = rates.price(model, ONE, provider=provider, at=AT)
    assert (cost.state, cost.usd, cost.rate_id) == ("unpriced", None, None), cost
    assert cost.reason


@pytest.mark.parametrize(
    ("model", "region"),
    [
        ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0", "eu-west-1"),
        (
            "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/"
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "us-gov-west-1",
        ),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.amazon.nova-lite-v1:0", "eu"),
        ("arn:aws:bedrock:ca-central-1:1:inference-profile/us.amazon.nova-lite-v1:0", "ca-central"),
    ],
)
@pytest.mark.parametrize("provider", [None, "litellm", "openai"])
def test_a_region_in_the_name_counts(model: str, provider: str | None, region: str) -> None:
    cost = rates.price(model, ONE, provider=provider, at=AT)
    assert cost.state == "unpriced"
    assert f"no price on file for region {region}" in (cost.reason or "")


CLAUDE = "publishers/anthropic/models/claude-opus-4-5@20251101"


@pytest.mark.parametrize(
    ("model", "context", "usd"),
    [
        (f"projects/p/locations/us-east5/{CLAUDE}", {}, "5.5"),
        (f"projects/p/locations/eu/{CLAUDE}", {}, "5.5"),
        (f"projects/p/locations/global/{CLAUDE}", {}, "5"),
        (CLAUDE, {}, "5"),
        (CLAUDE, {"region": "asia-southeast1"}, "5.5"),
        (CLAUDE, {"region": "mars"}, None),
        ("vertex_ai/claude-sonnet-4-5", {"region": "us"}, "6.6"),  # long prompts included
        ("vertex_ai/claude-fable-5-2", {"region": "us", "processing": "batch"}, "4.4"),
        ("vertex_ai/claude-sonnet-5", {"region": "europe-west1"}, "2.2"),
        ("vertex_ai/claude-sonnet-5", {}, "2"),
        ("vertex_ai/claude-opus-4-1", {"region": "us-east5"}, "15"),  # older: the same everywhere
    ],
)
def test_only_the_global_endpoint_of_vertex_has_the_list_price(
    model: str, context: dict[str, str], usd: str | None
) -> None:
    cost = rates.price(model, Usage(1_000_000), at=AT, context=context)
    assert cost.usd == (Decimal(usd) if usd else None)
    assert not usd or rates.unit_prices(cost.rate_id or "")


def test_a_region_of_the_callers_goes_before_the_one_in_the_name() -> None:
    def state(model: str, region: str) -> str:
        return rates.price(model, ONE, at=AT, context={"region": region}).state

    arn = "arn:aws:bedrock:{}::foundation-model/amazon.nova-lite-v1:0"
    assert state(arn.format("eu-west-1"), "us-east-1") == "priced"
    assert state("bedrock/eu-west-1/amazon.nova-lite-v1:0", "us-east-1") == "priced"
    assert state(arn.format("us-east-1"), "eu-west-1") == "unpriced"
    assert state(arn.format("us-east-1"), "") == "priced"
    assert state("eu.amazon.nova-lite-v1:0", "us-east-1") == "unpriced"  # another product


def test_every_spelling_leads_to_a_provider_on_file() -> None:
    known = rates.current().directory
    for spelling in (
        "bedrock", "vertex_ai", "vertex_ai-embedding-models", "gemini", "google", "xai", "x-ai",
        "azure",
    ):  # fmt: skip
        assert known.provider(spelling)
    for telemetry in (
        "openai", "gcp.gen_ai", "gcp.vertex_ai", "gcp.gemini", "anthropic", "cohere", "x_ai",
        "azure.ai.inference", "azure.ai.openai", "aws.bedrock", "perplexity", "deepseek", "groq",
        "mistral_ai",
    ):  # fmt: skip
        assert known.provider(telemetry), telemetry
    assert known.provider("nobody") is None
    assert set(rates.providers()) >= {"openai", "anthropic", "google", "aws", "azure", "x-ai"}


def test_a_reseller_has_the_makers_prices_but_not_its_batch() -> None:
    assert rates.price("gpt-4.1", ONE, provider="azure", at=AT).usd is not None
    batch = rates.price("gpt-4.1", ONE, provider="azure", at=AT, context={"processing": "batch"})
    assert batch.state == "unpriced"


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("us.anthropic.claude-opus-4-6-v1", "claude-opus-4-6-v1"),
        ("anthropic/claude-opus-4-6", "claude-opus-4-6"),
        ("gpt-4.1-mini", "gpt-4.1-mini"),
        ("amazon.nova-pro-v1:0", "nova-pro-v1:0"),
    ],
)
def test_a_bare_name(name: str, bare: str) -> None:
    assert names.bare(name) == bare
