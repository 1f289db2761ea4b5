"""Tasks in brief: what started them, and what a lever may ask of them once they are over."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from finops_pack.levers._found import Group, place_of
from finops_pack.levers._recent import Recent
from finops_pack.levers._rhythm import Beat, Rhythm, Start
from finops_pack.levers._sample import Brief
from finops_pack.model import Call, Facts

CLOCK = ("cron", "heartbeat")
SHORT = 3


class Run(Group):
    """One task. `short` are all its calls while they are no more than `SHORT`, then none."""

    __slots__ = ("agent", "answer", "beats", "project", "short", "told", "used_tools")

    def __init__(self, first: Call) -> None:
        super().__init__(place_of(first))
        self.project = first.project or ""
        self.agent = first.agent or ""
        self.told: str | None = None
        self.beats: tuple[Beat, ...] = ()
        self.short: tuple[Brief, ...] = ()
        self.answer: str | None = None
        self.used_tools = False

    def see(self, call: Call) -> None:
        """The task's next call."""
        self.note(call)
        self.usd += call.amount_usd
        self.told = self.told or call.trigger
        self.answer = call.response_hash
        self.used_tools = self.used_tools or bool(call.tool_calls)
        self.short = (*self.short, Brief.of(call)) if self.count <= SHORT else ()

    @property
    def start(self) -> Start:
        """What started it, for `Rhythm.trigger`."""
        return self.told or self.beats

    @property
    def may_be_clocked(self) -> bool:
        """Whether a clock started it, or its rhythm may yet say so."""
        return self.told is None or self.told in CLOCK


class Runs:
    """The tasks that go on; each is told of once it is over."""

    def __init__(self, facts: Facts, rhythm: Rhythm, tell: Callable[[Run], None]) -> None:
        self._facts = facts
        self._rhythm = rhythm
        self._tell = tell
        self._open = Recent[Run](self._over)

    def see(self, call: Call) -> None:
        """The next paid call; one without a task is in no run."""
        if not call.task:
            return
        run = self._open.get(call.task)
        if run is None:
            run = Run(call)
            self._open.put(call.task, run)
        run.see(call)
        if not call.trigger:
            self._beat(run, call)

    def _beat(self, run: Run, call: Call) -> None:
        beat = (call.project or "", call.agent or "")
        if beat not in run.beats:
            run.beats = (*run.beats, beat)
            self._rhythm.begin(beat, call.start_us)

    def close(self) -> None:
        """All tasks are over."""
        self._open.close()

    def _over(self, ended: Mapping[str, Run]) -> None:
        rows = self._facts.tasks(ended) if ended else {}
        for task, run in ended.items():
            row = rows.get(task)
            run.told = (row.trigger if row else None) or run.told
            self._tell(run)
            run.short = ()  # the run may be held on to
