"""The vocabulary that every module speaks: frozen dataclasses. Knows nobody but `money`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, Protocol

from finops_pack.money import from_pico

Basis = Literal["measured", "estimated", "unknown"]
CostState = Literal["priced", "free", "partial", "unpriced"]
BillingMode = Literal["metered", "subscription", "unknown"]
Status = Literal["ok", "error", "cancelled", "unknown", "cache_hit"]
Trigger = Literal["user", "heartbeat", "cron", "agent"]
Outcome = Literal["succeeded", "failed"]

VERIFIERS = ("schema", "format", "tool", "edit", "missing", "guardrail", "user")
STANDARD_TAGS = ("customer", "environment", "cost_center", "feature", "agent_version")
EXTRA_UNITS = (
    "web_search",
    "image",
    "audio_input_tokens",
    "audio_output_tokens",
    "code_execution",
    "cache_storage",
    "request",
)
TOKEN_FIELDS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
)


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one call; totals include their parts.

    `input_tokens` includes cache reads and both cache writes, `output_tokens` includes
    `reasoning_tokens`. `extra` counts what is billed in other units (`EXTRA_UNITS`).
    Never raises: what is wrong with the counts stands in `problems`.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    extra: Mapping[str, int] = field(default_factory=dict)

    @property
    def uncached_tokens(self) -> int:
        """Input tokens billed at the plain input price."""
        return (
            self.input_tokens
            - self.cache_read_tokens
            - self.cache_write_5m_tokens
            - self.cache_write_1h_tokens
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """What makes these counts invalid, in words; empty when they are valid."""
        return tuple(_problems(self))


def _problems(usage: Usage) -> Iterator[str]:
    counts = {name: getattr(usage, name) for name in TOKEN_FIELDS}
    extra = usage.extra if isinstance(usage.extra, Mapping) else {"extra": usage.extra}
    for name, count in (*counts.items(), *extra.items()):
        if isinstance(count, bool) or not isinstance(count, int):
            yield f"{name}: must be a whole number, got {count!r}"
        elif count < 0:
            yield f"{name}: must not be negative, got {count}"
        elif count > MAX_COUNT:
            yield f"{name}: {count} is more than any provider serves"
    if any(isinstance(c, bool) or not isinstance(c, int) for c in counts.values()):
        return
    parts = usage.cache_read_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    if parts > usage.input_tokens:
        yield f"cached parts ({parts}) exceed input_tokens ({usage.input_tokens})"
    if usage.reasoning_tokens > usage.output_tokens:
        yield (
            f"reasoning_tokens ({usage.reasoning_tokens}) exceed "
            f"output_tokens ({usage.output_tokens})"
        )


MAX_COUNT = 10**12


@dataclass(frozen=True, slots=True)
class Component:
    """One line of a price: `quantity` units of `kind` at `usd_per_mtok` (or per `unit`)."""

    kind: str
    quantity: int
    usd_per_mtok: Decimal
    usd: Decimal
    unit: str = "tokens"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call costs. `usd` is None exactly when unpriced; components sum to `usd`."""

    state: CostState
    usd: Decimal | None = None
    rate_id: str | None = None
    components: tuple[Component, ...] = ()
    missing: tuple[str, ...] = ()
    reason: str | None = None


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
    def context(self) -> dict[str, str]:
        """What `price` needs to know beside model, usage and time."""
        named = {
            "processing": self.processing,
            "service_tier": self.service_tier,
            "region": self.region,
        }
        return {key: value for key, value in named.items() if value}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Call:
        """A call from a mapping of field names; unknown keys are left out."""
        names = call_fields()
        return cls(**{key: value for key, value in row.items() if key in names})


@lru_cache(maxsize=1)
def call_fields() -> frozenset[str]:
    """The names of all fields of a call."""
    return frozenset(f.name for f in fields(Call))


