"""One request of an SDK, from what was asked to what came back.

Below an adapter that counts already it is not a row of its own: what the SDK saw is told to the
call above, which then knows the provider's exact usage even where the framework loses it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from finops_pack import context, recorder
from finops_pack.adapters import _above, _caller, _raw
from finops_pack.adapters._streams import Gathering, observe
from finops_pack.model import Usage
from finops_pack.recorder import Pending, guard
from finops_pack.recorder._messages import get


class Dialect(NamedTuple):
    """What differs between the two SDKs.

    `asked(client, options, body)` gives the fields of `recorder.begin` and the `kind` of a billed
    request, None for any other. `answered(kind, body)` gives the arguments of `Pending.finish`
    from an answer, parsed or as JSON; `gathering(kind)` collects a stream's events into them.
    `fetched(url, result)` looks at everything else, for the results of batches.
    """

    name: str
    asked: Callable[[Any, Any, Any], dict[str, Any] | None]
    answered: Callable[[str, Any], dict[str, Any]]
    gathering: Callable[[str], Gathering]
    fetched: Callable[[str, Any], None]


ROOM = 1000
unanswered: dict[str, Pending] = {}
"""Calls whose answer is still being made, by its id: whoever fetches it later tells their end."""


class Told:
    """Stands in for a call where an adapter above counts it: passes on what was seen."""

    def __init__(
        self, above: Pending, asked: tuple[Any, Any] | None = None, region: str | None = None
    ) -> None:
        self.above, self.asked, self.region = above, asked, region
        self.open = True

    def finish(self, usage: Usage | None, **fields: Any) -> None:
        """The answer, whole. Hardly a framework keeps what its price depends on."""
        self.open = False
        fields["region"] = fields.get("region") or self.region
        self.above.told += ({"usage": usage, "asked": self.asked, **fields},)
        for name in ("service_tier", "region"):
            self.above.row.pop(name, None)
            if fields.get(name):
                self.above.row[name] = fields[name]

    def fail(self, error: BaseException | str, usage: Usage | None = None, **said: Any) -> None:
        """No answer. Of a cancellation the framework may never speak; other errors it will."""
        self.open = False
        if isinstance(error, BaseException) and type(error).__name__ == "CancelledError":
            self.above.cut(error, usage, **{**_above.known(self.above), **said})

    def orphan(self) -> None:
        """Nobody read it; the framework knows what it does."""
        self.open = False

    def first_token(self) -> None:
        """The first piece of a stream has come."""
        self.above.first_token()

    def estimate(self, response: Any) -> Usage:
        """The usage by length."""
        return self.above.estimate(response)


class Ask:
    """One request that is looked at."""

    __slots__ = ("call", "dialect", "gathered", "http", "kind", "owner", "streams")

    def __init__(self, call: Pending | Told, kind: str, dialect: Dialect, streams: bool) -> None:
        self.call, self.kind, self.dialect, self.streams = call, kind, dialect, streams
        self.owner: Pending = call if isinstance(call, Pending) else call.above
        self.owner.below = self
        self.http: Any = None
        self.gathered: Gathering | None = None

    def answered(self, body: Any) -> dict[str, Any]:
        """The arguments of `finish` from a body."""
        return self.dialect.answered(self.kind, body)

    def finish(self, body: Any) -> None:
        """End it with a body; one that is still being made leaves it unknown so far."""
        said = self.answered(body)
        self.call.finish(**said)
        if said.get("status") == "unknown":
            unanswered[str(said.get("response_id"))] = self.owner
            if len(unanswered) > ROOM:
                unanswered.pop(next(iter(unanswered)), None)

    def gathering(self) -> Gathering:
        """What collects its stream; of one that is cut the call above may hear first."""
        self.gathered = self.dialect.gathering(self.kind)
        return self.gathered


@guard
def begin(client: Any, options: Any, streams: bool, dialect: Dialect) -> Ask | None:
    """Start to look at a request; None when it is none of ours. A budget may refuse it here."""
    body = get(options, "json_data")
    rec = recorder.get()
    if not isinstance(body, dict) or not rec.enabled:
        return None
    fields = dialect.asked(client, options, body)
    if fields is None:
        return None
    kind, above = fields.pop("kind"), context.owner()
    if above is not None and (kind != "embeddings" or above.embeds):
        asked = fields["provider"], fields["model"]
        told = Told(above, asked, fields.get("region"))
        return Ask(told, kind, dialect, streams)
    extra = get(options, "extra_json")
    if isinstance(extra, dict):
        fields["request"] = {**body, **extra}
    call = rec.begin(adapter=dialect.name, framework=dialect.name, action=action(4), **fields)
    return Ask(call, kind, dialect, streams)


def action(depth: int) -> str | None:
    """What for: the framework's run around us says it, else the user's function that asks.

    Where it asks in a task or thread of its own, that is the function that began the run.
    `depth` is how many frames above this one are surely ours.
    """
    run = context.around()
    began: str | None = getattr(run, "function", None)
    return (run.action if run is not None else None) or _caller.name(depth + 1, began)


@guard
def end(ask: Ask, result: Any) -> None:
    """What the SDK is about to return: a parsed answer, a stream, or a raw response."""
    if ask.streams and hasattr(result, "_iterator"):
        observe(result, ask.call, ask.gathering())
    elif hasattr(result, "http_response"):
        _raw.look(ask, result)
    else:
        ask.finish(result)


@guard
def failed(ask: Ask, error: BaseException) -> None:
    """Refused by the provider, or billed and then refused by the SDK's own parser."""
    fields: dict[str, Any] = {}
    # What came last for this owner is another request's, where this one had no answer.
    http = ask.http if _above.rejects(error) else getattr(error, "response", None)
    if http is not None and http.is_success and not ask.streams:
        fields = ask.answered(_raw.body(http.content))
    if fields.get("usage") is not None:
        ask.call.finish(**{**fields, "error_type": type(error).__name__, "verifier": "schema"})
    else:
        ask.call.fail(error)
