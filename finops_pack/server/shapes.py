"""What the API takes and answers beside the report; the report's own shapes are shared."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from finops_pack.report.model import MAX_USD, Amount, Shown, shown
from finops_pack.server import crypto
from finops_pack.server.accounts import MAXIMUM_NAME, MAXIMUM_PASSWORD, Scope
from finops_pack.server.http import ApiError

M = TypeVar("M", bound=BaseModel)
_amount: TypeAdapter[Decimal] = TypeAdapter(Amount)


def _storable(text: str) -> str:
    if not crypto.storable(text):
        raise ValueError("holds a character that cannot be stored")
    return text


def _limit(value: Any) -> Decimal | None:
    if value is None:
        return None
    amount = _amount.validate_python(value)
    if not amount:
        raise ValueError("must be above 0; null removes the budget")
    return amount


def _percent(value: Any) -> int:
    number = value if isinstance(value, int | Decimal) and not isinstance(value, bool) else 0
    if not 1 <= number <= 100 or number != int(number):
        raise ValueError("must be a whole number from 1 to 100")
    return int(number)


Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAXIMUM_NAME, strict=True, strip_whitespace=True),
    AfterValidator(_storable),
]
Limit = Annotated[
    Decimal | None,
    BeforeValidator(_limit),
    WithJsonSchema({"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": MAX_USD}),
]
Threshold = Annotated[
    int,
    BeforeValidator(_percent),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 100}),
]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True)


class Login(_Asked):
    """`POST /api/finops/login`."""

    email: Annotated[str, StringConstraints(max_length=320, strict=True)]
    password: Annotated[str, StringConstraints(max_length=MAXIMUM_PASSWORD, strict=True)]


class Register(_Asked):
    """`POST /api/finops/register`."""

    name: Name = "key"
    scope: Scope = "write"


class Budget(_Asked):
    """`PUT /api/finops/budget`; USD a month, null for none; what is left out stays as it is."""

    monthly_budget: Limit
    alert_threshold_pct: Threshold | None = None
    company_name: Name | None = None


class BudgetAnswer(BaseModel):
    """The account's month."""

    monthly_budget: Shown | None
    alert_threshold_pct: int
    company_name: str


class Key(BaseModel):
    """A key without what could be used of it."""

    key_id: str
    name: str
    scope: Scope
    created_at: str
    last_used_at: str | None


class Keys(BaseModel):
    """`GET /api/finops/keys`."""

    keys: list[Key]


class Done(BaseModel):
    """It is done."""

    ok: Literal[True]


class Rejected(BaseModel):
    """A line that was not booked; `index` counts from 0."""

    index: int
    reason: str


class BookedLines(BaseModel):
    """What became of a batch."""

    ok: Literal[True]
    new: int
    corrected: int
    unchanged: int
    rejected: list[Rejected]


class Question(BaseModel):
    """What is asked of a ledger; which fields count depends on the question."""

    model_config = ConfigDict(extra="allow")

    where: dict[str, Any] | None = None
    by: str | None = None
    id: str | None = None
    kind: str | None = None
    key: str | None = None


class Answer(BaseModel):
    """A ledger's answer."""

    ok: Literal[True]
    answer: Any


def checked(shape: type[M], body: Any) -> M:
    """The body as that shape; 422 names the first field at fault."""
    if not isinstance(body, Mapping):
        raise ApiError(422, "invalid_request", f"must be a JSON object, got {shown(body)}")
    try:
        return shape.model_validate(body)
    except ValidationError as refused:
        fault = refused.errors(include_url=False, include_input=False)[0]
    field = str(fault["loc"][0]) if fault["loc"] else None
    message = str(fault["msg"]).removeprefix("Value error, ")
    raise ApiError(422, "invalid_request", f"{field}: {message}" if field else message, field)


def takes(shape: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """How OpenAPI says that a call takes this shape as JSON."""
    content = {"application/json": {"schema": shape.model_json_schema()}}
    return {"requestBody": {"required": required, "content": content}}
