"""Alerts to the webhooks of the settings; the ledger knows which of them has heard what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from finops_pack import config, log
from finops_pack.admin import opened
from finops_pack.ledger import Ledger

if TYPE_CHECKING:
    from finops_pack.alerts import Alert


def send(url: str | None, alerts: Sequence[Alert]) -> tuple[int, int]:
    """Tell each webhook of the alerts it has not heard of: (told everywhere, failed somewhere).

    The body is Slack's (`text`), which other chats take too. A webhook that fails is left alone
    until the next call, and then told what it missed; those that answered hear it once.
    """
    webhooks, down = config.load().webhooks, set[str]()
    if not webhooks or not alerts:
        return 0, 0
    with opened(url) as ledger:
        told = [_tell(ledger, alert, webhooks, down) for alert in alerts]
    return told.count(True), told.count(False)


def _tell(ledger: Ledger, alert: Alert, webhooks: Sequence[str], down: set[str]) -> bool | None:
    """Whether it is known everywhere now; None when it was before. Adds to those that are down."""
    known = ledger.get("alert", alert.key) or {}
    told = set(known.get("sent_to", ()))
    missing = [hook for hook in webhooks if _name(hook) not in told]
    arrived = {_name(hook) for hook in missing if hook not in down and _post(hook, alert)}
    down.update(hook for hook in missing if _name(hook) not in arrived)
    if arrived:
        ledger.put("alert", alert.key, {**known, "sent_to": sorted(told | arrived)})
    return len(arrived) == len(missing) if missing else None


def _name(webhook: str) -> str:
    """What the ledger may know of a webhook, whose URL is a secret."""
    from hashlib import sha256

    return sha256(webhook.encode()).hexdigest()[:16]


def _post(webhook: str, alert: Alert) -> bool:
    import httpx

    text = f"[{alert.severity}] {alert.title}: {alert.message}"
    for sign, told in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, told)  # or a model named <!channel> would call everybody
    try:
        # Its body is not read: it may have no end.
        with httpx.stream("POST", webhook, json={"text": text}, timeout=5) as answer:
            why = "" if answer.is_success else f"status {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        why = type(error).__name__
    if why:
        number = config.load().webhooks.index(webhook) + 1  # its URL is a secret
        log.warning(f"webhook {number} was not told: {why}")
    return not why
