"""`finops statusline`: one line for a shell prompt or a coding agent's status bar."""

from __future__ import annotations

import argparse
import json
import select
import sys
from typing import Any

from finops_pack.cli import _args
from finops_pack.figures import bar, usd
from finops_pack.query.text import left
from finops_pack.query.views import BudgetView

HELP = "one line: today, the tightest budget, what is left; for prompts and status bars"
STDIN_SECONDS = 0.05


def arguments(parser: argparse.ArgumentParser) -> None:
    """Takes a coding agent's JSON on standard input, too. Example: finops statusline"""
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """Print the line; never fails a prompt."""
    from finops_pack.cli import _out

    agent = _agent()
    with _args.reader(args) as reader:
        view = reader.budget()
    if args.json:
        _out.document("finops.statusline", {"text": line(view, agent), **view.to_dict()})
    else:
        print(line(view, agent))
    return 0


def line(view: BudgetView, agent: dict[str, Any]) -> str:
    """`Sonnet | $0.50 today | ██░░░ $4.50 left of 5 USD/day | 2 unpriced`."""
    parts = []
    model = agent.get("model")
    if isinstance(model, dict) and model.get("display_name"):
        parts.append(str(model["display_name"]))
    if view.nothing:
        return " | ".join([*parts, f"finops: {view.nothing.partition(':')[0]}"])
    parts.append(f"{usd(view.today_usd)} today")
    tight = view.tightest
    if tight is not None and tight.clocked:
        parts.append(f"{bar(float(tight.used), 5)} {left(tight)} of {tight.spec}")
    if view.subscription_usd:
        parts.append(f"{usd(view.subscription_usd)} list equivalent this month")
    if view.unpriced_calls:
        parts.append(f"{view.unpriced_calls:,} unpriced this month")
    return " | ".join(parts)


def _agent() -> dict[str, Any]:
    """What a coding agent says of itself on standard input, if it does so at once."""
    try:
        if sys.stdin.isatty() or not select.select([sys.stdin], [], [], STDIN_SECONDS)[0]:
            return {}
        told = json.loads(sys.stdin.read() or "{}")
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
