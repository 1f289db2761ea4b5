"""Drives an importer over its files, in two passes."""

from __future__ import annotations

import gc
from collections.abc import Sequence

from finops_pack.importers._contract import File, Importer, Options, Progress, Summary
from finops_pack.importers._job import BILLING, Job, opened
from finops_pack.model import BillingMode


def run(
    importer: Importer, files: Sequence[File], options: Options, progress: Progress | None
) -> Summary:
    """Read what is new in these files into the ledger. Raises `LedgerUnreachable`."""
    job = Job(importer, options)
    collecting = gc.isenabled()
    gc.disable()  # rows hold no cycles, and looking for some takes a quarter of the time
    try:
        job.first_pass(files, progress)
        job.flush()
        if not options.dry_run:
            job.second_passes(progress)
            job.flush()
    finally:
        if collecting:
            gc.enable()
        job.close()
    return job.summary


def billing_of(source: str, ledger_url: str) -> BillingMode | None:
    """What was said before about who pays for the calls of this source."""
    ledger = opened(ledger_url, create=False)
    body = ledger.get(BILLING, source) if ledger else None
    if ledger:
        ledger.close()
    return body["billing"] if body else None
