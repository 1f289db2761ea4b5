"""What every command promises, over all commands that are found."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from finops_pack import cli
from finops_pack.cli import _args, _commands


@pytest.mark.parametrize("command", _commands.commands())
def test_has_help_and_a_parser(command: str) -> None:
    module = _commands.load(command)
    assert 10 < len(module.HELP) <= 90
    assert "\n" not in module.HELP
    assert isinstance(_commands.parser_for(command), argparse.ArgumentParser)


WITHOUT_JSON = {
    "run",  # gives its output to the command that it runs
    "mcp",  # speaks a protocol
    "serve",  # prints one line and serves
    "dashboard",
    "statusline",  # one line for a prompt
    "watch",  # a live screen
}


@pytest.mark.parametrize("command", sorted({*_commands.commands()} - WITHOUT_JSON))
def test_takes_json(command: str) -> None:
    for parser in leaves(_commands.parser_for(command)):
        assert "--json" in parser.format_help(), parser.prog


def leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """A parser, or those of its sub-commands."""
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    found = [leaf for action in inner for p in action.choices.values() for leaf in leaves(p)]
    return found or [parser]


@pytest.mark.parametrize("command", _commands.commands())
def test_help_ends_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: finops {command}")
    assert f"finops {command}" in said.rstrip().rpartition("\n\n")[2]


def test_an_example_stands_as_it_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["connect", "--help"]) == 0
    assert 'printf %s "$KEY" | finops connect' in capsys.readouterr().out


def test_front_page_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {command} " in said for command in _commands.commands())


def test_the_front_page_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    assert cli.main(["--help"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("finops-agent-pack ")


def test_misspelt_command_gets_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bugdet"]) == 2
    assert "did you mean: finops budget" in capsys.readouterr().err
    assert cli.main(["version"]) == 2
    assert "did you mean: finops --version" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        ("spend --bye action", "did you mean: --by"),
        ("spend --lst=7d", "did you mean: --last"),
        ("--ledger x.db spend", "the command comes first: finops spend …"),
        ("waste --frobnicate", "see: finops waste --help"),
    ],
)
def test_misspelt_flag_gets_a_hint(
    words: str, mend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words.split()) == 2
    assert capsys.readouterr().err.endswith(f"  mend: {mend}\n")


@pytest.mark.parametrize("words", [["_out"], ["no-such"], ["."], ["spend", "--frobnicate"], [""]])
def test_mistakes_are_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("finops: ")
    assert words[-1] in told.err
    assert cli.main([*words, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["code"] == "bad_input"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:hunter2@host/db", "'postgresql://…@host/db'"),
        ("--db=postgresql://host/db?user=me&password=hunter2", "'--db=postgresql://host/db?…'"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("sqlite:////home/me/a.db", "sqlite:////home/me/a.db"),
    ],
)
def test_a_command_to_be_pasted_says_no_password_again(url: str, said: str) -> None:
    assert _args.command("waste", url) == f"finops waste {said}"


def test_what_to_do_next_says_no_password(
    tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "aider.jsonl"
    told = {"main_model": "gpt-4o", "prompt_tokens": 9, "completion_tokens": 1}
    log.write_text(json.dumps({"event": "message_send", "time": 1764400000, "properties": told}))
    ledger = ["--ledger", postgres_url.replace("@", ":hunter2@")]
    assert cli.main(["import", "aider", str(log), *ledger]) == 0
    assert cli.main(["task", "--since", "2025-11-01", *ledger]) == 0
    assert cli.main(["levers", "--since", "2025-11-01", *ledger]) == 0
    said = capsys.readouterr()
    assert said.out.count("finops") >= 3
    assert "hunter2" not in said.out + said.err
