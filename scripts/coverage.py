"""Print `docs/coverage.md`: what each adapter was tried with, and what it cannot see.

python -m scripts.coverage > docs/coverage.md

A framework that cannot be imported here is run in the environment of `make test-openai3`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings

import finops_pack.auto  # noqa: F401
from finops_pack import adapters, config, recorder
from finops_pack.ledger import open_ledger
from finops_pack.model import Where
from finops_pack.testing import Wire
from tests.adapters import ways
from tests.adapters.ways import FRAMEWORKS

WIDTH = 5  # columns that fit a page
OTHER = ".venv-openai3/bin/python"

HEAD = """\
# Coverage

Made by `python -m scripts.coverage` from the adapters themselves. A version outside the range is
tracked all the same, with one warning. Where an SDK below a framework is known (OpenAI, Anthropic),
the provider's own counts are used, so cached tokens, the model that served, retries and failed
structured output are exact also where the framework loses them.

| adapter | tried with | what it cannot see |
|---|---|---|"""

WAYS = """
## Ways of calling

Each cell is one run against a scripted provider: the HTTP calls that arrived, and what their rows
say. `exact` is every bucket and the cost to the last digit; `estimated` came without usage, or was
cut, and is marked so; `unknown` may have been billed and is shown as such; – is not offered by the
framework, or not tried. A retried call is one row with its attempts; an agent's tool call is two.
ag2 is run with openai 3, which its client needs; all but CrewAI hold with it, too."""


def tables() -> list[str]:
    """The tables, a few frameworks each, by running all of it."""
    names = list(FRAMEWORKS)
    return [line for at in range(0, len(names), WIDTH) for line in table(names[at : at + WIDTH])]


def table(names: list[str]) -> list[str]:
    """One of them."""
    columns = [column(name) for name in names]
    rows = [
        f"| {way} | {' | '.join(said)} |" for way, *said in zip(ways.WAYS, *columns, strict=True)
    ]
    return ["", f"| way | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|", *rows]


def column(framework: str) -> list[str]:
    """All ways of one framework."""
    if ways.here(framework):
        return [cell(framework, way) for way in ways.WAYS]
    asked = [OTHER, "-m", "scripts.coverage", framework]
    said: list[str] = json.loads(subprocess.run(asked, stdout=-1, check=True).stdout)
    return said


def cell(framework: str, way: str) -> str:
    """One way of one framework, in a home of its own."""
    with tempfile.TemporaryDirectory() as home, Wire() as wire:
        os.environ.update(HOME=home, XDG_STATE_HOME=home, XDG_CONFIG_HOME=home)
        config.reload()
        run = FRAMEWORKS[framework].ways(wire).get(way)
        if run is None:
            return "–"
        run()
        gc.collect()
        recorder.flush(10)
        ledger = open_ledger(config.load().ledger)
        try:
            rows = list(ledger.calls(Where()))
        finally:
            ledger.close()
            recorder.close()
        return ways.judge(FRAMEWORKS[framework].EXACT, way, wire.calls, rows)


def page() -> str:
    """The whole page."""
    return "\n".join([limits(), WAYS, *tables(), ""])


def limits() -> str:
    """The part that stands in the adapters' own sources."""
    return "\n".join([HEAD, *(row(name) for name in adapters.found())])


def row(name: str) -> str:
    """One adapter's line."""
    status = adapters.status(name)
    tried = ", ".join(f"{p.name} {p.range}" for p in status.packages)
    return f"| `{name}` | {tried} | {'; '.join(status.cannot_see) or 'nothing known'} |"


def main(framework: str | None = None) -> str:
    """The page, or one framework's column as JSON."""
    warnings.simplefilter("ignore")
    logging.disable()
    with contextlib.redirect_stdout(sys.stderr):  # frameworks print, too
        return json.dumps(column(framework)) if framework else page()


if __name__ == "__main__":
    print(main(*sys.argv[1:]), end="")
