"""The common base of the `openai` and `anthropic` SDKs: every request passes `request` once.

Beside the request itself its retries and headers are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from finops_pack import context
from finops_pack.adapters import _ask, _numbers, _patch
from finops_pack.adapters._ask import Ask, Dialect
from finops_pack.recorder import Pending, guard


def patch(base: ModuleType, dialect: Dialect) -> None:
    """Look at every request of an SDK, sync and async, whole and streamed; idempotent."""
    sync, other = base.SyncAPIClient, base.AsyncAPIClient
    _patch.replace(sync, "request", lambda original: _request(original, dialect))
    _patch.replace(other, "request", lambda original: _request_async(original, dialect))
    _patch.replace(sync, "_sleep_for_retry", _sleep)
    _patch.replace(other, "_sleep_for_retry", _sleep_async)
    for client in (sync, other):
        _patch.replace(client, "_process_response", _process)


def _request(original: Any, dialect: Dialect) -> Any:
    def request(self: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        ask = _ask.begin(self, options, bool(kwargs.get("stream")), dialect)
        if ask is None:
            return _fetched(dialect, options, original(self, cast_to, options, **kwargs))
        with _owned(ask):
            result = original(self, cast_to, options, **kwargs)
        _ask.end(ask, result)
        return result

    return request


def _request_async(original: Any, dialect: Dialect) -> Any:
    async def request(self: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        ask = _ask.begin(self, options, bool(kwargs.get("stream")), dialect)
        if ask is None:
            return _fetched(dialect, options, await original(self, cast_to, options, **kwargs))
        with _owned(ask):
            result = await original(self, cast_to, options, **kwargs)
        _ask.end(ask, result)
        return result

    return request


def _fetched(dialect: Dialect, options: Any, result: Any) -> Any:
    guard(dialect.fetched)(str(getattr(options, "url", "")), result)
    return result


@contextmanager
def _owned(ask: Ask) -> Iterator[None]:
    before = context.own(ask.owner)
    try:
        yield
    except BaseException as error:
        _ask.failed(ask, error)
        raise
    finally:
        context.disown(ask.owner, before)


def _sleep(original: Any) -> Any:
    def _sleep_for_retry(self: Any, **kwargs: Any) -> None:
        original(self, **kwargs)
        _retried()

    return _sleep_for_retry


def _sleep_async(original: Any) -> Any:
    async def _sleep_for_retry(self: Any, **kwargs: Any) -> None:
        await original(self, **kwargs)
        _retried()

    return _sleep_for_retry


@guard
def _retried() -> None:
    held: Pending | None = context.owner()
    if held is not None:
        held.attempt()


def _process(original: Any) -> Any:
    def _process_response(self: Any, **kwargs: Any) -> Any:
        _look(kwargs.get("response"))
        return original(self, **kwargs)

    return _process_response


@guard
def _look(response: Any) -> None:
    """The headers: the provider's request id, and a gateway's own price."""
    held: Pending | None = context.owner()
    if held is None or response is None or held.below is None:
        return
    held.below.http = response
    identity = response.headers.get("x-request-id") or response.headers.get("request-id")
    if identity:
        held.row["request_id"] = identity
    cost = _numbers.dollars(response.headers.get("x-litellm-response-cost"))
    if cost is not None:
        held.charged(cost, "litellm")
