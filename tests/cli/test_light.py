"""The path of `finops budget` and `spend` stays on the standard library, and on little of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from finops_pack.ledger import open_ledger

ROOT = Path(__file__).parent.parent.parent
HEAVY = {
    "pydantic", "httpx", "yaml", "rich", "psycopg", "fastapi", "starlette", "uvicorn", "jinja2",
    "requests", "sqlalchemy", "mcp", "langchain_core", "crewai", "autogen_core", "openai",
    "anthropic", "litellm", "numpy", "asyncio", "urllib.request", "http.client", "logging",
    "importlib.metadata", "tomllib", "email", "shutil", "zoneinfo", "ast", "pathlib",
    "urllib.parse", "finops_pack.ledger._schema", "finops_pack.model.call",
}  # fmt: skip
ASKS_INSPECT = sys.version_info >= (3, 12)  # `dataclasses` does, for each class, and so for `ast`
COMMANDS = (["budget"], ["budget", "--json"], ["spend", "--by", "day", "--json"], ["statusline"])


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A small ledger on disk."""
    path = tmp_path / "ledger.db"
    book = open_ledger(str(path))
    book.book([{"type": "call", "id": "a", "start_us": 1_790_000_000_000_000, "model": "gpt-4o",
                "input_tokens": 9, "cost_pico": 5, "cost_state": "priced"}])  # fmt: skip
    book.put("budget", "day:everything", {"limit_usd": "5", "window": "day"})
    book.close()
    return path


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_imports_nothing_heavy(words: list[str], ledger: Path) -> None:
    code = (
        "import sys; from finops_pack.cli import main; code = main(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--ledger", str(ledger)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (HEAVY - {"ast"} if ASKS_INSPECT else HEAVY) & set(done.stderr.split())


def test_import_of_the_pack_is_lazy() -> None:
    code = "import sys, finops_pack; print(*[m for m in sys.modules if 'finops_pack.' in m])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_works_on_a_python_without_packages(words: list[str], ledger: Path) -> None:
    """`-S`: no site-packages at all, so none of our dependencies either."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    base = [sys._base_executable, "-S", "-m", "finops_pack"]
    asked = "import pydantic"
    missing = subprocess.run([*base[:2], "-c", asked], env=environment, capture_output=True)
    assert missing.returncode == 1, "this Python is not bare"
    done = subprocess.run(
        [*base, *words, "--ledger", str(ledger)],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_deferred_module_is_whole_when_it_is_used() -> None:
    code = (
        "import finops_pack.cli._commands, dataclasses, sys\n"
        f"assert {ASKS_INSPECT} or 'ast' not in sys.modules, 'inspect was not deferred'\n"
        "held = dataclasses.inspect\n"
        "@dataclasses.dataclass\nclass WithoutADoc:\n    x: int = 1\n"
        "assert WithoutADoc.__doc__ == 'WithoutADoc(x: int = 1)'\n"
        "import inspect\n"
        "assert inspect.signature is held.signature and inspect.__file__ == held.__file__\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
