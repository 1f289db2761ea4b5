"""Who bills for a model, and what it is called there.

A name is taken apart by its form alone (prefix, path, ARN, region); whether what remains is on
file is for the tables to say. A bare name belongs to its own maker, never to a reseller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finops_pack.rates.sellers import TRANSPARENT, Directory, passes_on

# The wire format that every gateway speaks: a provider named in the model's name is truer.
_GENERIC = "openai"
# They sell others' models under the maker's prefix: azure + openai/gpt-4o, vertex + anthropic/….
_RESELLERS = frozenset({"azure", "google"})
_ROUTES = frozenset(
    {"converse", "converse_like", "invoke", "responses", "global", "global-standard", "chat"}
)
_AWS_REGION = re.compile(r"[a-z]{2}(?:-gov)?-[a-z]+-\d")
_GEO = re.compile(r"(global|us-gov|us|eu|apac|jp|au|in|ca)\.")
_AREAS = dict.fromkeys(("apac", "jp", "au", "in"), "ap")  # how their regions begin
_BEDROCK = re.compile(
    rf"(?:{_GEO.pattern})?(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|"
    r"writer|nvidia|moonshotai|zai|google|stability|minimax|twelvelabs)\."
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
_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:([^:/]*):[^:/]*:[a-z-]+/(.+)")
_RESOURCE = re.compile(r"(?:projects/[^/]+/locations/([^/]+)/)?publishers/[^/]+/models/(.+)")
_LOCATION = re.compile(r"global|us|eu|[a-z]+-[a-z]+\d+")  # of Vertex
_REGIONS = {"aws": _AWS_REGION, "google": _LOCATION}
_VENDOR = re.compile(r"^(?:[a-z-]+\.)+(?=[a-z])")
_FINE_TUNE = re.compile(r"(ft:[^:]+):.*")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where to look for a model: who bills, its name there, and the region if it names one."""

    provider: str
    name: str
    region: str = ""


def candidates(model: str, provider: str | None, known: Directory) -> list[Candidate]:
    """Where to look, best first; empty when nobody is meant.

    A given provider is believed, but for the gateways that only pass calls on.
    """
    name = tidy(model)
    given = None if passes_on(provider) else known.provider(provider or "")
    if given is None and not passes_on(provider):
        return []
    found = _meant(name, given, known) if name else ()
    return [_located(home, there) for home, there in dict.fromkeys(found)]


def spellings(
    model: str, provider: str | None, known: Directory
) -> Iterator[tuple[str | None, str]]:
    """(provider, name) under which an alias may stand: as written, and behind the prefix."""
    yield provider, model.strip().lower()
    given = known.provider(provider or "")
    named, rest = _prefixed(tidy(model), known)
    if given in (None, _GENERIC):
        yield named or provider, rest
    elif given and named is None:
        yield provider, _unrouted(given, rest)
    elif named == given or given in _RESELLERS:
        yield provider, rest


def _meant(name: str, given: str | None, known: Directory) -> Iterator[tuple[str, str]]:
    named, rest = _prefixed(name, known)
    if given is None:
        if named:
            yield named, rest
            yield named, name
        elif _BEDROCK.match(rest):
            yield "aws", rest
        elif maker := maker_of(rest):
            yield maker, name
            yield maker, rest
        return
    if named == given:
        yield given, rest
    yield given, name
    if named is None:
        rest = _unrouted(given, rest)
        yield given, _resource_of(given, rest) or rest
    elif given == _GENERIC:
        yield named, rest
    elif given in _RESELLERS:
        yield given, rest


def _located(provider: str, name: str) -> Candidate:
    """With the region that a Bedrock or Vertex name is bound to."""
    head, slash, rest = name.partition("/")
    form = _REGIONS.get(provider)
    if form and slash and form.fullmatch(head):
        return Candidate(provider, rest, _bound(rest, head))
    return Candidate(provider, name, profile(name) if provider == "aws" else "")


def profile(name: str) -> str:
    """The part of the world that stands in a Bedrock name itself, as in `eu.amazon.…`."""
    geo = _GEO.match(name)
    return geo.group(1) if geo else ""


def _bound(name: str, region: str) -> str:
    """The region, but for a profile of elsewhere: `eu.…` has no price of the US anywhere."""
    geo = profile(name)
    within = geo in ("", "us", "global") or region.startswith(_AREAS.get(geo, geo))
    return region if within else geo


def tidy(model: str) -> str:
    """Lower case, without space around it and without what does not change the price."""
    return model.strip().lower().removesuffix("[1m]").removesuffix("@default")


def maker_of(name: str) -> str | None:
    """The provider that makes the models of such names."""
    return next((id_ for id_, pattern in _MAKERS if pattern.match(name)), None)


def bare(name: str) -> str:
    """The model's own name, without path, region and vendor."""
    last = name.rpartition("/")[2]
    return _VENDOR.sub("", last) if _BEDROCK.match(last) else last


def _prefixed(name: str, known: Directory) -> tuple[str | None, str]:
    """(provider, name) of `openrouter/google/x`, `openai:x`, `publishers/google/models/x`."""
    if resource := _resource(name):
        return resource
    head, rest = _split(name, known)
    if head in TRANSPARENT:
        return _prefixed(rest, known)
    if head == "models":  # the Gemini API's own form
        return maker_of(rest) or "google", rest
    home = known.provider(head)
    if home is None or not rest:
        return None, _base(name)
    rest = _unrouted(home, rest)
    return home, _resource_of(home, rest) or _base(rest)


def _split(name: str, known: Directory) -> tuple[str, str]:
    """(prefix, rest): a colon parts them only behind a provider, as in `groq:openai/x`."""
    head, _, rest = name.partition(":")
    if rest and (head in TRANSPARENT or known.provider(head)):
        return head, rest
    return name.partition("/")[::2]


def _resource(name: str) -> tuple[str, str] | None:
    """An ARN or a resource path as (provider, `region/model`): a region can change the price."""
    for home, form in (("aws", _ARN), ("google", _RESOURCE)):
        if found := form.fullmatch(name):
            region, model = found.groups()
            return home, f"{region}/{model}" if region else model
    return None


def _resource_of(provider: str, name: str) -> str | None:
    """What an ARN or a path behind a prefix names, if that provider has such."""
    found = _resource(name)
    return found[1] if found and found[0] == provider else None


def _unrouted(provider: str, name: str) -> str:
    """Without the route that litellm puts between provider and name."""
    head, _, rest = name.partition("/")
    while rest and provider in ("aws", "azure", "openai") and head in _ROUTES:
        name = rest
        head, _, rest = name.partition("/")
    if rest and provider == "google" and head in ("models", "google", "gemini"):
        return rest
    return name


def _base(name: str) -> str:
    """A fine-tune's name without organisation and id: its price is that of its base."""
    tuned = _FINE_TUNE.fullmatch(name)
    return tuned.group(1) if tuned else name
