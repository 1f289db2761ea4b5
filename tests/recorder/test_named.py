"""Sources of context named by the user: from `context_source` to `finops cache`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import finops_pack
from finops_pack import Usage, config, query, recorder
from finops_pack.cache import Source
from finops_pack.model import Call
from finops_pack.recorder import _named

Calls = Callable[[], list[Call]]
MEMORY = "\n".join(f"- customer {n * 7919} prefers option {n}, MARKED" for n in range(100))


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Nothing that another test named."""
    _named._named.clear()
    yield
    _named._named.clear()


def session(name: str, *system: str) -> None:
    """Two calls whose instructions hold these texts."""
    rec = recorder.get()
    for question in ("one", "two"):
        messages = [
            {"role": "system", "content": "\n".join(("You help.", *system))},
            {"role": "user", "content": question},
        ]
        call = rec.begin(model="gpt-4o", provider="openai", session=name, messages=messages)
        call.finish(Usage(input_tokens=2000, output_tokens=5), response="Yes.")
    rec.session_over(name)


def sources() -> dict[str, Source]:
    recorder.flush()
    with query.open(config.load().ledger) as reader:
        found = reader.cache(query.Period.of("1d", zone=reader.zone))
    return {row.name: row for row in found.sources}


def test_sessions_share_what_did_not_change(calls: Calls) -> None:
    notes = finops_pack.context_source("today", "Nothing of note has happened yet today.")
    session("a", finops_pack.context_source("MEMORY.md", MEMORY), notes)
    session("b", finops_pack.context_source("MEMORY.md", f"- a new line on top\n{MEMORY}"), notes)
    found = sources()
    memory, today = found["MEMORY.md"], found["today"]
    assert (memory.sessions, memory.calls) == (2, 4)
    assert memory.tokens == pytest.approx(len(MEMORY) / 4, rel=0.05)
    assert memory.overlap is not None
    assert 0.8 < memory.overlap < 1
    assert today.overlap == 1
    assert 0 < today.usd < memory.usd


def test_one_session_has_no_overlap_yet(calls: Calls) -> None:
    session("a", finops_pack.context_source("MEMORY.md", MEMORY))
    assert sources()["MEMORY.md"].overlap is None


def test_what_was_named_but_never_sent_is_not_counted(calls: Calls) -> None:
    finops_pack.context_source("MEMORY.md", MEMORY)
    session("a", "something else")
    assert sources() == {}


def test_without_a_text_the_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("MEMORY.md").write_text(MEMORY)
    assert finops_pack.context_source("MEMORY.md") == MEMORY
    assert finops_pack.context_source("absent.md") == ""
    assert _named.named() == [("MEMORY.md", MEMORY)]


def test_memory_is_neither_unused_nor_unknown(calls: Calls) -> None:
    session("a", finops_pack.context_source("MEMORY.md", MEMORY))
    recorder.flush()
    with query.open(config.load().ledger) as reader:
        found = reader.waste(query.Period.of("1d", zone=reader.zone))
    assert "unused_context" not in {*found.categories, *found.unknown}


def test_no_word_of_it_reaches_the_ledger(calls: Calls) -> None:
    session("a", finops_pack.context_source("MEMORY.md", MEMORY))
    assert calls()
    for path in Path(config.load().ledger).parent.glob("*"):
        assert path.is_dir() or b"MARKED" not in path.read_bytes()


def test_only_so_many_are_remembered_and_none_that_is_too_short() -> None:
    finops_pack.context_source("short", "Bob")
    for n in range(_named.KEPT + 5):
        finops_pack.context_source("notes", f"{n} {MEMORY}")
        finops_pack.context_source("notes", f"{n} {MEMORY}")
    held = _named.named()
    assert len(held) == _named.KEPT
    assert "short" not in dict(held)
