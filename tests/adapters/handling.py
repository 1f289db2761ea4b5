"""What keeps each issue of others from us: how to take it away, and what its test then says.

`test_without_our_handling.py` takes each away. A function of the second part is one piece of
our handling, undone: what it patches is where it stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextvars import Context, ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import finops_pack
from finops_pack import context, recorder
from finops_pack.adapters import (
    _anthropic_read,
    _ask,
    _crewai_read,
    _langchain_read,
    _numbers,
    _usage,
    autogen,
    crewai,
    langchain,
    openai,
)
from finops_pack.importers import claude_code
from finops_pack.model import Usage
from finops_pack.recorder import Pending, Recorder
from tests.adapters import test_issues_crews_and_teams as crews
from tests.adapters import test_issues_langchain as chains

Patch = pytest.MonkeyPatch
GROUPS = range(1, 17)


@dataclass(frozen=True)
class Handling:
    """A test of an issue, what to take away, and what the test says then."""

    test: Callable[..., None]
    without: Callable[[Patch], None]
    says: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> int:
        """The number of the issue's group, which its test is named after."""
        return int(self.test.__name__.split("_")[1])

    def __str__(self) -> str:
        ways = [value for value in self.params.values() if isinstance(value, str)]
        return "-".join([self.test.__name__[5:], *ways, self.without.__name__])


def one_handler_a_process(patch: Patch) -> None:
    """langchain: the class of the handler is known again when `install` looks for it."""
    from langchain_core.tracers import context as tracers

    patch.setattr(tracers, "_configure_hooks", [*tracers._configure_hooks])
    patch.setattr(langchain, "_handler_class", langchain._handler_class.__wrapped__)


def cumulative_counts(patch: Patch) -> None:
    """anthropic: the counts of a stream's last event replace those of its first."""

    def added(self: Any, usage: Any) -> None:
        for name in _anthropic_read._COUNTS[:4]:
            self.counts[name] = self.counts.get(name, 0) + _numbers.first(usage, name)
        self.usage = _usage.anthropic(self.counts)

    patch.setattr(_anthropic_read.Events, "_count", added)


def cached_tokens_inside_the_input(patch: Patch) -> None:
    """OpenAI's counts have a reader of their own: cached tokens are part of its total."""
    read = _usage.openai

    def beside(usage: Any) -> Usage | None:
        found = read(usage)
        return found and replace(found, input_tokens=found.input_tokens + found.cache_read_tokens)

    patch.setattr(_usage, "openai", beside)


def marker_of_a_hit(patch: Patch) -> None:
    """langchain: a `total_cost` of 0 is the only sign of an answer from its cache."""
    patch.setattr(_langchain_read, "_HIT", "no such sign")


def estimate(patch: Patch) -> None:
    """recorder: counts that nobody gave are estimated from the text, and marked."""
    patch.setattr(Pending, "_made_up", lambda self, usage, response: usage or Usage())


def embeddings_of_the_sdk(patch: Patch) -> None:
    """openai: the SDK's embeddings are calls, also below a framework that does not tell."""
    patch.delitem(openai._KINDS, "/embeddings")


def handler_as_a_default(patch: Patch) -> None:
    """langchain: the handler is the default of its variable, so that no thread is without."""
    from langchain_core.tracers import context as tracers

    others = [
        hook for hook in tracers._configure_hooks if hook[2] is not langchain._handler_class()
    ]
    variable: ContextVar[Any] = ContextVar("set", default=None)
    variable.set(langchain._handler_class()())
    hook = (variable, True, langchain._handler_class(), None)
    patch.setattr(tracers, "_configure_hooks", [*others, hook])


def handler_inline(patch: Patch) -> None:
    """langchain: the handler runs where the call is awaited, not in a thread beside it."""
    patch.setattr(langchain._Handler, "run_inline", False)


