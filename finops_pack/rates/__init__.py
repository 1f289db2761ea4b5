"""What a call costs: `price()` exactly, `price_pico()` for the ledger's hot path."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from finops_pack.errors import InputError
from finops_pack.model import CacheRules, Cost, CostState, Usage
from finops_pack.rates import book as _book
from finops_pack.rates.engine import Plan, Rate, pico_of
from finops_pack.rates.entries import EPOCH

_NO_CONTEXT: Mapping[str, str] = MappingProxyType({})
_PLANS_MAX = 4096
_plans: dict[tuple[object, ...], Plan] = {}
_seen: dict[str, Rate] = {}
_loaded: _book.Book | None = None


def price(
    model: str,
    usage: Usage,
    *,
    provider: str | None = None,
    at: datetime | str | None = None,
    context: Mapping[str, str] | None = None,
) -> Cost:
    """The exact price of a call at a time (naive: UTC; default now), with its working.

    `context` is e.g. `{"processing": "batch"}`; what it names and no table knows is unpriced.
    Raises `InputError` when `at` is not a time.
    """
    at_us = _microseconds(at)
    plan = _plan(model, provider, context)
    rate = plan.rate(at_us, _total(usage))
    if rate is None:
        return Cost("unpriced", reason=_problem(usage) or plan.why(at_us))
    _seen[rate.id] = rate
    return rate.cost(usage)


def price_pico(
    model: str,
    usage: Usage,
    provider: str | None,
    at_us: int,
    context: Mapping[str, str] | None,
) -> tuple[int | None, CostState, str | None, tuple[str, ...]]:
    """(pico-USD, state, rate id, missing units) of a call at `at_us` (Unix µs). Never raises."""
    try:
        plan = _plans.get((model, provider, tuple(context.items()) if context else None))
        if plan is None:
            plan = _plan(model, provider, context)
        rate = plan.only or plan.rate(at_us, usage.input_tokens)
        if rate is None:
            return None, "unpriced", None, ()
        amount = rate.pico(usage)
        _seen[rate.id] = rate
        if amount:
            return amount, "priced", rate.id, ()
        cost = rate.cost(usage)
        return pico_of(cost), cost.state, cost.rate_id, cost.missing
    except Exception:  # noqa: BLE001  whatever is wrong with a table, the agent goes on
        return None, "unpriced", None, ()


def unit_prices(rate_id: str) -> Mapping[str, object] | None:
    """What stands behind a rate id, for the ledger: USD per million tokens (or unit) by kind."""
    rate = _seen.get(rate_id)
    if rate is None:
        return None
    return {
        "prices": {kind: str(p) for kind, p in rate.prices.items()},
        "source": rate.source,
        "checked": rate.checked,
    }


def cache_rules(provider: str | None, model: str, at: datetime) -> CacheRules | None:
    """The provider's prompt-cache facts at that time."""
    return None


def alternatives(model: str, provider: str | None) -> tuple[str, ...]:
    """Cheaper models of the same provider that could do such calls."""
    return ()


def providers() -> tuple[str, ...]:
    """The provider ids on file."""
    return tuple(sorted(_current().directory.ids))


def snapshot_info() -> tuple[str, str, str, int]:
    """(version, date, SHA-256, age in days) of the snapshot in force."""
    snap = _current().snapshot
    head = snap.header
    return f"{head['source']} {head['version']}", head["date"], head["sha256"], snap.age_days


def reload() -> None:
    """Read all tables again at the next price."""
    global _loaded
    _loaded = None
    _plans.clear()


def _current() -> _book.Book:
    global _loaded
    if _loaded is None:
        _loaded = _book.load()
    return _loaded


def _plan(model: str, provider: str | None, context: Mapping[str, str] | None) -> Plan:
    key = (model, provider, tuple(context.items()) if context else None)
    plan = _plans.get(key)
    if plan is None:
        plan = _current().plan(model, provider, context or _NO_CONTEXT)
        if len(_plans) >= _PLANS_MAX:
            _plans.clear()
        _plans[key] = plan
    return plan


def _microseconds(at: datetime | str | None) -> int:
    if at is None:
        at = datetime.now(UTC)
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            raise InputError(f"not a time: {at!r}", mend="e.g. 2026-11-20T12:00:00Z") from None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def _total(usage: Usage) -> int:
    return usage.input_tokens if isinstance(usage.input_tokens, int) else 0


def _problem(usage: Usage) -> str:
    return f"invalid usage: {'; '.join(usage.problems)}" if usage.problems else ""
