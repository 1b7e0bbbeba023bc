"""`openaisle store` from the outside."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openaisle.cli import build_app
from openaisle.core.errors import OpenAisleError
from openaisle.store.load import load_store

Damage = Callable[..., Path]


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(build_app(), ["store", *(str(argument) for argument in arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


def test_list_names_the_shipped_stores() -> None:
    code, text = run("list", "--json")
    assert code == 0
    assert {row["store_id"]: row["shelves"] for row in json.loads(text)} == {"corner": 27, "market": 200}


def test_check_of_a_good_store_ends_well_and_draws(kiosk: Path, tmp_path: Path) -> None:
    code, text = run("check", kiosk, "--draw", tmp_path / "out" / "plan.svg")
    assert code == 0
    assert "no problem, 1 warning" in text
    assert (tmp_path / "out" / "plan.svg").read_text().startswith("<svg")


def test_check_lists_every_problem_and_exits_with_2(damage: Damage, tmp_path: Path) -> None:
    damage("store.toml", "food = 0.07", "food = 7")
    folder = damage("planogram.csv", ",4,20", ",4,2")
    code, text = run("check", folder, "--draw", tmp_path / "plan.png")
    assert code == 2
    assert "error    store.toml:12: field 'tax.food'" in text
    assert "error    planogram.csv:2: field 'capacity'" in text
    assert "2 problems" in text
    assert not (tmp_path / "plan.png").exists()


def test_check_says_the_same_as_json(damage: Damage) -> None:
    code, text = run("check", damage("planogram.csv", ",4,20", ",4,2"), "--json")
    report = json.loads(text)
    assert code == 2
    assert not report["ok"]
    assert report["problems"][0] == {
        "file": "planogram.csv",
        "line": 2,
        "field": "capacity",
        "expected": "4 or more",
        "found": "2",
        "message": "planogram.csv:2: field 'capacity': slot A1-1 holds less than one unit a facing; "
        "expected 4 or more, found 2",
    }


def test_check_as_json_has_warnings_and_facts(kiosk: Path) -> None:
    report = json.loads(run("check", kiosk, "--json")[1])
    assert report["ok"]
    assert report["facts"]["area_m2"] == 12.0
    assert [warning["kind"] for warning in report["warnings"]] == ["near_masses"]


def test_generate_makes_a_folder_that_loads(tmp_path: Path) -> None:
    arguments = ("--seed", 3, "--area", 16, "--products", 40, "--gondolas", 3, "--cameras", 2)
    code, _ = run("generate", "--out", tmp_path / "made", *arguments)
    assert code == 0
    assert len(load_store(tmp_path / "made").products) == 40


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("generate", "--like", "palace", "--out", "x"),
            "expected corner or market or random, found 'palace'",
        ),
        (("check", "corner", "--draw", "plan.pdf"), "a .svg or .png file"),
    ],
)
def test_a_wrong_argument_is_one_clear_sentence(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(OpenAisleError) as caught:
        run(*arguments)
    assert words in str(caught.value)


def test_generate_does_not_write_over_what_is_there(kiosk: Path) -> None:
    with pytest.raises(OpenAisleError, match="is there already"):
        run("generate", "--out", kiosk)
    assert load_store(kiosk).store_id == "kiosk"
