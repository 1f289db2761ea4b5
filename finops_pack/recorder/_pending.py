"""One call from its start to its row."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops_pack import context
from finops_pack.model import Usage
from finops_pack.money import to_pico
from finops_pack.recorder._estimate import METHOD, estimate
from finops_pack.recorder._guard import guard
from finops_pack.recorder._price import price

if TYPE_CHECKING:
    from finops_pack.recorder._core import Recorder

NOT_SEEN = ("usage",)  # `missing` of a call whose usage nobody told us: it may have been billed

_SHARED = ("provider", "framework", "framework_version", "adapter", "agent", "action", "task",
           "session", "project", "parent", "tags")  # fmt: skip


class Pending:
    """A call that has begun. `finish` or `fail` ends it, once; what comes later amends it."""

    open = True
    swept = False  # called unknown or cancelled before its end was told
    unpriced = 0  # as how many calls without a price its tasks have counted it
    attempts = 1
    lost_ms = 0
    usage: Usage | None = None
    billed: tuple[Decimal, str] | None = None
    messages: Any = None
    sent: int | None = None  # about how many tokens a prompt had that is held no more
    tools: Any = None
    max_output_tokens: int | None = None
    below: Any = None  # the request that an SDK makes for this call just now
    embeds = False  # whether its adapter hears of embeddings; hardly a framework does
    above: Pending | None = None  # the call that it is part of
    waiting: context.Waiting | None = None  # where not all that follows in its context is its own
    others: tuple[Pending, ...] = ()  # counted by themselves, asked in order to answer it
    batch: Any = None  # of several prompts given at once: what they were all asked with
    counts_all = False  # the last of them, whom the SDKs below told of all
    told: tuple[dict[str, Any], ...] = ()  # what SDKs below saw: arguments of `finish`

    def __init__(self, recorder: Recorder, row: dict[str, Any], running: tuple[Any, ...]) -> None:
        self.recorder = recorder
        self.row = row
        self.id: str = row["id"]
        self.running = running
        self.began = time.perf_counter_ns()

    def attempt(self, lost_ms: float | None = None) -> None:
        """A retry begins below: one more HTTP try; what went before it is lost (ms, if known)."""
        self.attempts += 1
        if lost_ms is None:
            self.lost_ms = (time.perf_counter_ns() - self.began) // 1_000_000
        else:
            self.lost_ms += round(lost_ms)

    def first_token(self) -> None:
        """The first piece of a stream has come."""
        if "ttft_ms" not in self.row:
            self.row["ttft_ms"] = (time.perf_counter_ns() - self.began) // 1_000_000

    def estimate(self, response: Any) -> Usage:
        """The usage that this prompt and this answer would have, from their length."""
        guessed = estimate(self.messages, response, self.tools)
        return guessed if self.sent is None else replace(guessed, input_tokens=self.sent)

    def charged(self, usd: Decimal, source: str) -> None:
        """A gateway said what it charged for this call, in USD, and who said so."""
        self.billed = (usd, source)

    def finish(
        self,
        usage: Usage | None,
        *,
        response: Any = None,
        tool_calls: Iterable[Mapping[str, Any]] = (),
        billed_usd: Decimal | None = None,
        **fields: Any,
    ) -> None:
        """End the call. Without `usage` it is estimated from its text and marked; never raises.

        `tool_calls` are `{"id", "name", "args"}`; `fields` are any other fields of a call.
        """
        if billed_usd is not None:
            fields["billed_usd"] = billed_usd
        self.end(usage, response, tool_calls, fields)

    def end(
        self,
        usage: Usage | None,
        response: Any,
        tool_calls: Iterable[Mapping[str, Any]],
        fields: dict[str, Any],
    ) -> None:
        """`finish` for whoever has made the dict of fields, `billed_usd` among them."""
        if self.open or self.swept:
            self.recorder.end(self, usage, response, tool_calls, fields)

    def fail(
        self,
        error: BaseException | str,
        usage: Usage | None = None,
        *,
        status: str = "error",
        **fields: Any,
    ) -> None:
        """End the call with an error; a timeout or a cut stream may have been billed."""
        name = error if isinstance(error, str) else type(error).__name__
        status = _status(error, name, status)
        self.end(usage, None, (), {"error_type": name[:200], "status": status, **fields})

    def amend(self, **fields: Any) -> None:
        """Change fields of the row later, e.g. `verifier="schema"`."""
        self.recorder.write({"type": "amend", "id": self.id, **fields})

    def end_as_told(self, usage: Usage | None, **fields: Any) -> None:
        """End by what SDKs below saw, else by what is said here; each of their answers is a row."""
        *earlier, last = self.told or ({},)
        for seen in earlier:
            attribution = {name: self.row[name] for name in _SHARED if self.row.get(name)}
            known = {"usage": Usage(), "model": self.row["model"], **self._below(seen)}
            self.recorder.record(**{**attribution, **known})
        self.finish(**{**fields, "usage": usage, **self._below(last)})

    def _below(self, seen: dict[str, Any]) -> dict[str, Any]:
        """What an SDK saw; whom it asked is taken where the framework names nobody who bills."""
        known = said({**seen, "asked": None})
        if seen.get("asked") and "provider" not in self.row:
            known["provider"], known["model"] = seen["asked"]
        return known

    def passed_on(self, usage: Usage | None) -> bool:
        """Whether it was no call but others: all have ended, and it counts nothing besides."""
        if not self.others or self.told or any(other.open for other in self.others):
            return False
        counted = [(u.input_tokens, u.output_tokens) for o in self.others if (u := o.usage)]
        total = tuple(map(sum, zip(*counted, strict=True)))
        return usage is None or (usage.input_tokens, usage.output_tokens) in (total, *counted)

    def drop(self) -> None:
        """It is no row, and what is said of it later is said of the last that it asked."""
        self.recorder.drop(self)
        self.open = self.swept = False
        if self.others:
            self.id, self.usage = self.others[-1].id, self.others[-1].usage

    @guard
    def orphan(self) -> None:
        """Nobody says how it ended: unknown, possibly billed. An end that comes late amends it.

        What an SDK below was answered is known all the same.
        """
        if self.open and self.told:
            self.end_as_told(None)
        else:
            self.cut("NoEnd", status="unknown")

    def cut(self, error: BaseException | str, usage: Usage | None = None, **fields: Any) -> None:
        """It was cancelled below; what the framework may still say amends it, if nothing came."""
        if self.open:
            sent = None if self.messages is None else self.estimate(None).input_tokens
            self.fail(error, usage, **fields)
            self.swept, self.sent = usage is None, sent

    def close(self, usage: Usage | None, response: Any, fields: dict[str, Any]) -> int:
        """Finish the row; pico-USD that count as spent. Called by the recorder alone."""
        row = self.row
        if self.swept:
            for name in ("status", "error_type", "usage_basis", "missing"):
                row.pop(name, None)
        else:
            row["duration_ms"] = (time.perf_counter_ns() - self.began) // 1_000_000
        if self.attempts > 1:
            row["attempts"] = self.attempts
            row["lost_ms"] = self.lost_ms
        row.update(fields if None not in fields.values() else said(fields))
        if usage is None or not usage.input_tokens:
            usage = self._made_up(usage, response)
        self.usage = usage
        self.open = self.swept = False
        pico = self._unseen() if usage is None else price(row, usage)
        return pico if self.billed is None else self._billed(*self.billed)

    def _made_up(self, usage: Usage | None, response: Any) -> Usage | None:
        """Counts that the provider did not give: estimated from the text, else unknown."""
        row = self.row
        status = row.get("status", "ok")
        if usage is not None:
            return self._with_input(usage) if usage.output_tokens else usage
        if status == "ok" and (self.messages is not None or self.sent is not None):
            row["usage_basis"], row["usage_method"] = "estimated", METHOD
            return self.estimate(response)
        if status not in ("error", "cache_hit"):
            row["usage_basis"] = "unknown"
        return None

    def _with_input(self, usage: Usage) -> Usage:
        """A proxy left the input out of a stream's usage: it is estimated, and marked."""
        if self.messages is None and self.sent is None:
            return usage
        sent = self.estimate(None).input_tokens
        self.row["usage_basis"], self.row["usage_method"] = "estimated", f"input: {METHOD}"
        return replace(usage, input_tokens=sent)

    def _billed(self, usd: Decimal, source: str) -> int:
        self.row["billed_source"] = source
        self.row["billed_pico"] = pico = to_pico(usd)
        return pico

    def _unseen(self) -> int:
        """What was not billed costs nothing; what nobody told us has no price."""
        row = self.row
        if row.get("usage_basis") == "unknown":
            row["missing"] = NOT_SEEN
        else:
            row["cost_pico"] = 0
            row["cost_state"] = "free" if row["status"] == "cache_hit" else "priced"
        return 0

    def count(self, pico: int, *, again: bool = False) -> None:
        """Add to the tasks that hold this call; `again` when it was counted as unknown."""
        before, self.unpriced = self.unpriced, 0 if self.has_price else 1
        for running in self.running:
            running.add(pico, 0 if again else 1, self.unpriced - before)

    @property
    def has_price(self) -> bool:
        """Whether it is known what the call cost, now that it has ended."""
        return "cost_state" in self.row or self.billed is not None


def said(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that are not None; the same dict when all are said."""
    if None not in fields.values():
        return fields
    return {name: value for name, value in fields.items() if value is not None}


def _status(error: BaseException | str, name: str, status: str) -> str:
    """What an error says about the bill: refused costs nothing, a cut line may cost."""
    if status != "error":
        return status
    if name in ("CancelledError", "GeneratorExit", "KeyboardInterrupt"):
        return "cancelled"
    if "Timeout" in name and getattr(error, "status_code", None) is None:
        return "unknown"
    return status


# `context.owner()` gives Pending objects; said here so that the arrow is checked by mypy.
_: type[context.Owner] = Pending
