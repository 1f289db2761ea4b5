"""Every error that a caller may meet.

FinOpsError
├── ConfigError        a setting, or a settings file, cannot be used
├── RatesError         a rate table was refused
├── InputError         a log, a line or an argument cannot be read
├── LedgerUnreachable  the ledger could not be opened in time
│   ├── LedgerAbsent       there is none yet, and it was not to be made
│   └── LedgerOutdated     it has an older schema: who may write brings it up to date
├── DeliveryError      the REST API said no, or could not be reached
└── BudgetExceeded     a hard budget stops this call before it is made
BudgetStop             the same, as a BaseException that nobody swallows by accident
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


class FinOpsError(Exception):
    """Base of all our errors; `mend` says what to do about it."""

    code = "error"

    def __init__(self, message: str, *, mend: str | None = None) -> None:
        super().__init__(message)
        self.mend = mend


class ConfigError(FinOpsError):
    """A setting or a settings file cannot be used; the message names file and key."""

    code = "bad_config"


class RatesError(FinOpsError):
    """A rate table was refused; the message names file, line and field."""

    code = "bad_rates"


class InputError(FinOpsError):
    """Something handed to us cannot be read; the message names file and line."""

    code = "bad_input"


class LedgerUnreachable(FinOpsError):
    """The ledger could not be opened, read or locked in time."""

    code = "ledger_unreachable"


class LedgerAbsent(LedgerUnreachable):
    """There is no ledger yet, and it was not to be made."""


class LedgerOutdated(LedgerUnreachable):
    """The ledger has another schema, and was opened for reading only."""


class DeliveryError(FinOpsError):
    """The REST API refused a request for good, or could not be reached."""

    code = "delivery_failed"


@dataclass(frozen=True)
class Refusal:
    """Why a call was refused; amounts in USD, `resets_at` ISO-8601 UTC or None."""

    reason: str  # "exceeded", "unpriced", "unreachable"
    limit_usd: Decimal | None = None
    spent_usd: Decimal | None = None
    reserved_usd: Decimal | None = None
    window: str | None = None
    scope: str | None = None
    resets_at: str | None = None
    mend: str | None = None
    asked_usd: Decimal | None = None  # what this call may cost at most
    cause: str | None = None  # of "unreachable"

    def __str__(self) -> str:
        if self.reason == "exceeded":
            text = (
                f"budget exceeded: {self.spent_usd} USD spent and {self.reserved_usd} USD "
                f"reserved of {self.limit_usd} USD per {self.window} ({self.scope})"
            )
            text += "" if self.asked_usd is None else f", this call may cost {self.asked_usd} USD"
            text += f", resets at {self.resets_at}" if self.resets_at else ""
        elif self.reason == "unpriced":
            text = f"call refused: no price is known for it and a hard budget is set ({self.scope})"
        else:
            text = "call refused: the ledger that holds the budget could not be reached"
            text += f": {self.cause}" if self.cause else ""
        return f"{text}. {self.mend}" if self.mend else text


class _Refused:
    """The fields that both refusing exceptions carry."""

    refusal: Refusal

    reason = property(lambda self: self.refusal.reason)
    limit_usd = property(lambda self: self.refusal.limit_usd)
    spent_usd = property(lambda self: self.refusal.spent_usd)
    reserved_usd = property(lambda self: self.refusal.reserved_usd)
    window = property(lambda self: self.refusal.window)
    scope = property(lambda self: self.refusal.scope)
    resets_at = property(lambda self: self.refusal.resets_at)


class BudgetExceeded(_Refused, FinOpsError):
    """Raised before a call that would break a hard budget; nothing was sent or billed."""

    code = "budget_exceeded"

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal), mend=refusal.mend)
        self.refusal = refusal


class BudgetStop(_Refused, BaseException):
    """`track(stop="hard")`: like BudgetExceeded, but no `except Exception` can swallow it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
