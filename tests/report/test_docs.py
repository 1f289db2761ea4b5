"""Every command on the page about reports parses with the real parser."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from finops_pack.cli import _commands
from finops_pack.report import client, exact
from finops_pack.report.model import parse

PAGE = Path(__file__).parents[2] / "docs" / "report.md"
COMMAND = re.compile(
    r"(?:^|[ /`])(?:finops|python -m finops_pack) ((?:report|connect)\b[^`<#\n]*)", re.MULTILINE
)


def commands() -> list[str]:
    return sorted({found.strip() for found in COMMAND.findall(PAGE.read_text())})


def test_the_page_shows_commands() -> None:
    assert len(commands()) >= 7


@pytest.mark.parametrize("line", commands())
def test_a_command_parses(line: str) -> None:
    name, *words = shlex.split(line)
    _commands.parser_for(name).parse_args(words)


def test_the_page_says_how_long_a_server_may_keep_us_away() -> None:
    assert f"for at most {client.LONGEST_WAIT / 3600:g} hours" in PAGE.read_text()


def test_the_example_is_a_report_that_holds_together() -> None:
    example = PAGE.read_text().split("```json\n")[1].split("```")[0]
    assert parse(exact.loads(example)).warnings() == []
