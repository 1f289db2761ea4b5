"""How a lever is found: it sees all calls once, holds sums of them, and is asked at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from finops_pack.levers._found import Found, Group, Tally
from finops_pack.levers._lever import Lever, Work
from finops_pack.levers._recent import Recent
from finops_pack.levers._runs import Run
from finops_pack.model import Call


class LeverSearch(ABC):
    """The search for one kind of lever; of a finished session or task it holds no call."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def see(self, call: Call) -> None:  # noqa: B027 (a search may live by `ended` alone)
        """The next paid call, in order of start."""

    def ended(self, run: Run) -> None:  # noqa: B027
        """A task that is over; in no order."""

    @abstractmethod
    def levers(self) -> Iterable[Lever]:
        """What was found, once all calls were seen and all tasks are over."""


class Session(Group, ABC):
    """What a lever must know of one agent in a session with one model while that goes on."""

    __slots__ = ()

    @abstractmethod
    def see(self, call: Call) -> None:
        """The session's next call."""

    def settle(self) -> None:
        """The session is over: say what it would have saved."""


S = TypeVar("S", bound=Session)


class SessionSearch(LeverSearch, Generic[S]):
    """Searches session by session, each agent of it on its own, and sums by model.

    A cache holds what an agent sent before: another one's prompts begin in another way.
    """

    session: Callable[[Work, Call], S]
    """Makes what is to be known of a session from its first call, which it has yet to see."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._saved = Tally()
        self._open = Recent[S](self._over)

    @abstractmethod
    def of_model(self, model: str, found: Found) -> list[Lever]:
        """The lever on what the sessions with a model would have saved."""

    def see(self, call: Call) -> None:
        """The next paid call; one without a session is in none."""
        if not call.session:
            return
        key = (call.answered_by, call.session, call.agent)
        session = self._open.get(key)
        if session is None:
            session = self.session(self.work, call)
            self._open.put(key, session)
        session.see(call)

    def _over(self, ended: Mapping[tuple[str, str, str | None], S]) -> None:
        for (model, *_), session in ended.items():
            session.settle()
            self._saved.add(model, session)

    def levers(self) -> Iterable[Lever]:
        """One a model, where there is something to save."""
        self._open.close()
        for model, found in self._saved:
            yield from self.of_model(model, found)
