"""The recorder: prices a call, writes its line, leaves the rest to the background."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from finops_pack import context
from finops_pack.config import Config, hash_key
from finops_pack.errors import BudgetExceeded, BudgetStop, Refusal
from finops_pack.gate import Gate
from finops_pack.ledger import Booked, Ledger, Line, drainer, ledger_id, open_ledger
from finops_pack.ledger.spool import Spool, encode
from finops_pack.model import Usage
from finops_pack.recorder import _place
from finops_pack.recorder._guard import warn_once
from finops_pack.recorder._jobs import Over, Ran
from finops_pack.recorder._pending import Pending, said
from finops_pack.recorder._price import priced
from finops_pack.recorder._reduce import Reducing

_BELIEVED_US = 1_000_000
ORPHAN_AFTER = 1800.0  # seconds without an end, after which a call is called unknown


class Recorder:
    """Records the calls of this process into one ledger; safe from any thread, also after fork."""

    enabled = True

    def __init__(self, settings: Config, *, stop: str = "soft") -> None:
        self.settings = settings
        self.stop = stop
        self.refusal: Refusal | None = None
        self._project = settings.project
        self._tags = _standing_tags(settings)
        self._spool: Spool | None = None
        self._ledger: Ledger | None = None
        self._open: dict[str, Pending] = {}
        self._reducing = Reducing(hash_key(settings), self.write_all, self.sweep)
        self._gate = Gate(settings, stop)
        self._no_budget_until = 0

    # --- one call --------------------------------------------------------------------------
    def begin(
        self,
        *,
        model: str | None,
        messages: Any = None,
        tools: Any = None,
        max_output_tokens: int | None = None,
        call_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        request: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Pending:
        """Start a call; `fields` are any fields of `model.Call`, None where not known.

        `request` is all that it was asked with, by the provider's names (`max_tokens`, `n`,
        `service_tier`), which a budget looks at and forgets; `max_output_tokens` is what each
        answer may have where that does not say.
        Raises `BudgetExceeded` or `BudgetStop` when a hard budget refuses it, nothing else.
        """
        row = said(fields)
        row["id"] = call_id or context.new_id()
        row["model"] = model or ""
        _place.around(row)
        return self.begin_row(row, messages, tools, max_output_tokens, tags, request)

    def begin_row(
        self,
        row: dict[str, Any],
        messages: Any = None,
        tools: Any = None,
        max_output_tokens: int | None = None,
        tags: Mapping[str, str] | None = None,
        request: Mapping[str, Any] | None = None,
    ) -> Pending:
        """`begin` for whoever has made the row: its fields that are known, `id` and `model`."""
        call = self._pending(row, tags)
        call.messages, call.tools = messages, tools
        call.max_output_tokens = max_output_tokens
        # a clock that was put back must not keep the gate from being asked until it is there again
        if call.running or not 0 < self._no_budget_until - row["start_us"] <= _BELIEVED_US:
            self._ask_gate(call, request)
        self._open[call.id] = call
        return call

    def _ask_gate(self, call: Pending, request: Mapping[str, Any] | None) -> None:
        """Ask for the money; that there is no budget is believed for a second."""
        try:
            if self._gate.active(call):
                self._gate.reserve(call, request)
            elif not call.running:
                self._no_budget_until = call.row["start_us"] + _BELIEVED_US
        except (BudgetExceeded, BudgetStop) as error:
            call.open = False
            self.refusal = error.refusal
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours is no refusal
            warn_once(f"a budget could not be looked up ({type(error).__name__})", error)

    def _pending(self, row: dict[str, Any], tags: Mapping[str, str] | None) -> Pending:
        row["type"] = "call"
        if "start_us" not in row:
            row["start_us"] = context.now_us()
        if "billing_mode" not in row:
            row["billing_mode"] = "metered"
        held = context.current()
        if held is not context.NOTHING:
            _place.explicit(row, held)
            tags = {**(tags or {}), **held.tags} if held.tags else tags
        if self._project and "project" not in row:
            row["project"] = self._project
        if tags or self._tags:
            row["tags"] = context.merge_tags(self._tags, tags or {})
        return Pending(self, row, held.running)

    def end(
        self,
        call: Pending,
        usage: Usage | None,
        response: Any,
        tool_calls: Iterable[Mapping[str, Any]],
        fields: dict[str, Any],
    ) -> None:
        """Price a call, write its row and let the rest be done behind; never raises."""
        try:
            self._open.pop(call.id, None)
            billed = fields.pop("billed_usd", None)
            if billed is not None:
                call.charged(billed, str(fields.pop("billed_source", None) or "provider"))
            late, row = call.swept, call.row
            pico = call.close(usage, response, fields)
            self.write(_late(row) if late else row)
            if call.running:
                call.count(pico, again=late)
            if call.id in self._gate.held:
                self._settle(call, pico)
            if late:
                call.messages = call.tools = None  # reduced already
            if call.messages is not None or response is not None or tool_calls:
                self._reducing.put((row, call.messages, call.tools, response, tool_calls))
                call.messages = call.tools = call.below = None  # whoever holds it, holds no text
                call.told = ()
        except Exception as error:  # noqa: BLE001 - the agent goes on
            warn_once(f"a call could not be recorded ({type(error).__name__})", error)

    def _settle(self, call: Pending, pico: int) -> None:
        if call.row.get("usage_basis") != "unknown":  # else it expires into estimated spend
            self._gate.settle(call, pico if call.has_price else None)

    def drop(self, call: Pending) -> None:
        """Forget a call that turns out to be others, which are counted; never raises."""
        self._open.pop(call.id, None)
        self._gate.drop(call)

    def record(
        self, *, model: str, usage: Usage | None, provider: str | None = None, **fields: Any
    ) -> str:
        """Book one finished call by hand; its id. `fields` are any fields of `model.Call`.

        Without `usage` it is estimated from its text, as `Pending.finish` does.
        """
        end = {name: fields.pop(name, None) for name in ("response", "billed_usd")}
        tool_calls = fields.pop("tool_calls", ())
        messages, tools = fields.pop("messages", None), fields.pop("tools", None)
        tags = fields.pop("tags", None)
        duration = fields.pop("duration_ms", None)
        row = said({"provider": provider, **fields})
        row["id"] = row.get("id") or context.new_id()
        row["model"] = model or ""
        _place.around(row)
        call = self._pending(row, tags)
        call.messages, call.tools = messages, tools
        outer = [task.id for task in call.running if task.budget and task.id != row.get("task")]
        if outer:  # a call that asked the gate is held for them
            row["outer"] = outer
        call.finish(usage, tool_calls=tool_calls, duration_ms=duration or 0, **end)
        return call.id

    # --- around calls ----------------------------------------------------------------------
    def tool_ran(self, tool_call_id: str, seconds: float, *, failed: bool = False) -> None:
        """A tool was run for this tool call: told so that its result carries the seconds."""
        self._reducing.put(Ran(tool_call_id, seconds, failed))

    def session_over(self, session: str) -> None:
        """Nothing more will come in this session: what was unused in it can be scored."""
        self._reducing.put(Over(session))

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one typed line to the spool; never raises."""
        try:
            (self._spool or self._open_spool()).append(encode(line))
        except Exception as error:  # noqa: BLE001 - the agent goes on
            warn_once(f"a line could not be written ({type(error).__name__})", error)

    def write_all(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Append many at once; never raises."""
        try:
            (self._spool or self._open_spool()).append(b"".join(map(encode, lines)))
        except Exception as error:  # noqa: BLE001 - the agent goes on
            warn_once(f"lines could not be written at once ({type(error).__name__})", error)
            for line in lines:
                self.write(line)

    def _open_spool(self) -> Spool:
        url = self.settings.ledger
        self._spool = Spool(ledger_id(url), durability=self.settings.durability)
        drainer.start(url)
        return self._spool

    def book(self, lines: Sequence[Line]) -> Booked:
        """Price these lines and book them at once, for importers.

        Raises `LedgerUnreachable` when the ledger cannot be opened or locked.
        """
        if self._ledger is None:
            self._ledger = open_ledger(self.settings.ledger)
        return self._ledger.book([priced(line) for line in lines])

    # --- upkeep ----------------------------------------------------------------------------
    def sweep(self, older_than: float | None = None) -> None:
        """Close calls that never ended, oldest first, as unknown: they may have been billed."""
        seconds = ORPHAN_AFTER if older_than is None else older_than
        limit = time.perf_counter_ns() - int(seconds * 1e9)
        for call in list(self._open.values()):
            if call.began > limit:
                return
            call.orphan()

    def settle(self, timeout: float) -> None:
        """Have what is known of prompts and answers written, too; at most `timeout` seconds."""
        self._reducing.drain(timeout)

    def flush(self, timeout: float = 2.0) -> bool:
        """True when all that was recorded before is in the ledger; waits at most `timeout` s."""
        deadline = time.monotonic() + timeout
        self._reducing.drain(timeout)
        if self._spool is None:
            return True
        return drainer.flush(max(0.0, deadline - time.monotonic()), self.settings.ledger)

    def close(self, timeout: float = 0.5) -> None:
        """Sweep, reduce what is left within 300 ms, drain; bounded by `timeout` seconds."""
        deadline = time.monotonic() + timeout
        self.sweep(0)
        self._reducing.close(min(0.3, timeout))
        self.flush(max(0.0, deadline - time.monotonic()))
        if self._spool is not None:
            self._spool.close()
            self._spool = None
            drainer.stop(self.settings.ledger)
        self._gate.close()
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def after_fork(self) -> None:
        """A child begins with no open calls and no threads; its spool opens anew by itself."""
        self._open = {}
        self._ledger = None
        self._reducing.after_fork()


def _standing_tags(settings: Config) -> dict[str, str]:
    named = {"environment": settings.environment, "agent_version": settings.agent_version}
    return {**{k: v for k, v in named.items() if v}, **settings.tags}


def _late(row: Mapping[str, Any]) -> dict[str, Any]:
    """The end of a call that was already called unknown: the whole truth as an amendment."""
    ended = {"status": "ok", "error_type": None, "usage_basis": "measured", "missing": ()}
    return {**ended, **row, "type": "amend"}
