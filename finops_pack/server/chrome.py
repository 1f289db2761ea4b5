"""The frame around every page: tabs, period, language, and who is signed in."""

from __future__ import annotations

from dataclasses import dataclass

from finops_pack.server.browser import Visitor

ACCOUNT_TABS = (
    ("/", "Overview"),
    ("/costs", "Costs"),
    ("/levers", "Levers"),
    ("/alerts", "Alerts"),
    ("/keys", "Keys"),
    ("/settings", "Settings"),
)
LOCAL_TABS = (
    ("/", "Overview"),
    ("/costs", "Costs"),
    ("/levers", "Levers"),
    ("/tasks", "Tasks"),
    ("/alerts", "Alerts"),
)


@dataclass(frozen=True, slots=True)
class Tab:
    """One entry of the main menu; `count` is shown beside it unless 0."""

    path: str
    label: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Chrome:
    """What `base.html` needs beside the page itself."""

    title: str = ""
    path: str = ""
    tabs: tuple[Tab, ...] = ()
    period: str = ""
    email: str = ""
    form_token: str = ""
    origin: str = ""
    settings: bool = False

    @property
    def query(self) -> str:
        """What keeps the period from tab to tab."""
        return f"?period={self.period}" if self.period else ""


def of_account(who: Visitor, path: str, period: str = "", alerts: int | None = None) -> Chrome:
    """The frame of a page of an account, or of the sign-in page."""
    if who.account is None:
        return Chrome(form_token=who.form_token)
    return Chrome(
        title=who.account.company_name,
        path=path,
        tabs=_tabs(ACCOUNT_TABS, who.alerts if alerts is None else alerts),
        period=period,
        email=who.account.email,
        form_token=who.form_token,
        origin=who.account.email,
        settings=True,
    )


def of_ledger(origin: str, path: str, period: str = "", alerts: int = 0) -> Chrome:
    """The frame of a page of this machine's ledger."""
    return Chrome("", path, _tabs(LOCAL_TABS, alerts), period, origin=origin)


def _tabs(names: tuple[tuple[str, str], ...], alerts: int) -> tuple[Tab, ...]:
    return tuple(Tab(path, label, alerts if path == "/alerts" else 0) for path, label in names)
