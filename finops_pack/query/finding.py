"""The analyses in one go each, as `finops COMMAND` has them: a period in, plain values out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finops_pack.query import Period, open

if TYPE_CHECKING:
    from finops_pack.cache import CacheReport
    from finops_pack.levers import Lever
    from finops_pack.model import Finding
    from finops_pack.score import Score
    from finops_pack.trend import Trend


def find_forensics(last: str | None = "7d", **asked: Any) -> list[Finding]:
    """The failure modes of a period's tasks, dearest first; `only="ticket-4711"` asks about one.

    Here and below: `since`, `until` and `ledger` as for `find_waste`; what else is named narrows.
    """
    found: list[Finding] = _ask("forensics", last, **asked)
    return found


def find_cache(last: str | None = "7d", **asked: Any) -> CacheReport:
    """How warm the prompt cache is, what cold calls cost, and the sources that you named."""
    found: CacheReport = _ask("cache", last, **asked)
    return found


def find_score(last: str | None = "7d", **asked: Any) -> Score:
    """The share of the money that was not avoidable, with cost per task and per success."""
    found: Score = _ask("score", last, **asked)
    return found


def find_trend(last: str | None = "7d", **asked: Any) -> Trend:
    """Cost per task against the period of the same length before, and why it changed."""
    found: Trend = _ask("trend", last, **asked)
    return found


def find_levers(last: str | None = "30d", **asked: Any) -> list[Lever]:
    """What to change, dearest first."""
    found: list[Lever] = _ask("levers", last, **asked)
    return found


def _ask(
    what: str,
    last: str | None,
    *,
    since: str | None = None,
    until: str | None = None,
    ledger: str | None = None,
    **where: Any,
) -> Any:
    """Raises `InputError` for a period that cannot be read."""
    with open(ledger) as reader:
        period = Period.of(None if since or until else last, since, until, zone=reader.zone)
        return getattr(reader, what)(period, **where)
