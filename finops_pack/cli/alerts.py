"""`finops alerts`: what is in force; acknowledge or mute it; tell a webhook."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from finops_pack.cli import _args, _out
from finops_pack.errors import InputError

if TYPE_CHECKING:
    from finops_pack.alerts import Alert

HELP = "alerts in force; ack, mute or unmute one; --send tells the webhooks"
ACTIONS = ("list", "ack", "mute", "unmute")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Examples: finops alerts · finops alerts ack KEY · finops alerts --send"""
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="list",
                        help="ack: until the next period; mute: for good")  # fmt: skip
    parser.add_argument("key", nargs="?", help="the key of the alert, as listed")
    parser.add_argument("--send", action="store_true", help="post new ones to the webhooks set")
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """List what is neither acknowledged nor muted, or act on one."""
    if args.action != "list":
        return _act(args)
    from finops_pack import webhooks

    with _args.reader(args) as reader:
        nothing, found, muted = reader.nothing(), reader.alerts(), reader.muted()
    sent, failed = webhooks.send(args.ledger, found) if args.send else (0, 0)
    if args.json:
        rows = [alert.to_dict() for alert in found]
        body = {"nothing": nothing or None, "alerts": rows, "muted": muted}
        _out.document("finops.alerts", {**body, "sent": sent, "failed": failed})
        return 0
    _print(found, muted, nothing)
    if args.send:
        print(f"{sent} sent" + (f", {failed} kept for the next --send" if failed else ""))
    return 0


def _print(found: Sequence[Alert], muted: Sequence[str], nothing: str) -> None:
    for alert in found:
        _out.say(f"{alert.title}: {alert.message}", f"{alert.severity:<8}  ", " " * 10)
        print(f"          finops alerts ack {shlex.quote(alert.key)}")
    if not found:
        print(nothing or "no alerts")
    for subject in muted:
        print(f"muted     {subject}; finops alerts unmute '{subject}'")


def _act(args: argparse.Namespace) -> int:
    from finops_pack import admin

    if not args.key:
        raise InputError(
            f"alerts {args.action} needs the key of an alert", mend="see: finops alerts"
        )
    if args.action == "unmute":
        if not admin.unmute_alert(args.ledger, args.key):
            raise InputError(f"{args.key!r} is not muted", mend="see: finops alerts")
        return _said(args, "unmuted", args.key)
    alert = _in_force(args)
    if args.action == "ack":
        admin.acknowledge_alert(args.ledger, alert.key)
        return _said(args, "acknowledged", alert.key)
    admin.mute_alert(args.ledger, alert.subject)
    return _said(args, "muted", alert.subject)


def _in_force(args: argparse.Namespace) -> Alert:
    with _args.reader(args) as reader:
        for alert in reader.alerts(silenced=True):
            if args.key in (alert.key, alert.subject):
                return alert
    raise InputError(f"no alert {args.key!r} is in force", mend="see: finops alerts")


def _said(args: argparse.Namespace, state: str, key: str) -> int:
    if args.json:
        _out.document("finops.alert", {"key": key, "state": state})
    else:
        print(f"{state}: {key}")
    return 0
