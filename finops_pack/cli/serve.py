"""`finops serve`: the REST API and the dashboard, hosted by anyone in one command."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from contextlib import closing
from pathlib import Path

from finops_pack.cli import _args, _out
from finops_pack.errors import ConfigError, InputError

HELP = "run the server: REST API and dashboard"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_TLS = (
    "This address is open to others and speaks plain HTTP: put a proxy that ends TLS in front of "
    "it (Caddy, nginx, Traefik); see docs/server.md"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops serve --port 8765"""
    parser.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1")
    parser.add_argument(
        "--port", type=_args.port, default=8765, help="default 8765; 0 takes a free one"
    )
    parser.add_argument("--db", metavar="URL", help="path, sqlite:////path or postgresql://…")
    parser.add_argument("--ledgers", metavar="DIR", help="accounts' ledgers; default beside --db")
    parser.add_argument(
        "--rate",
        type=_args.rate,
        default=20.0,
        metavar="N",
        help="requests a second and key; default 20",
    )
    parser.add_argument("--local", action="store_true", help="show this machine's ledger instead")
    parser.add_argument("--ledger", metavar="URL", help="with --local: the ledger to show")
    parser.add_argument("--create-account", metavar="EMAIL", help="make an account and exit")
    parser.add_argument("--company", default="", help="with --create-account")
    parser.add_argument("--password-stdin", action="store_true", help="read it from there")


def run(args: argparse.Namespace) -> int:
    """Serve, or make an account."""
    _need_extra()
    if args.create_account:
        return _create_account(args)
    if args.local:
        return serve_local(args)
    from finops_pack.server import ledgers, run
    from finops_pack.server.app import create_app
    from finops_pack.server.stores import open_database
    from finops_pack.server.throttle import Rate

    if args.host not in LOOPBACK:
        _out.warn(_TLS)
    rate = Rate(args.rate, burst=int(10 * args.rate) + 1)
    with (
        closing(open_database(database_url(args.db))) as db,
        run.listen(args.host, args.port) as listening,
    ):
        folder = Path(args.ledgers) if args.ledgers else ledgers.beside(database_url(args.db))
        run.serve(create_app(db, folder, rate=rate), listening)
    return 0


def serve_local(args: argparse.Namespace) -> int:
    """The dashboard of this machine's ledger, without an account."""
    if args.host not in LOOPBACK:
        raise ConfigError(
            "the local dashboard has no sign-in and stays on this machine",
            mend="leave out --host, or run finops serve without --local",
        )
    from finops_pack import query
    from finops_pack.server import run
    from finops_pack.server.local import create_local

    query.open(args.ledger).close()  # what cannot be opened is said now, not on each page
    with run.listen(args.host, args.port) as listening:
        run.serve(create_local(args.ledger), listening)
    return 0


def database_url(given: str | None) -> str:
    """`--db`, else FINOPS_SERVER_DB, else a file in the state folder."""
    from finops_pack import config

    return given or os.environ.get("FINOPS_SERVER_DB") or str(config.state_dir() / "server.db")


def _need_extra() -> None:
    from importlib.util import find_spec

    missing = [n for n in ("fastapi", "uvicorn", "jinja2", "plotly") if find_spec(n) is None]
    if missing:
        raise ConfigError(
            f"not installed: {', '.join(missing)}",
            mend='pip install "finops-agent-pack[server]"',
        )


def _create_account(args: argparse.Namespace) -> int:
    from finops_pack.server import accounts
    from finops_pack.server.stores import open_database

    password = _password(args)
    with closing(open_database(database_url(args.db))) as db:
        print(accounts.create(db, args.create_account, password, args.company).id)
    _out.warn(_next(args))  # the id alone is the answer: scripts take it
    return 0


def _next(args: argparse.Namespace) -> str:
    serve = _args.command("serve", *(["--db", args.db] if args.db else []))
    return (
        f"next: {serve}; then, where the agent runs and with this server's address: finops connect "
        f"--url http://127.0.0.1:8765 --email {shlex.quote(args.create_account)}"
    )


def _password(args: argparse.Namespace) -> str:
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    import getpass

    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise InputError("the passwords differ")
    return password
