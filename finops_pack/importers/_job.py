"""One import: the batch in hand, the states of the files that have changed, the counts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from finops_pack import recorder
from finops_pack.errors import ConfigError, LedgerAbsent
from finops_pack.importers import _ahead
from finops_pack.importers._contract import File, Importer, Options, Progress, Summary
from finops_pack.importers._state import Item, Memory, Rejected, State
from finops_pack.ledger import Ledger, Line, open_ledger
from finops_pack.model import TOKEN_FIELDS, Call
from finops_pack.recorder import Recorder

BATCH = 2000  # lines a transaction
PLACE, MEMORY, BILLING = "import", "import_memory", "import_billing"  # kinds of our documents


def recorder_of(ledger_url: str | None) -> Recorder:
    """The recorder that books into this ledger; raises `ConfigError` where it is switched off."""
    found = recorder.configure(ledger=ledger_url)
    if not found.enabled:
        raise ConfigError("FINOPS_DISABLE is set: nothing is recorded", mend="unset it")
    return found


def opened(ledger_url: str, create: bool) -> Ledger | None:
    """The ledger; without `create` None where there is none."""
    try:
        return open_ledger(ledger_url, create=create)
    except LedgerAbsent:
        return None


class Job:
    """One run: the batch in hand, the states of the files that have changed, the counts."""

    def __init__(self, importer: Importer, options: Options) -> None:
        self.importer, self.options = importer, options
        self.source = options.source or importer.NAME
        self._counting = True
        self._done = self._bytes = 0
        self._details = getattr(importer, "details", None)
        self.states: dict[Path, State] = {}
        self._recorder = recorder_of(options.ledger)
        self._ledger = opened(self._recorder.settings.ledger, not options.dry_run)
        self._places = self._ledger.documents(PLACE) if self._ledger else {}
        self._lines: list[Line] = []
        self._from: list[tuple[Path, int]] = []
        self._foreseen: set[str] = set()  # ids that a dry run has called new
        self._said = options.billing not in (None, "unknown")  # else a log may know better
        self.billing = self._billing()
        self.summary = Summary(billing=self.billing)

    def _billing(self) -> str:
        said, ledger = self.options.billing, self._ledger
        if said and ledger and not self.options.dry_run:
            ledger.put(BILLING, self.source, {"billing": said})
        kept = ledger.get(BILLING, self.source) if ledger and not said else None
        return said or (str(kept["billing"]) if kept else "unknown")

    def close(self) -> None:
        """Give the ledger back."""
        if self._ledger:
            self._ledger.close()

    # --- files -----------------------------------------------------------------------------
    def first_pass(self, files: Sequence[File], progress: Progress | None) -> None:
        """The calls of all files, from where each was left."""
        self.summary.files = len(files)
        tasks = [(path, found, self._begun(path, found)) for path, found in files]
        news = [(path, found, state) for path, found, state in tasks if state is not None]
        size = sum(found.st_size for _, found, _ in news if found)
        self._bytes = size * (2 if self._details else 1)
        self.summary.skipped = len(files) - len(news)
        read = _ahead.read(self.importer, [(path, state) for path, _, state in news], size)
        for (path, found, state), items in zip(news, read, strict=True):
            self._first(path, found, state, items)
            self._passed(found.st_size if found else 0, progress)

    def _passed(self, size: int, progress: Progress | None) -> None:
        self._done += size
        if progress:
            progress(self._done, self._bytes)

    def _begun(self, path: Path, found: os.stat_result | None) -> State | None:
        """Where to go on in a file; None when nothing is new in it."""
        if found is None or not self.importer.AGENT:
            return State()
        state = State.of(self._places.get(self._key(path)))
        same_payer = state.billing in ("", self.billing)
        go_on = same_payer and not self.options.strict
        if go_on and state.done and state.unchanged(found):
            return None
        try:
            grown = go_on and state.grown(path)
        except OSError:
            grown = False
        if grown:
            state.memory = self._recall(path)
        else:
            state = State()
        state.restated, state.billing, state.peek = not same_payer, self.billing, self._recall
        self.states[path] = state
        return state

    def _first(
        self, path: Path, found: os.stat_result | None, state: State, items: Iterable[Item]
    ) -> None:
        if found and state.unchanged(found):
            return  # only its second pass was cut off
        try:
            self._take(path, state, items)
            if path in self.states and found:
                state.leave(path, found)
                state.done = False
                self._keep(path, state)
        except _ahead.UNREADABLE as error:
            self.states.pop(path, None)
            self._unreadable(path, error)

    def second_passes(self, progress: Progress | None) -> None:
        """What only the analyses need of the files with news; it changes calls, but adds none."""
        self._counting = False
        for path, state in self.states.items():
            try:
                if self._details:
                    self._take(path, state, self._details(path, state))
                    self._passed(state.size, progress)
                state.done = True
                self._keep(path, state)
            except _ahead.UNREADABLE as error:
                self._unreadable(path, error)

    def _recall(self, path: Path) -> Memory:
        """The memory of a file: of this run, or as it was kept."""
        if path in self.states:
            return self.states[path].memory
        kept = self._ledger.get(MEMORY, self._key(path)) if self._ledger else None
        return kept["memory"] if kept else {}

    def _keep(self, path: Path, state: State) -> None:
        place = {"type": "event", "key": self._key(path)}
        self._add(path, 0, {**place, "kind": MEMORY, "memory": state.memory})
        self._add(path, 0, {**place, "kind": PLACE, **state.body()})

    def _key(self, path: Path) -> str:
        """A path need not be UTF-8, what a ledger keeps has to be."""
        return f"{self.source} {path}".encode(errors="backslashreplace").decode()

    # --- lines -----------------------------------------------------------------------------
    def _take(self, path: Path, state: State, items: Iterable[Item]) -> None:
        for item in items:
            if isinstance(item, Rejected):
                self._reject(path, item.line, item.reason)
            else:
                line = self._stamped(item)
                self._add(path, state.line, line, *self._restated(line, state))

    def _restated(self, line: Line, state: State) -> Iterator[Line]:
        """Who pays now, for a call of which a merge would keep what was told first."""
        if state.restated and "merge" in line:
            named = {"type": "amend", "source": self.source, "id": line["id"]}
            yield {**named, "billing_mode": line["billing_mode"]}

    def _stamped(self, line: Any) -> Line:
        """The line under this run's source, with what the user said of it."""
        kind = line["type"]
        if kind in ("call", "amend"):
            line["source"] = self.source
        if kind == "call":
            self.summary.read += 1
            first = self.summary.first_us
            if first is None or line["start_us"] < first:
                self.summary.first_us = line["start_us"]
            if self._said or "billing_mode" not in line:
                line["billing_mode"] = self.billing
        if self.options.project and kind in ("call", "task"):
            line["project"] = self.options.project
        return line  # type: ignore[no-any-return]

    def _add(self, path: Path, number: int, *lines: Line) -> None:
        """Lines that one batch takes together, so that their call is counted once."""
        self._lines += lines
        self._from += [(path, number)] * len(lines)
        if len(self._lines) >= BATCH:
            self.flush()

    def _reject(self, path: Path, line: int, reason: str) -> None:
        self.summary.rejected.append(Rejected(line, reason, str(path)))

    def _unreadable(self, path: Path, error: Exception) -> None:
        self._reject(path, 0, getattr(error, "strerror", None) or str(error))

    def flush(self) -> None:
        """Book the batch in hand, or in a dry run say what would become of it."""
        lines, came, self._lines, self._from = self._lines, self._from, [], []
        if self.options.dry_run:
            self._compare(lines)
        elif lines:
            booked = self._recorder.book(lines)
            for index, reason in booked.rejected:
                self._reject(*came[index], reason)
            if self._counting:
                self.summary.new += booked.new
                self.summary.corrected += booked.corrected
                self.summary.unchanged += booked.unchanged

    def _compare(self, lines: Sequence[Line]) -> None:
        told = {line["id"]: line for line in lines if line["type"] == "call"}
        known = self._ledger.calls_of(list(told), self.source) if self._ledger else {}
        for name, line in told.items():
            if name in self._foreseen or (name in known and _same(known[name], line)):
                self.summary.unchanged += 1
            elif name in known:
                self.summary.corrected += 1
            else:
                self._foreseen.add(name)
                self.summary.new += 1


def _same(held: Call, line: Line) -> bool:
    """Whether the line would leave the call as it is; of a call told in part the most holds."""
    if "merge" in line:
        payer = line["billing_mode"] in ("unknown", held.billing_mode)
        return payer and all(getattr(held, name) >= line.get(name, 0) for name in TOKEN_FIELDS)
    told = ((name, value) for name, value in line.items() if value is not None)
    listed = ((name, tuple(value) if isinstance(value, list) else value) for name, value in told)
    return all(getattr(held, name, value) == value for name, value in listed)
