"""What tracking adds to a LangChain call on the caller's thread, beside the others, in one run.

A fake chat model answers at once, so what is measured is the callbacks: none, a handler that
does nothing (LangChain's own floor), LangChain's counter in memory, ours (priced, and in the
spool when the call returns), and rivals where they are installed. The model can stream, as every
provider's can: LangChain looks at each handler for that. Blocks of calls alternate, with a rest
after each, so that no block pays for what another left to background threads. Others use the
machine too, so a block is timed in slices, and a figure is that of the quietest slice (as timeit
has it) less the quietest one without callbacks; "all threads", with the rest, of whole blocks.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import finops_pack
from finops_pack import recorder

SLICES = 10  # in a block
SLICE = 20  # calls
WARM_UP = 20  # calls before a block, not counted
REST = 0.2  # seconds after a block, for the rivals' threads; ours are waited for
TARGET_US, TARGET_RATIO = 55.0, 2.4


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--pause", type=float, default=0.0, help="ms between calls, as an agent")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(XDG_STATE_HOME=folder, XDG_CONFIG_HOME=folder, HOME=folder)
        model, handlers = _model(), dict(_handlers())
        runs = {name: _asking(model, handler) for name, handler in handlers.items()}
        _print(_measure(runs, args.rounds, args.pause / 1000))
        recorder.close()  # before its folder goes


def _model() -> Any:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    counted: Any = {
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
            message = AIMessage("hello there", usage_metadata=counted, response_metadata=meta)
            return ChatResult(generations=[ChatGeneration(message=message)])

        def _stream(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError  # there, as in every provider's model: LangChain looks for it

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

    def ask() -> Any:
        return model.invoke("hi", config=config)

    return ask


Block = tuple[list[tuple[float, float]], float]
"""Microseconds a call: on the clock and of this thread's processor, by slice; of the process."""


def _measure(
    runs: dict[str, Callable[[], Any]], rounds: int, pause: float
) -> dict[str, list[Block]]:
    blocks: dict[str, list[Block]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name in random.sample(list(runs), len(runs)):  # each follows each
            blocks[name].append(_block(runs[name], pause))
    return blocks


def _block(ask: Callable[[], Any], pause: float) -> Block:
    for _ in range(WARM_UP):
        ask()
    count, calls = (20, 1) if pause else (SLICES, SLICE)
    process = time.process_time()
    slices = [_slice(ask, calls, pause) for _ in range(count)]
    finops_pack.flush(60)
    time.sleep(REST)
    return slices, (time.process_time() - process) / (count * calls) * 1e6


def _slice(ask: Callable[[], Any], calls: int, pause: float) -> tuple[float, float]:
    time.sleep(pause)
    clock, thread = time.perf_counter(), time.thread_time()
    for _ in range(calls):
        ask()
    clock, thread = time.perf_counter() - clock, time.thread_time() - thread
    return clock / calls * 1e6, thread / calls * 1e6


def _figures(blocks: list[Block]) -> tuple[float, float, float]:
    """Microseconds a call: on the clock, of this thread's processor, of the whole process's."""
    slices = (one for slices, _ in blocks for one in slices)
    clock, thread = (min(of) for of in zip(*slices, strict=True))
    return clock, thread, min(process for _, process in blocks)


def _print(blocks: dict[str, list[Block]]) -> None:
    figures = {name: _figures(of) for name, of in blocks.items()}
    bare, *named = figures
    print(f"a call without callbacks takes {figures[bare][0]:.0f} µs\n")
    print(f"{'added µs a call':<44}{'clock':>8}{'thread':>8}{'all threads':>13}{'x empty':>9}")
    added = {n: [a - b for a, b in zip(figures[n], figures[bare], strict=True)] for n in named}
    for name, (clock, thread, process) in added.items():
        times_empty = clock / added[named[0]][0]
        print(f"{name:<44}{clock:>8.1f}{thread:>8.1f}{process:>13.1f}{times_empty:>9.2f}")
    print(f"\ngoal: at most {TARGET_US:.0f} µs and {TARGET_RATIO} x the empty handler")


if __name__ == "__main__":
    main()
