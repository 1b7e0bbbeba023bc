"""A bad folder is refused: every problem at once, each with its file, line, field, expected and found."""

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest

from openaisle.core.errors import StoreError
from openaisle.store.load import examine, load_store

Damage = Callable[..., Path]


def problems_of(folder: Path) -> list[StoreError]:
    store, problems = examine(folder)
    assert (store is None) == bool(problems)
    return problems


def only_problem(folder: Path) -> StoreError:
    problems = problems_of(folder)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def test_three_mistakes_are_named_with_file_and_line(damage: Damage) -> None:
    damage("store.toml", 'currency = "EUR"', 'currency = "EURO"')
    damage("products.csv", "4006381333931", "4006381333932")
    folder = damage("planogram.csv", "A1-2,A1,zero,0.3,", "A1-2,A1,zero,0.2,")
    with pytest.raises(StoreError) as caught:
        load_store(folder)
    message = str(caught.value)
    assert "3 problems" in message
    assert "store.toml:7: field 'currency': unknown currency; expected a code of ISO 4217" in message
    assert "products.csv:2: field 'gtin': wrong check digit; expected 1 as the last digit" in message
    assert (
        "planogram.csv:3: field 'left_m': slots A1-1 and A1-2 overlap; expected 0.3 m or more, found 0.2"
        in message
    )
    assert [problem.line for problem in caught.value.problems] == [7, 2, 3]


def test_mistakes_of_all_four_files_are_named_at_once(damage: Damage) -> None:
    damage("store.toml", "rate_hz = 60", 'rate_hz = "sixty"')
    damage("cameras.toml", "pan_deg = 135\ntilt_deg = 35", "pan_deg = 135\ntilt_deg = 95")
    damage("products.csv", "Rye bread,2.5,", "Rye bread,-2.5,")
    folder = damage("planogram.csv", "A2-1,A2,beer,0,1,10,50", "A2-1,A2,bear,0,1,10,50")
    named = [(problem.file, problem.line, problem.field) for problem in problems_of(folder)]
    assert named == [
        ("store.toml", 51, "gondola[1].rate_hz"),
        ("cameras.toml", 20, "camera[2].tilt_deg"),
        ("products.csv", 4, "price"),
        ("planogram.csv", 5, "product_id"),
    ]


