"""Print `docs/coverage.md`: what each adapter was tried with, and what it cannot see.

python scripts/coverage.py > docs/coverage.md
"""

from __future__ import annotations

from finops_pack import adapters

HEAD = """\
# Coverage

Made by `python scripts/coverage.py` from the adapters themselves. A version outside the range is
tracked all the same, with one warning. Where an SDK below a framework is known (OpenAI, Anthropic),
the provider's own counts are used, so cached tokens, the model that served, retries and failed
structured output are exact also where the framework loses them.

| adapter | tried with | what it cannot see |
|---|---|---|"""

WAYS = """
## Ways of calling that are held by tests

Each is a test against a scripted provider: HTTP calls equal rows, buckets and cost to the last
digit.

| way | LangChain | CrewAI | AutoGen | OpenAI SDK | Anthropic SDK |
|---|---|---|---|---|---|
| plain, async | yes | yes | yes | yes | yes |
| batch, threads, executors | yes | yes | – | yes | yes |
| streams, whole | yes | yes | yes | yes | yes |
| streams, half read or cancelled | estimated | – | estimated | estimated | estimated |
| structured output that fails | yes | yes | – | yes | – |
| SDK retries as attempts | yes | yes | yes | yes | yes |
| local cache hits are free | yes | – | yes | – | – |
| embeddings | in the SDK | in the SDK | in the SDK | yes | – |
| refused by a budget: no HTTP call | yes | yes | yes | yes | yes |"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(row(name) for name in adapters.found()), WAYS, ""])


def row(name: str) -> str:
    """One adapter's line."""
    status = adapters.status(name)
    tried = ", ".join(f"{p.name} {p.range}" for p in status.packages)
    return f"| `{name}` | {tried} | {'; '.join(status.cannot_see) or 'nothing known'} |"


if __name__ == "__main__":
    print(page(), end="")
