"""Who is behind a client: told by its class, else by its base URL."""

from __future__ import annotations

from typing import Any

_CLASSES = (
    ("Azure", "azure"),
    ("Foundry", "azure"),
    ("Bedrock", "bedrock"),
    ("Vertex", "vertex_ai"),
)
_HOSTS = (
    (".openai.azure.com", "azure"),
    (".services.ai.azure.com", "azure"),
    ("openrouter.ai", "openrouter"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "x-ai"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral"),
    ("api.together.xyz", "together"),
    ("api.fireworks.ai", "fireworks"),
    ("api.cerebras.ai", "cerebras"),
    ("api.perplexity.ai", "perplexity"),
    ("generativelanguage.googleapis.com", "google"),
    ("aiplatform.googleapis.com", "vertex_ai"),
)


def of(client: Any, default: str) -> str:
    """The provider id of an SDK client; `default` where a proxy does not show who it asks."""
    kind = type(client).__name__
    for word, provider in _CLASSES:
        if word in kind:
            return provider
    host = str(getattr(getattr(client, "base_url", None), "host", ""))
    return next((p for ending, p in _HOSTS if host.endswith(ending)), default)


def region(client: Any) -> str | None:
    """Where a client of Vertex asks: its global endpoint is cheaper than the others."""
    return getattr(client, "region", None) if "Vertex" in type(client).__name__ else None
