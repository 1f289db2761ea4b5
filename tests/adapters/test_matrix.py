"""`docs/coverage.md` says the truth: each cell of its table is one test."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from finops_pack import recorder
from finops_pack.model import Call
from finops_pack.recorder import _guard
from finops_pack.testing import Wire
from tests.adapters.ways import FRAMEWORKS, WAYS, judge

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own


def written() -> dict[tuple[str, str], str]:
    """(framework, way) -> what the page says."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    head = next(line for line in lines if line.startswith("| way "))
    names = [cell.strip() for cell in head.split("|")[2:-1]]
    cells = {}
    for line in lines[lines.index(head) + 1 :]:
        way, *said = [cell.strip() for cell in line.split("|")[1:-1]]
        cells.update({(name, way): text for name, text in zip(names, said, strict=True)})
    return cells


SAYS = written()


def test_the_page_has_every_cell() -> None:
    assert set(SAYS) == {(name, way) for name in FRAMEWORKS for way in WAYS}
    assert not [text for text in SAYS.values() if "SEEN" in text or "WRONG" in text]


@pytest.mark.parametrize(("framework", "way"), SAYS)
def test_a_cell(framework: str, way: str, wire: Wire, calls: Callable[[], list[Call]]) -> None:
    pytest.importorskip({"AutoGen": "autogen_ext"}.get(framework, framework.lower()))
    ways = FRAMEWORKS[framework](wire)
    if SAYS[framework, way] == "–":
        assert way not in ways
        return
    ways[way]()
    gc.collect()
    assert judge(framework, way, wire.calls, calls()) == SAYS[framework, way]


@pytest.mark.parametrize("where", ["begin", "end", "record"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_fault_of_ours_is_told_once_and_swallowed(
    framework: str,
    where: str,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip({"AutoGen": "autogen_ext"}.get(framework, framework.lower()))
    ways = FRAMEWORKS[framework](wire)

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
