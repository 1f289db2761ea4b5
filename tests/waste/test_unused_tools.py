from __future__ import annotations

from decimal import Decimal
from typing import Any

from finops_pack.model import Call, Segment
from tests.facts import call

CATEGORY = "unused_tools"


def schema(tool: str, process: str = "m", calls: int = 2, first: str = "c0") -> Segment:
    return Segment("s", f"{tool}.{process}", "tool_schema", 500, first, "c1", calls, source=tool)


def calls(*used: str) -> tuple[Call, Call]:
    asked = [{"name": tool} for tool in used]
    first = call(0, session="s", input_tokens=1000, tool_calls=asked)
    return first, call(1, session="s", input_tokens=1000, cache_read_tokens=1000)


def test_schemas_of_tools_never_called(found: Any) -> None:
    offered = [schema("search"), schema("fetch"), schema("mail")]
    [one] = found(CATEGORY, *calls("search"), segments=offered)
    assert one.title == "2 of 3 tools offered were never called"
    assert one.evidence[0] == "never called in this session: fetch, mail"
    assert one.usd == 1000 * (Decimal(3) + Decimal("0.30")) / 10**6
    assert one.basis == "estimated"


def test_tools_that_were_called_cost_nothing_here(found: Any) -> None:
    assert found(CATEGORY, *calls("search"), segments=[schema("search")]) == []
    assert found(CATEGORY, *calls()) == []


def test_several_processes_count_as_one(found: Any) -> None:
    split = [schema("mail", "one", 1), schema("mail", "two", 1, first="c1")]
    [whole] = found(CATEGORY, *calls(), segments=[schema("mail")])
    [pooled] = found(CATEGORY, *calls(), segments=split)
    assert pooled == whole
