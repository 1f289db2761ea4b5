"""Price of one call, warm: ours on both paths beside genai-prices' `calc_price`, one run."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from genai_prices import Usage as TheirUsage
from genai_prices import calc_price

from finops_pack import rates
from finops_pack.model import Usage

LOOPS, ROUNDS = 2000, 15
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT_US = int(AT.timestamp()) * 1_000_000
CALLS = (
    ("plain", "gpt-4o", "openai", Usage(12_000, 800)),
    ("cached", "claude-sonnet-4-6", "anthropic", Usage(120_000, 800, 100_000, 5_000)),
    ("tiered", "gemini-2.5-pro", "google", Usage(250_000, 800, 100_000)),
)


def per_call(work: Callable[[], object]) -> float:
    """Microseconds, the best of several rounds: what the machine does not disturb."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        start = time.perf_counter()
        for _ in range(LOOPS):
            work()
        best = min(best, time.perf_counter() - start)
    return best / LOOPS * 1e6


def main() -> None:
    """Print microseconds a call and how many times slower than `price_pico`."""
    print(f"{'':8} {'price_pico':>12} {'price':>16} {'genai-prices':>18}   µs a call")
    for name, model, provider, usage in CALLS:
        theirs = TheirUsage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_5m_tokens,
        )
        works: list[Callable[[], object]] = [
            partial(rates.price_pico, model, usage, provider, AT_US, None),
            partial(rates.price, model, usage, provider=provider, at=AT),
            partial(calc_price, theirs, model, provider_id=provider, genai_request_timestamp=AT),
        ]
        ours, exact, other = (per_call(work) for work in works)
        print(
            f"{name:8} {ours:12.2f} {exact:10.1f} ({exact / ours:3.0f}x)"
            f" {other:12.1f} ({other / ours:3.0f}x)"
        )


if __name__ == "__main__":
    main()
