"""The service's database: SQLite in WAL with `synchronous=FULL`, brought to the newest schema when it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from openaisle.central.tables import MarkRow
from openaisle.core.errors import PortUnavailable

MIGRATIONS: Final = Path(__file__).parent / "migrations"
FILE: Final = "central.sqlite"
BUSY_MS: Final = 5_000
_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",  # What is erased is gone from the file, not only from the tables.
    f"busy_timeout = {BUSY_MS}",
)


class Database:
    """Sessions on one file. May be used from any thread."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it; PortUnavailable if it cannot be brought to the newest schema."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = engine_of(path)
        self._reader = engine_of(path, is_reading=True)
        try:
            upgrade(self._engine)
        except SQLAlchemyError as error:
            raise PortUnavailable(f"{path}: the database of accounts cannot be opened: {error}") from error

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back if anything is raised."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """The same for looking only: waits for nobody who writes."""
        with Session(self._reader, expire_on_commit=False) as session:
            yield session

    def mark(self, source: str) -> tuple[int, bytes]:
        """Sequence and hash of the last entry of a source that all of this has heard; 0 where none was."""
        with self.reading() as session:
            row = session.get(MarkRow, source)
            return (row.sequence, row.hash) if row else (0, b"")

    def set_mark(self, source: str, sequence: int, digest: bytes) -> None:
        with self.session() as session:
            session.merge(MarkRow(source=source, sequence=sequence, hash=digest))

    def scrub(self) -> None:
        """Empty the write-ahead log, which still holds what was erased."""
        with closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._engine.dispose()
        self._reader.dispose()


def engine_of(path: Path, *, is_reading: bool = False) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        # The driver's own idea of transactions is off: a writer takes the lock at once below, so that two of them wait
        # for each other instead of failing half way.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")

    return engine


def upgrade(engine: Engine) -> None:
    """Run the migrations that this database has not had yet."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
