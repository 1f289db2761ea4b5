"""Who calls and what for: explicit, nested, and never under the wrong customer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

import finops_pack
from finops_pack import Usage, config, context, recorder
from finops_pack.ledger import open_ledger
from finops_pack.model import Call, Task

Calls = Callable[[], list[Call]]


def record(**fields: object) -> None:
    said = {"model": "gpt-4o", "provider": "openai", "usage": Usage(1000, 100), **fields}
    finops_pack.record(**said)


def task_row(name: str) -> Task:
    assert finops_pack.flush(5)
    ledger = open_ledger(config.load().ledger)
    task = ledger.task(name)
    ledger.close()
    assert task is not None
    return task


def test_a_task_is_the_unit_of_cost(calls: Calls) -> None:
    with finops_pack.task("ticket", trigger="cron", project="desk", tags={"customer": "a"}) as task:
        record(action="triage")
        assert (task.calls, str(task.cost)) == (1, "0.0035"), "as it is written by hand"
        task.succeeded()
    record()
    inside, outside = calls()
    assert (inside.task, inside.trigger, inside.project) == ("ticket", "cron", "desk")
    assert inside.tags == {"customer": "a"}
    assert (outside.task, outside.trigger, outside.tags) == (None, None, {})
    row = task_row("ticket")
    assert (row.outcome, row.trigger, row.calls, row.usd) == (
        "succeeded",
        "cron",
        1,
        Decimal("0.0035"),
    )
    assert row.end_us is not None
    assert row.start_us <= inside.start_us <= row.end_us


def test_a_task_says_how_many_of_its_calls_have_no_price(calls: Calls) -> None:
    with finops_pack.task("a") as task:
        record(model="nobody-prices-this")
        record(model="nobody-prices-this", billed_usd=Decimal("0.5"))
        record()
        cut = recorder.get().begin(model="gpt-4o", provider="openai")
        cut.orphan()
        assert (task.calls, task.unpriced_calls) == (4, 2)
        cut.finish(Usage(1000, 100))
        cut.finish(Usage(1000, 100))
    assert (task.calls, task.unpriced_calls, str(task.cost)) == (4, 1, "0.507")
    unpriced = [call for call in calls() if call.unpriced]
    assert len(unpriced) == task.unpriced_calls


def test_nested_tasks_count_in_both_and_know_their_parent(calls: Calls) -> None:
    with finops_pack.task("outer") as outer:
        with finops_pack.task("inner") as inner:
            record()
        record()
    assert (outer.calls, inner.calls) == (2, 1)
    assert [row.task for row in calls()] == ["inner", "outer"]
    assert task_row("inner").parent == "outer"


def test_an_exception_fails_the_task_unless_it_was_said_otherwise() -> None:
    with pytest.raises(KeyError), finops_pack.task("broken"):
        raise KeyError
    with pytest.raises(KeyError), finops_pack.task("done", outcome="succeeded"):
        raise KeyError
    assert task_row("broken").outcome == "failed"
    assert task_row("done").outcome == "succeeded"


def test_decorated_functions_are_a_new_task_each_time(calls: Calls) -> None:
    @finops_pack.task("nightly")
    def work() -> None:
        record()

    @finops_pack.action("think")
    @finops_pack.tags(feature="night")
    async def later() -> str:
        await asyncio.sleep(0)
        record()
        return "done"

    work()
    work()
    assert asyncio.run(later()) == "done"
    first, second, third = calls()
    assert first.task != second.task
    assert (first.task or "").startswith("nightly#")
    assert (third.action, third.tags) == ("think", {"feature": "night"})
    assert work.__name__ == "work"


async def test_async_with(calls: Calls) -> None:
    async with finops_pack.task("a"), finops_pack.action("b"):
        record()
    (row,) = calls()
    assert (row.task, row.action) == ("a", "b")


def test_a_generator_is_inside_while_it_runs_and_its_consumer_is_not(calls: Calls) -> None:
    @finops_pack.task("stream")
    def stream() -> Iterator[int]:
        record()
        got = yield 1
        record()
        yield got

    made = stream()
    assert next(made) == 1
    with finops_pack.action("consumer"):
        record()
        assert made.send(5) == 5
        assert next(made, None) is None
        record()
    one, between, two, after = calls()
    assert one.task == two.task
    assert one.task is not None
    assert one.task.startswith("stream#")
    assert (between.task, between.action) == (after.task, after.action) == (None, "consumer")
    assert two.action is None


async def test_an_asynchronous_generator_too(calls: Calls) -> None:
    @finops_pack.tags(customer="acme")
    @finops_pack.task("stream")
    async def stream() -> AsyncIterator[int]:
        record()
        yield 1
        await asyncio.sleep(0)
        record()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        async for _ in stream():
            record()
    inside = [row for row in calls() if row.task]
    assert len(inside) == 2
    assert [row.tags for row in inside] == [{"customer": "acme"}] * 2
    assert task_row(inside[0].task or "").outcome == "failed"


def test_a_generator_left_early_has_not_failed() -> None:
    ids = []

    @finops_pack.task("stream")
    def stream() -> Iterator[int]:
        ids.append(context.current().task)
        yield from range(9)

    for _ in stream():
        break
    assert (task_row(ids[0]).outcome, bool(task_row(ids[0]).end_us)) == (None, True)


def test_tags_merge_and_are_bounded() -> None:
    with finops_pack.tags(customer="a", feature="x"), finops_pack.tags(customer="b"):
        assert context.current().tags == {"customer": "b", "feature": "x"}
    many = {f"k{i}": "v" * 500 for i in range(20)}
    with finops_pack.tags(**many):
        held = context.current().tags
        assert len(held) == 10
        assert {len(value) for value in held.values()} == {128}


def test_left_in_another_context_it_restores_nothing_of_ours() -> None:
    scope = finops_pack.tags(customer="a")
    thread = threading.Thread(target=scope.__enter__)
    thread.start()
    thread.join()
    with finops_pack.tags(customer="mine"):
        scope.__exit__(None, None, None)
        assert context.current().tags == {"customer": "mine"}


async def test_one_block_in_several_threads_and_tasks_ends_for_each_by_itself() -> None:
    acme, held = finops_pack.tags(customer="acme"), list[tuple[str, ...]]()
    within = threading.Barrier(2)

    async def task(first: bool) -> tuple[str, ...]:
        with acme:
            await asyncio.sleep(0.01 if first else 0.02)
        return tuple(context.current().tags)

    def thread(first: bool) -> None:
        with acme:
            within.wait(10)
            if not first:
                within.wait(10)
        if first:
            within.wait(10)
        held.append(tuple(context.current().tags))

    assert await asyncio.gather(task(first=True), task(first=False)) == [(), ()]
    threads = [threading.Thread(target=thread, args=(first,)) for first in (True, False)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
    assert held == [(), ()]


def test_500_customers_are_never_mixed_up(calls: Calls) -> None:
    """Threads, a shared event loop and tasks in the background, all at once."""

    async def serve(number: int) -> None:
        with finops_pack.task(f"t{number}"), finops_pack.tags(customer=f"c{number}"):
            await asyncio.sleep(0.001 * (number % 7))
            record(session=f"s{number}")
            background = asyncio.create_task(linger(number))
            with finops_pack.action(f"a{number}"):
                await asyncio.sleep(0)
                record(session=f"s{number}")
        await background

    async def linger(number: int) -> None:
        await asyncio.sleep(0.003)
        record(session=f"s{number}")

    def thread(number: int) -> None:
        with finops_pack.task(f"t{number}"), finops_pack.tags(customer=f"c{number}"):
            for _ in range(3):
                record(session=f"s{number}")

    async def loop() -> None:
        await asyncio.gather(*map(serve, range(250)))

    with ThreadPoolExecutor(16) as pool:
        others = [pool.submit(thread, number) for number in range(250, 500)]
        asyncio.run(loop())
        for other in others:
            other.result()
    rows = calls()
    assert len(rows) == 1500
    for row in rows:
        number = (row.session or "")[1:]
        assert (row.task, row.tags) == (f"t{number}", {"customer": f"c{number}"})
        assert row.action in (None, f"a{number}")


def test_ids_are_unique_across_threads() -> None:
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend(context.new_id() for _ in range(1000)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000
