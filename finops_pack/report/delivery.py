"""Deliver what is due, each day once: claim, ask where a try was unclear, send, remember."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from finops_pack.errors import InputError
from finops_pack.report import moved, outbox, tries
from finops_pack.report.advice import delivered_row, left_row
from finops_pack.report.client import Client, Reply
from finops_pack.report.due import Days, Due
from finops_pack.report.held import Held
from finops_pack.report.outbox import Entry

if TYPE_CHECKING:
    from finops_pack.ledger import Ledger
    from finops_pack.report.keys import Target

ROUNDS = 4  # tries of a day in one run; the next run goes on
FIRST_PAUSE = 0.5  # seconds, doubled each round
PATIENCE = 45.0  # seconds that one run may wait in all
AGAIN = ("retry", "unclear", "quiet", "busy", "hold")  # what another round may help
NOT_THE_REPORT = (301, 302, 303, 307, 308, 401, 403, 404, 405)  # every day would fare so


@dataclass(frozen=True)
class Clock:
    """Time as a run sees it; replaced where a day must pass in a second."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Delivery:
    """What became of each day that was due; the lists hold JSON-ready rows."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    pending: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to deliver."""
        return not self.pending and not self.failed


class Sender:
    """One run against one target; `only` is one date, today's included."""

    def __init__(
        self,
        ledger: Ledger,
        days: Days,
        target: Target,
        *,
        only: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._ledger = ledger
        self._days = days
        self._target = target
        self._key = target.key.fingerprint if target.key else None
        self._only = only
        self._clock = clock or Clock()
        self._patience = PATIENCE
        self._sent: list[dict[str, Any]] = []

    def due(self) -> list[Due]:
        """What stands to be delivered now."""
        return self._days.due(self._entries(), self._clock.now(), self._key, self._only)

    def run(self, client: Client) -> Delivery:
        """Try what is due, a few rounds at most, and say what became of it."""
        self._change_keys(client)
        turn = 0
        while turn < ROUNDS and self._pause(self._hold()):
            due, before = self.due(), len(self._sent)
            wait = self._round(due, client) if due else None
            if wait is None:
                break
            if len(self._sent) > before and self._hold():
                continue  # it takes them in, at its own pace
            turn += 1
            backoff = FIRST_PAUSE * 2 ** (turn - 1) * random.uniform(0.8, 1.2)
            if turn < ROUNDS and not self._pause(max(wait, backoff)):
                break
        return self.outcome()

    def believe(self) -> Delivery:
        """Take the word of a person who has seen the day on the server, as it should be there.

        Raises `InputError` while the day is not over, or another process is sending it.
        """
        now = self._clock.now()
        for one in self.due():
            seen = one.seen or Entry(self._target.url, one.date)
            if not one.complete or seen.held(now):
                why = "another process is sending it" if one.complete else "it is not over"
                raise InputError(f"{one.date} cannot be called delivered: {why}")
            if not seen.open:  # else what was tried then is what landed
                seen = replace(seen, hash=one.content, figures=one.figures, body=None)
            seen = replace(seen, key=self._key)
            self._finish(one, one.seen, seen.delivered(now, seen.report_id))
        return self.outcome()

    def outcome(self) -> Delivery:
        """What this run sent, and what is left."""
        entries = self._entries()
        asked = {d: e for d, e in entries.items() if self._only in (None, d)}
        failed = [e for e in asked.values() if e.state == "failed"]
        due = [entries.get(d.date) or Entry(self._target.url, d.date) for d in self.due()]
        pending = [e for e in due if e.state != "failed" and not e.changed]
        if self._target.key is None:
            no_key = f"no key for {self._target.url}; get one with: finops connect"
            pending = [replace(e, error=no_key) for e in pending]
        by_date = [sorted(group, key=lambda e: e.date) for group in (pending, failed)]
        return Delivery(self._sent, *([left_row(e) for e in group] for group in by_date))

    def _entries(self) -> dict[str, Entry]:
        return outbox.entries(self._ledger, self._target.url)

    def _hold(self) -> float:
        """Seconds that the server asked us to stay away."""
        now = self._clock.now()
        moments = [e.hold_until for e in self._entries().values()]
        return max((moment - now for moment in moments if outbox.ahead(moment, now)), default=0.0)

    def _pause(self, seconds: float) -> bool:
        """Wait, if this run has the patience."""
        if seconds > self._patience:
            return False
        if seconds > 0:
            self._patience -= seconds
            self._clock.sleep(seconds)
        return True

    def _change_keys(self, client: Client) -> None:
        """Under another key it may be another account, which holds nothing as yet."""
        days = moved.moved(self._ledger, self._target.url, self._key)
        if not days or self._hold():
            return
        reply = client.trends()
        if reply.kind == "ok":  # else the next run finds out
            held = Held.of(reply, self._clock.now())
            moved.settle(self._ledger, days, held, self._key, self._days.reporter)

    def _round(self, due: list[Due], client: Client) -> float | None:
        """Try each day once; the seconds after which another round may help, None for never."""
        reply = client.trends()
        if not _tells(reply):
            until = tries.until(reply.retry_after, self._clock.now())
            self._note(due[0], reply.message, until)
            return 0.0
        held = Held.of(reply, self._clock.now())
        waits: list[float] = []
        in_a_row = 0
        for one in due:
            became = self._try(one, held, client)
            if became in AGAIN:
                quiet = one.seen.quiet_until if one.seen and became == "quiet" else 0.0
                waits.append(quiet - self._clock.now())
            in_a_row = in_a_row + 1 if became in ("retry", "unclear") else 0
            if became in ("stop", "hold") or in_a_row == 2:
                break
        return max(0.0, *waits) if waits else None

    def _try(self, one: Due, held: Held, client: Client) -> str:
        """One day: ok, refused, stop, skipped, or one of `AGAIN`."""
        now = self._clock.now()
        seen = one.seen or Entry(self._target.url, one.date)
        if seen.held(now):
            return "busy"
        if seen.open and not held.replaces and (became := self._judged(one, seen, held)):
            return became
        # A server that may add up what it gets is sent no day twice, and no half a day.
        if not held.replaces and one.correction:
            outbox.swap(self._ledger, one.seen, replace(seen, changed=True))
            return "skipped"
        if not held.replaces and not one.complete:
            self._note(one, "the day is not over, and this server may not replace it later")
            return "skipped"
        claimed = tries.claimed(one, seen, held.day(one.date), now=now, key=self._key)
        if not outbox.swap(self._ledger, one.seen, claimed):
            return "busy"
        return self._send(one, claimed, client)

    def _judged(self, one: Due, seen: Entry, held: Held) -> str | None:
        """What became of a day that may have landed; None where it is to be sent."""
        now = self._clock.now()
        landed = held.landed(seen)
        if landed:
            self._finish(one, one.seen, seen.delivered(now, seen.report_id))
            return "ok"
        if outbox.ahead(seen.quiet_until, now):
            return "quiet"
        # Nothing tells. A 5xx is an answer, to be tried again; where none came a person decides:
        # whoever was told and names the date has looked.
        lost = seen.lost or seen.state == "sending"
        if landed is None and lost and not (self._only and seen.doubt):
            doubt = replace(seen, state="pending", unclear=True, lost=True, doubt=True)
            outbox.swap(self._ledger, one.seen, doubt)
            return "skipped"
        return None

    def _note(self, one: Due, error: str, hold_until: float = 0.0) -> None:
        """Remember why a day could not even be tried."""
        seen = one.seen or Entry(self._target.url, one.date)
        if not seen.held(self._clock.now()):
            outbox.swap(self._ledger, one.seen, replace(seen, error=error, hold_until=hold_until))

    def _send(self, one: Due, claimed: Entry, client: Client) -> str:
        report = one.report
        key = f"{report.reporter}:{report.date}:{report.content_hash}"
        reply = client.send(report.text(), key)
        told = tries.answered(claimed, reply, one.seen, now=self._clock.now())
        self._finish(one, claimed, told)
        if reply.retry_after:
            return "hold"
        return "stop" if reply.status in NOT_THE_REPORT else reply.kind

    def _finish(self, one: Due, old: Entry | None, new: Entry) -> None:
        outbox.swap(self._ledger, old, new)
        if new.state == "sent":
            self._sent.append(delivered_row(new, one.report))


def _tells(reply: Reply) -> bool:
    """Whether an answer of cost-trends lets us go on: from one that replaces, any but "wait"."""
    if reply.replaces and reply.kind == "unclear":
        return not reply.retry_after
    return reply.kind in ("ok", "refused")
