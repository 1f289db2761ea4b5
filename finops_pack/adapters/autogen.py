"""AutoGen 0.7: `create` and `create_stream` of every `ChatCompletionClient`, now or imported later.

    import finops_pack.auto                                   # or around one client:
    AssistantAgent("writer", FinOpsClient(client))

A client inside another (a cache, our wrapper) is part of the outer call. Streams are asked for
their usage, which AutoGen leaves out unless told.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

from finops_pack import context, recorder
from finops_pack.adapters import _above, _autogen_read, _ending, _patch
from finops_pack.recorder import Pending, guard

MODULES = ("autogen_core.models",)
TESTED = {"autogen-core": ("0.7", "0.8")}
CANNOT_SEE = (
    "OpenAIAssistantAgent, which asks no ChatCompletionClient but OpenAI's assistants: no row",
    "cached tokens of clients that use neither the OpenAI nor the Anthropic SDK",
    "cached tokens of a FinOpsClient without auto or track(), which ask the SDK: priced full",
)
end_well = _ending.autogen_client  # agents that end with a message where their budget does


def install() -> None:
    """Wrap every client class there is, and each that comes; idempotent."""
    from autogen_core.models import ChatCompletionClient

    base: Any = ChatCompletionClient
    if "finops" not in vars(base):
        base.finops = True
        _watch_subclasses(base)


def _watch_subclasses(base: Any) -> None:
    own = vars(base).get("__init_subclass__")

    def init_subclass(cls: Any, /, **options: Any) -> None:
        # what it inherits is Generic's, which is no Python function since 3.13
        begins = own.__get__(None, cls) if own else super(base, cls).__init_subclass__
        begins(**options)
        _wrap(cls)

    base.__init_subclass__ = classmethod(init_subclass)
    waiting = list(base.__subclasses__())
    while waiting:
        cls = waiting.pop()
        _wrap(cls)
        waiting += cls.__subclasses__()


def _wrap(cls: Any) -> None:
    """Wrap what this class itself defines; what it inherits is wrapped where it stands."""
    for name, wrapper in (("create", _creating), ("create_stream", _streaming)):
        method = vars(cls).get(name)
        if method is not None and not getattr(method, "__isabstractmethod__", False):
            _patch.replace(cls, name, wrapper)


def _creating(method: Callable[..., Any]) -> Callable[..., Any]:
    async def create(self: Any, *args: Any, **options: Any) -> Any:
        call = _begin(self, args, options)
        if call is None:
            return await method(self, *args, **options)
        try:
            with _above.owning(call):
                result = await method(self, *args, **options)
        except BaseException as error:
            _failed(call, error)
            raise
        _finished(call, result)
        return result

    return create


def _streaming(method: Callable[..., Any]) -> Callable[..., Any]:
    asks_usage = "include_usage" in inspect.signature(method).parameters

    async def create_stream(self: Any, *args: Any, **options: Any) -> Any:
        call = _begin(self, args, options)
        if asks_usage:
            _ask_usage(options)
        stream = method(self, *args, **options)
        if call is None:
            async for item in stream:
                yield item
            return
        last: Any = None
        came: list[str] = []
        try:
            steps = context.each_step(stream, lambda: _above.owning(call))
            async with contextlib.aclosing(steps) as stream:
                async for item in stream:
                    _piece(call, item, came)
                    last = item
                    yield item
        except BaseException as error:
            _failed(call, error, "".join(came))
            raise
        _finished(call, last)

    return create_stream


def _ask_usage(options: dict[str, Any]) -> None:
    if options.get("include_usage") is None:
        options["include_usage"] = True


@guard
def _begin(client: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Pending | None:
    if context.owned():
        return None
    request = _autogen_read.request(client, options.get("extra_create_args"))
    return recorder.get().begin(
        model=str(request.get("model") or type(client).__name__),
        provider=_autogen_read.provider(client),
        adapter="autogen",
        framework="autogen",
        framework_version=_above.version_of("autogen-core"),
        agent=_autogen_read.agent(),
        messages=options.get("messages", args[0] if args else None),
        tools=options.get("tools"),
        max_output_tokens=_autogen_read.longest(request),
        request=request,
    )


@guard
def _piece(call: Pending, item: Any, came: list[str]) -> None:
    if isinstance(item, str):
        call.first_token()
        came.append(item)


_finished, _failed = guard(_autogen_read.answer), guard(_autogen_read.failure)


def __getattr__(name: str) -> Any:
    if name != "FinOpsClient":
        raise AttributeError(name)
    from finops_pack.adapters import _autogen_client

    globals()[name] = cls = _autogen_client.made()
    _wrap(cls)
    return cls
