"""Trigger evaluations: does a model choose the right skill? For whoever has a model and a key.

    python tests/evals/run.py gpt-4o-mini      # an OpenAI-wire model; OPENAI_BASE_URL is honoured

Prints the queries that went wrong and the two rates. The tests only look at the words.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parent
SKILLS = HERE.parent.parent / "skills"


def catalogue() -> dict[str, str]:
    """Skill -> description: all that a client shows a model before it chooses."""
    fronts = (
        yaml.safe_load(path.read_text(encoding="utf-8").split("---\n", 2)[1])
        for path in sorted(SKILLS.glob("*/SKILL.md"))
    )
    return {front["name"]: front["description"] for front in fronts}


def ask(client: object, model: str, query: str) -> str:
    """The name of the skill that the model chooses, or `none`."""
    listed = "\n".join(f"- {name}: {text}" for name, text in catalogue().items())
    prompt = f"Skills:\n{listed}\n\nUser: {query}\n\nAnswer with one skill's name, or none."
    answer = client.chat.completions.create(  # type: ignore[attr-defined]
        model=model, messages=[{"role": "user", "content": prompt}]
    )
    return str(answer.choices[0].message.content).strip().strip("`. ")


def main(model: str) -> int:
    import openai

    client = openai.OpenAI()
    cases = json.loads((HERE / "triggers.json").read_text(encoding="utf-8"))
    wrong = 0
    for kind, expected in (("should_fire", None), ("should_not_fire", "none")):
        rows = cases[kind]
        missed = [r for r in rows if ask(client, model, r["query"]) != (expected or r["skill"])]
        wrong += len(missed)
        print(f"{kind}: {len(rows) - len(missed)} of {len(rows)} right")
        for row in missed:
            print(f"  {row['query']}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "gpt-4o-mini"))
