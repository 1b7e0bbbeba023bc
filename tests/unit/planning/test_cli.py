import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openaisle.cli import build_app
from openaisle.core.errors import StoreError


def test_a_scope_file_becomes_a_whole_plan(home: Path, tiny_scope: str) -> None:
    (home / "scope.toml").write_text(tiny_scope, encoding="utf-8")
    result = CliRunner().invoke(
        build_app(),
        ["plan", str(home / "scope.toml"), "--out", str(home / "plan"), "--seconds", "2", "--visits", "2",
         "--jobs", "1", "--json"],
        catch_exceptions=False,
    )  # fmt: skip
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["proof"]["facings_seen"] == told["proof"]["facings"] == 24
    assert told["expected"]["visits"] == 2
    assert [path["path_id"] for path in told["paths"]] == ["openaisle", "build", "partner", "license"]
    assert all(Path(name).is_file() for name in told["files"])


def test_the_trades_are_listed_with_what_is_peculiar_to_them() -> None:
    told = CliRunner().invoke(build_app(), ["plan", "profiles"], catch_exceptions=False).stdout.splitlines()
    assert len(told) == 9
    assert any(line.startswith("warehouse") and "checked against the order" in line for line in told)


def test_answers_make_a_scope(home: Path) -> None:
    answers = "\n".join(["luxury", "", "70", *[""] * 9]) + "\n"
    result = CliRunner().invoke(
        build_app(), ["plan", "new", "--out", str(home / "plan")], input=answers, catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    text = (home / "plan" / "scope.toml").read_text(encoding="utf-8")
    assert 'profile = "luxury"' in text
    assert "\narea_m2 = 70.0\n" in text


def test_a_wrong_scope_leaves_nothing_behind(home: Path) -> None:
    (home / "scope.toml").write_text("format = 1\n[shop]\nsize = 3\n", encoding="utf-8")
    with pytest.raises(StoreError, match="unknown field"):
        CliRunner().invoke(
            build_app(),
            ["plan", "new", "--scope", str(home / "scope.toml"), "--out", str(home / "plan")],
            catch_exceptions=False,
        )
    assert not (home / "plan").exists()
