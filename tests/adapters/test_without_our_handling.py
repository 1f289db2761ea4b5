"""Each test of an issue fails once what we do about it is taken away, and says why."""

from __future__ import annotations

import inspect
import re

import pytest

from tests.adapters.handling import GROUPS, HANDLED, Handling, chains, crews

pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


@pytest.mark.parametrize("handling", HANDLED, ids=str)
def test_the_issue_is_back_without(
    handling: Handling, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = inspect.signature(handling.test).parameters.keys() - handling.params.keys()
    given = {name: request.getfixturevalue(name) for name in asked}
    handling.without(monkeypatch)
    failures = (AssertionError, pytest.fail.Exception)
    with pytest.raises(failures, match=re.escape(handling.says)):
        handling.test(**given, **handling.params)


def test_every_issue_has_its_handling() -> None:
    tests = {name for module in (chains, crews) for name in vars(module) if name[:5] == "test_"}
    assert {handling.test.__name__ for handling in HANDLED} == tests
    assert {handling.group for handling in HANDLED} == set(GROUPS)
