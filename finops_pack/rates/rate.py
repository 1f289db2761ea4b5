"""The unit prices of one moment, and the exact amount that a usage costs at them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from finops_pack.model import MAX_COUNT, Component, Cost, Usage
from finops_pack.money import to_pico

EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
MTOK = 6  # a price per million tokens, as a power of ten
TOKEN_KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
# Units that a provider counts inside its totals: they leave the plain tokens they are part of.
INSIDE = {
    "audio_input_tokens": "input",
    "image_input_tokens": "input",
    "video_input_tokens": "input",
    "audio_output_tokens": "output",
    "image_output_tokens": "output",
    "video_output_tokens": "output",
    "citation_tokens": "output",
}
_AS_TEXT = {"image_input_tokens", "image_output_tokens"}  # where they have no price of their own
_OTHERWISE = {"request", "compute_seconds"}  # units that a call is billed for without being asked
_HOUR = Decimal(3600)
_ZERO = Decimal(0)


@dataclass(slots=True, eq=False)
class Rate:
    """The unit prices of one moment, tier and context, with their id."""

    id: str
    prices: Mapping[str, Decimal]
    source: str
    checked: str
    scale: int = 1
    tokens: tuple[int | None, ...] = ()
    plain: bool = True  # token counts are all that is billed

    def __post_init__(self) -> None:
        priced = {k: p for k in TOKEN_KINDS if (p := self._price(k)) is not None}
        per_token = {k: EXACT.scaleb(p, MTOK) for k, p in priced.items()}
        digits = max((-int(p.as_tuple().exponent) for p in per_token.values()), default=0)
        self.scale = 10 ** max(digits, 0)
        scale = Decimal(self.scale)
        units = {k: int(EXACT.multiply(p, scale)) for k, p in per_token.items()}
        self.tokens = tuple(units.get(kind) for kind in TOKEN_KINDS)
        self.plain = not _OTHERWISE & set(self.prices)

    def pico(self, usage: Usage) -> int | None:
        """The price of plain token counts in pico-USD; None when it takes the long way."""
        total, read, out = usage.input_tokens, usage.cache_read_tokens, usage.output_tokens
        w5, w1 = usage.cache_write_5m_tokens, usage.cache_write_1h_tokens
        thought = usage.reasoning_tokens
        fresh = total - read - w5 - w1
        if (
            usage.extra
            or not self.plain
            or not (type(total) is type(read) is type(w5) is type(w1) is type(out) is int)
            or type(thought) is not int
            or fresh < 0
            or read < 0
            or w5 < 0
            or w1 < 0
            or not 0 <= thought <= out
            or total > MAX_COUNT
            or out > MAX_COUNT
        ):
            return None
        p_in, p_read, p_5m, p_1h, p_out, p_thought = self.tokens
        try:
            amount = (out - thought) * p_out if out > thought else 0  # type: ignore[operator]
            if fresh:
                amount += fresh * p_in  # type: ignore[operator]
            if read:
                amount += read * p_read  # type: ignore[operator]
            if thought:
                amount += thought * p_thought  # type: ignore[operator]
            if w5:
                amount += w5 * p_5m  # type: ignore[operator]
            if w1:
                amount += w1 * p_1h  # type: ignore[operator]
        except TypeError:  # a component without a price
            return None
        return amount if self.scale == 1 else _rounded(amount, self.scale)

    @property
    def free(self) -> bool:
        """Whether "0" is on file for everything."""
        return bool(self.prices) and not any(self.prices.values())

    def cost(self, usage: Usage) -> Cost:
        """The exact price, with its working."""
        problems = usage.problems
        quantities = {} if problems else _quantities(usage, self.prices)
        short = [kind for kind, count in quantities.items() if count < 0]
        if problems or short:
            said = "; ".join(problems) or f"{short[0]}: less than what is counted inside it"
            return Cost("unpriced", reason=f"invalid usage: {said}")
        used = {kind: count for kind, count in quantities.items() if count}
        missing = tuple(kind for kind in used if self._price(kind) is None)
        if "compute_seconds" in self.prices and "compute_seconds" not in quantities:
            missing += ("compute_seconds",)
        known = tuple(self._component(k, n) for k, n in used.items() if k not in missing)
        usd = _sum(part.usd for part in known)
        reason = f"no price on file for {', '.join(missing)} ({self.id.partition('#')[0]})"
        if "compute_seconds" in missing:
            reason = "billed by the hour: give the seconds that the call took of it"
        if missing and (not self._by_token or set(missing) & set(TOKEN_KINDS)):
            return Cost("unpriced", missing=missing, reason=reason)
        if missing:
            return Cost("partial", usd, self.id, known, missing, reason)
        zero = self.free or (known and not any(part.usd_per_mtok for part in known))
        return Cost("free" if zero else "priced", usd, self.id, known)

    @property
    def _by_token(self) -> bool:
        """False for what is billed by the request or the hour alone."""
        return any(k in self.prices for k in TOKEN_KINDS) or not _OTHERWISE & set(self.prices)

    def _price(self, kind: str) -> Decimal | None:
        if kind in self.prices:
            return self.prices[kind]
        if kind == "reasoning":
            return self._price("output")
        return _ZERO if kind in TOKEN_KINDS and not self._by_token else None

    def _component(self, kind: str, quantity: int) -> Component:
        price = self._price(kind) or _ZERO
        amount = EXACT.multiply(price, Decimal(quantity))
        if kind in TOKEN_KINDS or kind.endswith("_tokens"):
            return Component(kind, quantity, price, EXACT.scaleb(amount, -MTOK))
        if kind.endswith("_seconds"):
            # An hour's price has no exact second; 18 places keep a million calls exact to 1e-12.
            usd = EXACT.divide(amount, _HOUR).quantize(Decimal("1e-18"), context=EXACT)
            return Component(kind, quantity, price, usd, "hour")
        return Component(kind, quantity, price, amount, "each")


def _rounded(amount: int, scale: int) -> int:
    whole, rest = divmod(amount, scale)
    twice = 2 * rest
    return whole + (twice > scale or (twice == scale and whole % 2 == 1))


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = _ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def _quantities(usage: Usage, prices: Mapping[str, Decimal]) -> dict[str, int]:
    """What is billed, by kind; reasoning stands alone only where it has its own price."""
    thought = usage.reasoning_tokens if "reasoning" in prices else 0
    counts = {
        "input": usage.uncached_tokens,
        "cache_read": usage.cache_read_tokens,
        "cache_write_5m": usage.cache_write_5m_tokens,
        "cache_write_1h": usage.cache_write_1h_tokens,
        "output": usage.output_tokens - thought,
        "reasoning": thought,
    }
    for unit, count in usage.extra.items():
        kind = str(unit)
        if kind in _AS_TEXT and kind not in prices:
            continue
        counts[kind] = counts.get(kind, 0) + count
        if kind in INSIDE:
            counts[INSIDE[kind]] -= count
    if "request" in prices:
        counts.setdefault("request", 1)
    return counts


def pico_of(cost: Cost) -> int | None:
    """A cost as the ledger keeps it: rounded once, half-even."""
    return None if cost.usd is None else to_pico(cost.usd)
