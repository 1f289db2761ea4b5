"""`model.Where` as SQL, and which table answers a question about calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from finops_pack.ledger._db import Dialect
from finops_pack.ledger.rollup import AMOUNTS, MEASURES, OTHER_VALUE, ROLLUPS
from finops_pack.model import TOKEN_FIELDS, Where
from finops_pack.money import PICO

FILTERS = ("project", "task", "session", "agent", "action", "model")
TAG = "tag:"
USD = AMOUNTS[0]  # the measures that make an amount spent
_MICRO = 10**6
_UNPRICED = "cost_state = 'unpriced' AND billed_pico IS NULL"


@dataclass(slots=True)
class Query:
    """The parts of one SELECT over calls or a rollup."""

    table: str
    keys: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    key_values: list[Any] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def condition(self, sql: str, *values: Any) -> None:
        """Ask for one thing more."""
        self.conditions.append(sql)
        self.values.extend(values)

    def sql(self, sums: Sequence[str]) -> str:
        """The statement: keys, then sums, grouped by the keys."""
        what = ", ".join([*self.keys, *sums])
        where = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        places = ", ".join(str(n + 1) for n in range(len(self.keys)))
        group = f" GROUP BY {places}" if self.keys else ""
        return f"SELECT {what} FROM {self.table}{where}{group}"


def _count(condition: str) -> str:
    return f"CASE WHEN {condition} THEN 1 ELSE 0 END"


_AMOUNT = {"usd": "COALESCE(billed_pico, cost_pico, 0)", "list": "COALESCE(cost_pico, 0)"}
_OF_CALL = {
    "calls": "1",
    "requests": _count("status <> 'cache_hit'"),
    **{name: name for name in TOKEN_FIELDS},
    "priced_calls": _count("cost_state = 'priced'"),
    "free_calls": _count("cost_state = 'free'"),
    "partial_calls": _count("cost_state = 'partial'"),
    "unpriced_calls": _count(_UNPRICED),
    "unpriced_tokens": f"CASE WHEN {_UNPRICED} THEN input_tokens + output_tokens ELSE 0 END",
    "estimated_calls": _count("usage_basis = 'estimated'"),
    "invalid_calls": _count("problems IS NOT NULL"),
    "billed_calls": _count("billed_pico IS NOT NULL"),
    "errors": _count("status = 'error'"),
    "extra_attempts": "attempts - 1",
    "lost_ms": "lost_ms",
    "unseen_calls": _count(f"{_UNPRICED} AND usage_basis = 'unknown'"),
}  # fmt: skip


def _sum(expression: str) -> str:
    return f"CAST(COALESCE(SUM({expression}), 0) AS BIGINT)"


def _amount_sums(amount: str) -> tuple[str, str]:
    """Whole dollars and remainder of a sum over calls; no part of it can overflow."""
    micros = _sum(f"{amount} % {PICO} / {_MICRO}")
    whole = f"{_sum(f'{amount} / {PICO}')} + {micros} / {_MICRO}"
    return whole, f"{micros} % {_MICRO} * {_MICRO} + {_sum(f'{amount} % {_MICRO}')}"


def _sums_over_calls() -> dict[str, str]:
    sums = {name: _sum(expression) for name, expression in _OF_CALL.items()}
    for name, amount in _AMOUNT.items():
        sums[f"{name}_whole"], sums[f"{name}_rest"] = _amount_sums(amount)
    return sums


_CALL_SUMS = _sums_over_calls()
_ROLLUP_SUMS = {name: _sum(name) for name in MEASURES}


def sums(table: str, wanted: Sequence[str]) -> list[str]:
    """Expressions of the wanted measures over `calls` or a rollup."""
    known = _CALL_SUMS if table == "calls" else _ROLLUP_SUMS
    return [known[name] for name in wanted]


def rollup_for(keys: Sequence[str], where: Where) -> str | None:
    """The rollup that holds everything asked for, None when only the calls do."""
    wanted = {key for key in keys if not key.startswith(TAG)}
    wanted.update(name for name in FILTERS if getattr(where, name) is not None)
    tags = {key.removeprefix(TAG) for key in keys if key.startswith(TAG)}
    tags.update([where.tag[0]] if where.tag else [])
    if len(tags) > 1 or (where.tag and not where.tag[1]):  # no row stands for calls without one
        return None
    for table in ("by_agent", "by_day", "by_tag"):  # the smallest first
        if (table == "by_tag") == bool(tags) and wanted <= set(ROLLUPS[table]):
            return table
    return None


def query(
    dialect: Dialect, table: str, keys: Sequence[str], where: Where, *, timed: bool = True
) -> Query:
    """A SELECT over `table` grouped by `keys`, restricted to what `where` covers."""
    made = Query(table)
    if table == "calls":
        _over_calls(made, dialect, keys, where)
    else:
        _over_rollup(made, keys, where)
    billed, modes = billing(where)
    made.condition(billed, *modes)
    if timed and where.since_us is not None:
        made.condition("start_us >= ?", where.since_us)
    if timed and where.until_us is not None:
        made.condition("start_us < ?", where.until_us)
    return made


def billing(where: Where) -> tuple[str, list[Any]]:
    """The condition that calls are billed as asked, and its values."""
    if where.billing is None:
        return "billing_mode IN ('metered', 'unknown')", []
    return "billing_mode = ?", [where.billing]


def _over_rollup(made: Query, keys: Sequence[str], where: Where) -> None:
    tags = [key.removeprefix(TAG) for key in keys if key.startswith(TAG)]
    made.keys = ["value" if key.startswith(TAG) else key for key in keys]
    for name in FILTERS:
        if getattr(where, name) is not None:
            made.condition(f"{name} = ?", getattr(where, name))
    if where.tag:
        made.condition("tag = ? AND value = ?", *where.tag)
    elif tags:
        made.condition("tag = ?", tags[0])


def _over_calls(made: Query, dialect: Dialect, keys: Sequence[str], where: Where) -> None:
    for key in keys:
        if key.startswith(TAG):
            sql, value = _counted_tag(dialect, key.removeprefix(TAG))
            made.keys.append(sql)
            made.key_values.extend(value)
        else:
            made.keys.append(key if key in ("day", "model") else f"COALESCE({key}, '')")
    for name in FILTERS:
        wanted = getattr(where, name)
        if wanted == "":
            made.condition(f"COALESCE({name}, '') = ''")
        elif wanted is not None:
            made.condition(f"{name} = ?", wanted)
    if where.tag:
        key, wanted = where.tag
        # a value over the cap is still found by its own name, which budgets rest on
        counted = wanted in ("", OTHER_VALUE)
        sql, value = _counted_tag(dialect, key) if counted else _plain_tag(dialect, key)
        made.condition(f"{sql} = ?", *value, wanted)


def _plain_tag(dialect: Dialect, key: str) -> tuple[str, list[str]]:
    sql, value = dialect.tag(key)
    return sql, [value]


def _counted_tag(dialect: Dialect, key: str) -> tuple[str, list[str]]:
    """A tag's value as it counts: `(other)` where the key has too many, '' where it is not set."""
    sql, value = dialect.tag(key)
    known = f"EXISTS (SELECT 1 FROM tag_values WHERE tag = ? AND value = {sql})"
    case = f"CASE WHEN {sql} IS NULL THEN '' WHEN {known} THEN {sql} ELSE '(other)' END"
    return case, [value, key, value, value]
