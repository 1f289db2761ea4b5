"""What docs/server.md and deploy/ say to run can be run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from finops_pack import cli

ROOT = Path(__file__).parents[2]
FILES = ("docs/server.md", "deploy/compose.yaml", "deploy/finops.service", "deploy/Containerfile")
COMMAND = re.compile(r"(?:(?<=`)|\bexec (?:-it )?\w+ |^|bin/)(finops [a-z][^`|\n]*)", re.MULTILINE)


def commands():
    """(file, command line) of every `finops …` in the documents."""
    for name in FILES:
        for line in COMMAND.findall((ROOT / name).read_text()):
            yield name, line.strip()


@pytest.mark.parametrize(("name", "line"), list(commands()))
def test_it_parses(name, line):
    _, command, *words = shlex.split(line, comments=True)
    cli.parser_for(command).parse_args(words)


def test_there_are_commands():
    assert len(list(commands())) >= 10


def test_the_container_copies_what_the_wheel_is_made_of():
    text = (ROOT / "deploy" / "Containerfile").read_text()
    for name in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for part in name.split():
            assert (ROOT / part).exists(), part
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    assert set(compose["services"]) == {"server", "database"}
