"""The REST API against schemathesis for as long as you like: `python -m bench.schemathesis_run`.

Starts `finops serve` on an empty store, makes an account, and runs schemathesis' own command
over the OpenAPI document: once with a key, once with a login's session for `register`. Exits
non-zero when a call is answered with 5xx or otherwise than documented.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

PASSWORD = "correct horse"  # of an account that lives as long as this run
HOOKS = """
import schemathesis

schemathesis.serializer("application/x-ndjson")(lambda _, value: str(value).encode())
"""
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,unsupported_method,ignored_auth"
)


def main() -> int:
    """Run both, return the worse exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=300, help="an endpoint")
    parser.add_argument("--db", help="store of the server; default a temporary SQLite file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "FINOPS_SERVER_DB": args.db or f"{folder}/server.db"}
        finops = [sys.executable, "-m", "finops_pack"]
        make = [*finops, "serve", "--create-account", "me@acme.test", "--password-stdin"]
        subprocess.run(make, input=PASSWORD.encode(), env=environment, check=True)
        serve = [*finops, "serve", "--port", "0", "--rate", "100000"]
        with subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE) as server:
            try:
                assert server.stdout is not None
                base = server.stdout.readline().decode().split()[-1]
                return run(base, args.examples)
            finally:
                server.terminate()


def run(base: str, examples: int) -> int:
    """schemathesis over the server at `base`."""
    login = {"email": "me@acme.test", "password": PASSWORD}
    session = httpx.post(f"{base}/api/finops/login", json=login).json()["token"]
    bearer = {"Authorization": f"Bearer {session}"}
    key = httpx.post(f"{base}/api/finops/register", headers=bearer).json()["api_key"]
    register = "/api/finops/register"
    with tempfile.TemporaryDirectory() as folder:
        hooks = Path(folder, "hooks.py")
        hooks.write_text(HOOKS)
        os.environ["SCHEMATHESIS_HOOKS"] = str(hooks)
        codes = [
            schemathesis(base, examples, key, "--exclude-path", register),
            schemathesis(base, examples, session, "--include-path", register),
        ]
    return max(codes)


def schemathesis(base: str, examples: int, secret: str, *paths: str) -> int:
    """One run of its command."""
    command = Path(sys.executable).with_name("schemathesis")
    options = [f"--max-examples={examples}", f"--checks={CHECKS}", "--no-color", *paths]
    header = f"Authorization: Bearer {secret}"
    done = subprocess.run([command, "run", f"{base}/openapi.json", "-H", header, *options])
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
