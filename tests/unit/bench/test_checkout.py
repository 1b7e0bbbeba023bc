"""`bench checkout` finds nothing wrong where nothing is, and `reconcile` finds what was planted."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from openaisle.bench.checkout import CheckoutBench, is_right
from openaisle.cli import build_app
from openaisle.core.errors import InputError
from openaisle.replay.reconcile import STATEMENT, STOCK, reconcile
from openaisle.store.load import load_store


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("books") / "day"
    bench = CheckoutBench(load_store("corner"), folder, visits=240, seed=3, faults=True)
    return folder, bench.run()


def test_every_visit_is_charged_once_through_every_fault(day: tuple[Path, dict[str, Any]]) -> None:
    _, report = day
    assert is_right(report), report
    assert report["charged_exactly"] == 240
    assert report["restarts"] > 0
    assert report["processor_calls"] > report["compared"]["charges"]


def test_books_without_a_difference_agree(day: tuple[Path, dict[str, Any]]) -> None:
    found = CliRunner().invoke(build_app(), ["reconcile", str(day[0])])
    assert found.exit_code == 0
    assert "240 carts, 240 receipts" in found.output
    assert "0 differences" in found.output


def test_three_planted_errors_are_found_and_named(day: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Another amount on the statement, a sale that never reached the other system, a unit that was stolen."""
    folder = tmp_path / "day"
    shutil.copytree(day[0], folder)
    statement = rows(folder / STATEMENT)
    charged = next(row for row in statement if row["kind"] == "charge")
    charged["amount_minor"] = str(int(charged["amount_minor"]) + 100)
    write(folder / STATEMENT, statement)
    shelves = rows(folder / STOCK)
    shelves[5]["counted_units"] = str(int(shelves[5]["counted_units"]) - 1)
    write(folder / STOCK, shelves)
    log = folder / "poslog" / "poslog-000001.xml"
    first, *middle, last = log.read_text().split("<Transaction>")
    lost = middle.pop(7)
    log.write_text("<Transaction>".join([first, *middle, last]))

    found = CliRunner().invoke(build_app(), ["reconcile", str(folder), "--json"])
    assert found.exit_code == 1
    differences = json.loads(found.output)["differences"]
    kinds = {each["kind"]: each["where"] for each in differences}
    assert charged["reference"] in kinds["charge_amount"]
    assert f"<ReceiptNumber>{kinds['pos_missing']}</ReceiptNumber>" in lost
    assert kinds["stock"].startswith(shelves[5]["slot_id"])
    # What else is said follows from these three: sums that no longer agree, numbers that no longer count up.
    assert kinds.keys() == {"charge_amount", "receipt_charge", "pos_missing", "pos_sequence", "stock"}


def test_a_charge_that_is_twice_on_the_statement_is_named(
    day: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = tmp_path / "day"
    shutil.copytree(day[0], folder)
    statement = rows(folder / STATEMENT)
    write(folder / STATEMENT, [statement[0], *statement])
    assert {each.kind for each in reconcile(folder).differences} == {"charge_twice", "receipt_charge"}


def test_books_that_are_missing_or_malformed_are_named(
    day: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = tmp_path / "day"
    shutil.copytree(day[0], folder)
    (folder / STATEMENT).write_text("a,b\n")
    with pytest.raises(InputError, match=r"statement\.csv:1: other columns"):
        reconcile(folder)
    (folder / STATEMENT).unlink()
    with pytest.raises(InputError, match="no such file"):
        reconcile(folder)
    with pytest.raises(InputError, match="no ledger"):
        reconcile(tmp_path)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, what: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, what[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(what)