OUTLINE = "[4.0, 0.0],\n  [4.0, 3.0],\n  [0.0, 3.0]"
CLOCKWISE = "[0.0, 3.0],\n  [4.0, 3.0],\n  [4.0, 0.0]"


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "words"),
    [
        ("store.toml", "format = 1", "format = 2", 1, "expected format = 1, found 2"),
        ("store.toml", "format = 1", "format = true", 1, "another format"),
        ("store.toml", "currency =", "curency =", 7, "unknown field; expected 'currency'"),
        ("store.toml", "Europe/Berlin", "Europe/Atlantis", 6, "unknown time zone"),
        ("store.toml", "food = 0.07", "food = 7.0", 12, "expected less than 1, found 7.0"),
        ("store.toml", "[4.0, 3.0],", "[4.0],", 20, "at least 2 items"),
        ("store.toml", "[4.0, 3.0],\n  [0.0, 3.0]", "[0.0, 3.0],\n  [4.0, 3.0]", 17, "crosses or touches itself"),
        ("store.toml", OUTLINE, CLOCKWISE, 17, "runs clockwise"),
        ("store.toml", "left_m = [0.5, 0.0]", "left_m = [0.5, 0.3]", 27, "gate entry is 0.30 m off the outline"),
        ("store.toml", "inside_m = [1.0, 0.4]", "inside_m = [1.0, -0.4]", 29, "inside outside the plan"),
        ("store.toml", "inside_m = [1.0, 0.4]", "inside_m = [1.5, 2.8]", 29, "opens into gondola A"),
        ("store.toml", "right_m = [1.5, 0.0]", "right_m = [0.7, 0.0]", 28, "gate entry is 0.20 m wide"),
        ("store.toml", 'id = "exit"\nkind', 'id = "entry"\nkind', 32, "gate entry is there twice (first in line 25)"),
        ("store.toml", "[4, 1], [0, 1]", "[4, 5], [0, 5]", 41, "zone front leaves the plan"),
        ("store.toml", "origin_m = [1.0, 2.6]", "origin_m = [3.5, 2.6]", 46, "gondola A leaves the plan"),
        ("store.toml", "height_m = 1.2", "height_m = 3.0", 50, "higher than the ceiling"),
        ("store.toml", "level = 2", "level = 1", 61, "shelf A1 is there twice"),
        ("store.toml", "height_m = 0.7", "height_m = 0.1", 63, "shelf A2 is not above shelf A1"),
        ("store.toml", "count = 10, channel = 0", "count = 11, channel = 20", 59, "A1.11 ends beyond shelf A1"),
        ("store.toml", "left_m = 0.5, width_m", "left_m = 0.4, width_m", 67, "plates A2.01 and A2.02 overlap"),
        ("store.toml", "channel = 11", "channel = 3", 67, "on the same channel"),
        ("store.toml", "channel = 11", "channel = -1", 69, "greater than or equal to 0"),
        ("store.toml", "[[zone]]", "[zone]", 38, "expected [[zone]]"),
        ("store.toml", "[[zone]]", "[[zone]", 38, "not TOML"),
        ("store.toml", "[tax]\nfood = 0.07\nstandard = 0.19\n", "", None, "a rate for each tax class"),
        ("cameras.toml", "[0.2, 0.2, 2.4]", "[-0.2, 0.2, 2.4]", 5, "camera cam-1 is outside the plan"),
        ("cameras.toml", "[0.2, 0.2, 2.4]", "[0.2, 0.2, 2.7]", 5, "camera cam-1 is above the ceiling"),
        ("cameras.toml", "[0.2, 0.2, 2.4]", "[1.5, 2.8, 1.0]", 5, "camera cam-1 is inside gondola A"),
        ("cameras.toml", "[-0.3, 0.1,", "[-0.6, 0.0,", 14, "the distortion folds the picture before its edge"),
        ("cameras.toml", "[-0.3, 0.1,", "[-0.45, 0.0,", 10, "folds back inside its picture"),
        ("cameras.toml", "= 80.0", "= 170.0", 10, "sees 170.0 degrees across"),
        ("cameras.toml", "focal_px = [400.0, 400.0]", "focal_px = [4000.0, 4000.0]", 23, "sees 9.1 degrees across"),
        ("cameras.toml", "focal_px = [400.0, 400.0]", "", 23, "either focal_px = [x, y] or horizontal_fov_deg"),
        ("cameras.toml", 'id = "cam-2"', 'id = "cam-1"', 17, "camera cam-1 is there twice"),
        ("products.csv", "96385074", "96385075", 3, "expected 4 as the last digit, found '96385075'"),
        ("products.csv", "96385074", "9638507", 3, "not a GTIN"),
        ("products.csv", "96385074", "4006381333931", 3, "cola and zero have the same GTIN"),
        ("products.csv", "beer,012345678905", "bread,012345678905", 5, "product bread is there twice"),
        ("products.csv", ",2.5,food", ",2.505,food", 4, "at most 2 digits after the point"),
        ("products.csv", ",2.5,food", ",\"2,5\",food", 4, "a decimal point"),
        ("products.csv", ",2.5,food", ",2.5,luxury", 4, "expected one of food, standard"),
        ("products.csv", "520.5", "half a kilo", 4, "valid number"),
        ("products.csv", "520.5", "0", 4, "greater than 0"),
        ("products.csv", "520.5", "inf", 4, "finite number"),
        ("products.csv", ",can,0,,cola", ",can,0,,coal", 3, "looks like no other product"),
        ("products.csv", ",can,0,,cola", ",can,0,../../secret.png,cola", 3, "leads out of the store folder"),
        ("products.csv", ",bag,", ",sack,", 4, "found 'sack'"),
        ("products.csv", "Rye bread,", "Rye bread,dark,", 4, "expected 14 cells, found 15"),
        ("products.csv", "mass_g,mass_sd_g", "mas_g,mass_sd_g", 1, "'mass_g': the column is missing"),
        ("planogram.csv", "A1-2,A1,zero", "A1-1,A1,zero", 3, "slot A1-1 is there twice (first in line 2)"),
        ("planogram.csv", "A2-1,A2,beer", "B2-1,B2,beer", 5, "unknown shelf"),
        ("planogram.csv", "0.55,0.45", "0.55,0.55", 4, "slot A1-3 ends beyond shelf A1; expected an end at 1.0 m"),
        ("planogram.csv", "3,3\n", "3,2\n", 4, "holds less than one unit a facing"),
        ("planogram.csv", ",4,20", ",four,20", 2, "valid integer"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(
    damage: Damage, file: str, old: str, new: str, line: int | None, words: str
) -> None:
    problems = problems_of(damage(file, old, new))
    matching = [problem for problem in problems if words in str(problem)]
    assert matching, [str(problem) for problem in problems]
    assert matching[0].file == file
    assert matching[0].line == line


def test_a_missing_file_is_named_and_the_others_are_still_read(kiosk: Path, damage: Damage) -> None:
    (kiosk / "products.csv").unlink()
    folder = damage("planogram.csv", "A2-1,A2,beer", "B2-1,B2,beer")
    assert [str(problem) for problem in problems_of(folder)] == [
        "products.csv: no such file; expected it in folder kiosk",
        "planogram.csv:5: field 'shelf_id': unknown shelf; expected a shelf of store.toml, found 'B2'",
    ]


def test_a_thing_with_a_mistake_of_its_own_is_not_also_reported_missing(damage: Damage) -> None:
    problem = only_problem(
        damage("products.csv", "cola,4006381333931,Cola 0.33 l,1.19", "cola,4006381333931,Cola 0.33 l,x")
    )
    assert problem.field == "price"
    problem = only_problem(damage("products.csv", "0.33 l,x,", "0.33 l,1.19,1.19,"))
    assert "another length" in str(problem)


def test_slots_of_a_shelf_that_cannot_be_read_are_not_reported(damage: Damage) -> None:
    assert (
        only_problem(damage("store.toml", "height_m = 0.7", "height_m = []")).field
        == "gondola[1].shelf[2].height_m"
    )


def test_a_byte_order_mark_is_named_and_the_file_still_read(kiosk: Path) -> None:
    for name in ("store.toml", "products.csv"):
        path = kiosk / name
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert [(problem.file, problem.line) for problem in problems_of(kiosk)] == [
        ("store.toml", 1),
        ("products.csv", 1),
    ]


def test_utf_16_is_named(kiosk: Path) -> None:
    path = kiosk / "products.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))
    assert "expected UTF-8, found 'UTF-16'" in str(only_problem(kiosk))


def test_a_byte_that_is_no_utf_8_is_named_with_its_line(kiosk: Path) -> None:
    path = kiosk / "products.csv"
    path.write_bytes(path.read_bytes().replace(b"Rye bread", b"Br\xf6tchen"))
    problem = only_problem(kiosk)
    assert (problem.file, problem.line) == ("products.csv", 4)
    assert "byte 0xf6" in str(problem)


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_delimiter_is_named(kiosk: Path, sign: str, name: str) -> None:
    path = kiosk / "planogram.csv"
    path.write_text(path.read_text().replace(",", sign))
    assert f"cells are parted by {name}; expected commas" in str(only_problem(kiosk))


def test_an_empty_file_is_named(kiosk: Path) -> None:
    (kiosk / "planogram.csv").write_text("")
    assert "no header" in str(only_problem(kiosk))


def test_an_open_quote_is_named(damage: Damage) -> None:
    problem = only_problem(damage("products.csv", '"Cola, no sugar"', '"Cola, no sugar'))
    assert (problem.file, problem.line) == ("products.csv", 3)
    assert "not CSV" in str(problem)


def test_gondolas_that_overlap_are_named(kiosk: Path) -> None:
    path = kiosk / "store.toml"
    text = path.read_text()
    gondola = text[text.index("[[gondola]]") :]
    second = gondola.replace('"A"', '"B"').replace("scale-A", "scale-B").replace("[1.0, 2.6]", "[1.9, 2.5]")
    path.write_text(f"{text}\n{second}")
    problem = only_problem(kiosk)
    assert "gondolas B and A overlap by 0.10 m" in str(problem)
    assert problem.line == text.count("\n") + 1 + 4


def test_gondolas_back_to_back_and_side_by_side_do_not_overlap(kiosk: Path) -> None:
    path = kiosk / "store.toml"
    text = path.read_text()
    gondola = text[text.index("[[gondola]]") :]
    for name, origin, heading in (("B", "[2.0, 2.6]", 0), ("C", "[2.0, 1.5]", 180), ("D", "[1.0, 0.7]", 0)):
        one = gondola.replace('"A"', f'"{name}"').replace("scale-A", f"scale-{name}")
        text += "\n" + one.replace("[1.0, 2.6]", origin).replace(
            "heading_deg = 0", f"heading_deg = {heading}"
        )
    path.write_text(text)
    assert problems_of(kiosk) == []


def test_a_wall_through_a_gondola_is_named_and_one_behind_it_is_not(damage: Damage) -> None:
    damage(
        "store.toml", "ceiling_height_m = 2.6", "ceiling_height_m = 2.6\nwalls_m = [[[0.5, 3.0], [2.5, 3.0]]]"
    )
    folder = damage("store.toml", "[2.5, 3.0]]]", "[2.5, 3.0]], [[1.5, 2.0], [1.5, 3.0]]]")
    assert "wall 2 runs through gondola A" in str(only_problem(folder))


def test_long_wrong_values_are_shown_in_part(damage: Damage) -> None:
    problem = only_problem(damage("products.csv", "Rye bread", "r" * 5000))
    assert len(str(problem)) < 300
