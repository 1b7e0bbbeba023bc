"""What decisions rested on, for reviewers: kept for some days, gone with whoever is erased."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from sqlalchemy import delete, select

from openaisle.central.database import Database
from openaisle.central.tables import ReasonRow
from openaisle.core.messages import VisitId
from openaisle.core.units import NS_PER_S

DAY_NS: Final = 24 * 3_600 * NS_PER_S
LOOK_NS: Final = 3_600 * NS_PER_S
"""How often it is looked what is too old."""


class ReasonBook:
    """Clips by interaction. From any thread."""

    def __init__(self, database: Database, days: int) -> None:
        """`days`: for how long; 0 keeps nothing."""
        self._database = database
        self._kept_ns = days * DAY_NS
        self._looked_ns = 0

    def keep(
        self, step_id: str, clip: bytes, interactions: Iterable[tuple[str, VisitId | None]], now_ns: int
    ) -> None:
        """One step's clip, for each of the interactions that it told: (interaction_id, visit_id)."""
        if self._kept_ns == 0:
            return
        packed = zlib.compress(clip)
        with self._database.session() as session:
            for interaction_id, visit_id in interactions:
                session.merge(
                    ReasonRow(
                        interaction_id=interaction_id,
                        step_id=step_id,
                        visit_id=visit_id or "",
                        made_ns=now_ns,
                        clip=packed,
                    )
                )
            if now_ns - self._looked_ns >= LOOK_NS:
                self._looked_ns = now_ns
                session.execute(delete(ReasonRow).where(ReasonRow.made_ns < now_ns - self._kept_ns))

    def has(self, interaction_id: str) -> bool:
        rows = select(ReasonRow.step_id).where(ReasonRow.interaction_id == interaction_id).limit(1)
        with self._database.reading() as session:
            return session.scalar(rows) is not None

    def of(self, interaction_id: str) -> list[bytes]:
        """The clips of an interaction, oldest first; none if they are not kept any more."""
        rows = select(ReasonRow.clip).where(ReasonRow.interaction_id == interaction_id)
        with self._database.reading() as session:
            return [zlib.decompress(clip) for clip in session.scalars(rows.order_by(ReasonRow.step_id))]
