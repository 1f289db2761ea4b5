"""litellm's tries: the first, and the retries and fallbacks that it makes with the same log.

That log's call has ended with the try that failed, so that each further one is begun anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any

from finops_pack.adapters import _patch

Tell = Callable[[Any, Any], None]


def install(begin: Tell, answered: Tell, failed: Tell) -> None:
    """Look at each from now on; idempotent."""
    import litellm
    from litellm import utils
    from litellm.caching.caching_handler import LLMCachingHandler
    from litellm.litellm_core_utils import fallback_utils

    _patch.replace(utils, "function_setup", partial(_opening, begin))
    _patch.replace(LLMCachingHandler, "__init__", partial(_trying, begin))
    _patch.replace(fallback_utils, "run_async_function", _in_a_thread)
    for name in ("acompletion_with_retries", "aresponses_with_retries"):
        _patch.replace(litellm, name, partial(_retrying, begin, answered, failed))


def _opening(begin: Tell, original: Any) -> Any:
    def function_setup(*args: Any, **options: Any) -> Any:
        log, left = original(*args, **options)
        begin(log, options)
        return log, left

    return function_setup


def _trying(begin: Tell, original: Any) -> Any:
    """Each function makes one of these as it begins; a retry or a fallback has an opened log."""

    def __init__(self: Any, *args: Any, **options: Any) -> None:
        original(self, *args, **options)
        asked = options.get("request_kwargs") or {}
        log = asked.get("litellm_logging_obj")
        if getattr(getattr(log, "finops", None), "refused", False) and not _is_inner(asked):
            begin(log, asked)

    return __init__


def _is_inner(asked: dict[str, Any]) -> bool:
    """In a thread of litellm's, for an async function that awaits the answer outside of it."""
    return asked.get("acompletion") is True or asked.get("aresponses") is True


def _retrying(begin: Tell, answered: Tell, failed: Tell, original: Any) -> Any:
    """Of an async function's own retries litellm logs neither beginning nor end."""

    async def retried(*args: Any, **options: Any) -> Any:
        log = options.get("litellm_logging_obj")
        if log is None:
            return await original(*args, **options)
        begin(log, options)
        try:
            result = await original(*args, **options)
        except Exception as error:
            failed(log, error)
            raise
        answered(log, result)
        return result

    return retried


def _in_a_thread(original: Any) -> Any:
    """Where a loop runs already, fallbacks run in a thread, which starts without what is ours."""

    def run_async_function(async_function: Any, *args: Any, **options: Any) -> Any:
        begun = carrying(async_function)

        async def inside(*args: Any, **options: Any) -> Any:
            return await begun(*args, **options)

        return original(inside, *args, **options)

    return run_async_function


def carrying(function: Any) -> Any:
    """A function that finds what is ours here in whatever thread it is called."""
    ours = [(var, value) for var, value in copy_context().items() if "finops" in var.name]

    def inside(*args: Any, **options: Any) -> Any:
        for var, value in ours:
            var.set(value)
        return function(*args, **options)

    return inside
