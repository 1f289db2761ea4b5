"""Classes of ours that have CrewAI's as bases, made where CrewAI is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from finops_pack.errors import BudgetExceeded


def aborted(refused: BudgetExceeded) -> BaseException:
    """The same refusal, as the one exception that no part of CrewAI swallows, where it has one."""
    try:
        from crewai.hooks.dispatch import HookAborted
    except ImportError:  # before CrewAI 1.15.3
        return refused

    class Stopped(BudgetExceeded, HookAborted):
        """Ours, and CrewAI's own word for it."""

        reason = property(lambda self: self.refusal.reason, lambda self, value: None)
        source = "finops_pack"

    Stopped.__name__ = Stopped.__qualname__ = "BudgetExceeded"
    return Stopped(refused.refusal)


def listener(install: Callable[[], None]) -> Any:
    """The class of `FinOpsListener`."""
    from crewai.events import BaseEventListener

    class FinOpsListener(BaseEventListener):
        """Track every crew of this process: `FinOpsListener()`, once, before the kickoff."""

        def setup_listeners(self, crewai_event_bus: Any) -> None:
            """The bus is looked at as a whole: there is nothing to subscribe one by one."""
            install()

    return FinOpsListener
