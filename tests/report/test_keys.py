"""A key is private, bound to its URL, and shows itself to nobody."""

from __future__ import annotations

import os
import stat
import traceback

import pytest

from finops_pack import config
from finops_pack.errors import ConfigError
from finops_pack.report import keys
from finops_pack.report.keys import Secret, api_key, base_url, store, target


def test_a_stored_key_is_private_and_found_again(key: str) -> None:
    path = store("https://finops.example/", api_key(key))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = target()
    assert found.key is not None
    assert (found.url, found.key.reveal()) == ("https://finops.example", key)


def test_it_is_handed_out_only_for_the_url_it_was_stored_for(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store("https://finops.example", api_key(key))
    assert target("https://finops.example.evil.test").key is None
    assert target("http://finops.example").key is None
    assert target("https://finops.example:8443").key is None
    assert target("HTTPS://FINOPS.example:443/").key is not None
    monkeypatch.setenv("FINOPS_API_URL", "https://other.example")
    config.reload()
    assert (target().url, target().key) == ("https://other.example", None)


def test_several_urls_keep_their_keys(key: str) -> None:
    store("https://a.example", api_key(key))
    store("https://b.example", api_key(key + "b"))
    first, last = target("https://a.example").key, target().key
    assert first is not None
    assert last is not None
    assert (first.reveal(), last.reveal()) == (key, key + "b")


def test_the_environment_wins_and_keeps_to_its_own_url(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store("http://127.0.0.1:8765", api_key(key))
    monkeypatch.setenv("FINOPS_API_KEY", key + "env")
    config.reload()
    found = target()
    assert found.key is not None
    assert (found.url, found.key.reveal()) == (config.API_URL, key + "env")


def test_the_key_to_a_ledger_on_a_server_is_shown_to_no_other_server(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINOPS_API_KEY", key)
    monkeypatch.setenv("FINOPS_LEDGER", "https://finops.example")
    config.reload()
    assert target().url == "https://finops.example"
    monkeypatch.setenv("FINOPS_API_URL", config.API_URL)
    config.reload()
    assert target().url == config.API_URL, "said so"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_a_file_that_others_can_read_is_refused(key: str, mode: int) -> None:
    path = store("https://finops.example", api_key(key))
    path.chmod(mode)
    with pytest.raises(ConfigError) as refusal:
        target()
    assert "chmod 600" in (refusal.value.mend or "")


def test_a_damaged_file_is_named(key: str) -> None:
    path = store("https://finops.example", api_key(key))
    for text in ("{", "[]", '{"keys": []}'):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"credentials\.json"):
            target()


def test_nothing_stored_is_no_error() -> None:
    assert (target().url, target().key) == (config.API_URL, None)


def test_a_full_disk_leaves_the_old_key(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store("https://finops.example", api_key(key))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="No space"):
        store("https://finops.example", api_key(key + "2"))
    found = target().key
    assert found is not None
    assert found.reveal() == key
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("bad", ["", "sk-123", "finops_", "finops_a b", "finops_a\nX-Evil: 1"])
def test_what_is_no_key_is_refused_without_repeating_it(bad: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        api_key(bad)
    assert bad in ("", "finops_") or bad not in "".join(traceback.format_exception(refusal.value))


@pytest.mark.parametrize(
    "bad",
    ["", "goldtaler.at", "ftp://x", "https://", "https://u:p@x", "https://x?a=1", "http://x:99999"],
)
def test_what_is_no_base_url_is_refused(bad: str) -> None:
    with pytest.raises(ConfigError):
        base_url(bad)


@pytest.mark.parametrize("bad", ["ftp://me:hunter2@x", "https://me:hunter2/9@x", "me:hunter2@x"])
def test_a_url_is_refused_without_repeating_its_password(bad: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        base_url(bad)
    assert "hunter2" not in "".join(traceback.format_exception(refusal.value))


def test_a_host_without_a_scheme_is_told_of_both() -> None:
    with pytest.raises(ConfigError, match="must be https://HOST or http://HOST"):
        base_url("127.0.0.1:8765")


def test_base_urls_have_one_spelling() -> None:
    assert base_url(" https://X.example:443/finops/ ") == "https://x.example/finops"
    assert base_url("http://[::1]:8765") == "http://[::1]:8765"


def test_a_secret_hides() -> None:
    secret = Secret("finops_abc")
    shown = f"{secret!r} {secret} {secret.fingerprint} {keys.Target('u', secret, 's')}"
    assert "abc" not in shown.replace(secret.fingerprint, "")
    assert secret.hide("Bearer finops_abc!") == "Bearer (secret)!"
    assert Secret("").hide("as it was") == "as it was"
