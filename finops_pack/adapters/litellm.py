"""litellm: looked at where it opens and closes its own log of a call, over any client.

Every function of litellm, bound by whatever name, opens its log in the caller's context before
anything is sent and closes it before the caller has his answer. Below another adapter it is
silent. What an SDK that we know sees below is the provider's own word, and taken.
"""

from __future__ import annotations

import sys
from typing import Any

from finops_pack import context, recorder
from finops_pack.adapters import (
    _above,
    _ask,
    _litellm_batch,
    _litellm_read,
    _litellm_tries,
    _openai_read,
    _patch,
    _waiting,
)
from finops_pack.adapters._litellm_calls import Below, Live
from finops_pack.adapters._streams import Watched
from finops_pack.recorder import guard

MODULES = ("litellm",)
TESTED = {"litellm": ("1.106", "1.111")}
CANNOT_SEE = (
    "rerank, speech, realtime, videos, the proxy's pass-through routes",
    "transcription and image edits that take no OpenAI SDK",
    "an async context_window_fallback_dict over an HTTP client of litellm's own: no row",
)
_KINDS = {
    "completion": "chat",
    "text_completion": "completions",
    "embedding": "embeddings",
    "responses": "responses",
    "image_generation": "images",
    "anthropic_messages": "messages",
}
_MOCKS = ("mock_response", "mock_tool_calls", "mock_timeout")  # nobody is asked then
_PROVIDERS = {"litellm_proxy": "litellm"}


def install() -> None:
    """Look at every call from now on; idempotent."""
    from litellm import utils
    from litellm.caching import caching_handler
    from litellm.litellm_core_utils.litellm_logging import Logging
    from litellm.litellm_core_utils.llm_response_utils import response_metadata

    _litellm_tries.install(_begin, _answered, _failed)
    _litellm_batch.install()
    _patch.replace(Logging, "pre_call", _sending)
    _patch.replace(Logging, "failure_handler", _failing)
    for module in (response_metadata, utils, caching_handler):
        _patch.replace(module, "update_response_metadata", _answering)


@guard
def _begin(log: Any, options: dict[str, Any]) -> None:
    asked = str(getattr(log.call_type, "value", log.call_type))
    kind = _KINDS.get(asked) or _KINDS.get(asked.removeprefix("a"))
    ours = sys._getframe(3)  # above us: our guard and `function_setup`
    rec, above, before = recorder.get(), context.owner(ours.f_back), vars(log).get("finops")
    if kind is None or not rec.enabled or any(map(options.get, _MOCKS)):
        return
    named, model = _litellm_read.named(log, options)
    region, provider = _litellm_read.region(named, options), _PROVIDERS.get(named or "", named)
    if above is not None:
        below = kind != "embeddings"
        log.finops = Below(above, kind, region, (provider, model)) if below else None
        return
    call = rec.begin(
        model=model,
        provider=provider,
        region=region,
        adapter="litellm",
        framework="litellm",
        framework_version=_above.version_of("litellm"),
        messages=_litellm_read.messages(log, options),
        tools=options.get("tools"),
        max_output_tokens=_openai_read.longest(kind, options),
        request=options,
        action=_ask.action(5) or getattr(before, "action", None),
    )
    call.embeds = True
    call.waiting = _waiting.here(ours)
    log.finops = Live(call, kind)


def _sending(original: Any) -> Any:
    def pre_call(self: Any, *args: Any, **options: Any) -> Any:
        _sent(self)
        return original(self, *args, **options)

    return pre_call


@guard
def _sent(log: Any) -> None:
    """About to be sent; again, after a try that failed, when litellm retries by itself."""
    live: Live | Below | None = vars(log).get("finops")
    if live is not None and live.open:
        if live.sent:
            live.call.attempt()
        live.sent = True


def _failing(original: Any) -> Any:
    def failure_handler(self: Any, exception: Any, *args: Any, **options: Any) -> Any:
        _failed(self, exception)
        return original(self, exception, *args, **options)

    return failure_handler


@guard
def _failed(log: Any, error: Any) -> None:
    live: Live | Below | None = vars(log).get("finops")
    if live is not None and live.open:
        live.disown()
        live.failed(error, _litellm_read.refused(log, error))


def _answering(original: Any) -> Any:
    def update_response_metadata(*args: Any, **options: Any) -> Any:
        made = original(*args, **options)
        result = args[0] if args else options.get("result")
        log = args[1] if len(args) > 1 else options.get("logging_obj")
        _answered(log, result)
        return made

    return update_response_metadata


@guard
def _answered(log: Any, result: Any) -> None:
    live: Live | Below | None = vars(log).get("finops")
    if live is None or not live.open:
        return
    live.disown()
    if _litellm_read.is_hit(result):
        live.finish(None, status="cache_hit")
        return
    _litellm_read.charge(live.call, result)
    if hasattr(type(result), "__next__") or hasattr(type(result), "__anext__"):
        _litellm_read.watch(type(result))
        result.finops = Watched(None, live, _litellm_read.gathering(live.kind, result))
    else:
        live.finish(**_litellm_read.answered(live.kind, result))
