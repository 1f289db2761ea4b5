"""One session as long as it is open: what was sent, what was answered, what was used of it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from finops_pack.sketch._prefix import Digest
from finops_pack.sketch._unused import Piece, probabilities, readable
from finops_pack.sketch._words import Sketch, merged

RECENT = 16  # answers that an assistant's message is looked for in
WITNESSED = 0.8  # of its words stand in an answer seen here
ROUNDS = 24  # at most so many are compared with a segment: answers in a row are taken together
_SILENT = Sketch(array("q"), array("q"))


class Entry(NamedTuple):
    """A message or tool schema, read once."""

    digest: Digest
    segments: tuple[str, ...] = ()
    foreign: bool = False  # an answer of the assistant that this process did not see being given


@dataclass(slots=True)
class Held:
    """A segment of context and the calls that held it; `first` and `last` are their places."""

    id: str
    kind: str
    tokens: int
    pieces: Sequence[Sketch]
    source: str | None
    task: str | None
    first_call: str
    last_call: str
    first: int
    last: int
    calls: int = 1
    doubtful: bool = False
    told: bool = False

    def line(self, session: str, p_unused: float | None = None) -> dict[str, Any]:
        """Its line for the ledger: counts, a score, and keyed hashes."""
        line = {
            "type": "segment",
            "session": session,
            "id": self.id,
            "kind": self.kind,
            "tokens": self.tokens,
            "first_call": self.first_call,
            "last_call": self.last_call,
            "calls_held": self.calls,
            "p_unused": None if p_unused is None else round(p_unused, 4),
            "source": self.source,
            "task": self.task,
        }
        return {name: value for name, value in line.items() if value is not None}


@dataclass(slots=True)
class Session:
    """The state of one session; `size` is the memory it takes, in bytes, about."""

    id: str
    size: int = 1000
    known: dict[tuple[str, int, int], Entry] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    asked: list[Sketch] = field(default_factory=list)
    answers: list[Sketch] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def begin(self, call_id: str) -> int:
        """The place of a new call; its answer is silent until it comes."""
        self.places[call_id] = len(self.answers)
        self.answers.append(_SILENT)
        return self.places[call_id]

    def answer(self, call_id: str, said: Sketch) -> None:
        """What a call answered."""
        place = self.places.get(call_id)
        if place is not None:
            self.answers[place] = said
            self.size += said.size

    def witnessed(self, message: Sketch) -> bool:
        """Whether an assistant's message is an answer that was seen being given here."""
        words = set(message.words)
        need = WITNESSED * len(words)
        return any(len(words.intersection(a.words)) >= need for a in self.answers[-RECENT:])

    def hold(self, entries: Iterable[Entry], call_id: str, place: int) -> None:
        """Note that this call held these entries' segments."""
        present: list[Held] = []
        for entry in entries:
            if entry.foreign:
                for before in present:  # what others answered to it, nobody here knows
                    before.doubtful = True
            present.extend(self.held[segment] for segment in entry.segments)
        for segment in {s.id: s for s in present}.values():
            segment.calls += segment.last != place
            segment.last, segment.last_call = place, call_id

    def untold(self, place: int) -> list[dict[str, Any]]:
        """Lines of segments from earlier calls that no line speaks of yet: not yet scored."""
        new = [s for s in self.held.values() if not s.told and s.first < place]
        for segment in new:
            segment.told = True
        return [segment.line(self.id) for segment in new]

    def lines(self, *, scored: bool) -> list[dict[str, Any]]:
        """The last line of every segment; unscored where the session was cut off."""
        scores = self._scores() if scored else {}
        return [segment.line(self.id, scores.get(segment.id)) for segment in self.held.values()]

    def _scores(self) -> dict[str, float]:
        """Segment -> probability; absent where nothing can be said of it."""
        size = -(-len(self.answers) // ROUNDS) or 1
        starts = range(0, len(self.answers), size)
        answers = [merged(self.answers[i : i + size]) for i in starts]
        told = [(s, part) for s in self.held.values() if self._known(s) for part in s.pieces]
        flat = [Piece(part, s.first // size, s.last // size) for s, part in told]
        asked = merged(self.asked)
        if not flat or not readable(flat, answers, asked):
            return {}
        scores: dict[str, float] = {}
        for (segment, _), p in zip(told, probabilities(flat, answers, asked), strict=True):
            scores[segment.id] = min(p, scores.get(segment.id, 1.0))
        return scores

    def _known(self, segment: Held) -> bool:
        answered = any(a.words for a in self.answers[segment.first : segment.last + 1])
        return answered and not segment.doubtful
