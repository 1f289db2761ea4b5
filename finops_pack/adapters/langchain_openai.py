"""Usage in the streams of LangChain's OpenAI models behind a base_url or gateway, on request.

LangChain does not ask a foreign server for it, so such streams are estimated; with
`track(exact_streams=True)` they are asked, unless the user set `stream_usage=False`.
"""

from __future__ import annotations

from typing import Any

from finops_pack.adapters import _options, _patch

MODULES = ("langchain_openai.chat_models.base",)
TESTED = {"langchain-openai": ("1.0", "1.8")}
CANNOT_SEE = ()
HELPS = "langchain"


def install() -> None:
    """Let the choice decide where LangChain has no opinion; idempotent."""
    from langchain_openai.chat_models.base import BaseChatOpenAI

    _patch.replace(BaseChatOpenAI, "_should_stream_usage", _choosing)


def _choosing(original: Any) -> Any:
    def should(self: Any, stream_usage: bool | None = None, **kwargs: Any) -> bool:
        refused = stream_usage is False or self.stream_usage is False
        wanted = _options.exact_streams and not refused
        return wanted or original(self, stream_usage, **kwargs)

    return should