def accounting_by_call(patch: Patch) -> None:
    """crewai: calls are counted one by one, not by `crew.usage_metrics`."""

    def kickoff_over(crew: Any, event: Any) -> None:
        total = crew.usage_metrics
        usage = Usage(total.prompt_tokens, total.completion_tokens)
        recorder.get().record(model="gpt-4o", usage=usage)

    patch.setattr(Pending, "end_as_told", lambda call, usage, **said: None)
    patch.setitem(crewai._LOOKS, "crew_kickoff_completed", kickoff_over)


def usage_of_the_bus_and_of_the_sdk(patch: Patch) -> None:
    """crewai: usage is read in every shape of the bus, and from the SDK below it."""
    patch.setattr(_crewai_read, "usage_of", lambda usage: None)
    patch.setattr(_ask.Told, "finish", lambda self, usage, **said: None)


def attribution_of_each_call(patch: Patch) -> None:
    """crewai: whose a call is, is read off its own event, not off the model that it shares."""
    first: dict[int, dict[str, Any]] = {}
    asked = crewai._asked

    def of_the_model(source: Any, event: Any) -> dict[str, Any]:
        return first.setdefault(id(source), asked(source, event))

    patch.setattr(crewai, "_asked", of_the_model)


def look_in_the_callers_context(patch: Patch) -> None:
    """crewai: events are looked at where they are emitted; the bus's pool has no context."""
    for kind, look in list(crewai._LOOKS.items()):
        patch.setitem(crewai._LOOKS, kind, lambda *told, look=look: Context().run(look, *told))


def look_at_once(patch: Patch) -> None:
    """crewai: no handler of the bus's pool is waited for, so that none is late."""
    for kind in list(crewai._LOOKS):
        patch.setitem(crewai._LOOKS, kind, lambda *told: None)


def usage_of_streams(patch: Patch) -> None:
    """autogen: its streams are asked for their usage."""
    patch.setattr(autogen, "_ask_usage", lambda options: None)


def kept_refusal(patch: Patch) -> None:
    """recorder: the reason of a refusal is kept beside the exception, whose type gets lost."""
    lost = property(lambda self: None, lambda self, refusal: None)
    patch.setattr(Recorder, "refusal", lost, raising=False)


def owner_above(patch: Patch) -> None:
    """context: an SDK below a framework that counts a call tells it, and counts nothing."""
    patch.setattr(context, "owner", lambda *seen_from: None)


def maximum_of_the_lines(patch: Patch) -> None:
    """claude_code: later lines of an answer have the counts that hold."""
    patch.setattr(claude_code._Call, "add", lambda self, usage: None)


def key_of_the_answer(patch: Patch) -> None:
    """claude_code: lines with the same ids are one call."""
    take = claude_code._take

    def by_line(calls: Any, line: bytes, state: Any) -> bool:
        record = json.loads(line)
        del record["message"]["id"], record["requestId"]  # one of them is enough
        return take(calls, json.dumps(record).encode(), state)

    patch.setattr(claude_code, "_take", by_line)


def error_that_is_raised(patch: Patch) -> None:
    """langchain: what the handler raises leaves it; the SDK below, which refuses too, is blind."""
    patch.setattr(langchain._Handler, "raise_error", False)
    patch.setattr(_ask, "begin", lambda client, options, streams, dialect: None)


def gate_of_the_sdk(patch: Patch) -> None:
    """SDKs: a request is begun, and may be refused, before it is sent."""
    patch.setattr(_ask, "begin", lambda client, options, streams, dialect: None)


def _refused(way: str, without: Callable[[Patch], None]) -> Handling:
    test = chains.test_16_riskkernel_55_a_refused_call_is_never_sent
    said = "DID NOT RAISE BudgetExceeded"
    return Handling(test, without, said, {"way": way, "error": finops_pack.BudgetExceeded})


