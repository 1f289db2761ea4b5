"""The `anthropic` SDK itself: messages, whole and streamed, on Bedrock and Vertex too.

Silent below another adapter.
"""

from __future__ import annotations

import sys
from typing import Any

from finops_pack import recorder
from finops_pack.adapters import _anthropic_read, _providers, _stainless
from finops_pack.adapters._ask import Dialect
from finops_pack.adapters._streams import Looked
from finops_pack.recorder._messages import get, listed

MODULES = ("anthropic._base_client",)
TESTED = {"anthropic": ("0.73", "3.0")}
CANNOT_SEE = (
    "with_streaming_response bodies that are never read: marked unknown",
    "what an advisor costs, or a model that declined halfway: counted, and the price is partial",
    "completions of the old text API: no row",
)


def asked(client: Any, options: Any, body: dict[str, Any]) -> dict[str, Any] | None:
    """What a request is about."""
    if not f"/{options.url}".partition("?")[0].endswith("/v1/messages"):
        return None
    system = body.get("system")
    head = [{"role": "system", "content": system}] if system else []
    return {
        "kind": "messages",
        "model": body.get("model"),
        "provider": _providers.of(client, "anthropic"),
        "framework_version": sys.modules["anthropic"].__version__,
        "messages": head + listed(body.get("messages")),
        "tools": body.get("tools"),
        "region": _anthropic_read.billed_by(body)["region"] or _providers.region(client),
        "request": body,
    }


def fetched(url: str, result: Any) -> None:
    """The results of a batch, at the batch's price, keyed as their import is."""
    if "/messages/batches/" in url and url.endswith("/results") and hasattr(result, "_iterator"):
        result._iterator = Looked(result._iterator, _batched)


def _batched(item: Any) -> None:
    message = get(item.result, "message")
    if message is None:  # errored, expired or cancelled: not billed
        return
    recorder.get().record(
        id=message.id,
        source="anthropic-batch",
        model=message.model,
        provider="anthropic",
        processing="batch",
        action="batch",
        adapter="anthropic",
        **_anthropic_read.answered("messages", message),
    )


def install() -> None:
    """Look at every request of the SDK."""
    dialect = Dialect(
        "anthropic", asked, _anthropic_read.answered, _anthropic_read.gathering, fetched
    )
    _stainless.patch(sys.modules["anthropic._base_client"], dialect)
