"""Which settings there are, and what each is called in the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

API_URL = "https://goldtaler.at"
RISKY = ("api_url", "webhooks", "rates_url", "spool_dir")  # what lies in a spool is booked, too

ENV = {
    "ledger": "FINOPS_LEDGER",
    "spool_dir": "FINOPS_SPOOL_DIR",
    "project": "FINOPS_PROJECT",
    "tags": "FINOPS_TAGS",
    "environment": "FINOPS_ENVIRONMENT",
    "agent_version": "FINOPS_AGENT_VERSION",
    "budget": "FINOPS_BUDGET",
    "api_url": "FINOPS_API_URL",
    "api_key": "FINOPS_API_KEY",
    "tz": "FINOPS_TZ",
    "hash_key": "FINOPS_HASH_KEY",
    "rates": "FINOPS_RATES",
    "durability": "FINOPS_DURABILITY",
    "on_unreachable": "FINOPS_ON_UNREACHABLE",
    "thresholds": "FINOPS_THRESHOLDS",
    "currency": "FINOPS_CURRENCY",
    "disable": "FINOPS_DISABLE",
}
VARIABLES = tuple(sorted(ENV.values()))
LISTS = ("budget", "rates", "webhooks")


@dataclass(frozen=True)
class Config:
    """All settings in force; `sources` says where each value that was set came from.

    What may hold a key or a password is not shown where a Config is printed.
    """

    ledger: str = field(default="", repr=False)
    spool_dir: str | None = None
    project: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    environment: str | None = None
    agent_version: str | None = None
    budget: tuple[str, ...] = ()
    api_url: str = field(default=API_URL, repr=False)
    api_key: str | None = field(default=None, repr=False)
    tz: str = "UTC"
    hash_key: str | None = field(default=None, repr=False)
    rates: tuple[str, ...] = ()
    rates_url: str | None = field(default=None, repr=False)
    webhooks: tuple[str, ...] = field(default=(), repr=False)
    durability: str = "normal"
    on_unreachable: str = "refuse"
    thresholds: str = "50,80,100"
    currency: str | None = None
    disable: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)
    untrusted: Mapping[str, str] = field(default_factory=dict, repr=False)
