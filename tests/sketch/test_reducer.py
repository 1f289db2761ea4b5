from __future__ import annotations

import json
from typing import Any

from finops_pack.model import Segment
from finops_pack.sketch import Reducer, _reducer, common_tokens

KEY = b"a key of ours"
RESULT = "Invoice 4711 from Miller & Sons is overdue since March and amounts to 1,250 euros."
OTHER = "The weather station on the roof reports light rain and nine degrees this morning."
REPLY = "Miller & Sons owes 1,250 euros: invoice 4711 is overdue since March."


class Talk:
    """A session in one process: its prompt grows by results and replies."""

    def __init__(self, reducer: Reducer | None = None, session: str = "s") -> None:
        self.reducer = reducer or Reducer(KEY)
        self.session = session
        self.messages = [("system", "Be brief."), ("user", "Which invoice is overdue?")]
        self.lines: list[dict[str, Any]] = []
        self.calls = 0

    def ask(self, reply: str | None = None, *, tools: Any = ()) -> dict[str, Any]:
        self.calls += 1
        call = f"c{self.calls}"
        made = self.reducer.observe(call, self.session, "t", self.messages, tools)
        self.lines += made
        if reply is not None:
            self.lines += self.reducer.answered(call, self.session, reply)
            self.messages.append(("assistant", reply))
        return made[0]

    def told(self, text: str, kind: str = "tool_result") -> None:
        self.messages.append((kind, text))

    def close(self) -> list[Segment]:
        closing = self.reducer.close(self.session)
        self.lines += closing
        return [Segment(**{k: v for k, v in line.items() if k != "type"}) for line in closing]


def test_unused_over_the_rest_of_the_session() -> None:
    talk = Talk()
    talk.told(RESULT)
    talk.told(OTHER)
    talk.ask("Let me see.")
    talk.ask(REPLY)
    used, unused = talk.close()
    assert used.p_unused is not None
    assert unused.p_unused is not None
    assert used.p_unused < 0.1
    assert unused.p_unused > 0.9
    assert (used.first_call, used.last_call, used.calls_held) == ("c1", "c2", 2)
    assert used.tokens == (len(RESULT) + 3) // 4


def test_instructions_are_not_scored() -> None:
    talk = Talk()
    talk.ask("Fine.")
    assert talk.close() == []


def test_documents_with_marks_are_scored_within_a_message() -> None:
    talk = Talk()
    talk.told(f"<document>{RESULT}</document><document>{OTHER}</document> Which one?", "user")
    talk.ask(REPLY)
    used, unused = talk.close()
    assert (used.kind, unused.kind) == ("retrieved", "retrieved")
    assert (used.p_unused or 0) < 0.1 < 0.9 < (unused.p_unused or 0)


def test_a_failed_call_says_nothing() -> None:
    talk = Talk()
    talk.told(OTHER)
    talk.ask(None)
    assert [s.p_unused for s in talk.close()] == [None]


def test_an_answer_in_another_language_says_nothing() -> None:
    talk = Talk()
    talk.told(OTHER)
    talk.ask("Heute Morgen regnet es leicht bei neun Grad, meldet das Dach unseres Hauses.")
    assert [s.p_unused for s in talk.close()] == [None]


def test_a_session_shared_by_processes_is_unknown() -> None:
    here, there = Reducer(KEY), Reducer(KEY)
    talk = Talk(here)
    talk.told(OTHER)
    talk.ask("First.")
    talk.reducer = there
    talk.ask("Second words, given elsewhere and not seen here.")
    talk.reducer = here
    talk.ask("Third.")
    ours = here.close("s")
    theirs = there.close("s")
    assert "p_unused" not in ours[0]
    assert "p_unused" not in theirs[0]
    (mine, mark), (other, mark_there) = (line[0]["id"].split(".") for line in (ours, theirs))
    assert mine == other
    assert mark != mark_there


