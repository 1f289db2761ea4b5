"""Daily reports: whether a server is connected, and the days that did not arrive."""

from __future__ import annotations

from collections.abc import Iterator

from finops_pack import config
from finops_pack.errors import LedgerUnreachable
from finops_pack.health import Check, fault, note, ok
from finops_pack.report import keys
from finops_pack.report.reports import problems


def checks(ledger_url: str | None) -> Iterator[Check]:
    """The key (never shown) and the outbox."""
    target = keys.target()  # raises what `examine` reports
    if target.key is None:
        yield note("api", f"not connected to {target.url}; reports stay here", "finops connect")
    else:
        yield ok("api", f"{target.url}, key of {target.source}")
    try:
        rows = problems(ledger_url or config.load().ledger)
    except LedgerUnreachable:
        return  # said by the part that looks at the ledger
    for row in rows:
        yield fault(f"report {row['date']}", f"{row['url']}: {row['reason']}", row["mend"])
