"""Drives an importer over its files: batches into the ledger, and where each file was left."""

from __future__ import annotations

import gc
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from finops_pack import recorder
from finops_pack.errors import ConfigError, LedgerUnreachable
from finops_pack.importers._contract import File, Importer, Options, Progress, Summary
from finops_pack.importers._state import Item, Memory, Rejected, State
from finops_pack.ledger import Ledger, Line, open_ledger
from finops_pack.model import BillingMode
from finops_pack.recorder import Recorder

BATCH = 2000  # lines a transaction
PLACE, MEMORY, BILLING = "import", "import_memory", "import_billing"  # kinds of our documents


def run(
    importer: Importer, files: Sequence[File], options: Options, progress: Progress | None
) -> Summary:
    """Read what is new in these files into the ledger. Raises `LedgerUnreachable`."""
    job = _Job(importer, options)
    collecting = gc.isenabled()
    gc.disable()  # rows hold no cycles, and looking for some takes a quarter of the time
    try:
        _first(job, files, progress)
        if not options.dry_run:
            _second(job)
    finally:
        if collecting:
            gc.enable()
        job.close()
    return job.summary


def _first(job: _Job, files: Sequence[File], progress: Progress | None) -> None:
    done, total = 0, sum(found.st_size for _, found in files if found)
    for path, found in files:
        job.first_pass(path, found)
        done += found.st_size if found else 0
        if progress:
            progress(done, total)
    job.flush()


def _second(job: _Job) -> None:
    job.counting = False
    for path in job.states:
        job.second_pass(path)
    job.flush()


def billing_of(source: str, ledger_url: str) -> BillingMode | None:
    """What was said before about who pays for the calls of this source."""
    ledger = _open(ledger_url, create=False)
    body = ledger.get(BILLING, source) if ledger else None
    if ledger:
        ledger.close()
    return body["billing"] if body else None


def _recorder(ledger_url: str | None) -> Recorder:
    found = recorder.configure(ledger=ledger_url)
    if not found.enabled:
        raise ConfigError("FINOPS_DISABLE is set: nothing is recorded", mend="unset it")
    return found


def _open(ledger_url: str, create: bool) -> Ledger | None:
    try:
        return open_ledger(ledger_url, create=create)
    except LedgerUnreachable:
        if create:
            raise
        return None


class _Job:
    """One run: the batch in hand, the states of the files that have changed, the counts."""

    def __init__(self, importer: Importer, options: Options) -> None:
        self.importer, self.options = importer, options
        self.source = options.source or importer.NAME
        self.counting = True
        self._restated = False  # the payer has changed since the file was read
        self._details = getattr(importer, "details", None)
        self.states: dict[Path, State] = {}
        self._recorder = _recorder(options.ledger)
        self._ledger = _open(self._recorder.settings.ledger, not options.dry_run)
        self._places = self._ledger.documents(PLACE) if self._ledger else {}
        self._lines: list[Line] = []
        self._from: list[tuple[Path, int]] = []
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
    def first_pass(self, path: Path, found: os.stat_result | None) -> None:
        """The calls of one file, from where it was left."""
        self.summary.files += 1
        try:
            if found is None or not self.importer.AGENT:
                self._take(path, State(), self.importer.read)
            else:
                self._calls(path, found)
        except (OSError, EOFError, zlib.error) as error:
            self._reject(path, 0, getattr(error, "strerror", None) or str(error))

    def _calls(self, path: Path, found: os.stat_result) -> None:
        state = State.of(self._places.get(self._key(path)))
        same_payer = state.billing in ("", self.billing)
        self._restated = not same_payer
        if state.unchanged(found) and same_payer and state.done:
            self.summary.skipped += 1
            return
        if same_payer and state.grown(path):
            state.memory = self._recall(path)
        else:
            state = State()
        state.billing, state.peek = self.billing, self._recall
        self.states[path] = state
        if not state.unchanged(found):
            self._take(path, state, self.importer.read)
            state.leave(path, found)
            state.done = False
            self._keep(path, state)

    def second_pass(self, path: Path) -> None:
        """What only the analyses need of one file."""
        state = self.states[path]
        if self._details:
            self._take(path, state, self._details)
        state.done = True
        self._keep(path, state)

    def _recall(self, path: Path) -> Memory:
        """The memory of a file: of this run, or as it was kept."""
        if path in self.states:
            return self.states[path].memory
        kept = self._ledger.get(MEMORY, self._key(path)) if self._ledger else None
        return kept["memory"] if kept else {}

    def _keep(self, path: Path, state: State) -> None:
        place = {"type": "event", "key": self._key(path)}
        self._add({**place, "kind": MEMORY, "memory": state.memory}, path, 0)
        self._add({**place, "kind": PLACE, **state.body()}, path, 0)

    def _key(self, path: Path) -> str:
        return f"{self.source} {path}"

    # --- lines -----------------------------------------------------------------------------
    def _take(
        self, path: Path, state: State, read: Callable[[Path, State], Iterator[Item]]
    ) -> None:
        for item in read(path, state):
            if isinstance(item, Rejected):
                self._reject(path, item.line, item.reason)
            else:
                self._add(self._stamped(item), path, state.line)

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
            if self.options.billing or "billing_mode" not in line:
                line["billing_mode"] = self.billing
            if self._restated:
                line.pop("merge", None)  # what is told now holds, not what was told first
            if self.options.project:
                line["project"] = self.options.project
        return line  # type: ignore[no-any-return]

    def _add(self, line: Line, path: Path, number: int) -> None:
        self._lines.append(line)
        self._from.append((path, number))
        if len(self._lines) >= BATCH:
            self.flush()

    def _reject(self, path: Path, line: int, reason: str) -> None:
        self.summary.rejected.append(Rejected(line, reason, str(path)))

    def flush(self) -> None:
        """Book the batch in hand, or in a dry run say what would become of it."""
        lines, came, self._lines, self._from = self._lines, self._from, [], []
        if self.options.dry_run:
            self._compare(lines)
        elif lines:
            booked = self._recorder.book(lines)
            for index, reason in booked.rejected:
                self._reject(*came[index], reason)
            if self.counting:
                self.summary.new += booked.new
                self.summary.corrected += booked.corrected
                self.summary.unchanged += booked.unchanged

    def _compare(self, lines: Sequence[Line]) -> None:
        for line in lines:
            if line["type"] != "call":
                continue
            held = self._ledger.call(line["id"], self.source) if self._ledger else None
            if held is None:
                self.summary.new += 1
            elif all(getattr(held, name, value) == value for name, value in line.items()):
                self.summary.unchanged += 1
            else:
                self.summary.corrected += 1
