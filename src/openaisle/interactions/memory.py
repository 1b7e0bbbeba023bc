"""What earlier decisions mean for later ones: who carries what, what stands where, what things weigh."""

from __future__ import annotations

import math
from collections.abc import Mapping

from openaisle.core.messages import (
    Interaction,
    InteractionKind,
    ProductId,
    VisitClosed,
    VisitId,
    VisitOpened,
)
from openaisle.interactions.carried import Deed, Lot, carried
from openaisle.interactions.contents import Contents, Stray
from openaisle.interactions.explanations import Change, Explanation, Part
from openaisle.interactions.masses import Masses
from openaisle.interactions.settings import Settings
from openaisle.store.schema import Store

Holdings = Mapping[VisitId, Mapping[ProductId, int]]


class Memory:
    """Keyed by interaction ids: a decision that is revised first undoes what it had done."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.contents = Contents(store, settings.units_max)
        self.masses = Masses(store, settings.weigh)
        self._deeds: dict[VisitId, dict[str, Deed]] = {}
        self._opened: set[VisitId] = set()
        self._staff: set[VisitId] = set()
        self._closed_ns: dict[VisitId, int] = {}
        self._settings = settings

    def hear(self, visit: VisitOpened | VisitClosed) -> None:
        if isinstance(visit, VisitOpened):
            self._opened.add(visit.visit_id)
            if visit.is_staff:
                self._staff.add(visit.visit_id)
        else:
            self._closed_ns[visit.visit_id] = visit.closed_ns

    def is_staff(self, visit_id: VisitId | None) -> bool:
        return visit_id in self._staff

    def carried(self, visit_id: VisitId, before_ns: int, without: set[str], holdings: Holdings) -> list[Lot]:
        """What a visit had at a time, apart from what some interactions did."""
        deeds = [d for d in self._deeds.get(visit_id, {}).values() if d.interaction_id not in without]
        lots = carried(deeds, before_ns)
        if visit_id in self._opened:
            return lots
        # It was open before this process was: all we know of its goods is what the ledger says.
        known = {lot.product_id for lot in lots}
        for product_id, quantity in sorted(holdings.get(visit_id, {}).items()):
            if product_id not in known and quantity > 0:
                mass_g = self.masses.mean_g(product_id)
                sd_g = self._settings.weigh.mass_model_share * mass_g
                lots.append(Lot("", product_id, quantity, None, mass_g, sd_g, 1.0))
        return lots

    def do(
        self,
        interaction: Interaction,
        change: Change,
        part: Part | None,
        explanation: Explanation,
        right_hand: float,
    ) -> None:
        """This is what happened, until it is undone. `right_hand`: probability that it was done with that one."""
        interaction_id, kind = interaction.interaction_id, interaction.kind
        stray = part.stray if part else explanation.stray
        for gone in (stray, part and part.under_hand):
            if gone is not None:
                self.contents.take_stray(interaction_id, gone)
        if kind is InteractionKind.PUT_BACK_WRONG or (part is None and change.mass_g > 0):
            self.contents.bring(_stray(change, interaction, part))
        elif part is not None and part.slot_id is not None and stray is None:
            leaves = kind is InteractionKind.PICK_UP
            self.contents.take(interaction_id, part.slot_id, part.quantity if leaves else -part.quantity)
        if interaction.visit_id is not None and part is not None:
            self._deeds.setdefault(interaction.visit_id, {})[interaction_id] = Deed(
                interaction_id=interaction_id,
                kind=kind,
                happened_ns=interaction.happened_ns,
                product_id=part.product_id,
                quantity=part.quantity,
                slot_id=part.slot_id,
                mass_g=part.mass_g,
                mass_sd_g=self._unit_sd_g(change, part),
                probability=interaction.probability,
                is_measured=part.is_measured and stray is None,
                right_hand=right_hand,
            )

    def _unit_sd_g(self, change: Change, part: Part) -> float:
        """Of a unit's mass: as weighed, or as units of the product differ."""
        if part.is_measured:
            return change.mass_sd_g / part.quantity
        return math.hypot(change.mass_sd_g, math.sqrt(self.masses.variance_g2(part.product_id, 1)))

    def pass_on(self, interaction: Interaction, lot: Lot, taker_hand: int) -> None:
        """A unit of a lot went out of, or into, somebody's hand."""
        self.undo(interaction.interaction_id)
        assert interaction.visit_id is not None
        self._deeds.setdefault(interaction.visit_id, {})[interaction.interaction_id] = Deed(
            interaction_id=interaction.interaction_id,
            kind=interaction.kind,
            happened_ns=interaction.happened_ns,
            product_id=interaction.product_id,
            quantity=interaction.quantity,
            slot_id=lot.slot_id,
            mass_g=lot.mass_g,
            mass_sd_g=lot.mass_sd_g,
            probability=interaction.probability,
            is_measured=False,
            right_hand=float(taker_hand),
        )

    def undo(self, interaction_id: str) -> None:
        self.contents.forget(interaction_id)
        self.keep(interaction_id)

    def keep(self, interaction_id: str) -> None:
        """Whoever was thought to have brought something has it still."""
        for deeds in self._deeds.values():
            deeds.pop(interaction_id, None)

    def learn(self, interaction: Interaction) -> None:
        """Take a product's mass from a pick that could hardly have been anything else and will not be revised."""
        deed = self._deeds.get(interaction.visit_id or "", {}).get(interaction.interaction_id)
        if deed is None or deed.kind is not InteractionKind.PICK_UP or not deed.is_measured:
            return
        if interaction.probability >= self._settings.learn_probability_min and deed.product_id is not None:
            units = deed.quantity
            self.masses.learn(deed.product_id, units, units * deed.mass_g, units * deed.mass_sd_g)

    def forget(self, now_ns: int, after_ns: int) -> None:
        """Visits that closed long ago."""
        for visit_id in [v for v, closed_ns in self._closed_ns.items() if now_ns - closed_ns > after_ns]:
            del self._closed_ns[visit_id]
            self._deeds.pop(visit_id, None)
            self._opened.discard(visit_id)
            self._staff.discard(visit_id)


def _stray(change: Change, interaction: Interaction, part: Part | None) -> Stray:
    """What a put-back into a foreign place, or an unexplained gain, leaves standing."""
    product_id = part.product_id if part else None
    by_others = sum(other.probability for other in interaction.alternatives if other.product_id == product_id)
    return Stray(
        brought_by=interaction.interaction_id,
        shelf_id=change.shelf_id,
        product_id=product_id,
        probability=min(1.0, interaction.probability + by_others),
        quantity=part.quantity if part else 1,
        along_m=change.along_m,
        mass_g=change.mass_g,
        mass_sd_g=change.mass_sd_g,
        brought_ns=interaction.happened_ns,
    )
