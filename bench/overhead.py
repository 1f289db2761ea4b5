"""What tracking adds to a LangChain call on the caller's thread, beside the others, in one run.

A fake chat model answers at once, so what is measured is the callbacks: none, a handler that
does nothing (LangChain's own floor), LangChain's counter in memory, ours (priced, and in the
spool when the call returns), and rivals where they are installed. Blocks of calls alternate;
the figure is the median block less the median block without callbacks.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

CALLS = 200  # in a block
TARGET_US, TARGET_RATIO = 55.0, 2.4


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--pause", type=float, default=0.0, help="ms between calls, as an agent")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(XDG_STATE_HOME=folder, XDG_CONFIG_HOME=folder, HOME=folder)
        model, handlers = _model(), dict(_handlers())
        runs = {name: _asking(model, handler) for name, handler in handlers.items()}
        wall, cpu = _measure(runs, args.rounds, args.pause / 1000)
        _print(wall, cpu)
        import finops_pack

        finops_pack.flush(60)


def _model() -> Any:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    counted = {
        "input_tokens": 1000,
        "output_tokens": 200,
        "total_tokens": 1200,
        "input_token_details": {"cache_read": 600},
        "output_token_details": {"reasoning": 50},
    }
    served = {"model_name": "gpt-4o-2024-08-06", "finish_reason": "stop"}
    number = itertools.count()

    class Instant(BaseChatModel):
        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            meta = {**served, "id": f"chatcmpl-{next(number)}"}
            message = AIMessage("hello there", usage_metadata=counted, response_metadata=meta)  # type: ignore[arg-type]
            return ChatResult(generations=[ChatGeneration(message=message)])

        def _get_ls_params(self, *_: Any, **__: Any) -> Any:
            return {"ls_provider": "openai", "ls_model_name": "gpt-4o", "ls_model_type": "chat"}

        @property
        def _llm_type(self) -> str:
            return "instant"

    return Instant()


def _handlers() -> Iterator[tuple[str, Any]]:
    from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler

    from finops_pack.adapters.langchain import FinOpsCallbackHandler

    class Empty(BaseCallbackHandler):
        def on_chat_model_start(self, serialized: Any, messages: Any, **_: Any) -> None:
            pass

        def on_llm_end(self, response: Any, **_: Any) -> None:
            pass

    yield "no callback", None
    yield "empty handler", Empty()
    yield "UsageMetadataCallbackHandler (in memory)", UsageMetadataCallbackHandler()
    yield "FinOpsCallbackHandler (priced, durable)", FinOpsCallbackHandler()
    try:
        from langfuse.langchain import CallbackHandler
    except ImportError:
        return
    os.environ.setdefault("LANGFUSE_HOST", "http://127.0.0.1:9")
    os.environ.setdefault("LANGFUSE_PUBLIC_KEY", "pk-lf-none")
    os.environ.setdefault("LANGFUSE_SECRET_KEY", "sk-lf-none")
    yield "langfuse", CallbackHandler()


def _asking(model: Any, handler: Any) -> Callable[[], Any]:
    config: Any = {"callbacks": [handler]} if handler else None
    return lambda: model.invoke("hi", config=config)


Times = dict[str, list[float]]


def _measure(runs: dict[str, Callable[[], Any]], rounds: int, pause: float) -> tuple[Times, Times]:
    """Microseconds a call of each block: on the clock, and of this thread's processor time."""
    wall: Times = {name: [] for name in runs}
    cpu: Times = {name: [] for name in runs}
    for ask in runs.values():
        _block(ask, 0.0)
    for _ in range(rounds):
        for name, ask in runs.items():
            on_clock, of_thread = _block(ask, pause)
            wall[name].append(on_clock)
            cpu[name].append(of_thread)
    return wall, cpu


def _block(ask: Callable[[], Any], pause: float) -> tuple[float, float]:
    on_clock = of_thread = 0.0
    calls = CALLS if not pause else 20
    for _ in range(calls if pause else 1):
        if pause:
            time.sleep(pause)
        began, thread = time.perf_counter(), time.thread_time()
        for _ in range(1 if pause else calls):
            ask()
        on_clock += time.perf_counter() - began
        of_thread += time.thread_time() - thread
    return on_clock / calls * 1e6, of_thread / calls * 1e6


def _print(wall: Times, cpu: Times) -> None:
    names = list(wall)
    bare = [statistics.median(times[names[0]]) for times in (wall, cpu)]
    floor = statistics.median(wall[names[1]]) - bare[0]
    print(f"a call without callbacks takes {bare[0]:.0f} µs\n")
    print(f"{'added µs a call':<44}{'clock':>8}{'thread':>8}{'x empty':>9}")
    for name in names[1:]:
        added = statistics.median(wall[name]) - bare[0]
        thread = statistics.median(cpu[name]) - bare[1]
        print(f"{name:<44}{added:>8.1f}{thread:>8.1f}{added / floor:>9.2f}")
    print(f"\ngoal: at most {TARGET_US:.0f} µs and {TARGET_RATIO} x the empty handler")


if __name__ == "__main__":
    main()
