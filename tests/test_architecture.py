"""The arrows of import, lazy imports included, hold for every module of the pack."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard

import pytest

PACK = Path(__file__).parent.parent / "finops_pack"
BASE = {"errors", "forks", "log", "money", "model", "config", "budgets"}
ANALYSIS = {"waste", "forensics", "cache", "score", "trend", "levers", "alerts", "forecast"}
SHARED = {"figures", "sessions", "sketch", "stats", "unit_prices"}

ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "forks": set(),
    "log": {"errors", "forks"},
    "money": set(),
    "model": {"money"},
    "figures": {"money"},
    "places": set(),
    "again": {"places"},
    "config": {"errors", "forks", "places"},
    "budgets": {"errors", "money", "model"},
    "context": BASE,
    "sketch": BASE,
    "rates": BASE,
    "ledger": BASE | {"report"},  # remote alone: the key of a server, and how to connect
    "gate": BASE | {"ledger", "rates"},
    "recorder": BASE | {"context", "sketch", "rates", "ledger", "gate"},
    "adapters": BASE | {"context", "recorder", "gate"},
    "auto": BASE | {"adapters", "recorder"},
    "importers": BASE | {"recorder", "ledger", "again"},
    **dict.fromkeys(ANALYSIS, BASE | SHARED),
    "waste": BASE | SHARED | {"cache"},  # both speak of the same cold calls
    "score": BASE | SHARED | {"waste"},
    "levers": BASE | SHARED | {"alerts"},  # both speak of the same share of writes
    "sessions": BASE,
    "stats": BASE,
    "testing": {"auto"},  # the demo's agent begins with the one line, as a user's would
    "asgi": BASE | {"context", "recorder"},
    "_site": {"auto"},
    "unit_prices": BASE,
    "query": BASE | ANALYSIS | {"figures", "ledger", "rates", "sessions"},
    "report": BASE | {"query", "ledger"},
    "export": BASE,
    "reconcile": BASE,
    "health": BASE | {"ledger", "rates", "adapters", "report", "query"},
    "admin": BASE | {"ledger", "rates"},
    "webhooks": BASE | {"admin", "ledger"},
    "prompts": BASE,
    "tools": BASE | {"query"},
    "cli": BASE
    | {
        "again",
        "figures",
        "query",
        "report",
        "importers",
        "admin",
        "health",
        "export",
        "reconcile",
        "mcp_server",
        "server",
        "webhooks",
    },
    "mcp_server": BASE | {"query", "admin"},
    "server": BASE | {"query", "report", "alerts", "levers", "forecast", "figures", "ledger"},
    "__init__": BASE | {"context", "recorder", "rates", "query", "auto", "ledger", "gate"},
    "__main__": {"cli"},
}
FRAMEWORKS = {
    "langchain", "langchain_core", "langgraph", "crewai", "autogen_core", "autogen_agentchat",
    "autogen_ext", "openai", "anthropic", "agents", "pydantic_ai", "ag2", "agent_framework",
    "litellm", "langchain_openai",
}  # fmt: skip
IN_AN_AGENT = BASE | ANALYSIS | SHARED | {
    "__init__", "adapters", "asgi", "auto", "context", "gate", "ledger", "places", "query", "rates",
    "recorder", "report", "sketch", "tools",
}  # fmt: skip
BEFORE_THE_RECORDER = {"__init__.py", "auto.py", "adapters/__init__.py"}
UNGUARDED = {
    "adapters/__init__.py:status": "finops doctor",
    "adapters/autogen.py:__getattr__": "an import of the user's own",
    "auto.py:refusal": "track has imported it",
    "auto.py:flush": "track has imported it",
    "auto.py:close": "track has imported it",
    "config/_files.py:read_file": "within config.load",
    "config/_files.py:readable": "within config.load",
    "model/__init__.py:__getattr__": "the recorder has asked for all of them",
    "rates/cache.py:_compiled": "within rates.current",
    "rates/document.py:parse": "within rates.current",
    "rates/manage.py:_fetched": "finops rates",
    "rates/own.py:_with_earlier": "finops rates",
    "recorder/_serverless.py:_flushed_async": "runs within it",
    "report/build.py:read": "finops report",
    "report/client.py:_exchange": "what made its client has imported it",
    "report/outbox.py:_machine": "finops report",
    "report/tls.py:context": "within trust",
    "tools/autogen.py:budget_tools": "the framework that asks for them",
    "tools/crewai.py:budget_tools": "the framework that asks for them",
    "tools/langchain.py:budget_tools": "the framework that asks for them",
}
"""Late imports in an agent that need no guard, and why."""


def modules() -> list[Path]:
    return sorted(p for p in PACK.rglob("*.py") if "_data" not in p.parts)


def part_of(path: Path) -> str:
    inside = path.relative_to(PACK)
    return inside.parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """(dotted name, line) of everything imported anywhere in the file, but for types alone."""
    tree = ast.parse(path.read_text())
    typing = [node for node in ast.walk(tree) if _type_checking(node)]
    skipped = {id(inner) for block in typing for node in block.body for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module == "finops_pack":
                yield from ((f"finops_pack.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno


def _type_checking(node: ast.AST) -> TypeGuard[ast.If]:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACK)))
def test_arrows_hold(path: Path) -> None:
    part = part_of(path)
    assert part in ARROWS, f"{part}: a new part of the house needs its arrows here"
    for name, line in imports(path):
        head, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if head != "finops_pack" or not rest or target in ("__version__", part):
            continue
        assert target in ARROWS[part], f"{path.name}:{line}: {part} must not import {target}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACK)))
def test_frameworks_only_in_adapters_and_tools(path: Path) -> None:
    if part_of(path) in ("adapters", "tools", "testing"):  # the last has the demo's own agent
        return
    for name, line in imports(path):
        assert name.split(".")[0] not in FRAMEWORKS, f"{path.name}:{line}: imports {name}"


def test_no_adapter_imports_another() -> None:
    for path in (PACK / "adapters").glob("*.py"):
        for name, line in imports(path):
            other = name.removeprefix("finops_pack.adapters.")
            shared = other == name or other.startswith("_") or other == path.stem
            assert shared, f"{path.name}:{line}: imports adapter {other}"


@lru_cache(maxsize=1)
def loaded() -> set[str]:
    """What is imported with the recorder, before any call, on a Python without packages."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import finops_pack.recorder"
    command = [sys.executable, "-S", "-c", f"{code}; print(*sys.modules)", str(PACK.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def late_imports(node: ast.AST, within: str = "") -> Iterator[tuple[str, str, int]]:
    """(function, dotted name, line) of what functions import outside of `forks.barred()`."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.With) and any(map(_is_guard, inner.items)):
            continue
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from late_imports(inner, inner.name)
            continue
        if within:
            yield from ((within, name, inner.lineno) for name in _imported(inner))
        yield from late_imports(inner, within)


def _is_guard(item: ast.withitem) -> bool:
    return ast.unparse(item.context_expr) in ("forks.barred()", "barred()")


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        return [ast.unparse(node)]
    return []


def _is_loaded(name: str) -> bool:
    """Whether it is a module that is loaded by then, or stands in one."""
    file = PACK.parent.joinpath(*name.split("."))
    is_module = file.is_dir() or file.with_suffix(".py").exists()
    return name in loaded() or (not is_module and name.rpartition(".")[0] in loaded())


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACK)))
def test_no_fork_in_the_midst_of_a_late_import(path: Path) -> None:
    """Its child would wait for ever for a module that a thread of the parent was importing."""
    if part_of(path) not in IN_AN_AGENT:
        return
    file = path.relative_to(PACK).as_posix()
    for function, name, line in late_imports(ast.parse(path.read_text())):
        is_framework = part_of(path) == "adapters" and name.split(".")[0] in FRAMEWORKS
        is_there = file not in BEFORE_THE_RECORDER and _is_loaded(name)
        excused = f"{file}:{function}" in UNGUARDED or name == "finops_pack.forks"
        assert is_framework or is_there or excused, (
            f"{path}:{line}: {name} is imported late: do it in `with forks.barred():`"
        )


def test_what_needs_no_guard_is_there() -> None:
    for place in UNGUARDED:
        file, _, function = place.partition(":")
        assert f"def {function}(" in (PACK / file).read_text(), place
