"""`finops dashboard`: the dashboard of this machine's ledger, in a browser."""

from __future__ import annotations

import argparse

from finops_pack.cli import _args, serve

HELP = "show this machine's ledger in a browser"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops dashboard"""
    parser.add_argument(
        "--port", type=_args.port, default=8765, help="default 8765; 0 takes a free one"
    )
    parser.add_argument("--ledger", metavar="URL", help="the ledger to show")


def run(args: argparse.Namespace) -> int:
    """Serve it on 127.0.0.1 until interrupted."""
    return serve.run(
        argparse.Namespace(host="127.0.0.1", local=True, create_account=None, **vars(args))
    )
