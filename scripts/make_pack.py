"""Make what is generated of the pack: `ayaiay.yaml` and the skills' `references/rates.md`.

    python scripts/make_pack.py            # after a change of skills, prompts or rates

The installer reads skills and prompts inline, so the manifest repeats the files; a test holds
them equal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from finops_pack import __version__, prompts, rates
from finops_pack.model import Usage
from finops_pack.money import plain

TOP = Path(__file__).parent.parent
RATES = TOP / "skills" / "finops-budget" / "references" / "rates.md"
SHOWN = (
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini"),
    ("openai", "text-embedding-3-small"),
    ("anthropic", "claude-sonnet-4-20250514"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-5"),
    ("anthropic", "claude-haiku-4-5"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-2.5-flash"),
    ("google", "gemini-3-pro-preview"),
)
SMALL = 1000  # tokens: below every tier
KINDS = {
    "input": Usage(input_tokens=SMALL),
    "cache read": Usage(input_tokens=SMALL, cache_read_tokens=SMALL),
    "cache write 5m": Usage(input_tokens=SMALL, cache_write_5m_tokens=SMALL),
    "cache write 1h": Usage(input_tokens=SMALL, cache_write_1h_tokens=SMALL),
    "output": Usage(output_tokens=SMALL),
}


def rates_page() -> str:
    """The cost-rate reference: USD per million tokens of common models."""
    version, date, _, _ = rates.snapshot_info()
    lines = [
        "# Cost rates",
        "",
        f"USD per million tokens, small prompts; {version} of {date}. An empty cell has no price",
        "on file: such a call is unpriced, not free. For any other model, size, tier or date:",
        "`finops price MODEL --input N --output N`.",
        "",
        "| model | " + " | ".join(KINDS) + " |",
        "|---|" + "---:|" * len(KINDS),
    ]
    for provider, model in SHOWN:
        cells = (rates.price(model, u, provider=provider, at=date) for u in KINDS.values())
        shown = ("" if c.usd is None else plain(c.usd * 10**6 / SMALL) for c in cells)
        lines.append(f"| {model} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


def manifest() -> dict[str, Any]:
    """`ayaiay.yaml`: flat, every skill and prompt with its text and path."""
    return {
        "version": __version__,
        "name": "finops-agent-pack",
        "description": "Know, explain and cap what your agents spend on LLMs: tracking for "
        "LangChain, CrewAI and AutoGen in one line, budgets, waste, daily reports, and skills "
        "that answer 'check my budget'.",
        "author": "philippfrenzel",
        "license": "MIT",
        "repository": "https://github.com/philippfrenzel/finops-agent-pack",
        "tags": ["finops", "cost", "budget", "llm", "agents", "langchain", "crewai", "autogen"],
        "skills": [_skill(path) for path in sorted(TOP.glob("skills/*/SKILL.md"))],
        "prompts": [_prompt(name) for name in prompts.names()],
    }


def _skill(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---\n", 2)[1])
    return {
        "name": front["name"],
        "description": front["description"],
        "path": str(path.relative_to(TOP)),
        "category": "finops",
        "content": text,
    }


def _prompt(name: str) -> dict[str, Any]:
    prompt = prompts.read(name)
    return {
        "name": prompt.name,
        "description": prompt.description,
        "path": f"prompts/{name}{prompts.SUFFIX}",
        "variables": [variable.name for variable in prompt.variables],
        "template": prompt.template,
    }


class _Literal(yaml.SafeDumper):
    """Long texts as blocks, so that a change reads as one."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Literal.add_representer(str, _text)


def main() -> None:
    RATES.write_text(rates_page(), encoding="utf-8")
    head = "# Made by scripts/make_pack.py from skills/ and prompts/: do not edit.\n"
    body = yaml.dump(manifest(), Dumper=_Literal, sort_keys=False, width=100, allow_unicode=True)
    (TOP / "ayaiay.yaml").write_text(head + body, encoding="utf-8")


if __name__ == "__main__":
    main()
