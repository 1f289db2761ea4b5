"""LangChain agents that end well: a refused budget becomes the agent's last message.

    agent = create_agent(model, tools, middleware=[BudgetMiddleware()])

Tracking does not need it; without it a refused call raises `BudgetExceeded`.
"""

from __future__ import annotations

from typing import Any

from finops_pack.errors import BudgetExceeded

MODULES = ("langchain.agents",)
TESTED = {"langchain": ("1.0", "1.5")}
CANNOT_SEE = ()
MESSAGE = "I stopped here because the budget for this work is used up. {reason}"


def install() -> None:
    """Nothing waits to be installed: the user names the middleware."""


def __getattr__(name: str) -> Any:
    if name != "BudgetMiddleware":
        raise AttributeError(name)
    from langchain.agents.middleware import AgentMiddleware
    from langchain_core.messages import AIMessage

    class BudgetMiddleware(AgentMiddleware):
        """Answers in the model's place when a hard budget refuses the call."""

        def __init__(self, message: str = MESSAGE) -> None:
            super().__init__()
            self.message = message

        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            """Ask the model, or say that the budget is used up."""
            try:
                return handler(request)
            except BudgetExceeded as refused:
                return AIMessage(self.message.format(reason=refused))

        async def awrap_model_call(self, request: Any, handler: Any) -> Any:
            """The same, awaited."""
            try:
                return await handler(request)
            except BudgetExceeded as refused:
                return AIMessage(self.message.format(reason=refused))

    globals()[name] = BudgetMiddleware
    return BudgetMiddleware
