"""The tables: every column is tagged, and the migrations make exactly them."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from openaisle.central.database import Database, engine_of
from openaisle.central.tables import CATEGORIES, KEPT, PURPOSES, Table


def test_every_column_says_what_it_holds_of_whom_and_for_how_long() -> None:
    untagged = [
        str(column)
        for table in Table.metadata.tables.values()
        for column in table.columns
        if (
            column.info.get("category") not in CATEGORIES
            or column.info.get("purpose") not in PURPOSES
            or column.info.get("kept") not in KEPT
        )
    ]
    assert untagged == []


def test_no_table_has_room_for_a_card_number() -> None:
    names = [str(column) for table in Table.metadata.tables.values() for column in table.columns]
    assert not [name for name in names if name.split(".")[1] in ("pan", "card_number", "cvc", "cvv")]


def test_the_migrations_make_the_tables_of_the_code(tmp_path: Path) -> None:
    Database(tmp_path / "central.sqlite").close()
    Database(tmp_path / "central.sqlite").close()  # A second start has nothing to do.
    with engine_of(tmp_path / "central.sqlite").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_what_is_committed_is_on_disk_before_anybody_hears_of_it(tmp_path: Path) -> None:
    with engine_of(tmp_path / "central.sqlite").connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
