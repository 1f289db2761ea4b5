"""Real logs as calls, and the rate tables as the facts that analyses ask for."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops_pack import rates
from finops_pack.importers import claude_code as claude_code_log
from finops_pack.importers._state import Rejected, State
from finops_pack.model import CacheRules, Call, Cost, Outcome, Segment, Task, Usage, call_fields
from finops_pack.money import to_pico

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
AIDER_CHECKS = {"search_mismatch": "edit", "nonconform": "format", "lint": "format"}


class RateFacts:
    """`model.Facts` from the rate tables and the tasks told: no ledger, so no segments."""

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        self._tasks = {task.id: task for task in tasks}

    def price(
        self,
        model: str,
        usage: Usage,
        *,
        provider: str | None = None,
        at: datetime | None = None,
        context: Mapping[str, str] | None = None,
    ) -> Cost:
        return rates.price(model, usage, provider=provider, at=at, context=context)

    def cache_rules(self, provider: str | None, model: str, at: datetime) -> CacheRules | None:
        return rates.cache_rules(provider, model, at)

    def alternatives(self, model: str, provider: str | None) -> Sequence[str]:
        return rates.alternatives(model, provider)

    def segments(self, sessions: Iterable[str]) -> Sequence[Segment]:
        return ()

    def tasks(self, ids: Iterable[str]) -> Mapping[str, Task]:
        return self._tasks


def priced(**fields: Any) -> Call:
    """A call with the price that the tables give it."""
    call = Call(**fields)
    usage = call.usage
    pico, state, rate_id, missing = rates.price_pico(
        call.model, usage, call.provider, call.start_us, None
    )
    cost = {"cost_pico": pico, "cost_state": state, "rate_id": rate_id, "missing": missing}
    return Call(**{**fields, **cost, "problems": usage.problems})


def miniswe(folder: Path = DATA) -> Iterator[Call]:
    """mini-swe-agent's calls; an answer without exactly one code block is a format error."""
    with gzip.open(folder / "miniswe_calls_dev.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            use = {"name": "bash", "args_hash": row["cmdh"], "result_hash": row["outh"]}
            yield priced(
                id=f"{row['task']}/{row['step']}",
                start_us=int(row["created"]) * 1_000_000,
                model=row["model"],
                provider="google",
                source="miniswe",
                task=row["task"],
                action="step",
                input_tokens=_whole(row["inp"]),
                output_tokens=_whole(row["out"]),
                cache_read_tokens=_whole(row["cached"]),
                reasoning_tokens=_whole(row["reason"]),
                finish_reason=row["fin"],
                billed_pico=to_pico(Decimal(row["cost"])) if row["cost"] else None,
                verifier="format" if row["nblocks"] != "1" else None,
                tool_calls=[use] if row["cmdh"] else [],
            )


def miniswe_tasks(folder: Path = DATA) -> list[Task]:
    """mini-swe-agent's tasks with their outcome."""
    with (folder / "miniswe_tasks_dev.csv").open(encoding="utf-8") as file:
        return [Task(row["task"], 0, outcome=_outcome(row)) for row in csv.DictReader(file)]


def _outcome(row: Mapping[str, str]) -> Outcome:
    return "succeeded" if row["resolved"] == "True" else "failed"


def aider(folder: Path = DATA) -> list[Call]:
    """aider's calls; a reflection mends the call before it in the same chat."""
    with (folder / "aider_calls_anon.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    calls = []
    for place, row in enumerate(rows):
        after = rows[place + 1] if place + 1 < len(rows) else None
        mended = after["recovery"] if after and _chat(after) == _chat(row) else ""
        started = datetime.fromisoformat(row["start"]).replace(tzinfo=UTC)
        calls.append(
            Call(
                id=f"{row['repo']}/{row['idx']}",
                start_us=int(started.timestamp() * 1e6) + 60_000_000 * place,
                model=row["model"],
                source="aider",
                session="/".join(_chat(row)),
                input_tokens=_whole(row["sent"]),
                output_tokens=_whole(row["recv"]),
                attempts=1 + _whole(row["retries_before"]),
                billed_pico=to_pico(Decimal(row["cost"])) if row["cost"] else None,
                verifier=AIDER_CHECKS.get(mended),
            )
        )
    return calls


def claude_code(folder: Path = DATA) -> list[Call]:
    """Claude Code's transcripts as the importer reads them, priced; details amended."""
    rows: dict[str, dict[str, Any]] = {}
    for path in claude_code_log.files(folder / "claude_code"):
        state = State()
        for line in (*claude_code_log.read(path, state), *claude_code_log.details(path, state)):
            if not isinstance(line, Rejected) and line["type"] in ("call", "amend"):
                row = rows.setdefault(str(line["id"]), {"source": "claude-code"})
                row.update({name: value for name, value in line.items() if name != "type"})
    return [priced(**{k: v for k, v in row.items() if k in call_fields()}) for row in rows.values()]


def _chat(row: Mapping[str, str]) -> tuple[str, str, str]:
    return row["repo"], row["chat"], row["start"]


def _whole(text: str) -> int:
    return int(float(text or 0))
