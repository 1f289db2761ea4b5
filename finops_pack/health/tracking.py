"""Which frameworks are here, whether their versions were tried, and what escapes us."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from finops_pack import adapters
from finops_pack.health import Check, note, ok

if TYPE_CHECKING:
    from finops_pack.adapters._status import Package, Status


def checks(ledger_url: str | None) -> Iterator[Check]:
    """One line for each framework that is installed in this environment."""
    frameworks, present = _frameworks(), False
    for name, adapters_of in frameworks.items():
        held = [package for state in adapters_of for package in state.packages if package.version]
        for package in dict.fromkeys(held):
            present = True
            yield _version(name, package)
        for text in (text for state in adapters_of if held for text in state.cannot_see):
            yield note(name, f"cannot see: {text}")
    if not present:
        text = "no supported framework is installed beside this command"
        there = "one in another environment is tracked by: finops run -- python app.py"
        yield note("frameworks", text, f"{there}; supported: {', '.join(frameworks)}")


def _frameworks() -> dict[str, list[Status]]:
    """A framework's adapters by its name: its own, then those that help it."""
    states = {name: adapters.status(name) for name in adapters.found()}
    found = {name: [state] for name, state in states.items() if not state.helps}
    for state in states.values():
        if state.helps:
            found[state.helps].append(state)
    return found


def _version(name: str, package: Package) -> Check:
    if package.tested:
        return ok(name, f"{package.name} {package.version}")
    text = f"{package.name} {package.version} was not tried with this release ({package.range})"
    return note(name, text, "compare a few calls with the provider's own figures")
