from __future__ import annotations

import pytest

from finops_pack import prompts
from finops_pack.errors import InputError


@pytest.mark.parametrize("name", prompts.names())
def test_declares_what_it_uses_and_uses_what_it_declares(name: str) -> None:
    prompt = prompts.read(name)
    used = set(prompts._VARIABLE.findall(prompt.template))
    assert used == {variable.name for variable in prompt.variables}
    assert prompt.name == name
    assert all(variable.description for variable in prompt.variables)


@pytest.mark.parametrize("name", prompts.names())
def test_filled_it_is_a_prompt_of_every_framework(name: str) -> None:
    from langchain_core.prompts import PromptTemplate

    required = {v.name: "7" for v in prompts.read(name).variables if v.default is None}
    text = prompts.load(name, **required)
    assert "{" not in text
    assert PromptTemplate.from_template(text).format() == text


def test_what_is_amiss_is_named() -> None:
    with pytest.raises(InputError, match="no prompt 'weekly'"):
        prompts.load("weekly")
    with pytest.raises(InputError, match="'task' must be given"):
        prompts.load("explain-an-expensive-task")
    with pytest.raises(InputError, match="no variable 'perod'"):
        prompts.load("weekly-cost-review", perod="7d")


def test_defaults_and_values() -> None:
    text = prompts.load("weekly-cost-review", period="14d")
    assert "--last 14d" in text
    assert "for engineers" in text
