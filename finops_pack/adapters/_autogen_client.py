"""The class of `FinOpsClient`, made where AutoGen is there."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any


def made() -> Any:
    """A client around a client; still to be wrapped as every client class is."""
    from autogen_core.models import ChatCompletionClient

    class FinOpsClient(ChatCompletionClient):
        """The same client, tracked: `AssistantAgent("writer", FinOpsClient(client))`."""

        component_type = "model"

        def __init__(self, client: Any) -> None:
            self.client = client

        def __getattr__(self, attribute: str) -> Any:
            return getattr(self.client, attribute)

        async def create(self, *args: Any, **options: Any) -> Any:
            """As the client's."""
            return await self.client.create(*args, **options)

        async def create_stream(
            self, *args: Any, include_usage: bool | None = None, **options: Any
        ) -> Any:
            """As the client's, with its usage."""
            takes = inspect.signature(self.client.create_stream).parameters
            if "include_usage" in takes:
                options["include_usage"] = include_usage
            async for item in self.client.create_stream(*args, **options):
                yield item

        def dump_component(self) -> Any:
            """The client's own component: what is loaded from it is tracked by `auto`."""
            return self.client.dump_component()

    for method in _DELEGATED:
        setattr(FinOpsClient, method, _delegate(method))
    for attribute in ("model_info", "capabilities"):
        setattr(FinOpsClient, attribute, property(operator.attrgetter(f"client.{attribute}")))
    FinOpsClient.__abstractmethods__ = frozenset()
    return FinOpsClient


_DELEGATED = ("close", "actual_usage", "total_usage", "count_tokens", "remaining_tokens")


def _delegate(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        return getattr(self.client, name)(*args, **options)

    method.__name__ = name
    return method
