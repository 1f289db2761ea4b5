"""A PostgreSQL ledger of many calls: the rows by SQL, the rollups by the ledger's own rebuild."""

from __future__ import annotations

import time

import psycopg

from bench.start import DAYS, MODELS
from finops_pack.ledger.postgres import PostgresLedger

# The same calls as `bench.start.lines`, made where they are kept.
_ROWS = """
INSERT INTO calls (day, id, start_us, model, provider, project, action, task, input_tokens,
                   output_tokens, cost_pico, cost_state, billing_mode)
SELECT start_us / 86400000000, 'c' || n, start_us, (%(models)s::text[])[n %% 5 + 1], 'openai',
       'p' || n %% 3, 'a' || n %% 12, 't' || n / 20, 4000, 300, 13000000000 + n, 'priced', 'metered'
FROM (SELECT n, %(now)s - 60000000 - (%(count)s - 1 - n) * %(step)s AS start_us
      FROM generate_series(%(first)s::bigint, %(last)s) AS n) AS made
"""
_BATCH = 500_000


def fill(url: str, count: int) -> tuple[float, float]:
    """Seconds for the rows and for the rollups."""
    ledger = PostgresLedger(url)
    began = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as db:
        made = {
            "models": list(MODELS),
            "now": time.time_ns() // 1000,
            "count": count,
            "step": DAYS * 86_400_000_000 // count,
        }
        for first in range(0, count, _BATCH):
            last = min(first + _BATCH, count) - 1
            db.execute(_ROWS, {**made, "first": first, "last": last})
    rows = time.perf_counter()
    ledger.rebuild()
    ledger.put("budget", "day:everything", {"limit_usd": "500", "window": "day", "hard": True})
    ledger.close()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
    return rows - began, time.perf_counter() - rows
