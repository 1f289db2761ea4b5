"""Settings: which wins, where they are looked for, and what a project may not say."""

from __future__ import annotations

import ntpath
import os
import stat
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import finops_pack
from finops_pack import config, places
from finops_pack.config import read_file
from finops_pack.errors import ConfigError
from finops_pack.ledger import open_ledger, spool, sqlite_path
from finops_pack.ledger.spool import encode
from finops_pack.rates import cache


def load() -> config.Config:
    config.reload()
    return config.load()


@pytest.fixture
def user_file(empty_home: Path) -> Path:
    """The user's settings file, its folder made."""
    path = empty_home / ".config" / "finops" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's settings file, asked from a folder deep in it."""
    deep = tmp_path / "project" / "src" / "deep"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    return tmp_path / "project" / "finops.toml"


@pytest.mark.parametrize("told", ["state", "~/state", "./state"])
def test_a_relative_folder_of_state_is_ignored(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", told)
    assert load().ledger == str(empty_home / ".local" / "state" / "finops" / "ledger.db")


@pytest.mark.skipif(os.name != "posix", reason="there others say where a user is at home")
def test_a_user_whom_nobody_knows_leaves_nothing_where_he_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    for variable in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert load().ledger == "/.local/state/finops/ledger.db"
    assert str(config.config_dir()) == "/.config/finops"
    assert str(cache._folder()) == "/.cache/finops/rates"


@pytest.mark.parametrize("told", ["l.db", "sqlite:///l.db", "sqlite://l.db"])
@pytest.mark.parametrize("how", ["environment", "track"])
def test_a_ledger_named_by_a_relative_path_stays_where_it_was_said(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, told: str
) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    if how == "track":
        finops_pack.track(ledger=told)
    else:
        monkeypatch.setenv("FINOPS_LEDGER", told)
        config.reload()
    call = finops_pack.record(model="gpt-4o", usage=finops_pack.Usage(9))
    monkeypatch.chdir(tmp_path / "there")
    assert finops_pack.flush(5)
    assert open_ledger(str(tmp_path / "here" / "l.db"), create=False).call(call)
    assert os.listdir() == []
    if how == "track":
        assert finops_pack.spend(last="1d").total.calls == 1


@pytest.mark.parametrize("told", ["l.db", "sqlite:///l.db"])
def test_a_projects_relative_ledger_lies_beside_its_file(
    empty_home: Path, project: Path, told: str
) -> None:
    project.write_text(f'ledger = "{told}"')
    assert sqlite_path(load().ledger) == str(project.parent / "l.db")
    project.write_text('ledger = "postgresql://me:secret@host/db?sslmode=require"')
    config.trust(project)
    assert load().ledger == "postgresql://me:secret@host/db?sslmode=require"


def test_defaults(empty_home: Path) -> None:
    settings = load()
    assert settings.ledger == str(empty_home / ".local" / "state" / "finops" / "ledger.db")
    assert settings.tz == "UTC"
    assert settings.on_unreachable == "refuse", "a budget fails closed"
    assert settings.sources == {}


def test_folders_follow_xdg_and_home(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.config_dir() == empty_home / ".config" / "finops"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/somewhere")
    assert config.config_dir() == Path("/somewhere/.config/finops")
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert config.state_dir() == Path("/elsewhere/finops")


def test_the_environment_wins_over_project_over_user(
    user_file: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file.write_text('project = "u"\nenvironment = "u"\nagent_version = "u"\n')
    project.write_text('project = "p"\nenvironment = "p"\n')
    monkeypatch.setenv("FINOPS_PROJECT", "e")
    settings = load()
    assert (settings.project, settings.environment, settings.agent_version) == ("e", "p", "u")
    assert settings.sources == {
        "project": "FINOPS_PROJECT",
        "environment": str(project),
        "agent_version": str(user_file),
    }


def test_lists_and_tags(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write_text('budget = "5 USD/day"\n[tags]\ncustomer = "acme"\n')
    assert load().budget == ("5 USD/day",)
    assert load().tags == {"customer": "acme"}
    monkeypatch.setenv("FINOPS_BUDGET", "5 USD/day; 1 USD/task soft ;")
    monkeypatch.setenv("FINOPS_TAGS", "customer=globex, feature = chat")
    assert load().budget == ("5 USD/day", "1 USD/task soft")
    assert load().tags == {"customer": "globex", "feature": "chat"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ledger = [", "finops.toml: "),
        ("ledger = " + "[" * 5000, "recursion"),
        ("legder = 'x'", "legder: unknown setting"),
        ("project = 5", "project: must be a str"),
        ("ledger = ['postgresql://me:hunter2@h/db']", "ledger: must be a str, got a list"),
        ("tags = 'x'", "tags: must be a table of strings"),
        ("budget = [1]", "budget: must be a string or a list of strings"),
        ("api_key = 'finops_x'", "a key does not belong here"),
        ("sources = {}", "sources: unknown setting"),
        ("tz = '\xff'", ""),
    ],
)
def test_what_cannot_be_used_is_named(project: Path, text: str, said: str) -> None:
    project.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        load()
    assert str(project) in str(caught.value)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ['projekt = "x"', "tz = 3", 'api_key = "k"', "tags = 1"])
def test_one_mistake_in_a_file_lifts_none_of_its_other_settings(project: Path, text: str) -> None:
    project.write_text(f'budget = ["5 USD/day"]\n{text}')
    with pytest.raises(ConfigError):
        load()
    assert config.in_force().budget == ("5 USD/day",)
    project.write_text("not = a = file")
    config.reload()
    assert config.in_force().budget == ()


def test_what_is_read_in_another_thread_is_old_after_a_reload(
    user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slowly(path: Path) -> dict[str, Any]:
        values = read_file(path)
        reading.set()
        assert go_on.wait(10)
        return values

    monkeypatch.setattr(config, "read_file", slowly)
    user_file.write_text('project = "old"')
    config.reload()
    thread = threading.Thread(target=config.load)
    thread.start()
    assert reading.wait(10)
    user_file.write_text('project = "new"')
    config.reload()
    go_on.set()
    thread.join()
    assert config.load().project == "new"


def test_settings_of_many_folders_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcdefgh":
        (tmp_path / name).mkdir()
        (tmp_path / name / "finops.toml").write_text(f'project = "{name}"')
    for name in "abcdefghaa":
        monkeypatch.chdir(tmp_path / name)
        assert config.load().project == name
    assert len(config._read) < 6


def test_a_project_redirects_nothing_until_it_is_trusted(project: Path) -> None:
    project.write_text(
        'api_url = "https://x.example"\nledger = "postgresql://x.example/l"\nproject = "p"\n'
    )
    settings = load()
    assert settings.api_url == config.API_URL
    assert settings.ledger.endswith("ledger.db")
    assert settings.project == "p"
    assert set(settings.untrusted) == {"api_url", "ledger"}
    config.trust(project)
    assert load().api_url == "https://x.example"
    project.write_text(project.read_text() + 'webhooks = ["https://y.example"]\n')
    assert set(load().untrusted) == {"api_url", "ledger", "webhooks"}, "it was edited since"


@pytest.mark.parametrize(
    "ledger",
    [
        "https://x.example/?sqlite:",
        "https://x.example/sqlite:",
        "postgresql://x.example/l?a=sqlite:",
    ],
)
def test_a_ledger_elsewhere_is_none_of_this_machine_whatever_else_its_url_holds(
    project: Path, ledger: str
) -> None:
    project.write_text(f'ledger = "{ledger}"\n')
    assert load().ledger.endswith("ledger.db")
    assert set(load().untrusted) == {"ledger"}


def test_what_lies_in_a_projects_folder_is_not_booked_unasked(project: Path) -> None:
    ours = open_ledger(load().ledger)
    planted = {"type": "call", "id": "a", "start_us": 1_790_000_000_000_000, "model": "gpt-4o"}
    folder = Path("spools", ours.id)
    folder.mkdir(parents=True)
    (folder / "0123456789abcdef.spool").write_bytes(encode(planted))
    project.write_text('spool_dir = "spools"\n')
    assert set(load().untrusted) == {"spool_dir"}
    assert ours.drain() == 0
    assert ours.span() is None
    ours.close()


def test_a_project_may_name_a_local_ledger(project: Path) -> None:
    project.write_text('ledger = "sqlite:////tmp/of-this-project.db"\n')
    assert load().ledger == "sqlite:////tmp/of-this-project.db"


def test_a_folder_that_was_deleted_under_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load().project is None
    monkeypatch.chdir(tmp_path)


def test_the_hash_key_is_made_once_and_private(empty_home: Path) -> None:
    first = config.hash_key(load())
    assert first == config.hash_key(load())
    path = empty_home / ".config" / "finops" / "hash_key"
    assert len(first) == 32
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="no modes there")
def test_folders_are_for_their_owner_alone(empty_home: Path) -> None:
    before = os.umask(0)
    try:
        config.hash_key(load())
        assert spool.folder("id")
    finally:
        os.umask(before)
    made = [path for path in empty_home.rglob("*") if path.is_dir()]
    assert {path.name for path in made} >= {".config", "finops", ".local", "state", "spool", "id"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}


def test_a_drive_that_is_not_there_is_an_ordinary_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: str, mode: int) -> None:
        raise FileNotFoundError(path)

    monkeypatch.setattr(places, "os", SimpleNamespace(path=ntpath, mkdir=missing))
    with pytest.raises(FileNotFoundError, match="Z:"):
        places.make("Z:\\home\\finops")


def test_a_hash_key_that_a_power_cut_emptied_is_made_anew(empty_home: Path) -> None:
    path = empty_home / ".config" / "finops" / "hash_key"
    path.parent.mkdir(parents=True)
    path.touch()
    key = config.hash_key(load())
    assert len(key) == 32
    assert config.hash_key(load()) == path.read_bytes() == key
    assert [file.name for file in path.parent.iterdir()] == ["hash_key"]


def test_a_shared_hash_key_makes_no_file(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINOPS_HASH_KEY", "pepper")
    assert config.hash_key(load()) == config.hash_key(load())
    assert not (empty_home / ".config" / "finops" / "hash_key").exists()
    assert "pepper" not in repr(load())


def test_no_secret_is_shown_where_settings_are_printed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LEDGER", "API_URL"):
        monkeypatch.setenv(f"FINOPS_{name}", "https://me:hunter2@host")
    monkeypatch.setenv("FINOPS_API_KEY", "hunter2")
    monkeypatch.setenv("FINOPS_HASH_KEY", "hunter2")
    project.write_text('webhooks = ["https://h/hunter2"]\nrates_url = "https://me:hunter2@h"')
    assert "hunter2" not in repr(load())
    config.trust(project)
    config.reload()
    assert load().webhooks == ("https://h/hunter2",)
    assert "hunter2" not in repr(load())


def test_disable(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"1": True, "true": True, "0": False, "no": False, "Off": False, " ": False}
    for text, disabled in said.items():
        monkeypatch.setenv("FINOPS_DISABLE", text)
        assert load().disable is disabled
