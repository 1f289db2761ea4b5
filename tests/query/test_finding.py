"""The analyses asked from Python give what the reader gives."""

from __future__ import annotations

import finops_pack
from finops_pack import Usage, recorder


def test_each_analysis_in_one_go() -> None:
    for n in range(25):
        recorder.record(
            model="claude-sonnet-4-5", provider="anthropic", task=f"t{n}", session="s",
            project="mail", usage=Usage(input_tokens=9_000, output_tokens=50),
        )  # fmt: skip
    recorder.flush()
    assert finops_pack.find_cache().calls == 25
    assert finops_pack.find_cache(project="other").calls == 0
    assert finops_pack.find_cache(since="2020-01-01", until="2020-01-02").calls == 0
    assert finops_pack.find_score().tasks == 25
    assert finops_pack.find_trend(last="1d").now_tasks == 25
    assert "Set cache breakpoints" in {lever.title for lever in finops_pack.find_levers()}
    assert finops_pack.find_forensics() == finops_pack.find_forensics(only="t1") == []
