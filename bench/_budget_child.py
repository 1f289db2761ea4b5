"""One agent under one library's budget, run by `bench.budget_rivals` in the rivals' environment.

    python _budget_child.py LIBRARY URL MODEL CAP CALLS SWALLOW

It calls through OpenAI's SDK until the library stops it, by the library's documented way. With
SWALLOW it goes on after an exception, as agents and frameworks that catch everything do. What
was billed is counted by the provider; only why it stopped is printed here.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def shekel(cap: str) -> Iterator[None]:
    """`with budget(max_usd=…)`."""
    with importlib.import_module("shekel").budget(max_usd=float(cap)):
        yield


@contextmanager
def agentbudget(cap: str) -> Iterator[None]:
    """`agentbudget.init(…)`; its loop detection is not what is measured."""
    module = importlib.import_module("agentbudget")
    module.init(f"${cap}", max_repeated_calls=10**6)
    yield
    module.teardown()


@contextmanager
def agenticmeter(cap: str) -> Iterator[None]:
    """`with Ledger(budget=…)`."""
    with importlib.import_module("agenticmeter").Ledger(budget=f"${cap}"):
        yield


@contextmanager
def ours(cap: str) -> Iterator[None]:
    """`track(budget=…)`."""
    importlib.import_module("finops_pack").track(budget=f"{cap} USD/day")
    yield


def main(library: str, url: str, model: str, cap: str, calls: str, swallow: str) -> None:
    """Spend until stopped."""
    openai = importlib.import_module("openai")
    stopped = ""
    try:
        with globals()[library](cap):
            client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
            for _ in range(int(calls)):
                try:
                    client.chat.completions.create(
                        model=model,
                        max_tokens=200,
                        messages=[{"role": "user", "content": "word " * 500}],
                    )
                except Exception as error:
                    stopped = type(error).__name__
                    if swallow == "no":
                        break
    except Exception as error:
        stopped = stopped or type(error).__name__
    print(stopped or "never stopped")


if __name__ == "__main__":
    main(*sys.argv[1:])
