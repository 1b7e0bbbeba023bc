"""`openaisle import cps2020`, as a person or a program calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.cps2020.sessions import CRISPS, placement, write_session
from typer.testing import CliRunner

from openaisle.cli import build_app
from openaisle.core.errors import RecordingError
from openaisle.replay.recording import Recording


def test_it_says_what_it_made_and_what_it_left_out(tmp_path: Path) -> None:
    planogram = [placement(1, 1, [1, 2], CRISPS), placement(1, 1, [3], "")]
    folder = write_session(tmp_path / "in", planogram=planogram)
    result = CliRunner().invoke(
        build_app(), ["import", "cps2020", str(folder), "--out", str(tmp_path / "rec")]
    )
    assert result.exit_code == 0
    assert "3 ScaleBatch" in result.stdout
    assert "planogram.json:2: no product" in result.stderr
    assert Recording.open(tmp_path / "rec").manifest.about == {"imported_from": "cps2020"}


def test_a_program_gets_json(tmp_path: Path) -> None:
    words = [
        "import",
        "cps2020",
        str(write_session(tmp_path / "in")),
        "--out",
        str(tmp_path / "rec"),
        "--json",
    ]
    report = json.loads(CliRunner().invoke(build_app(), words).stdout)
    assert report["readings"] == {"BodySkeletons": 1, "ScaleBatch": 3}


def test_nothing_is_left_behind_by_a_session_that_cannot_be_read(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "in", products=["nonsense"])
    words = ["import", "cps2020", str(folder), "--out", str(tmp_path / "rec")]
    with pytest.raises(RecordingError, match=r"products\.json:1"):
        CliRunner().invoke(build_app(), words, catch_exceptions=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
