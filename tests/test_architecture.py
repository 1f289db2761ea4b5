"""The arrows of import, lazy imports included, hold for every module of the pack."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

PACK = Path(__file__).parent.parent / "finops_pack"
BASE = {"errors", "forks", "log", "money", "model", "config", "budgets"}
ANALYSIS = {"waste", "forensics", "cache", "score", "trend", "levers", "alerts", "forecast"}
SHARED = {"figures", "sessions", "sketch", "stats", "unit_prices"}
FACES = {"cli", "mcp_server", "server", "tools"}

ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "forks": set(),
    "log": {"forks"},
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
    },
    "mcp_server": BASE | {"query", "admin"},
    "server": BASE | {"query", "report", "alerts", "levers", "forecast", "ledger"},
    "__init__": BASE | {"context", "recorder", "rates", "query", "auto", "ledger", "gate"},
    "__main__": {"cli"},
}
FRAMEWORKS = {
    "langchain", "langchain_core", "langgraph", "crewai", "autogen_core", "autogen_agentchat",
    "autogen_ext", "openai", "anthropic", "agents", "pydantic_ai", "ag2", "agent_framework",
    "litellm",
}  # fmt: skip


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
