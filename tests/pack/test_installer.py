"""The real installer against a registry on the loopback and a repository on this disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent.parent
NAME = "philippfrenzel/finops-agent-pack"
REPOSITORY = f"https://github.com/{NAME}"
SHIPPED = ("skills", "prompts", "rates", "workflows", "finops_pack", "ayaiay.yaml",
           "pyproject.toml", "README.md", "LICENSE")  # fmt: skip
OWN = {
    ".github/workflows/ci.yml": "name: mine\n",
    ".github/copilot-instructions.md": "mine\n",
    ".claude/settings.json": "{}\n",
    "CLAUDE.md": "mine\n",
}


class Registry(BaseHTTPRequestHandler):
    """The three questions that the installer asks."""

    versions = ("1.0.0",)

    def do_GET(self) -> None:
        pack = {"id": 1, "name": "finops-agent-pack", "publisher": "philippfrenzel",
                "repo_url": REPOSITORY, "latest_version": self.versions[0]}  # fmt: skip
        known = [{"version": v, "published_at": "2026-11-24T00:00:00Z"} for v in self.versions]
        path = self.path.partition("?")[0]
        if path.endswith("/packs"):
            self._answer({"results": [pack], "total": 1})
        elif path.endswith("/versions"):
            self._answer({"versions": known, "results": known, "items": known})
        elif "/versions/" in path:
            self._answer(known[0])
        else:
            self._answer(pack)

    def _answer(self, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        pass


@dataclass
class User:
    """A person's home and project, and the commands that are run there."""

    home: Path
    project: Path
    registry: str

    def run(self, *words: str) -> str:
        env = {**os.environ, "HOME": str(self.home), "GIT_ALLOW_PROTOCOL": "file",
               "PYTHONWARNINGS": "ignore", "COLUMNS": "200"}  # fmt: skip
        done = subprocess.run(words, cwd=self.project, env=env, capture_output=True, text=True,
                              timeout=60, check=False)  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def ayaiay(self, *words: str) -> str:
        command = str(Path(sys.executable).parent / "ayaiay")
        return self.run(command, "--api-url", self.registry, *words)

    def untouched(self) -> bool:
        return all((self.project / name).read_text() == text for name, text in OWN.items())


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository of what is shipped, tagged as a release."""
    source = tmp_path_factory.mktemp("source")
    for name in SHIPPED:
        path = TOP / name
        ignored = shutil.ignore_patterns("__pycache__")
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=ignored)
        else:
            shutil.copy(path, source / name)
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(source))
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "release"), ("tag", "v1.0.0")):
        subprocess.run([*git, *words], check=True, capture_output=True)
    return source


@pytest.fixture
def user(tmp_path: Path, repository: Path) -> Iterator[User]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    home, project = tmp_path / "person", tmp_path / "project"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[url "file://{repository}"]\n\tinsteadOf = {REPOSITORY}\n'
        f"\tinsteadOf = {REPOSITORY}.git\n[safe]\n\tdirectory = *\n"
    )
    for name, text in OWN.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    (project / "ayaiay.json").write_text('{"version": "1.0", "packages": []}')
    yield User(home, project, f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    server.server_close()


def skills_in(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("skills/*/SKILL.md")}


EXPECTED = skills_in(TOP)


def test_the_whole_life_of_an_installed_pack(user: User) -> None:
    assert "valid" in user.ayaiay("validate", str(TOP / "ayaiay.yaml")).lower()

    user.ayaiay("install", f"{NAME}@1.0.0")
    for platform in (".claude", ".github"):
        assert skills_in(user.project / platform) == EXPECTED
        budget = user.project / platform / "skills" / "finops-budget"
        assert (budget / "references" / "rates.md").is_file()
        assert (budget / "SKILL.md").read_bytes() == (
            TOP / "skills" / "finops-budget" / "SKILL.md"
        ).read_bytes()
    assert user.untouched()

    assert "finops-agent-pack" in user.ayaiay("list")
    user.ayaiay("sync")
    user.ayaiay("install", "--force", f"{NAME}@1.0.0")
    user.ayaiay("update")
    assert skills_in(user.project / ".claude") == EXPECTED
    assert user.untouched()

    clone = user.home / ".ayaiay" / "packs" / NAME
    said = user.run("env", f"PYTHONPATH={clone}", sys.executable, "-m", "finops_pack", "budget")
    assert "nothing recorded yet" in said

    user.ayaiay("uninstall", NAME)
    assert skills_in(user.project / ".claude") == set()
    assert user.untouched()
