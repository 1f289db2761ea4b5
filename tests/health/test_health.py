"""What doctor sees of broken and of sound installations."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from finops_pack import adapters, cli, config, health, recorder
from finops_pack.health import Check, settings, store
from finops_pack.ledger import open_ledger
from finops_pack.model import Usage
from finops_pack.report import keys

MOUNTS = """\
22 1 0:20 / / rw,relatime - overlay overlay rw
23 22 0:21 / /tmp rw - tmpfs tmpfs rw
24 22 8:1 / /data rw - ext4 /dev/sda1 rw
25 24 0:22 / /data/a\\040b rw - tmpfs tmpfs rw
"""


def seen(name: str, part: str | None = None) -> list[Check]:
    config.reload()
    return [c for c in health.examine() if c.name == name and part in (None, c.part)]


def only(name: str) -> Check:
    (check,) = seen(name)
    return check


def test_a_new_installation_has_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    faults = [check for check in health.examine() if check.state == "fault"]
    assert not faults, faults


def test_each_setting_names_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINOPS_PROJECT", "shop")
    assert only("project").text == "shop  [FINOPS_PROJECT]"
    assert only("durability").text == "normal  [default]"


def test_the_url_that_was_connected_is_the_one_that_is_named(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert only("api_url").text == f"{config.API_URL}  [default]"
    keys.store("https://mine.example", keys.api_key("finops_" + "k" * 40))
    assert only("api_url").text == "https://mine.example  [finops connect]"
    monkeypatch.setenv("FINOPS_API_URL", "https://other.example")
    assert only("api_url").text == "https://other.example  [FINOPS_API_URL]"
    monkeypatch.delenv("FINOPS_API_URL")
    monkeypatch.setenv("FINOPS_API_KEY", "finops_" + "l" * 40)
    monkeypatch.setenv("FINOPS_LEDGER", "https://ledger.example")
    assert only("api_url").text == "https://ledger.example  [the ledger's server]"


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "finops_" + "s3cret" * 6
    monkeypatch.setenv("FINOPS_API_KEY", secret)
    monkeypatch.setenv("FINOPS_HASH_KEY", "pepper")
    monkeypatch.setenv("FINOPS_LEDGER", "postgresql://me:hunter2@127.0.0.1:1/x")
    config.reload()
    said = json.dumps([check.to_dict() for check in health.examine()])
    assert "me@127.0.0.1" in said
    for hidden in (secret, "pepper", "hunter2"):
        assert hidden not in said


@pytest.mark.parametrize(
    ("url", "states"),
    [("http://a.example", ["ok", "note"]), ("http://127.0.0.1:9", ["ok"]), ("https://a", ["ok"])],
)
def test_a_key_that_goes_out_in_the_clear_is_told(
    monkeypatch: pytest.MonkeyPatch, url: str, states: list[str]
) -> None:
    for variable in ("FINOPS_LEDGER", "FINOPS_API_URL"):
        monkeypatch.setenv(variable, url)
    config.reload()
    found = list(settings.checks(None))
    for name in ("ledger", "api_url"):
        assert [check.state for check in found if check.name == name] == states


def test_a_webhook_is_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 'webhooks = ["https://hooks.example/hunter2"]\n'
    own = config.config_dir() / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(written)
    (tmp_path / "finops.toml").write_text(written)
    monkeypatch.chdir(tmp_path)
    found = seen("webhooks")
    assert [check.state for check in found] == ["ok", "note"]
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "url",
    ["https://me:hunter2@h", "ftp://me:hun/hunter2@h", "me:hunter2@h", "https://h/?k=hunter2"],
)
def test_no_secret_in_a_url_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    own, project = config.config_dir() / "config.toml", tmp_path / "finops.toml"
    own.parent.mkdir(parents=True)
    own.write_text(f'api_url = "{url}"\nrates_url = "{url}"\n')
    project.write_text(
        f'ledger = "postgresql://me:hunter2@h/d"\napi_url = "{url}"\nrates_url = "{url}"\n'
    )
    monkeypatch.chdir(tmp_path)
    assert "hunter2" not in repr(health.examine())


@pytest.mark.parametrize(
    "url",
    [
        *("postgresql://me:hunter2/x@host/l", "postgresql://me:hunter2@[h/l"),
        *("postgresql:/me:hunter2@host/l", "postgres:me:hunter2@host/l"),
    ],
)
def test_a_password_that_was_not_encoded_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    monkeypatch.setenv("FINOPS_LEDGER", url)
    assert seen("ledger")[0].state == "fault"
    for words in ("doctor", "budget", f"serve --db {url}"):
        cli.main(words.split())
    said = capsys.readouterr()
    assert "hunter2" not in said.out + said.err
    assert "write / as %2F" in said.err
    assert "project" in said.out  # the settings behind it are told, too


def test_a_misspelt_variable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINOPS_LEGDER", "x")
    assert only("FINOPS_LEGDER").mend == "did you mean FINOPS_LEDGER?"


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("FINOPS_DURABILITY", "fulll", "durability"),
        ("FINOPS_ON_UNREACHABLE", "maybe", "on_unreachable"),
        ("FINOPS_BUDGET", "five dollars", "budget"),
        ("FINOPS_TZ", "Europe/Atlantis", "tz"),
        ("FINOPS_THRESHOLDS", "50,180", "thresholds"),
        ("FINOPS_CURRENCY", "EUR 0.92", "currency"),
    ],
)
def test_a_value_that_cannot_be_used_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    monkeypatch.setenv(variable, value)
    check = only(name)
    assert check.state == "fault"
    assert value in check.text
    assert check.mend


def test_a_broken_settings_file_hides_no_other_part(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = empty_home / ".config" / "finops" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("ledger = [")
    stopped = seen("stopped", "settings")[0]
    assert str(file) in stopped.text
    assert seen("frameworks") or seen("langchain"), "tracking was looked at all the same"
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert said.count(str(file)) == 1, "each part meets it, one mend is enough"
    assert said.endswith("1 to mend\n")


def test_what_a_project_file_redirects_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "finops.toml").write_text('api_url = "https://elsewhere.example"\n')
    monkeypatch.chdir(tmp_path)
    found = [check for check in seen("api_url") if check.state == "note"]
    assert "elsewhere.example" in found[0].text
    assert found[0].mend == "if it is yours: finops connect --trust-project"


def test_another_packages_finops_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, ours = tmp_path / "other", tmp_path / "ours"
    for folder, text in ((other, "from finops.cli import app"), (ours, "from finops_pack.cli")):
        folder.mkdir()
        (folder / "finops").write_text(f"#!/usr/bin/python\n{text}\n")
        (folder / "finops").chmod(0o755)
    monkeypatch.setenv("PATH", f"{other}:{ours}")
    assert only("command").state == "fault"
    monkeypatch.setenv("PATH", f"{ours}:{other}")
    assert only("command").state == "ok"
    unreadable = "/" + "x" * 300  # as /root/.local/bin is for others, which images leave there
    monkeypatch.setenv("PATH", f"{unreadable}:{ours}")
    assert only("command").state == "ok"


def test_a_budget_that_holds_nothing_is_named_with_the_mend(empty_home: Path) -> None:
    with closing(open_ledger(config.load().ledger)) as ledger:
        ledger.put("budget", "quarter:everything", {"limit_usd": "5", "window": "quarter"})
        ledger.put("budget", "day:everything", {"limit_usd": "5", "window": "day"})
    (found,) = seen("budget", "store")
    assert found.state == "fault"
    assert found.mend == (
        "if a newer version set it, pip install --upgrade finops-agent-pack; "
        "else finops budget rm quarter:everything"
    )
    assert "window: 'quarter' is none of: call" in found.text


def test_unpriced_models_are_named_with_the_mend(empty_home: Path) -> None:
    ledger = open_ledger(config.load().ledger)
    ledger.book(
        [{"type": "call", "id": "a", "start_us": time.time_ns() // 1000, "model": "house-llm"}]
    )
    ledger.close()
    check = only("unpriced")
    assert check.state == "fault"
    assert "house-llm" in check.text
    assert check.mend == "finops rates alias house-llm=KNOWN-MODEL, then finops reprice"


def test_counts_that_make_no_sense_are_told_apart_from_a_missing_price(empty_home: Path) -> None:
    recorder.record(model="gpt-4o", usage=Usage(9, output_tokens=2, reasoning_tokens=5))
    recorder.flush()
    assert seen("unpriced") == []
    assert only("invalid").text.startswith("gpt-4o: 1 call (last 30d)")


def test_a_call_that_nobody_saw_the_end_of_lacks_no_price(empty_home: Path) -> None:
    recorder.get().begin(model="gpt-4o").fail(TimeoutError())
    recorder.flush()
    assert seen("unpriced") == []
    recorder.record(model="gpt-4o", provider="nobody", usage=Usage(9))
    recorder.flush()
    assert "KNOWN-MODEL" in str(only("unpriced").mend)
    assert only("unknown").text.startswith("1 call (last 30d) cut off")


def test_calls_of_a_flat_plan_are_calls_that_the_ledger_holds(empty_home: Path) -> None:
    recorder.record(model="gpt-4o", usage=Usage(9), billing_mode="subscription")
    recorder.flush()
    assert only("calls").text.startswith("1, ")


@pytest.mark.parametrize(
    ("provider", "start_us", "mend"),
    [
        ("openai", None, "a price is on file by now: finops reprice"),
        ("openrouter", None, "finops rates alias gpt-4o-mini=KNOWN-MODEL, then finops reprice"),
        ("openai", 10**12, "a price is on file by now: finops reprice"),
    ],
)
def test_the_mend_fits_whose_calls_these_are_and_when_they_were_made(
    empty_home: Path, provider: str, start_us: int | None, mend: str
) -> None:
    ledger = open_ledger(config.load().ledger)
    call = {"type": "call", "id": "a", "model": "gpt-4o-mini", "provider": provider}
    ledger.book([{**call, "start_us": start_us or time.time_ns() // 1000, "input_tokens": 5}])
    ledger.close()
    check = only("unpriced")
    assert check.mend == mend
    assert check.state == ("note" if start_us else "fault")
    assert ("before the last 30d" in check.text) == bool(start_us)


def test_an_unreachable_ledger_is_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.doc").write_text("no ledger at all")
    code = cli.main(["doctor", "--json", "--ledger", str(tmp_path / "thesis.doc")])
    document = json.loads(capsys.readouterr().out)
    assert code == 3
    assert document["schema"] == "finops.doctor"
    assert document["faults"] >= 1
    assert any(check["name"] == "reachable" for check in document["checks"])
    assert (tmp_path / "thesis.doc").read_text() == "no ledger at all"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/ledger.db", "overlay"),
        ("/tmp/finops-1000/x", "tmpfs"),
        ("/data/ledger.db", "ext4"),
        ("/data/a b/ledger.db", "tmpfs"),
        ("/database/ledger.db", "overlay"),
    ],
)
def test_the_file_system_behind_a_path(path: str, kind: str) -> None:
    assert store.filesystem(Path(path), MOUNTS) == kind


def test_a_command_installed_alone_is_told_how_to_reach_other_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("finops_pack.health.tracking.adapters.found", tuple)
    check = only("frameworks")
    assert (check.state, check.part) == ("note", "tracking")
    assert "finops run -- python app.py" in str(check.mend)


def test_files_that_help_an_adapter_are_no_frameworks(monkeypatch: pytest.MonkeyPatch) -> None:
    helpers = {name for name in adapters.found() if adapters.status(name).helps}
    assert {"langchain_openai", "autogen_agents"} <= helpers
    found = [check for check in health.examine() if check.part == "tracking"]
    assert not helpers & {check.name for check in found}
    assert any(c.name == "langchain" and c.text.startswith("langchain-openai ") for c in found)
    [missed] = adapters.status("langchain_agents").cannot_see
    assert ("langchain", f"cannot see: {missed}") in {(c.name, c.text) for c in found}
    monkeypatch.setattr("finops_pack.adapters._above.version_of", lambda name: None)
    supported = str(only("frameworks").mend).partition("supported: ")[2].split(", ")
    assert "openai_agents" in supported
    assert not helpers & set(supported)
