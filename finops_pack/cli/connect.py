"""`finops connect`: a key for the REST API, tried and stored."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from finops_pack import config
from finops_pack.cli import _out
from finops_pack.errors import ConfigError, InputError

if TYPE_CHECKING:
    from finops_pack.report.keys import Secret

HELP = "try a key for the REST API and store it, or sign in and get one"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: printf %s "$KEY" | finops connect --key-stdin"""
    parser.add_argument("--url", help=f"base URL of the API (default {config.API_URL})")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--key-stdin", action="store_true", help="read the key from standard input")
    how.add_argument("--email", help="sign in with this address and register a key")
    parser.add_argument(
        "--password-stdin", action="store_true", help="with --email: read the password from there"
    )
    parser.add_argument(
        "--trust-project",
        action="store_true",
        help="let its finops.toml name a server, webhooks, a ledger or spools elsewhere",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args: argparse.Namespace) -> int:
    """Trust, get a key, try it, store it."""
    from finops_pack.report import connect, keys

    trusted = _trust() if args.trust_project else None
    if trusted and not (args.key_stdin or args.email or args.url):
        return _say(args, {"trusted": str(trusted)}, f"Trusted until it is edited: {trusted}")
    url = keys.target(args.url).url
    _warn(url)
    try:
        path = connect.connect(url, _key(args, url))
    except connect.Unreachable as error:
        _out.failure(error, args.json)
        return 3
    body = {"url": url, "stored": str(path), "trusted": str(trusted) if trusted else None}
    words = f"Connected to {url}; the key is kept in {path}\nNext: finops report --send"
    return _say(args, body, words)


def _say(args: argparse.Namespace, body: dict[str, str | None], words: str) -> int:
    if args.json:
        _out.document("finops.connect", body)
    else:
        print(words)
    return 0


def _trust() -> Path:
    path = config.project_file(Path.cwd())
    if path is None:
        raise ConfigError("there is no finops.toml here or above", mend="run it in the project")
    config.trust(path)
    config.reload()
    return path


def _warn(url: str) -> None:
    from finops_pack.report.tls import is_loopback

    if url.startswith("http:") and not is_loopback(url):
        _out.warn("finops: plain http: everybody on the way can read the key")
    if config.load().api_key:
        _out.warn("finops: FINOPS_API_KEY is set and wins over the key that is stored now")


def _key(args: argparse.Namespace, url: str) -> Secret:
    from finops_pack.report.connect import register
    from finops_pack.report.keys import Secret, api_key

    if args.email:
        return register(url, args.email, Secret(_secret(args.password_stdin, "Password: ")))
    return api_key(_secret(args.key_stdin, f"API key for {url}: "))


def _secret(from_stdin: bool, prompt: str) -> str:
    """One line that is not shown; asked for on a terminal only."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InputError(
            "no key is given", mend="use --key-stdin, or --email with --password-stdin"
        )
    import getpass

    return getpass.getpass(prompt)
