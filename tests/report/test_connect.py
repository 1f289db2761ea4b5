"""`finops connect` against our own server and against what is none."""

from __future__ import annotations

import io
import json
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finops_pack import config
from finops_pack.cli import main
from finops_pack.report import keys, tls

Account = tuple[str, str, str]
Finops = Callable[..., int]


@pytest.fixture
def finops(monkeypatch: pytest.MonkeyPatch) -> Finops:
    """Run a command with something on standard input."""

    def run(*words: str, stdin: str = "") -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        config.reload()
        return main(list(words))

    return run


def test_sign_in_registers_and_stores_a_key(
    our_server: Account, finops: Finops, capsys: pytest.CaptureFixture[str]
) -> None:
    url, email, password = our_server
    words = ("connect", "--url", url, "--email", email, "--password-stdin", "--json")
    assert finops(*words, stdin=password + "\n") == 0
    out = capsys.readouterr()
    key = keys.target().key
    assert key is not None
    assert keys.target().url == url
    assert json.loads(out.out)["url"] == url
    assert key.reveal() not in out.out + out.err
    assert password not in out.out + out.err + keys.path().read_text()


def test_a_wrong_password_stores_nothing(
    our_server: Account, finops: Finops, capsys: pytest.CaptureFixture[str]
) -> None:
    url, email, _ = our_server
    words = ("connect", "--url", url, "--email", email, "--password-stdin")
    assert finops(*words, stdin="wrong\n") == 2
    assert "sign-in: 401" in capsys.readouterr().err
    assert not keys.path().exists()


def test_a_key_is_tried_before_it_is_stored(
    platform: Callable[..., Any], finops: Finops, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = platform(trend_acts=deque(["401"]))
    words = ("connect", "--url", server.url, "--key-stdin")
    assert finops(*words, stdin=key) == 2
    assert not keys.path().exists()
    assert finops(*words, stdin=key) == 0
    said = capsys.readouterr()
    assert key not in said.out + said.err
    found = keys.target().key
    assert found is not None
    assert found.reveal() == key


def test_an_answer_too_large_to_read_is_an_answer(
    platform: Callable[..., Any], finops: Finops, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LIMIT", 1000)
    server = platform(replaces=True, trend_acts=deque(["large"]))
    words = ("connect", "--url", server.url, "--key-stdin")
    assert finops(*words, stdin=key) == 0


def test_a_server_that_does_not_answer_is_exit_3(
    finops: Finops, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("connect", "--url", "http://127.0.0.1:1", "--key-stdin", "--json")
    assert finops(*words, stdin=key) == 3
    assert json.loads(capsys.readouterr().out)["code"] == "server_unreachable"


@pytest.mark.parametrize("text", ["", "sk-live-123", "finops_a b"])
def test_what_is_no_key_never_leaves(
    platform: Callable[..., Any], finops: Finops, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = platform()
    assert finops("connect", "--url", server.url, "--key-stdin", stdin=text) == 2
    assert server.asked == []
    assert not text or text not in capsys.readouterr().err


def test_without_a_terminal_it_says_what_to_give(
    finops: Finops, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finops("connect") == 2
    assert "--key-stdin" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said(
    platform: Callable[..., Any],
    finops: Finops,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    assert finops("connect", "--url", platform().url, "--key-stdin", stdin=key) == 2
    assert "FINOPS_API_KEY" in capsys.readouterr().err


def test_a_project_redirects_only_when_trusted(
    finops: Finops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    (tmp_path / "finops.toml").write_text('api_url = "https://evil.test"\n')
    monkeypatch.chdir(tmp_path)
    config.reload()
    assert keys.target().url == config.API_URL
    assert finops("connect", "--trust-project") == 0
    assert keys.target().url == "https://evil.test"
    (tmp_path / "finops.toml").write_text('api_url = "https://worse.test"\n')
    config.reload()
    assert keys.target().url == config.API_URL
