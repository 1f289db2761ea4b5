"""The public names: all there, and none that a module of the same name would hide."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import finops_pack


def test_every_public_name_is_there() -> None:
    for name in finops_pack.__all__:
        assert getattr(finops_pack, name) is not None, name


def test_no_public_name_is_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(finops_pack.__path__)}
    assert modules.isdisjoint(finops_pack.__all__)


def test_names_survive_the_import_of_everything() -> None:
    """Importing a sub-module sets an attribute of the package: it must be no public name."""
    code = (
        "import pkgutil, importlib, finops_pack, types\n"
        "for m in pkgutil.iter_modules(finops_pack.__path__):\n"
        "    if m.name not in ('__main__', 'mcp_server', 'server', 'tools'):\n"
        "        importlib.import_module('finops_pack.' + m.name)\n"
        "wrong = [n for n in finops_pack.__all__\n"
        "         if isinstance(getattr(finops_pack, n), types.ModuleType)]\n"
        "assert not wrong, wrong\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
