"""`finops task --why`: what a task cost beyond the others, and the cause."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from finops_pack import Usage, cli, recorder
from finops_pack.cli._one_task import _causes
from finops_pack.trend import Factor


def step(task: str, tokens: int) -> None:
    recorder.record(
        model="gpt-4o", provider="openai", task=task, action="step", start_us=_clock(),
        usage=Usage(input_tokens=tokens, output_tokens=50),
    )  # fmt: skip


def _clock(now: list[int] = [0]) -> int:  # noqa: B006 - one clock for all
    from time import time

    now[0] += 1
    return int(time() * 1e6) + now[0]


def twelve_usual_tasks_and_an_odd_one() -> None:
    for n in range(12):
        for size in (1000, 1500, 2000):
            step(f"usual{n}", size + n)
    for size in (1000, 62_000, 63_000):
        step("odd", size)
    recorder.flush()


def test_a_large_result_is_the_cause(capsys: pytest.CaptureFixture[str]) -> None:
    twelve_usual_tasks_and_an_odd_one()

    assert cli.main(["task", "--why"]) == 0  # the dearest, without naming it
    said = capsys.readouterr().out
    assert "task odd: $0.32, 3 calls" in said
    beyond = next(line for line in said.splitlines() if "than the mean of 12 other tasks" in line)
    assert "more input a call" in beyond
    assert "the usual because 61k new input tokens entered at step 2" in said

    assert cli.main(["task", "usual1", "--why"]) == 0
    assert "less than the mean of" in capsys.readouterr().out

    assert cli.main(["task", "odd", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    trend = body["against_others"]
    assert trend["before_tasks"] == 12
    change = float(trend["now_usd_per_task"]) - float(trend["before_usd_per_task"])
    assert sum(float(f["usd"]) for f in trend["factors"]) == pytest.approx(change)


def test_a_long_task_says_how_to_see_the_rest_of_its_calls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for size in range(62):
        step("ticket 7", 1000 + size)
    recorder.flush()
    assert cli.main(["task", "ticket 7", "--why"]) == 0
    told = "  … 2 more; all of them: finops task 'ticket 7' --why --json\n"
    assert told in capsys.readouterr().out


def test_causes_of_one_task_are_said_to_overlap(capsys: pytest.CaptureFixture[str]) -> None:
    overlap = "causes of one task may explain the same dollars: they are not parts of a sum"
    twelve_usual_tasks_and_an_odd_one()
    assert cli.main(["forensics"]) == 0
    assert overlap not in capsys.readouterr().out, "one cause overlaps with no other"
    step("odd", 190_000)
    recorder.flush()
    for words in (["forensics"], ["task", "odd", "--why"]):
        assert cli.main(words) == 0
        said = capsys.readouterr().out
        assert said.count("input explosion") == 2
        assert overlap in said


def test_the_causes_that_are_printed_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    """A cause that is too small for a line of its own is in the sum of the others."""
    factors = [
        Factor("calls", Decimal("10.90"), 0.0),
        Factor("cache", Decimal("-3.76"), 0.0),
        Factor("mix", Decimal("0.20"), 0.0),
        Factor("output", Decimal("0.11"), 0.0),
    ]
    said = _causes(factors, Decimal("7.45"))
    assert said == "$10.90 more calls a task, -$3.76 a warmer cache, $0.31 smaller causes"
    assert "smaller" not in _causes(factors[:2], Decimal("7.14"))


@pytest.mark.parametrize("asked", [(), ("--since", "2020-01-01", "--until", "2020-01-08")])
def test_a_task_outside_the_period_is_compared_with_those_around_it(
    asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    now = _clock()
    for days, tokens in ((40, 10_000), (0, 90_000)):
        for n in range(3):
            recorder.record(
                model="gpt-4o", provider="openai", task=f"{days}/{n}",
                start_us=now - days * 86_400_000_000 + n, usage=Usage(input_tokens=tokens),
            )  # fmt: skip
    recorder.flush()
    assert cli.main(["task", "40/1", "--why", *asked]) == 0
    said = capsys.readouterr().out
    assert "task 40/1: $0.025, 1 call, 1.0× the usual $0.025 (n = 2)" in said
    assert cli.main(["task", "40/1", "--json", *asked]) == 0
    assert json.loads(capsys.readouterr().out)["against_others"]["before_tasks"] == 2


def test_calls_outside_any_task_are_not_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    recorder.record(model="gpt-4o", provider="openai", usage=Usage(input_tokens=100_000))
    recorder.flush()
    assert cli.main(["task"]) == 0
    said, outside = capsys.readouterr().out.splitlines()
    assert said.startswith("no tasks in this period; name one in your program: with finops_pack.")
    assert outside == "outside any task: 1 call, $0.25"
    step("named", 1000)
    recorder.flush()
    assert cli.main(["task"]) == 0
    assert capsys.readouterr().out.endswith("ID --why\noutside any task: 1 call, $0.25\n")
    assert cli.main(["task", "--project", "another"]) == 0
    assert "outside" not in capsys.readouterr().out
