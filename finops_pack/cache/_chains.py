"""Calls as chains: each call with the one before it that could have warmed its prefix."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from finops_pack.model import Call
from finops_pack.sessions import ids, sent, session_of, whose

OPEN = 10_000
_Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """A call and the one before it in its session, agent and model (None for the first).

    Where agents of one name are at work at once, it is the one whose tools' results it brings in.
    """

    call: Call
    before: Call | None

    @property
    def shared(self) -> int:
        """Tokens that the call before held too: what a perfect cache would have read."""
        if self.before is None:
            return 0
        return min(self.before.input_tokens, self.call.input_tokens)

    @property
    def known(self) -> bool:
        """Whether the provider told what a cache held of both."""
        return self.call.cache_known and (self.before is None or self.before.cache_known)

    @property
    def gap_s(self) -> float | None:
        """Seconds since the call before."""
        return None if self.before is None else (self.call.start_us - self.before.start_us) / 1e6


def chains(calls: Iterable[Call]) -> Iterator[Step]:
    """All calls with a prompt that reached a provider, in order of start.

    A chain is forgotten once 10,000 others have gone on since its last call.
    """
    last: OrderedDict[_Key, Call] = OrderedDict()
    asked: OrderedDict[tuple[_Key, str], Call] = OrderedDict()
    agents: OrderedDict[str, str] = OrderedDict()
    for call in sent(calls):
        if call.input_tokens > 0 and not call.problems:
            key = _key(call, agents)
            agents[call.id] = call.agent or ""
            told = [asked.pop((key, i), None) for i in ids(call.tool_results, "tool_call_id")]
            yield Step(call, next(filter(None, told), last.get(key)))
            asked.update(((key, i), call) for i in ids(call.tool_calls, "id"))
            last[key] = call
            last.move_to_end(key)
            for held in (last, asked, agents):
                _forget(held)


def _key(call: Call, agents: Mapping[str, str]) -> _Key:
    """Session, agent, the call of another agent that started it, model."""
    return session_of(call), *whose(call, agents), call.answered_by


def _forget(held: OrderedDict[Any, Any]) -> None:
    while len(held) > OPEN:
        held.popitem(last=False)
