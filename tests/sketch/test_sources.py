from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from finops_pack.sketch import Reducer
from finops_pack.sketch._sources import cuts

LINES = [f"- line {n} of a memory, number {n * 7919}" for n in range(200)]


@given(st.text())
def test_cuts_are_the_text(text: str) -> None:
    assert "".join(cuts(text)) == text


@given(st.integers(0, 200), st.sampled_from(["new", "", "#"]))
def test_a_line_more_changes_few_cuts(place: int, line: str) -> None:
    before = set(cuts("\n".join(LINES)))
    after = set(cuts("\n".join([*LINES[:place], line, *LINES[place:]])))
    assert len(after - before) <= 2
    assert len(before) > 10


def test_a_source_stands_apart_from_what_is_around_it() -> None:
    memory = "\n".join(LINES)
    result = "The parcel left Vienna on Monday and has not arrived yet."
    reducer = Reducer(b"key", named=lambda: [("MEMORY.md", memory)])
    reducer.observe("c", "s", None, [("tool_result", f"{memory}\n{result}")], [])
    reducer.answered("c", "s", "The parcel has not arrived.")
    lines = [line for line in reducer.close("s") if line["type"] == "segment"]
    of_memory = [line for line in lines if line["kind"] == "memory"]
    [rest] = [line for line in lines if line["kind"] == "tool_result"]
    assert {line["source"] for line in of_memory} == {"MEMORY.md"}
    assert sum(line["tokens"] for line in of_memory) >= len(memory) // 4
    assert not any("p_unused" in line for line in of_memory)
    assert rest["tokens"] < 20
    assert rest["p_unused"] < 0.5


def test_naming_a_source_does_not_change_the_fingerprint() -> None:
    memory = "\n".join(LINES)
    said = [("system", f"Be kind.\n{memory}")]
    plain = Reducer(b"key").observe("c", "s", None, said, [])[0]
    named = Reducer(b"key", named=lambda: [("m", memory)]).observe("c", "s", None, said, [])[0]
    assert plain["request_hash"] == named["request_hash"]
    assert plain["prefix_hashes"] == named["prefix_hashes"]
