"""One call: the row of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from finops_pack.model.usage import Usage
from finops_pack.model.words import Basis, BillingMode, CostState, Status
from finops_pack.money import from_pico

_CUT_OFF = ("length", "max_tokens", "MAX_TOKENS")
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """One logical LLM request: the row of the ledger.

    Times are Unix microseconds (UTC), durations milliseconds, money pico-USD.
    `parent` is the id of the call or task that caused it. `extra`, `tags`, `tool_calls`,
    `tool_results` and `prefix_hashes` are JSON values; none holds text of a prompt or answer.
    """

    id: str
    start_us: int
    model: str = ""
    source: str = "live"
    response_id: str | None = None
    request_id: str | None = None
    duration_ms: int | None = None
    ttft_ms: int | None = None

    project: str | None = None
    session: str | None = None
    task: str | None = None
    parent: str | None = None
    agent: str | None = None
    action: str | None = None
    trigger: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    framework: str | None = None
    framework_version: str | None = None
    adapter: str | None = None
    adapter_version: str | None = None

    provider: str | None = None
    served_model: str | None = None
    service_tier: str | None = None
    region: str | None = None
    processing: str | None = None

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    extra: Mapping[str, int] = field(default_factory=dict)
    usage_basis: Basis = "measured"
    usage_method: str | None = None
    problems: Sequence[str] = ()

    cost_pico: int | None = None
    cost_state: CostState = "unpriced"
    rate_id: str | None = None
    missing: Sequence[str] = ()
    billed_pico: int | None = None
    billed_source: str | None = None
    billing_mode: BillingMode = "unknown"
    account: str | None = None

    status: Status = "ok"
    error_type: str | None = None
    finish_reason: str | None = None
    attempts: int = 1
    lost_ms: int = 0
    verifier: str | None = None

    request_hash: str | None = None
    response_hash: str | None = None
    prefix_hashes: Sequence[str] = ()
    tool_calls: Sequence[Mapping[str, Any]] = ()
    tool_results: Sequence[Mapping[str, Any]] = ()
    tool_schema_tokens: int | None = None
    cache_breakpoints: int | None = None
    cache_ttl: str | None = None

    booked_us: int | None = None
    corrected_us: int | None = None

    @property
    def usage(self) -> Usage:
        """The token counts as a `Usage`."""
        return Usage(
            self.input_tokens,
            self.output_tokens,
            self.cache_read_tokens,
            self.cache_write_5m_tokens,
            self.cache_write_1h_tokens,
            self.reasoning_tokens,
            self.extra,
        )

    @property
    def answered_by(self) -> str:
        """The model that served it, else the one that was asked for."""
        return self.served_model or self.model

    @property
    def written_tokens(self) -> int:
        """Tokens written to a cache, for either lifetime."""
        return self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def cached_tokens(self) -> int:
        """Tokens read from a cache or written to one."""
        return self.cache_read_tokens + self.written_tokens

    @property
    def cache_known(self) -> bool:
        """Whether anybody told what a cache held of it: counts of our own have no such part."""
        return self.usage_basis == "measured" or bool(self.cached_tokens)

    @property
    def cut_off(self) -> bool:
        """Whether the answer ended at the limit of its length."""
        return self.finish_reason in _CUT_OFF

    @property
    def amount_pico(self) -> int:
        """What counts as spent, in pico-USD: the billed amount, else our price, else 0."""
        if self.billed_pico is not None:
            return self.billed_pico
        return self.cost_pico or 0

    @property
    def amount_usd(self) -> Decimal:
        """`amount_pico` as exact USD."""
        return from_pico(self.amount_pico)

    @property
    def unpriced(self) -> bool:
        """True when neither a price nor a billed amount is known."""
        return self.cost_state == "unpriced" and self.billed_pico is None

    @property
    def reached_provider(self) -> bool:
        """False for a hit in a local cache: such a call is no request and costs nothing."""
        return self.status != "cache_hit"

    @property
    def started_at(self) -> datetime:
        """When the call began, aware, UTC."""
        return datetime.fromtimestamp(self.start_us / 1e6, UTC)

    @property
    def end_us(self) -> int:
        """When it ended; when it began, where nobody said how long it took."""
        return self.start_us + 1000 * (self.duration_ms or 0)

    @property
    def day(self) -> int:
        """The UTC day on which it began, as a number."""
        return self.start_us // _DAY_US

    @property
    def context(self) -> dict[str, str]:
        """What `price` needs to know beside model, usage and time."""
        return price_context(self.processing, self.service_tier, self.region)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Call:
        """A call from a mapping of field names, as JSON may hold it; unknown keys are left out."""
        names = call_fields()
        named: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in row.items()
            if key in names
        }
        return cls(**named)


def price_context(
    processing: str | None, service_tier: str | None, region: str | None
) -> dict[str, str]:
    """What is known of that on which a price depends beside model, usage and time."""
    named = {"processing": processing, "service_tier": service_tier, "region": region}
    return {key: value for key, value in named.items() if value}


@lru_cache(maxsize=1)
def call_fields() -> frozenset[str]:
    """The names of all fields of a call."""
    return frozenset(f.name for f in fields(Call))
