"""The wheel alone, from a folder that is not the repository: commands, data, no framework."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent.parent
Finops = Callable[..., "subprocess.CompletedProcess[str]"]
FRAMEWORKS = ("langchain_core", "crewai", "autogen_core", "openai", "anthropic")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an installer would put into site-packages."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=TOP, check=True, capture_output=True)
    [wheel] = out.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(out / "site")
    return out / "site"


@pytest.fixture
def finops(unpacked: Path, tmp_path: Path) -> Finops:
    """Runs the command from the wheel, elsewhere."""

    def run(*words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(unpacked)}
        command = [sys.executable, *options, "-m", "finops_pack", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    return run


def test_everything_is_inside(unpacked: Path) -> None:
    data = unpacked / "finops_pack" / "_data"
    assert (data / "rates" / "openai.yaml").is_file()
    assert (data / "skills" / "finops-budget" / "SKILL.md").is_file()
    assert list((data / "prompts").glob("*.prompt.md"))
    assert (unpacked / "finops_pack" / "py.typed").is_file()
    assert list((unpacked / "finops_pack" / "server" / "templates").glob("*.html"))


def test_it_says_where_its_source_and_its_pages_are(unpacked: Path) -> None:
    [told] = unpacked.glob("*.dist-info/METADATA")
    assert "Project-URL: Repository, https://github.com/" in told.read_text()


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        ("price", "gpt-4o", "--input", "1000", "--output", "10"),
        ("budget",),
        ("mcp", "--list"),
    ],
    ids=" ".join,
)
def test_commands_work(finops: Finops, words: tuple[str, ...]) -> None:
    done = finops(*words)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_log_is_imported(finops: Finops, tmp_path: Path) -> None:
    line = (
        '{"id": "a", "time": "2026-11-01T00:00:00Z", "model": "gpt-4o", '
        '"usage": {"input_tokens": 1000000}}'
    )
    (tmp_path / "calls.jsonl").write_text(line + "\n")
    assert finops("import", "jsonl", "calls.jsonl").returncode == 0
    assert "$2.5" in finops("spend").stdout + finops("spend", "--since", "2026-10-01").stdout


def test_no_framework_is_imported(finops: Finops) -> None:
    told = finops("budget", options=("-X", "importtime")).stderr
    assert "finops_pack" in told
    assert not [name for name in FRAMEWORKS if f" {name}\n" in told]
