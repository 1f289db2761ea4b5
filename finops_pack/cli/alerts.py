"""`finops alerts`: what is in force; acknowledge or mute it; tell a webhook."""

from __future__ import annotations

import argparse

from finops_pack.cli import _args, _out

HELP = "alerts in force; ack or mute one; --send tells the webhooks"
ACTIONS = ("list", "ack", "mute")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Examples: finops alerts · finops alerts ack KEY · finops alerts --send"""
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="list")
    parser.add_argument("key", nargs="?", help="the key of the alert, as listed")
    parser.add_argument("--send", action="store_true", help="post new ones to the webhooks set")
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """List what is neither acknowledged nor muted, or act on one."""
    if args.action != "list":
        return _act(args)
    from finops_pack import admin

    with _args.reader(args) as reader:
        states = reader.documents("alert")
        nothing = reader.nothing()
        found = [alert for alert in reader.alerts() if not _silenced(states.get(alert.key, {}))]
    sent = admin.send_alerts(args.ledger, found) if args.send else 0
    if args.json:
        body = {"alerts": [alert.to_dict() for alert in found], "sent": sent}
        _out.document("finops.alerts", body)
        return 0
    for alert in found:
        print(f"{alert.severity:<8}  {alert.title}: {alert.message}")
        print(f"          finops alerts ack '{alert.key}'")
    if not found:
        print(nothing or "no alerts")
    if args.send:
        print(f"{sent} sent")
    return 0


def _silenced(state: dict[str, object]) -> bool:
    return bool(state.get("acknowledged") or state.get("muted"))


def _act(args: argparse.Namespace) -> int:
    from finops_pack import admin

    if not args.key:
        _out.warn(f"finops alerts {args.action}: the key is missing; see: finops alerts")
        return 2
    state = "acknowledged" if args.action == "ack" else "muted"
    admin.silence_alert(args.ledger, args.key, state)
    print(f"{state}: {args.key}")
    return 0
