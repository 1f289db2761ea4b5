"""From recorded prompts to findings: a session in this process, through ledger and reader."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from finops_pack import config, query, recorder
from finops_pack.model import Usage

DOCUMENT = "Invoice 4711 from Miller & Sons is overdue since March and amounts to 1,250 euros."
IDLE = "MARKED The weather station on the roof reports light rain and nine degrees. " * 30
TOOLS = [{"name": "find_invoice", "description": "MARKED schema"}, {"name": "send_mail"}]
MODEL = "claude-sonnet-4-5"


def recorded(ledger: Path, monkeypatch: Any) -> None:
    """Two calls of one session: one asks a tool, the other answers from its results."""
    monkeypatch.setenv("FINOPS_LEDGER", str(ledger))
    config.reload()
    rec = recorder.get()
    asked = {"id": "t1", "name": "find_invoice", "args": {"status": "MARKED overdue"}}
    messages: list[dict[str, Any]] = [{"role": "user", "content": "MARKED Which are overdue?"}]
    begin = {"model": MODEL, "provider": "anthropic", "session": "s", "tools": TOOLS}
    first = rec.begin(messages=list(messages), **begin)
    reply = {"role": "assistant", "content": "", "tool_calls": [asked]}
    first.finish(Usage(input_tokens=200, output_tokens=20), response=reply, tool_calls=[asked])
    messages += [
        reply,
        {"role": "tool", "tool_call_id": "t1", "content": DOCUMENT},
        {"role": "tool", "tool_call_id": "t2", "content": IDLE},
    ]
    second = rec.begin(messages=messages, **begin)
    answer = "Miller & Sons owes 1,250 euros: invoice 4711 is overdue since March. MARKED"
    second.finish(Usage(input_tokens=900, output_tokens=40), response=answer)
    rec.session_over("s")
    recorder.close()


def test_unused_context_and_tools_are_found(tmp_path: Path, monkeypatch: Any) -> None:
    recorded(tmp_path / "l.db", monkeypatch)
    with query.open(str(tmp_path / "l.db")) as reader:
        found = reader.waste(query.Period.of("1d", zone=reader.zone))
    by_name = {f.category: f for f in found.findings}
    context, tools = by_name["unused_context"], by_name["unused_tools"]
    assert any("tool result of" in line for line in context.evidence)
    assert 0 < context.usd < found.total_usd
    assert tools.title == "1 of 2 tools offered was never called"
    assert tools.evidence[0] == "never called in this session: send_mail"
    assert found.unknown == {}


def test_no_word_of_a_prompt_reaches_the_disk(tmp_path: Path, monkeypatch: Any) -> None:
    recorded(tmp_path / "l.db", monkeypatch)
    written: dict[Path, bytes] = {}
    for path in tmp_path.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # SQLite takes its WAL away
            written[path] = path.read_bytes()
    assert (tmp_path / "l.db") in written
    for path, held in written.items():
        assert b"MARKED" not in held, path
        assert b"Miller" not in held, path
