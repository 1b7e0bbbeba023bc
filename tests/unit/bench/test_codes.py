"""Attacks on entry codes, a few thousand of them; `openaisle bench codes` tries a million."""

from __future__ import annotations

from pathlib import Path

from openaisle.bench.codes import CodeAttack


def test_no_attack_gets_in_and_every_genuine_code_does(tmp_path: Path) -> None:
    report = CodeAttack(tmp_path, seed=9001).run(3_000)
    assert report["accepted_by_kind"] == {}
    assert (report["genuine_accepted"], report["genuine_refused"]) == (3, 0)
    assert len(report["by_kind"]) == 12
    assert set(report["refused_as"]) == {
        "expired",
        "forged",
        "malformed",
        "not_yet_valid",
        "used",
        "wrong_store",
    }