HANDLED = (
    Handling(
        chains.test_1_langchain_32300_no_hook_is_leaked,
        one_handler_a_process,
        "assert 5 == 0",
    ),
    Handling(
        chains.test_2_langchain_32818_cache_tokens_of_streams_are_not_doubled,
        cumulative_counts,
        "assert 1200 == 600",
    ),
    Handling(
        chains.test_3_langfuse_12306_cached_tokens_are_part_of_the_input,
        cached_tokens_inside_the_input,
        "assert (1000, 600) == (400, 600)",
    ),
    Handling(
        chains.test_4_langfuse_2112_a_hit_in_langchains_cache_costs_nothing,
        marker_of_a_hit,
        "assert ('ok', 'ok') == ('ok', 'cache_hit')",
    ),
    Handling(
        chains.test_5_langgraph_4848_streams_without_usage_are_estimated,
        estimate,
        "assert 'measured' == 'estimated'",
        {"mode": "messages"},
    ),
    Handling(
        chains.test_6_langchain_15253_embeddings_are_counted_once,
        embeddings_of_the_sdk,
        "assert 2 == 0",
    ),
    Handling(
        chains.test_7_neuro_san_1357_executors_that_lose_context_lose_no_call,
        handler_as_a_default,
        "assert {'openai'} == {'langchain'}",
    ),
    Handling(
        chains.test_7_local_deep_research_6294_thirteen_http_calls_are_thirteen_full_rows,
        handler_as_a_default,
        "Extra items in the left set",
    ),
    Handling(
        chains.test_7_opik_8295_a_retry_is_told_to_the_async_call_that_waits,
        handler_inline,
        "('langchain', 1) != ('langchain', 2)",
    ),
    Handling(
        crews.test_8_crewai_7259_a_shared_llm_is_counted_once_a_call,
        accounting_by_call,
        "assert 4800 == (1 * 2400)",
    ),
    Handling(
        crews.test_9_crewai_4056_streams_of_kickoff_async_are_not_zero,
        usage_of_the_bus_and_of_the_sdk,
        "assert 'estimated' == 'measured'",
    ),
    Handling(
        crews.test_9_crewai_4170_streams_over_litellm_are_not_zero,
        usage_of_the_bus_and_of_the_sdk,
        "assert 'estimated' == 'measured'",
    ),
    Handling(
        crews.test_10_crewai_4168_tasks_at_once_keep_what_is_theirs,
        attribution_of_each_call,
        "assert 1 == 3",
    ),
    Handling(
        crews.test_10_crewai_4822_a_thread_that_loses_context_loses_no_call,
        look_in_the_callers_context,
        "assert 4 == 8",
    ),
    Handling(
        crews.test_11_crewai_6122_an_end_without_usage_is_counted_and_marked,
        estimate,
        "('ok', 'measured') != ('ok', 'estimated')",
    ),
    Handling(
        crews.test_11_crewai_6122_an_end_without_usage_is_counted_and_marked,
        look_at_once,
        "assert [] == [('ok', 'estimated')]",
    ),
    Handling(
        crews.test_12_autogen_6548_streams_are_not_zero,
        usage_of_streams,
        "assert 'estimated' == 'measured'",
    ),
    Handling(
        crews.test_13_autogen_6141_the_reason_survives_a_team_that_loses_the_type,
        kept_refusal,
        "assert None is not None",
    ),
    Handling(
        chains.test_14_phoenix_5628_framework_and_sdk_tracked_together_count_once,
        owner_above,
        "assert 4 == 8",
    ),
    Handling(
        crews.test_15_ccusage_888_a_streamed_answers_lines_are_one_call_the_last_wins,
        maximum_of_the_lines,
        "assert 1 == 70",
    ),
    Handling(
        crews.test_15_ccusage_888_a_streamed_answers_lines_are_one_call_the_last_wins,
        key_of_the_answer,
        "assert 3 == 1",
    ),
    *(_refused(w, error_that_is_raised) for w in ("invoke", "ainvoke", "stream", "batch", "agent")),
    _refused("sdk", gate_of_the_sdk),
)
