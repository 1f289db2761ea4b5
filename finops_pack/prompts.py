"""The pack's prompt templates, from Python: `load("weekly-cost-review", period="7d")`.

Each is `prompts/NAME.prompt.md`: front matter with `name`, `description` and `variables`, then
the text with `{{variable}}` in it. The same text works as a LangChain, CrewAI or AutoGen prompt,
since no brace is left in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finops_pack.config import data_dir
from finops_pack.errors import InputError

SUFFIX = ".prompt.md"
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a prompt; without a default it must be given."""

    name: str
    description: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt template and what it declares."""

    name: str
    description: str
    variables: tuple[Variable, ...]
    template: str

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with its variables filled in. Raises `InputError` naming what is amiss."""
        known = {variable.name: variable.default for variable in self.variables}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InputError(
                f"prompt {self.name}: no variable {unknown[0]!r}",
                mend=f"it has: {', '.join(known)}",
            )
        filled = {**known, **{name: str(value) for name, value in values.items()}}
        missing = [name for name, value in filled.items() if value is None]
        if missing:
            raise InputError(f"prompt {self.name}: {missing[0]!r} must be given")
        return _VARIABLE.sub(lambda match: filled[match[1]] or "", self.template)


def names() -> list[str]:
    """The names of all prompts."""
    return sorted(path.name.removesuffix(SUFFIX) for path in data_dir("prompts").glob(f"*{SUFFIX}"))


def read(name: str) -> Prompt:
    """A prompt template. Raises `InputError` naming those there are."""
    path = data_dir("prompts") / f"{name}{SUFFIX}"
    if name not in names():
        raise InputError(f"no prompt {name!r}", mend=f"there are: {', '.join(names())}")
    return parse(path)


def parse(path: Path) -> Prompt:
    """One prompt file."""
    import yaml

    _, head, template = path.read_text(encoding="utf-8").split("---\n", 2)
    front = yaml.safe_load(head)
    variables = tuple(
        Variable(name, str(told["description"]), _text(told.get("default")))
        for name, told in (front.get("variables") or {}).items()
    )
    return Prompt(front["name"], front["description"], variables, template.strip() + "\n")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def load(name: str, **variables: str) -> str:
    """The text of a prompt: `load("explain-an-expensive-task", task="ticket-4711")`."""
    return read(name).fill(variables)
