"""LangChain's models that complete text, where they are awaited: a request below is theirs.

LangChain tells of their beginning in a task of its own, whose context the request does not see.
"""

from __future__ import annotations

from typing import Any

from finops_pack.adapters import _langchain_live, _patch

MODULES = ("langchain_core.language_models.llms",)
TESTED = {"langchain-core": ("1.0", "1.9")}
CANNOT_SEE = ()
HELPS = "langchain"


def install() -> None:
    """Own the requests where they are awaited."""
    from langchain_core.language_models.llms import BaseLLM

    _patch.replace(BaseLLM, "_agenerate_helper", _owning)


def _owning(original: Any) -> Any:
    async def _agenerate_helper(
        self: Any, prompts: Any, stop: Any, run_managers: Any, **said: Any
    ) -> Any:
        with _langchain_live.owning(run_managers):
            return await original(self, prompts, stop, run_managers, **said)

    return _agenerate_helper
