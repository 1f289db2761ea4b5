"""The manifest and the generated page say what the files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from skills_ref import validate

from finops_pack import __version__
from scripts import make_pack

TOP = Path(__file__).parent.parent.parent
SKILLS = sorted(TOP.glob("skills/*/SKILL.md"))
CATALOGUE_CHARACTERS = 300
COPIED = {".md", ".yaml", ".yml", ".json", ".txt"}  # what the installer copies


def test_manifest_is_made_from_the_files() -> None:
    written = yaml.safe_load((TOP / "ayaiay.yaml").read_text(encoding="utf-8"))
    assert written == make_pack.manifest(), "run: python scripts/make_pack.py"


def test_the_version_is_one() -> None:
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"finops-agent-pack@([\d.]+)", readme)) == {__version__}
    changes = (TOP / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changes or f"## [{__version__}]" in changes


def test_rates_page_is_made_from_the_tables() -> None:
    assert make_pack.RATES.read_text(encoding="utf-8") == make_pack.rates_page()


def test_manifest_is_flat_and_takes_nothing_of_the_users() -> None:
    written = yaml.safe_load((TOP / "ayaiay.yaml").read_text(encoding="utf-8"))
    assert "metadata" not in written
    assert not (TOP / "instructions").exists()
    assert [p.suffix for p in (TOP / "workflows").iterdir()] == [""]  # the shield, not copied


@pytest.mark.parametrize("path", SKILLS, ids=lambda p: p.parent.name)
def test_skill_is_valid_short_and_opens_with_its_trigger(path: Path) -> None:
    assert validate(path.parent) == []
    front = yaml.safe_load(path.read_text(encoding="utf-8").split("---\n", 2)[1])
    assert front["description"].startswith("Use when")
    assert "Not for" in front["description"]
    assert len(front["description"]) <= CATALOGUE_CHARACTERS
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("path", SKILLS, ids=lambda p: p.parent.name)
def test_every_file_a_skill_names_is_there_and_is_copied(path: Path) -> None:
    named = set(re.findall(r"references/[\w.-]+", path.read_text(encoding="utf-8")))
    there = {f"references/{p.name}" for p in (path.parent / "references").iterdir()}
    assert {name.rstrip(".") for name in named} == there
    assert {Path(name).suffix for name in there} <= COPIED