def test_what_came_after_the_last_unseen_answer_is_known() -> None:
    talk = Talk()
    talk.messages.append(("assistant", "An answer of yesterday, from another process entirely."))
    talk.told(RESULT)
    talk.ask(REPLY)
    [segment] = talk.close()
    assert segment.p_unused is not None


def test_segments_stand_in_the_ledger_before_the_session_closes() -> None:
    talk = Talk()
    talk.told(OTHER)
    talk.ask("Let me see.")
    assert [line for line in talk.lines if line["type"] == "segment"] == []
    talk.ask("Once more.")
    [early] = [line for line in talk.lines if line["type"] == "segment"]
    assert "p_unused" not in early
    assert early["id"] == talk.close()[0].id


def test_tool_schemas_are_counted_not_scored() -> None:
    talk = Talk()
    schema = {"type": "function", "function": {"name": "search", "parameters": {"q": "string"}}}
    line = talk.ask("Nothing to look up.", tools=[schema, ("fetch", "{}")])
    assert line["tool_schema_tokens"] == len(json.dumps(schema, sort_keys=True)) // 4 + 2
    search, fetch = talk.close()
    assert [(s.kind, s.source, s.p_unused) for s in (search, fetch)] == [
        ("tool_schema", "search", None),
        ("tool_schema", "fetch", None),
    ]


def test_equal_requests_have_equal_hashes_in_every_process_with_the_key() -> None:
    one, same, other = Talk(), Talk(Reducer(KEY)), Talk(Reducer(b"another"))
    hashes = [talk.ask("x")["request_hash"] for talk in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert one.ask("x")["request_hash"] != hashes[0]


def test_prefixes_are_common_up_to_where_prompts_part() -> None:
    talk = Talk()
    talk.told(OTHER * 200)
    first = talk.ask("a")["prefix_hashes"]
    talk.told(RESULT * 200)
    longer = talk.ask("b")["prefix_hashes"]
    assert longer[: len(first)] == first
    assert common_tokens(first, longer) == 256 * len(first) ** 2 <= 4200
    talk.messages[1] = ("user", "Which invoice was paid?")
    assert common_tokens(longer, talk.ask("c")["prefix_hashes"]) == 0


def test_memory_is_capped_and_what_is_cut_off_is_unknown(monkeypatch: Any) -> None:
    monkeypatch.setattr(_reducer, "MEMORY", 20_000)
    reducer = Reducer(KEY)
    lines: list[dict[str, Any]] = []
    for i in range(50):
        talk = Talk(reducer, session=f"s{i}")
        talk.told(f"{OTHER} {i}")
        talk.ask("Some answer about the weather station.")
        lines += talk.lines
    cut = [line for line in lines if line["type"] == "segment"]
    assert len(reducer._sessions) < 10
    assert len(cut) + len(reducer._sessions) == 50
    assert all("p_unused" not in line for line in cut)


def test_unchanged_text_is_not_read_again(monkeypatch: Any) -> None:
    read: list[str] = []
    real = _reducer.digest
    monkeypatch.setattr(_reducer, "digest", lambda t, k: (read.append(t), real(t, k))[1])
    talk = Talk()
    talk.told(RESULT)
    for _ in range(3):
        talk.ask("again")
    assert read.count(RESULT) == 1


def test_no_word_of_any_text_stands_in_a_line() -> None:
    talk = Talk()
    talk.messages = [(kind, f"MARKED{kind} secret") for kind in ("system", "user", "retrieved")]
    talk.told("MARKEDresult secret <document>MARKEDdocument</document>", "user")
    talk.told("MARKEDresult secret")
    talk.ask("MARKEDanswer secret", tools=[("tool", '{"description": "MARKEDschema"}')])
    talk.ask("MARKEDanswer secret")
    talk.close()
    told = json.dumps(talk.lines)
    assert len(talk.lines) > 5
    assert "MARKED" not in told
    assert "secret" not in told
