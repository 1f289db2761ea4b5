"""litellm's batches: one call of the user's that asks in many threads is a task, unless in one."""

from __future__ import annotations

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from finops_pack.adapters import _above, _litellm_tries, _patch


def install() -> None:
    """Look at each from now on; idempotent."""
    import litellm

    for name in ("batch_completion", "batch_completion_models"):
        _patch.replace(litellm, name, _batch)
    threads: Any = sys.modules.get("litellm.batch_completion.main")  # hidden by its function
    if threads is not None:
        threads.ThreadPoolExecutor = Pool


def _batch(original: Any) -> Any:
    def batch_completion(*args: Any, **options: Any) -> Any:
        with _above.Work():
            return original(*args, **options)

    return batch_completion


class Pool(ThreadPoolExecutor):
    """Its threads would start without what is ours."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As of any pool, with the task and the action of who asks."""
        return super().submit(_litellm_tries.carrying(fn), *args, **kwargs)
