"""What a call costs: `price()` exactly, `price_pico()` for the ledger's hot path."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from finops_pack import forks
from finops_pack.errors import InputError
from finops_pack.model import CacheRules, Call, Cost, CostState, Usage
from finops_pack.money import plain
from finops_pack.rates import book as _book
from finops_pack.rates import facts as _facts
from finops_pack.rates.entries import EPOCH
from finops_pack.rates.plan import Plan
from finops_pack.rates.rate import Rate, pico_of

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
    Raises `InputError` when an argument is of another kind than stands here.
    """
    _check(model, usage, provider, context)
    at_us = _microseconds(at)
    plan = _plan(model or "", provider, context)
    if usage.problems:
        return Cost("unpriced", reason=f"invalid usage: {'; '.join(usage.problems)}")
    rate = plan.rate(at_us, usage.input_tokens)
    if rate is None:
        return Cost("unpriced", reason=plan.why(at_us))
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
        rate = plan.rate(at_us, usage.input_tokens)
        if rate is None:
            return None, "unpriced", None, ()
        amount = rate.pico(usage)
        if amount:
            return amount, "priced", rate.id, ()
        cost = rate.cost(usage)
        return pico_of(cost), cost.state, cost.rate_id, cost.missing
    except Exception:  # noqa: BLE001  whatever is wrong with a table, the agent goes on
        return None, "unpriced", None, ()


def price_call(call: Call) -> tuple[int | None, CostState, str | None, tuple[str, ...]]:
    """What `price_pico` says of a booked call: by the model that served, else the one asked for."""
    served, asked = call.served_model, call.model
    found = price_pico(served or asked, call.usage, call.provider, call.start_us, call.context)
    if found[1] == "unpriced" and served and served != asked:
        found = price_pico(asked, call.usage, call.provider, call.start_us, call.context)
    return found


def unit_prices(rate_id: str) -> Mapping[str, object] | None:
    """What stands behind a rate id, for the ledger: `unit_prices`, `source`, `checked`.

    Decimal strings in USD by kind: per million tokens, per hour (`…_seconds`), else each.
    None when the tables no longer hold such a rate.
    """
    rate = _seen.get(rate_id) or current().rate(rate_id)
    if rate is None:
        return None
    prices = {kind: plain(amount) for kind, amount in rate.prices.items()}
    return {"unit_prices": prices, "source": rate.source, "checked": rate.checked}


def cache_rules(provider: str | None, model: str, at: datetime) -> CacheRules | None:
    """The prompt-cache facts of the provider, else of the model's maker, at that time."""
    return _facts.cache_rules(current(), provider, model, _microseconds(at))


def alternatives(model: str, provider: str | None) -> tuple[str, ...]:
    """Cheaper text models of the same provider's table, the nearest in price first."""
    return _facts.alternatives(current(), model, provider, _microseconds(None))


def providers() -> tuple[str, ...]:
    """The provider ids on file."""
    return tuple(sorted(current().directory.ids))


def bills(provider: str) -> bool:
    """Whether a provider is on file under this name or another of its own. Never raises."""
    try:
        return current().directory.provider(provider) is not None
    except Exception:  # noqa: BLE001  as for a price
        return False


def snapshot_info() -> tuple[str, str, str, int]:
    """(version, date, SHA-256, age in days) of the snapshot in force."""
    snap = current().snapshot
    head = snap.header
    return f"{head['source']} {head['version']}", head["date"], head["sha256"], snap.age_days


def reload() -> None:
    """Read all tables again at the next price."""
    global _loaded
    _loaded = None
    _plans.clear()


def current() -> _book.Book:
    """The tables in force, read at first use."""
    global _loaded
    if _loaded is None:
        with forks.barred():  # what reads a table that is not in the cache
            _loaded = _loaded or _book.load()
    return _loaded


def _plan(model: str, provider: str | None, context: Mapping[str, str] | None) -> Plan:
    key = (model, provider, tuple(context.items()) if context else None)
    plan = _plans.get(key)
    if plan is None:
        plan = current().plan(model, provider, context or _NO_CONTEXT)
        if len(_plans) >= _PLANS_MAX:
            _plans.clear()
        _plans[key] = plan
        _seen.update({rate.id: rate for rate in plan.rates()})
    return plan


def _check(model: object, usage: object, provider: object, context: object) -> None:
    for name, text in (("model", model), ("provider", provider)):
        if not isinstance(text, str | None):
            raise InputError(f"{name}: must be text, got {text!r}", mend='e.g. "openai/gpt-4o"')
    if not isinstance(usage, Usage):
        mend = "e.g. finops_pack.Usage(input_tokens=1200, output_tokens=300)"
        raise InputError(f"usage: must be a Usage, got {usage!r}", mend=mend)
    if context is not None and not _words(context):
        mend = 'e.g. context={"processing": "batch"}'
        raise InputError(f"context: must map words to words, got {context!r}", mend=mend)


def _words(context: object) -> bool:
    """Whether it maps words to words, or to None for what is not known."""
    return isinstance(context, Mapping) and all(
        isinstance(key, str) and isinstance(value, str | None) for key, value in context.items()
    )


def _microseconds(at: datetime | str | None) -> int:
    moment: object = datetime.now(UTC) if at is None else at
    try:
        moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    except ValueError:
        pass  # then it is no datetime either
    if not isinstance(moment, datetime):
        raise InputError(f"not a time: {at!r}", mend="e.g. 2026-11-20T12:00:00Z, or a datetime")
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)
