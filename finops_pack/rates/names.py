"""Who bills for a model, and what it is called there: provider ids and names of models.

A name is taken apart by its form alone (prefix, path, ARN, region); whether what remains is on
file is for the tables to say. A bare name belongs to its own maker, never to a reseller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

# Ids of the tables, and what frameworks, gateways and OpenTelemetry call the same provider.
_SPELLINGS: Mapping[str, str] = {
    "openai": "openai_chat openai-chat openai_responses openai-responses chatopenai responses "
    "text-completion-openai custom_openai openai_like",
    "azure": "azure_openai azure-openai azureopenai azure_ai azure_text az.ai.openai "
    "az.ai.inference azure.ai.openai azure.ai.inference azurechatopenai",
    "anthropic": "anthropic_text claude chatanthropic",
    "aws": "bedrock aws_bedrock aws-bedrock amazon_bedrock amazon-bedrock aws.bedrock amazon "
    "bedrock_converse bedrock-converse anthropic_bedrock bedrock_mantle",
    "google": "gemini google_genai google-genai google_ai_studio google_vertexai google-vertex "
    "google-gla vertex_ai vertexai vertex vertex_ai_beta gcp gcp.gemini gcp.gen_ai gcp.vertex_ai "
    "google_anthropic_vertex vertex_ai_anthropic anthropic_vertex",
    "mistral": "mistralai mistral_ai codestral text-completion-codestral",
    "x-ai": "xai x_ai grok",
    "cohere": "cohere_chat cohere_v2",
    "fireworks": "fireworks_ai fireworks-ai",
    "together": "together_ai together-ai togetherai",
    "moonshotai": "moonshot moonshot_ai",
    "zai": "z-ai z.ai z_ai",
    "zhipuai": "zhipu bigmodel",
    "voyageai": "voyage",
    "perplexity": "perplexity_ai",
    "github-copilot": "github_copilot copilot",
    "cloudflare": "workers_ai workers-ai cloudflare_workers_ai",
    "ovhcloud": "ovh",
    "meta": "meta_llama",
}
_ALIASES = {alias: id_ for id_, text in _SPELLINGS.items() for alias in text.split()}
# Gateways that put the true provider in front of the model's name, and bill nothing themselves.
_TRANSPARENT = frozenset({"litellm", "litellm_proxy", "portkey", "helicone", "langchain"})
# The wire format that every gateway speaks: a provider named in the model's name is truer.
_GENERIC = "openai"
_ROUTES = frozenset({"converse", "converse_like", "invoke", "responses", "global", "chat"})
_AWS_REGION = re.compile(r"(?:us|eu|ap|ca|sa|me|af|il|mx)(?:-gov)?-[a-z]+-\d")
_BEDROCK = re.compile(
    r"(?:(?:global|us|us-gov|eu|apac|jp|au|in|ca)\.)?(?:anthropic|amazon|meta|mistral|cohere|ai21|"
    r"deepseek|openai|qwen|writer|nvidia|moonshotai|zai|google|stability|minimax|twelvelabs)\."
)
_MAKERS: Sequence[tuple[str, re.Pattern[str]]] = tuple(
    (provider, re.compile(pattern))
    for provider, pattern in (
        ("anthropic", r"claude-"),
        ("google", r"gemini-|gemma-|learnlm-|imagen-|veo-|text-embedding-00\d|embedding-001"),
        (
            "openai",
            r"ft:|gpt-|chatgpt-|o\d(?:$|-)|text-|tts-|whisper-1|dall-e|codex-|computer-use|sora-|"
            r"omni-moderation|davinci|babbage|curie|ada$|chat-latest",
        ),
        ("x-ai", r"grok-"),
        ("deepseek", r"deepseek-"),
        (
            "mistral",
            r"(?:labs-)?(?:mi|code|dev|magi|mini)stral-|mixtral-|pixtral-|voxtral-|"
            r"open-(?:mistral|mixtral)|mistral-",
        ),
        ("cohere", r"command|c4ai-|embed-|rerank-"),
        ("moonshotai", r"kimi-|moonshot-"),
        ("zhipuai", r"glm-"),
        ("minimax", r"minimax-|m2-her"),
        ("voyageai", r"voyage-"),
        ("perplexity", r"sonar|r1-1776|pplx-"),
        ("cloudflare", r"@cf/"),
        ("fireworks", r"accounts/fireworks/"),
        ("databricks", r"databricks-|system\.ai\."),
        ("cursor", r"composer-"),
        ("elevenlabs", r"eleven_"),
        ("meta", r"muse-"),
        ("typesafe", r"jev-"),
    )
)
_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:[^/]*:[a-z-]+/(.+)")
_RESOURCE = re.compile(r"(?:projects/[^/]+/locations/[^/]+/)?publishers/([^/]+)/models/(.+)")
_FINE_TUNE = re.compile(r"(ft:[^:]+):.*")


@dataclass(frozen=True, slots=True)
class Directory:
    """The provider ids that the tables know, with the spellings they add."""

    ids: frozenset[str]
    added: Mapping[str, str]

    def provider(self, text: str) -> str | None:
        """The id behind a provider's name in any spelling we know, else None."""
        name = text.strip().lower()
        found = self.added.get(name) or (name if name in self.ids else _ALIASES.get(name))
        return found if found in self.ids else None


