"""The vocabulary that every module speaks: frozen dataclasses. Knows nobody but `money`.

A class is imported when it is first named: each costs a millisecond of a cold start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from finops_pack.model.words import (
    EXTRA_UNITS,
    MAX_COUNT,
    TOKEN_FIELDS,
    VERIFIERS,
    Basis,
    BillingMode,
    CostState,
    Outcome,
    Status,
    Trigger,
)

if TYPE_CHECKING:
    from finops_pack.model.analysis import CacheRules, DayTotals, Facts, Finding
    from finops_pack.model.call import Call, call_fields
    from finops_pack.model.cost import Component, Cost
    from finops_pack.model.sums import Totals, Where
    from finops_pack.model.usage import Usage
    from finops_pack.model.work import Segment, Task
else:
    _HOME = {
        "CacheRules": "analysis",
        "DayTotals": "analysis",
        "Facts": "analysis",
        "Finding": "analysis",
        "Call": "call",
        "call_fields": "call",
        "Component": "cost",
        "Cost": "cost",
        "Totals": "sums",
        "Where": "sums",
        "Usage": "usage",
        "Segment": "work",
        "Task": "work",
    }

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        return value


__all__ = [
    "EXTRA_UNITS",
    "MAX_COUNT",
    "TOKEN_FIELDS",
    "VERIFIERS",
    "Basis",
    "BillingMode",
    "CacheRules",
    "Call",
    "Component",
    "Cost",
    "CostState",
    "DayTotals",
    "Facts",
    "Finding",
    "Outcome",
    "Segment",
    "Status",
    "Task",
    "Totals",
    "Trigger",
    "Usage",
    "Where",
    "call_fields",
]