@dataclass(frozen=True, slots=True)
class Task:
    """One run of the user's work, with the running totals of its calls (USD exact)."""

    id: str
    start_us: int
    end_us: int | None = None
    parent: str | None = None
    project: str | None = None
    session: str | None = None
    trigger: str | None = None
    trigger_basis: Basis = "measured"
    outcome: Outcome | None = None
    calls: int = 0
    unpriced_calls: int = 0
    usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of context that stood in a session's prompts; no text, only its measure.

    `kind` is `system`, `user`, `tool_result`, `retrieved`, `tool_schema`, `memory` or
    `other`; `p_unused` None means unknown; `calls_held` counts the calls it was sent in.
    """

    session: str
    id: str
    kind: str
    tokens: int
    first_call: str
    last_call: str
    calls_held: int = 1
    p_unused: float | None = None
    source: str | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over calls; amounts exact USD. `key` is the value grouped by, None for all.

    `usd` is what counts as spent (billed, else priced); `list_usd` what our rates say of the
    same calls. Subscription calls are never mixed in: ask for them by billing mode.
    """

    key: str | None = None
    calls: int = 0
    requests: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    usd: Decimal = Decimal(0)
    list_usd: Decimal = Decimal(0)
    priced_calls: int = 0
    free_calls: int = 0
    partial_calls: int = 0
    unpriced_calls: int = 0
    unpriced_tokens: int = 0
    estimated_calls: int = 0
    invalid_calls: int = 0
    billed_calls: int = 0
    errors: int = 0
    extra_attempts: int = 0
    lost_ms: int = 0

    def __add__(self, other: Totals) -> Totals:
        summed = {
            f.name: getattr(self, f.name) + getattr(other, f.name)
            for f in fields(self)
            if f.name != "key"
        }
        return Totals(key=self.key, **summed)


@dataclass(frozen=True, slots=True)
class DayTotals:
    """One calendar day (ledger's zone) as alerts and report-level levers see it.

    Both the ledger and the server produce it; a value they do not know is None or empty.
    """

    date: str
    total: Totals
    by_model: Mapping[str, Decimal] = field(default_factory=dict)
    by_action: Mapping[str, Decimal] = field(default_factory=dict)
    waste: Mapping[str, Decimal] = field(default_factory=dict)
    score: float | None = None
    unpriced_models: tuple[str, ...] = ()
    cache_write_usd_share: Decimal | None = None
    reporter: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that costs money, or explains why it was spent.

    `usd` is the expected amount; `usd_low`/`usd_high` its range where it is estimated.
    `confidence` is a probability. `evidence` are sentences that a person can check against
    the calls named in `calls`.
    """

    category: str
    title: str
    calls: tuple[str, ...]
    usd: Decimal
    basis: Basis
    confidence: float
    evidence: tuple[str, ...]
    mend: str
    subtype: str | None = None
    usd_low: Decimal | None = None
    usd_high: Decimal | None = None
    task: str | None = None
    unknown_tokens: int = 0


@dataclass(frozen=True, slots=True)
class CacheRules:
    """A provider's prompt-cache facts on a date: tokens and seconds, with source."""

    minimum_tokens: int
    ttl_seconds: int
    long_ttl_seconds: int | None = None
    explicit: bool = False
    step_tokens: int = 1
    source: str = ""
    checked: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """Which calls are meant; times in Unix µs, `since_us` inclusive, `until_us` exclusive.

    `billing` None means metered and unknown together, i.e. money that somebody pays per call.
    """

    since_us: int | None = None
    until_us: int | None = None
    project: str | None = None
    task: str | None = None
    session: str | None = None
    agent: str | None = None
    action: str | None = None
    model: str | None = None
    tag: tuple[str, str] | None = None
    billing: BillingMode | None = None


class Facts(Protocol):
    """What an analysis may know beside the calls; `query` hands it in."""

    def price(
        self,
        model: str,
        usage: Usage,
        *,
        provider: str | None = None,
        at: datetime | None = None,
        context: Mapping[str, str] | None = None,
    ) -> Cost:
        """The price of such a call."""
        ...

    def cache_rules(self, provider: str | None, model: str, at: datetime) -> CacheRules | None:
        """The provider's cache facts at that time, None when they are not on file."""
        ...

    def alternatives(self, model: str, provider: str | None) -> Sequence[str]:
        """Cheaper models of the same table that could do such calls."""
        ...

    def segments(self, sessions: Iterable[str]) -> Sequence[Segment]:
        """The context segments of these sessions."""
        ...

    def tasks(self, ids: Iterable[str]) -> Mapping[str, Task]:
        """The task rows (trigger, outcome) of these ids."""
        ...