def candidates(model: str, provider: str | None, known: Directory) -> Iterator[tuple[str, str]]:
    """(provider id, name there) to look for, in this order; nothing when nobody is meant.

    A given provider is believed, but for the gateways that only pass calls on.
    """
    name = tidy(model)
    if not name:
        return
    said = (provider or "").strip().lower()
    given = known.provider(said) if said and said not in _TRANSPARENT else None
    if said and said not in _TRANSPARENT and given is None:
        return
    named, rest = _prefixed(name, known)
    if given:
        yield given, name
        if named and (named == given or given == _GENERIC):
            yield named, rest
        elif named is None and rest != name:
            yield given, rest
        elif named and given in ("azure", "google"):
            yield given, rest  # they resell others' models: azure + openai/gpt-4o
    elif named:
        yield named, rest
    elif _BEDROCK.match(rest):
        yield "aws", rest
    elif maker := maker_of(rest):
        yield maker, rest


def tidy(model: str) -> str:
    """Lower case, without space around it and without what does not change the price."""
    name = model.strip().lower().removesuffix("[1m]")
    arn = _ARN.fullmatch(name)
    return f"bedrock/{arn.group(1)}" if arn else name


def maker_of(name: str) -> str | None:
    """The provider that makes the models of such names."""
    return next((id_ for id_, pattern in _MAKERS if pattern.match(name)), None)


def _prefixed(name: str, known: Directory) -> tuple[str | None, str]:
    """(provider, name) of `openrouter/google/x`, `openai:x`, `publishers/google/models/x`."""
    if resource := _RESOURCE.fullmatch(name):
        return "google", resource.group(2)
    head, slash, rest = name.partition("/")
    if not slash:
        head, colon, rest = name.partition(":")
        if not colon or head == "ft" or known.provider(head) is None:
            return None, _base(name)
    if head in _TRANSPARENT:
        return _prefixed(rest, known)
    if head == "models":  # the Gemini API's own form
        return maker_of(rest) or "google", rest
    provider = known.provider(head)
    if provider is None:
        return None, _base(name)
    return provider, _base(_unrouted(provider, rest))


def _unrouted(provider: str, name: str) -> str:
    """Without the route or region that litellm puts between provider and name."""
    while provider in ("aws", "azure", "openai") and "/" in name:
        head, _, rest = name.partition("/")
        if head not in _ROUTES and not (provider == "aws" and _AWS_REGION.fullmatch(head)):
            break
        name = rest
    if provider == "google" and name.startswith(("models/", "google/", "gemini/")):
        return name.partition("/")[2]
    return name


def _base(name: str) -> str:
    """A fine-tune's name without organisation and id: its price is that of its base."""
    tuned = _FINE_TUNE.fullmatch(name)
    return tuned.group(1) if tuned else name
