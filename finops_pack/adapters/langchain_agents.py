"""LangChain agents that end well: a refused budget becomes the agent's last message.

    agent = create_agent(model, tools, middleware=[BudgetMiddleware()])

Tracking does not need it; without it a refused call raises `BudgetExceeded`. With
`BudgetMiddleware(ask="Sum up what you have found so far.")` the message is the model's own, in
the money that the budget holds back for an answer.
"""

from __future__ import annotations

from typing import Any

from finops_pack.adapters._ending import MESSAGE, answered, answered_later
from finops_pack.errors import BudgetExceeded

MODULES = ("langchain.agents",)
TESTED = {"langchain": ("1.0", "1.6")}
CANNOT_SEE = ("before langchain 1.2.4, the name of an agent made by create_agent: no agent",)
HELPS = "langchain"


def install() -> None:
    """Nothing waits to be installed: the user names the middleware."""


def __getattr__(name: str) -> Any:
    if name != "BudgetMiddleware":
        raise AttributeError(name)
    from langchain.agents.middleware import AgentMiddleware
    from langchain_core.messages import AIMessage, HumanMessage

    class BudgetMiddleware(AgentMiddleware):
        """Answers in the model's place when a hard budget refuses the call."""

        def __init__(self, message: str = MESSAGE, ask: str | None = None) -> None:
            super().__init__()
            self.message = message
            self.ask = ask

        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            """Ask the model, or say that the budget is used up."""
            try:
                return handler(request)
            except BudgetExceeded as refused:
                again = self._asking(request)
                return self._last(answered(lambda: handler(again)) if again else None, refused)

        async def awrap_model_call(self, request: Any, handler: Any) -> Any:
            """The same, awaited."""
            try:
                return await handler(request)
            except BudgetExceeded as refused:
                again = self._asking(request)
                said = await answered_later(lambda: handler(again)) if again else None
                return self._last(said, refused)

        def _asking(self, request: Any) -> Any:
            if self.ask is None:
                return None
            return request.override(messages=[*request.messages, HumanMessage(self.ask)])

        def _last(self, said: Any, refused: BudgetExceeded) -> AIMessage:
            """Its words alone: the tools it may still ask for are not for the last word."""
            words = "".join(part.text for part in said.result) if said is not None else ""
            return AIMessage(words or self.message.format(reason=refused))

    globals()[name] = BudgetMiddleware
    return BudgetMiddleware
