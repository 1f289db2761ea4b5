"""FOCUS: what focus-validator says of our export; needs Python 3.12 and a package index.

The validator wants Python 3.12 or newer and pyarrow below 21, reads a file of its own by a
relative path, and exits 0 whatever it finds: its counts are parsed. Expected: one failure,
InvoiceId-C-005, one of two arms of an either-or that the validator lists apart (what is
recorded here was not invoiced yet).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from finops_pack import config, recorder
from finops_pack.cli import main as finops
from finops_pack.model import Usage

CRITERIA = (
    "ACCOUNT_NAMING_SUPPORTED,PUBLIC_PRICE_LIST_SUPPORTED,USAGE_MEASUREMENT_SUPPORTED,"
    "UNIT_PRICING_SUPPORTED,TAGGING_SUPPORTED"
)
PACKAGES = ("focus-validator==2.2.1", "pyarrow<21")
EXPECTED = {"InvoiceId-C-005-C"}


def python() -> str | None:
    """An interpreter that the validator accepts."""
    if sys.version_info >= (3, 12):
        return sys.executable
    names = ("python3.14", "python3.13", "python3.12")
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    pyenv = sorted((root / "versions").glob("3.1[2-9]*/bin/python"))
    candidates = [*filter(None, map(shutil.which, names)), *map(str, pyenv)]
    for candidate in candidates:
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def exported(folder: Path) -> Path:
    """A file with every kind of row: buckets, batch, a plan, a gateway's bill, tags, no price."""
    ledger, path = str(folder / "ledger.db"), folder / "focus.csv"
    made = recorder.configure(ledger=ledger)
    sonnet, usage = "claude-sonnet-4-5", Usage(60_200, 500, 50_000, 4_000, 6_000)
    made.record(model=sonnet, usage=usage, tags={"customer": "acme"}, action="ask")
    made.record(model=sonnet, usage=usage, billing_mode="subscription", duration_ms=2500)
    made.record(model="gpt-4o", provider="openai", usage=Usage(100, 10), processing="batch")
    made.record(model="gpt-4o", provider="openai", usage=Usage(100, 10), extra={"web_search": 1})
    made.record(model="nobody-knows", usage=Usage(5, 5))
    recorder.close(5.0)
    finops(["export", "focus", "-o", str(path), "--ledger", ledger])
    return path


def validate(interpreter: str, folder: Path, path: Path) -> str | None:
    """What the validator prints; None when it cannot be installed."""
    environment = folder / "venv"
    subprocess.run([interpreter, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "pip"), "install", "--quiet", *PACKAGES]
    if subprocess.run(pip, capture_output=True, check=False).returncode:
        return None
    where = next(environment.glob("lib/python3*/site-packages"))
    command = [
        str(environment / "bin" / "focus-validator"), "--block-download",
        "--validate-version", "1.2.0.1", "--data-file", str(path),
        "--applicability-criteria", CRITERIA,
    ]  # fmt: skip
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False).stdout


def main() -> int:
    """Print the counts and every failure; 1 when there is one that was not expected."""
    interpreter = python()
    if interpreter is None:
        print("not measured: focus-validator needs Python 3.12 or newer, and there is none")
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = validate(interpreter, folder, exported(folder))
    if text is None:
        print(f"not measured: pip could not install {' '.join(PACKAGES)}")
        return 0
    counts = re.search(r"Total: .*", text)
    failed = set(re.findall(r"^- ([\w.-]+):", text, re.MULTILINE))
    print(counts[0] if counts else text[-500:])
    for rule in sorted(failed):
        print(f"  {rule}{' (expected)' if rule in EXPECTED else ''}")
    config.reload()
    return 0 if counts and failed <= EXPECTED else 1


if __name__ == "__main__":
    sys.exit(main())
