"""`docs/coverage.md` says the truth: each cell of its table is one test."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from finops_pack import recorder
from finops_pack.model import Call
from finops_pack.recorder import _guard
from finops_pack.testing import Wire
from tests.adapters.ways import FRAMEWORKS, WAYS, here, judge

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


def written() -> dict[tuple[str, str], str]:
    """(framework, way) -> what the page says."""
    names: list[str] = []
    cells = {}
    for line in PAGE.read_text().splitlines():
        first, *said = [cell.strip() for cell in line.split("|")[1:-1]] or [""]
        if first == "way":
            names = said
        elif names and said and not first.startswith("-"):
            cells.update({(name, first): text for name, text in zip(names, said, strict=True)})
    return cells


SAYS = written()


def ways_of(framework: str, wire: Wire) -> dict[str, Any]:
    """Its ways, where it can be imported."""
    if not here(framework):
        pytest.skip(f"{framework} cannot be imported in this environment")
    ways: dict[str, Any] = FRAMEWORKS[framework].ways(wire)
    return ways


@pytest.fixture(autouse=True)
def only_the_wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No framework asks any other host, in no thread of its own either."""
    asked: list[Any] = []
    found = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        asked.append(host)
        return found(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield
    assert set(asked) <= {"127.0.0.1", b"127.0.0.1"}


def test_the_page_has_every_cell() -> None:
    assert set(SAYS) == {(name, way) for name in FRAMEWORKS for way in WAYS}
    assert not [text for text in SAYS.values() if "SEEN" in text or "WRONG" in text]


@pytest.mark.parametrize(("framework", "way"), SAYS)
def test_a_cell(framework: str, way: str, wire: Wire, calls: Callable[[], list[Call]]) -> None:
    ways = ways_of(framework, wire)
    if SAYS[framework, way] == "–":
        assert way not in ways
        return
    ways[way]()
    gc.collect()
    assert judge(FRAMEWORKS[framework].EXACT, way, wire.calls, calls()) == SAYS[framework, way]


@pytest.mark.parametrize("where", ["begin_row", "end", "record"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_fault_of_ours_is_told_once_and_swallowed(
    framework: str,
    where: str,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ways = ways_of(framework, wire)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(_guard, "_said", set())
    with monkeypatch.context() as faulty:
        faulty.setattr(recorder.Recorder, where, broken)
        for way in ("plain", "async", "stream, async", "plain"):
            ways[way]()  # raises nothing
    assert wire.calls == 4
    said = [record.message for record in caplog.records if record.name == "finops_pack"]
    assert len(said) == len(set(said))
    assert said or where == "record"
