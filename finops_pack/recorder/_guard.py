"""What keeps our faults away from the user's agent: logged once, swallowed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from finops_pack import log
from finops_pack.errors import BudgetExceeded

F = TypeVar("F", bound=Callable[..., Any])
_said: set[str] = set()


def warn_once(message: str, error: BaseException | None = None) -> None:
    """One warning a cause and process, through the logger `finops_pack`; never raises."""
    if message in _said or len(_said) > 1000:
        return
    _said.add(message)
    log.warning(message, error)


def guard(function: F) -> F:
    """Decorate an adapter's entry point: only a refused budget ever leaves it."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BudgetExceeded:
            raise
        except Exception as error:  # noqa: BLE001 - nothing of ours may break the agent
            name = f"{function.__module__}.{function.__qualname__}"
            warn_once(f"{name} failed; this call may be missing ({type(error).__name__})", error)
            return None

    return guarded  # type: ignore[return-value]
