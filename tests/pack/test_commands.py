"""Every `finops …` line in skills, prompts, README and docs parses with the real parser."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from finops_pack import cli

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
_FENCED = re.compile(r"^\s*(?:\$ )?finops(?: (?P<words>[^#\n]*?))?\s*(?:#.*)?$", re.MULTILINE)
_INLINE = re.compile(r"`finops (?P<words>[^`\n]+)`")
STAND_INS = {
    "MODEL": "gpt-4o", "N": "1000", "TASK_ID": "t", "AMOUNT": "0.40", "FROM": "a.db", "TO": "b.db",
    "URL": "a.db", "…": "",
}  # fmt: skip


def lines(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:bash|console|sh)?\n(.*?)```", text, re.DOTALL)
    fenced = [m["words"] or "" for block in blocks for m in _FENCED.finditer(block)]
    inline = [m["words"] for m in _INLINE.finditer(re.sub(r"```.*?```", "", text, flags=re.DOTALL))]
    return [*fenced, *inline]


CASES = [(page, words) for page in PAGES for words in dict.fromkeys(lines(page))]


def prepared(words: str) -> list[str]:
    words = re.split(r"\s[<|>]\s", words)[0].rstrip("\\ ")
    words = re.sub(r"\{\{\w+\}\}", "7", words).replace("--last 7 ", "--last 7d ")
    words = re.sub(r"--last 7$", "--last 7d", words)
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
    assert command in cli.commands(), f"{page.name}: finops {words}"
    if command == "run":
        return  # what follows is the user's own command
    cli.parser_for(command).parse_args(rest)


READ_ONLY = (
    "budget", "spend", "task", "waste", "levers", "cache", "trend", "score", "forensics", "price",
    "doctor", "alerts",
)  # fmt: skip


@pytest.mark.parametrize(
    "words",
    sorted(
        {
            w
            for _, w in CASES
            if w.split(" ")[0] in READ_ONLY and "set " not in w and "accept" not in w
        }
    ),
)
def test_reading_commands_run_on_an_empty_ledger(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = prepared(words)
    code = cli.main(told)
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert code in (0, 2) if told[:1] == ["task"] else code in (0, 1)
