"""What holds for every adapter that is found."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from finops_pack import adapters
from finops_pack.adapters import _above, _hook, _status

FOLDER = Path(adapters.__file__).parent
FOUND = adapters.found()


def test_some_are_found() -> None:
    assert {"langchain", "openai", "anthropic"} <= set(FOUND)


@pytest.mark.parametrize("name", FOUND)
def test_an_adapter_says_what_it_needs_in_literals(name: str) -> None:
    modules, tested = _status.literal(name, "MODULES"), _status.literal(name, "TESTED")
    assert isinstance(modules, tuple)
    assert modules
    assert list(modules) == adapters._modules(adapters.source(name))
    assert isinstance(tested, dict)
    assert tested
    assert all(len(span) == 2 for span in tested.values())
    assert isinstance(_status.literal(name, "CANNOT_SEE"), tuple)
    helped = adapters.status(name).helps
    assert helped is None or adapters.status(helped).helps is None


@pytest.mark.parametrize("name", FOUND)
def test_an_adapter_imports_its_framework_only_inside_functions(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    named = {module.split(".")[0] for module in _status.literal(name, "MODULES")}
    for node in tree.body:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert not named & {imported.split(".")[0] for imported in names}
    assert ast.get_docstring(tree)


@pytest.mark.parametrize("name", FOUND)
def test_an_adapter_is_about_150_lines(name: str) -> None:
    assert len(adapters.source(name).splitlines()) <= 155


@pytest.mark.parametrize("name", FOUND)
def test_the_version_at_hand_is_one_that_was_tried(name: str) -> None:
    state = adapters.status(name)
    for package in state.packages:
        assert package.version is None or package.tested, package


def test_all_adapters_together_import_no_framework() -> None:
    code = (
        "import sys, finops_pack.auto\n"
        "from finops_pack import adapters\n"
        "from importlib import import_module\n"
        "for name in adapters.found(): import_module(f'finops_pack.adapters.{name}')\n"
        "heavy = {'langchain_core', 'openai', 'anthropic', 'crewai', 'autogen_core', 'pydantic',"
        " 'httpx', 'asyncio', 'yaml', 'rich', 'requests'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path, for modules made by a test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_told_when_a_module_is_imported_before_or_after(found: Path) -> None:
    (found / "framework_a.py").write_text("ready = True")
    told: list[str] = []
    _hook.when_imported("framework_a", "after", told.append)
    assert told == []
    module = __import__("framework_a")
    assert told == ["after"]
    _hook.when_imported("framework_a", "before", told.append)
    assert told == ["after", "before"]
    assert module.ready
    assert module.__spec__.loader.__class__.__name__ == "SourceFileLoader"


def test_an_import_that_fails_is_told_when_it_is_tried_again(found: Path) -> None:
    broken = found / "framework_b.py"
    broken.write_text("raise RuntimeError('not yet')")
    told: list[str] = []
    _hook.when_imported("framework_b", "b", told.append)
    with pytest.raises(RuntimeError):
        __import__("framework_b")
    assert told == []
    broken.write_text("ready = True  # now it can be imported")
    __import__("framework_b")
    assert told == ["b"]


def test_an_absent_framework_is_absent(found: Path) -> None:
    _hook.when_imported("framework_c", "c", pytest.fail)
    with pytest.raises(ModuleNotFoundError):
        __import__("framework_c")


def test_a_broken_adapter_is_told_once_and_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = ModuleType("finops_pack.adapters.broken")
    broken.install = lambda: 1 // 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "finops_pack.adapters.broken", broken)
    adapters.install("broken")
    adapters.install("broken")
    assert adapters.installed.pop("broken") is False
    (said,) = (record.message for record in caplog.records if "broken" in record.message)
    assert said.startswith("finops: adapter broken failed: its calls are missed\n")


def test_a_version_outside_the_range_is_tracked_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import openai  # noqa: F401

    monkeypatch.setattr(_above, "version_of", lambda name: "9.1")
    monkeypatch.delitem(adapters.installed, "openai", raising=False)
    adapters.install("openai")
    adapters.install("openai")
    assert adapters.installed["openai"] is True
    said = [record.message for record in caplog.records if "openai 9.1" in record.message]
    assert len(said) == 1


def test_status_tells_doctor_what_there_is() -> None:
    import langchain_core  # noqa: F401

    state = adapters.status("langchain")
    assert state.packages[0].name == "langchain-core"
    assert state.packages[0].version
    assert state.cannot_see
    assert _status.numbers("1.10.0rc1") == (1, 10, 0)
