"""What was acknowledged survives SIGKILL; `python -m bench.kill` does it 200 times."""

from __future__ import annotations

from pathlib import Path

from bench import kill


def test_nothing_acknowledged_is_missing_or_doubled(tmp_path: Path) -> None:
    result = kill.run(2, tmp_path, seed=7)
    assert result.rounds == 2
    assert result.acknowledged > 20
    assert (result.missing, result.doubled, result.faults) == (0, 0, [])


def test_the_proof_would_notice_a_loss(tmp_path: Path) -> None:
    acks = tmp_path / "r0p0.acks"
    acks.write_text("never-recorded\n")
    result = kill.Result()
    kill._audit(tmp_path, result)
    assert (result.missing, result.sound) == (1, False)
