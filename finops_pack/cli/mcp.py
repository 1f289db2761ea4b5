"""`finops mcp`: an MCP server over stdio."""

from __future__ import annotations

import argparse

from finops_pack.errors import ConfigError

HELP = "an MCP server over stdio: budget, spend and waste for clients without a shell"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Reads only, unless told to --write. Example: finops mcp"""
    parser.add_argument("--write", action="store_true", help="also a tool that sets a budget")
    parser.add_argument("--list", action="store_true", help="print the tools and stop")
    parser.add_argument("--json", action="store_true", help="with --list: one JSON document")


def run(args: argparse.Namespace) -> int:
    """Serve until the client hangs up."""
    try:
        from finops_pack.mcp_server import build

        server = build(write=args.write)
    except ImportError:
        raise ConfigError(
            "the MCP server needs the package mcp", mend="pip install 'finops-agent-pack[mcp]'"
        ) from None
    if args.list:
        return _list(server, args.json)
    server.run()
    return 0


def _list(server: object, as_json: bool) -> int:
    import asyncio

    from finops_pack.cli import _out

    tools = asyncio.run(server.list_tools())  # type: ignore[attr-defined]
    rows = [tool.model_dump(mode="json", exclude_none=True, by_alias=True) for tool in tools]
    if as_json:
        _out.document("finops.mcp", {"tools": rows})
    else:
        for row in rows:
            print(f"{row['name']:<20}  {row['description']}")
    return 0
