"""Ids of providers, and the spellings under which frameworks and gateways mean them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Ids of the tables, and what frameworks, gateways and OpenTelemetry call the same provider.
_SPELLINGS: Mapping[str, str] = {
    "openai": "openai_chat openai-chat openai_responses openai-responses chatopenai responses "
    "text-completion-openai custom_openai openai_like",
    "azure": "azure_openai azure-openai azureopenai azure_ai azure_text az.ai.openai "
    "az.ai.inference azure.ai.openai azure.ai.inference azurechatopenai",
    "anthropic": "anthropic_text claude chatanthropic",
    "aws": "bedrock aws_bedrock aws-bedrock amazon_bedrock amazon-bedrock aws.bedrock amazon "
    "bedrock_converse bedrock-converse anthropic_bedrock bedrock_mantle "
    "anthropic-bedrock anthropic-mantle openai-mantle",
    "google": "gemini google_genai google-genai google_ai_studio google_vertexai google-vertex "
    "google-gla vertex_ai vertexai vertex vertex_ai_beta gcp gcp.gemini gcp.gen_ai gcp.vertex_ai "
    "google_anthropic_vertex vertex_ai_anthropic anthropic_vertex vertex_ai-language-models "
    "vertex_ai-anthropic_models vertex_ai-mistral_models vertex_ai-llama_models "
    "vertex_ai-embedding-models",
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
TRANSPARENT = frozenset({"litellm", "litellm_proxy", "portkey", "helicone", "langchain"})


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


def spelled(provider: str) -> str:
    """The id of a provider as a table may spell it."""
    name = provider.strip().lower()
    return _ALIASES.get(name, name)


def passes_on(provider: str | None) -> bool:
    """Whether nobody is named who bills: no provider, or a gateway that only passes calls on."""
    return (provider or "").strip().lower() in {"", *TRANSPARENT}
