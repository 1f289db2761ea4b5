"""What changes a ledger on purpose: budgets, levers, prices, silenced alerts; and its copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any

from finops_pack import config
from finops_pack.budgets import Budget, parse
from finops_pack.ledger import Ledger, open_ledger
from finops_pack.model import Call, Where
from finops_pack.money import from_pico

if TYPE_CHECKING:
    from finops_pack.ledger.copy import Copied
    from finops_pack.levers import Lever

BATCH = 500


def opened(url: str | None, *, create: bool = True) -> AbstractContextManager[Ledger]:
    """The ledger asked for, closed at the end."""
    return closing(open_ledger(url or config.load().ledger, create=create))


def set_budget(
    url: str | None, spec: str, *, unpriced: str = "refuse", reserve_usd: Decimal = Decimal(0)
) -> Budget:
    """Keep a budget; one of the same window and scope is replaced. Raises `ConfigError`."""
    budget = replace(parse(spec), unpriced=unpriced, reserve_usd=reserve_usd)
    with opened(url) as ledger:
        ledger.put("budget", budget.id, budget.to_dict())
    return budget


def remove_budget(url: str | None, budget_id: str) -> bool:
    """Forget a budget; False when there was none."""
    with opened(url) as ledger:
        return ledger.delete("budget", budget_id)


def accept_lever(url: str | None, lever: Lever) -> None:
    """Remember when a lever was pulled, so that its saving can be measured later."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with opened(url) as ledger:
        ledger.put("lever", lever.id, {**lever.to_dict(), "accepted_at": now})


def forget_lever(url: str | None, lever_id: str) -> bool:
    """Forget an accepted lever; False when it was not accepted."""
    with opened(url) as ledger:
        return ledger.delete("lever", lever_id)


@dataclass(frozen=True, slots=True)
class Repriced:
    """One call whose price would change; amounts pico-USD, None is unpriced."""

    call: Call
    cost_pico: int | None
    state: str
    rate_id: str | None
    missing: tuple[str, ...]

    @property
    def change_usd(self) -> Decimal:
        """USD by which spend changes: nothing on a flat plan, or where the bill is known."""
        if self.call.billed_pico is not None or self.call.billing_mode == "subscription":
            return Decimal(0)
        return from_pico((self.cost_pico or 0) - (self.call.cost_pico or 0))


def repriceable(calls: Iterable[Call]) -> Iterator[Repriced]:
    """Those that the tables in force price otherwise than they are booked.

    A call that has lost its rate since keeps the price it was booked with.
    """
    from finops_pack import rates

    for call in calls:
        if call.status == "cache_hit" or call.problems or "usage" in call.missing:
            continue
        pico, state, rate_id, missing = rates.price_call(call)
        booked = (call.cost_pico, call.cost_state, call.rate_id)
        if not pico and booked == (0, state, None):
            continue  # refused, and billed by no rate
        if state != "unpriced" and (pico, state, rate_id) != booked:
            yield Repriced(call, pico, state, rate_id, missing)


def reprice(url: str | None, where: Where) -> int:
    """Book today's prices as corrections, flat plans' too. Returns how many calls changed."""
    done = 0
    with opened(url) as ledger:
        for billing in (where.billing, "subscription"):
            changes = repriceable(ledger.calls(replace(where, billing=billing)))
            while batch := [_amendment(change) for change in islice(changes, BATCH)]:
                done += ledger.book(batch).corrected
    return done


def _amendment(change: Repriced) -> dict[str, Any]:
    return {
        "type": "amend",
        "id": change.call.id,
        "source": change.call.source,
        "cost_pico": change.cost_pico,
        "cost_state": change.state,
        "rate_id": change.rate_id,
        "missing": list(change.missing),
    }


def copy_ledger(source: str, target: str, progress: Callable[[int], None]) -> Copied:
    """Copy a ledger into another one; again: what is new since. See `ledger.copy.copy`."""
    from finops_pack.ledger.copy import copy

    with closing(open_ledger(source, create=False)) as old, opened(target) as new:
        return copy(old, new, progress)


def rate_tables() -> ModuleType:
    """The tables of prices, to look at and to change: the module `rates.manage`."""
    from finops_pack.rates import manage

    return manage


def acknowledge_alert(url: str | None, key: str) -> None:
    """Say no more of this one until its cause comes again in a new period."""
    with opened(url) as ledger:
        ledger.update("alert", key, lambda old: {**(old or {}), "acknowledged": True})


def mute_alert(url: str | None, subject: str) -> None:
    """Say no more of this cause (`TYPE:CAUSE`), whatever the period."""
    with opened(url) as ledger:
        ledger.put("alert", subject, {"muted": True})


def unmute_alert(url: str | None, subject: str) -> bool:
    """Listen to it again; False when it was not muted."""
    with opened(url) as ledger:
        return ledger.delete("alert", subject)
