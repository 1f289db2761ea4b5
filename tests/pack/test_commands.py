"""Every `finops …` line in skills, prompts, README and docs parses, and runs where it may."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finops_pack import cli, config, rates
from finops_pack.cli import _commands

TOP = Path(__file__).parent.parent.parent
PAGES = sorted(
    [
        *TOP.glob("skills/**/*.md"),
        *TOP.glob("prompts/*.md"),
        *TOP.glob("docs/*.md"),
        TOP / "README.md",
        TOP / "CONTRIBUTING.md",
    ]
)
_FENCED = re.compile(
    r"^\s*(?:\$ |\w+=\S+ |podman exec -it \w+ )?finops(?: (?P<words>[^#\n]*?))?\s*(?:#.*)?$"
)
_INLINE = re.compile(r"`finops (?P<words>[^`\n]+)`")
STAND_INS = {
    "MODEL": "gpt-4o", "N": "1000", "TASK_ID": "t1", "AMOUNT": "0.40", "FROM": "ledger.db",
    "TO": "copy.db", "URL": "ledger.db", "FILE": "calls.jsonl", "WHAT": "jsonl",
    "PATH": "calls.jsonl", "ID": "t1", "KEY": "k", "PROVIDER": "openai", "NAME": "openai",
}  # fmt: skip
VARIABLES = {"task": "t1", "limit_usd": "0.40", "period": "7d"}


def lines(page: Path) -> Iterator[str]:
    """The words after `finops`: of lines in shell blocks, and of inline code."""
    block: str | None = None  # the language of the block we are in
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            block = None if block is not None else line.strip().removeprefix("```")
        elif block in ("", "bash", "console", "sh"):
            if found := _FENCED.match(line):
                yield found["words"] or ""
        elif block is None:
            yield from (found["words"] for found in _INLINE.finditer(line))


CASES = [(page, words) for page in PAGES for words in dict.fromkeys(lines(page))]


def test_the_pages_are_read() -> None:
    assert len(CASES) > 120
    told = {words.split(" ")[0] for _, words in CASES}
    assert not [name for name in _commands.commands() if name not in told | {"overview"}]


def prepared(words: str) -> list[str]:
    words = re.split(r"\s[<|>]\s", words)[0].rstrip("\\ ")
    words = re.sub(r"\{\{(\w+)\}\}", lambda found: VARIABLES.get(found[1], "7"), words)
    words = words.replace("rates/PROVIDER.yaml", str(TOP / "rates" / "openai.yaml"))
    return [STAND_INS.get(word, word) for word in shlex.split(words) if word != "…"]


@pytest.mark.parametrize(
    ("page", "words"), CASES, ids=[f"{p.relative_to(TOP)}: {w}" for p, w in CASES]
)
def test_parses(page: Path, words: str) -> None:
    told = prepared(words)
    if not told or told[0].startswith("-"):
        assert set(told) <= {"--help", "--version", "--json", "--ledger"}
        return
    command, *rest = told
    assert command in _commands.commands(), f"{page.name}: finops {words}"
    if command == "run":
        return  # what follows is the user's own command
    _commands.parser_for(command).parse_args(rest)


ELSEWHERE = (
    "connect", "dashboard", "demo", "mcp", "rates refresh", "report --send", "run", "serve",
    "alerts --send", "watch", "drain --follow",
)  # fmt: skip
"""They need a server, a terminal or a program of the user's: each has tests of its own."""
NAMELESS = (
    "report --date",
    "levers accept",
    "alerts ack",
    "alerts mute",
    "alerts unmute",
    "budget rm",
)
"""What they name is an example, and may not be there."""


@pytest.fixture
def scene(tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with the files that the pages name, and a ledger with one task in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINOPS_LEDGER", "ledger.db")
    config.reload()
    now = datetime.now(UTC).isoformat()
    call = {"id": "1", "time": now, "model": "gpt-4o", "task": "t1", "usage": {"input_tokens": 9}}
    (tmp_path / "calls.jsonl").write_text(json.dumps(call))
    (tmp_path / "bill.csv").write_text(f"Day,SKU,Amount\n{now[:10]},gpt-4o,0.01\n")
    for folder in (".claude/projects", ".codex/sessions", ".gemini/tmp"):
        (empty_home / folder).mkdir(parents=True)
    assert cli.main(["import", "jsonl", "calls.jsonl"]) == 0
    yield
    rates.reload()  # one page tells of an alias


RUN = sorted({words for _, words in CASES if words and not words.startswith((*ELSEWHERE, "-"))})


@pytest.mark.parametrize("words", RUN)
def test_runs(words: str, scene: None, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(prepared(words))
    assert code in ((0, 2) if words.startswith(NAMELESS) else (0,)), capsys.readouterr().err
