"""What can explain a change of load: products, how many, from where or to where, each with its log density.

Densities are per gram and per metre of shelf, so that explanations of different kinds may be compared: goods of a slot
(catalogue mass as corrected by what was weighed here; anywhere in the slot), a stray that stands there (mass and place
as when it came), two products lifted as one, units that a shopper carries (mass as when they were taken), and, as a
floor under all of them, something that nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Final

import msgspec
import numpy as np

from openaisle.core.messages import (
    InteractionKind,
    ShelfId,
    SlotId,
    StepStatus,
    VisitId,
    WeightStep,
)
from openaisle.core.units import NS_PER_S
from openaisle.interactions.carried import Lot
from openaisle.interactions.contents import Contents
from openaisle.interactions.densities import log_heard, log_normal
from openaisle.interactions.explanations import Change, Explanation, JustLeft, Load, Part, merged
from openaisle.interactions.loads import is_beside_silent, is_carrying, load_shares
from openaisle.interactions.masses import Masses
from openaisle.interactions.places import PLACE_FLOOR, Floats, ShelfPlaces, Silent
from openaisle.interactions.put_backs import PutBacks
from openaisle.interactions.ramps import falling
from openaisle.interactions.settings import WeighSettings
from openaisle.store.schema import Store

HAND_MASS_G_MAX: Final = 100.0
ENTANGLED_CANDIDATES: Final = 8
STRAY_SHARE_MIN: Final = 1e-3


class Weigher:
    """Explains changes of load. Holds no state of its own."""

    def __init__(self, store: Store, masses: Masses, contents: Contents, settings: WeighSettings) -> None:
        self._masses = masses
        self._contents = contents
        self._settings = settings
        self._places = {
            shelf_id: ShelfPlaces(store, shelf, settings)
            for shelf_id, shelf in store.shelves.items()
            if shelf.plates
        }
        self._put_backs = PutBacks(store, self._places, masses, settings)

    def change(self, step: WeightStep) -> Change:
        """Mass and place of a step, and what was read first if this is that reading."""
        mass_g = step.mass_change_g.astype(np.float64)
        sd_g = step.noise_sd_g.astype(np.float64)
        total_g = float(mass_g.sum())
        noise_g = float(np.sqrt((sd_g[mass_g != 0.0] ** 2).sum()))
        first_g = 0.0
        if step.status is StepStatus.PROVISIONAL:
            first_g = total_g
            noise_g = math.hypot(noise_g, self._settings.provisional_share * total_g)
        along_m, along_sd_m = self._places[step.shelf_id].felt(mass_g, sd_g)
        silent = tuple((~np.isfinite(sd_g)).tolist()) if is_beside_silent(mass_g, sd_g) else ()
        loads = load_shares(mass_g) if not silent else ()
        halves = self._halves(step.shelf_id, mass_g, sd_g) if loads else ()
        return Change(
            step.shelf_id, total_g, noise_g, along_m, along_sd_m, step.edge_ns, silent, loads, halves, first_g
        )

    def left_and_came(self, step: WeightStep) -> tuple[WeightStep, WeightStep]:
        """What left and what came, as steps of their own."""
        mass_g = step.mass_change_g
        left, came = (
            msgspec.structs.replace(
                step, step_id=f"{step.step_id}{sign}", mass_change_g=np.where(is_own, mass_g, np.float32(0.0))
            )
            for sign, is_own in (("-", mass_g < 0.0), ("+", mass_g > 0.0))
        )
        return left, came

    def _halves(self, shelf_id: ShelfId, mass_g: Floats, sd_g: Floats) -> tuple[Load, ...]:
        """A change that two stretches of plates carry [plates], cut at the stillest plate between them."""
        carrying = np.flatnonzero(is_carrying(mass_g)).tolist()
        gaps = [(low, high) for low, high in pairwise(carrying) if high > low + 1]
        if len(gaps) != 1:
            return ()
        low, high = gaps[0]
        cut = low + 1 + int(np.abs(mass_g[low + 1 : high]).argmin())
        is_left = np.arange(len(mass_g)) <= cut
        own_g = [np.where(is_own, mass_g, 0.0) for is_own in (is_left, ~is_left)]
        felt = [self._places[shelf_id].felt(half_g, sd_g) for half_g in own_g]
        return tuple(Load(float(half_g.sum()), *where) for half_g, where in zip(own_g, felt, strict=True))

    def terms(self, change: Change, one: Explanation) -> dict[str, float]:
        """Of a pick of one product from its own slot: how its log density divides. Of all else the whole."""
        part = one.parts[0] if len(one.parts) == 1 else None
        is_divided = one.kind is InteractionKind.PICK_UP and part is not None and not change.silent
        if not is_divided or part is None or part.slot_id is None or part.stray or part.under_hand:
            return {"weight and place": one.log_density}
        places = self._places[change.shelf_id]
        mass_g = part.mass_g * part.quantity
        mass = self._masses.log_likelihood_taken(part.product_id, part.quantity, mass_g, change.mass_sd_g)[0]
        place = places.log_density(part.slot_id, change.along_m, change.along_sd_m, part.quantity)
        return {"weight": mass, "place": place, "how many": one.log_density - mass - place}

    def missed(self, shelf_id: ShelfId, slot_id: SlotId, silent: Silent) -> float:
        """Share of a slot's goods that stand where no plate that speaks feels them."""
        places = self._places.get(shelf_id)
        return places.heard_in(slot_id, silent).missed if places is not None else 0.0

    def share_plates(self, first: Change, second: Change) -> bool:
        """So close in place that the one is measured from the level that the other left."""
        is_near = abs(first.along_m - second.along_m) <= self._settings.entangled_m
        return first.shelf_id == second.shelf_id and is_near

    def log_anywhere(self, change: Change) -> float:
        """Log density (per metre) of what may be anywhere on the shelf."""
        return -math.log(self._places[change.shelf_id].width_m)

    def nearest_slot(self, change: Change) -> SlotId | None:
        return self._places[change.shelf_id].nearest_slot(change.along_m)

    # --- something left -----------------------------------------------------------------------------------------------

    def explain_loss(self, change: Change, interaction_id: str) -> list[Explanation]:
        """Picks, best first; the last resort is always among them."""
        leaves, after_press = self._picks_after_press(change, interaction_id)
        stays = math.log1p(-leaves)
        alone = [replace(one, log_density=one.log_density + stays) for one in self._picks(change)]
        found = [*alone, *self._picks_of_strays(change, interaction_id), *self._picks_before_hand(change)]
        floor = self._unexplained(change)
        best = max(found, key=lambda one: one.log_density, default=floor)
        is_poor = best.log_density < floor.log_density + 3.0
        is_several = any(part.quantity > 1 for part in best.parts)
        if (is_poor or is_several) and not change.silent:
            found += self._pairs(change)
        return self._best([*found, *after_press, floor])

    def _picks(self, change: Change, extra_g: float = 0.0, *, is_brought: bool = False) -> list[Explanation]:
        """Units of one slot's own product; `is_brought`: that came, so that the slot may be empty by our count."""
        mass_g = -change.mass_g - extra_g
        if mass_g <= 0:
            return []
        places, settings = self._places[change.shelf_id], self._settings
        found: list[Explanation] = []
        for slot_id, slot in places.slots.items():
            product_id = slot.product.product_id
            heard = places.heard_in(slot_id, change.silent) if change.silent else None
            is_cut = heard is not None and bool(heard.is_cut.any() or heard.missed)
            is_outside = bool(change.loads) and places.outside(slot_id, change.loads) > settings.outside_share
            fits = places.log_densities(slot_id, change.along_m, change.along_sd_m)
            for quantity in range(1, settings.quantity_max + 1):
                place = math.log(PLACE_FLOOR) if is_outside else fits[quantity > 1]
                if heard is not None and is_cut and self._masses.is_known(product_id):
                    mean_g = quantity * self._masses.mean_g(product_id)
                    variance_g2 = self._masses.variance_g2(product_id, quantity)
                    fit = log_heard(change, heard, mass_g, mean_g, variance_g2, settings)
                    part = Part(product_id, quantity, slot_id, mean_g / quantity, is_measured=False)
                else:
                    weighed = (product_id, quantity, mass_g, change.mass_sd_g)
                    if is_brought:
                        mass, is_alone = self._masses.log_likelihood(*weighed), True
                    else:
                        mass, is_alone = self._masses.log_likelihood_taken(*weighed)
                    fit = place + mass
                    own_g = mass_g / quantity if is_alone else self._masses.mean_g(product_id)
                    part = Part(product_id, quantity, slot_id, own_g, is_measured=is_alone)
                if not is_brought and not self._contents.may_hold(slot_id, quantity):
                    fit += math.log(settings.prior_empty_slot)
                density = fit + math.log(settings.prior_quantity[quantity - 1])
                found.append(Explanation(InteractionKind.PICK_UP, (part,), density))
        return found

    def _picks_of_strays(self, change: Change, interaction_id: str) -> Iterable[Explanation]:
        places = self._places[change.shelf_id]
        for stray in self._contents.strays(change.shelf_id, interaction_id, change.edge_ns):
            place = places.log_density_at(stray.along_m, change.along_m, change.along_sd_m)
            off_g = -change.mass_g - stray.mass_g
            mass = log_normal(off_g, math.hypot(change.mass_sd_g, stray.mass_sd_g))
            # Whoever takes something wants what the slot is for; things of their own they want, too.
            wanted = 1.0 if stray.product_id is None else self._settings.prior_stray
            unknown = stray.probability if stray.product_id is None else 1.0 - stray.probability
            if unknown > STRAY_SHARE_MIN:
                density = mass + place + math.log(unknown * wanted)
                yield Explanation(InteractionKind.UNEXPLAINED, (), density, stray=stray.brought_by)
            if stray.product_id is None:
                continue
            part = Part(
                stray.product_id,
                stray.quantity,
                places.nearest_slot(stray.along_m),
                -change.mass_g,
                stray.brought_by,
            )
            density = mass + place + math.log(stray.probability * wanted)
            yield Explanation(InteractionKind.PICK_UP, (part,), density)

    def _picks_after_press(self, change: Change, interaction_id: str) -> tuple[float, list[Explanation]]:
        """A hand had rested there and was taken for a gain; its load left together with the goods.

        Also how likely it is at most that a hand had rested there.
        """
        places, settings = self._places[change.shelf_id], self._settings
        likeliest = 0.0
        found: list[Explanation] = []
        for stray in self._contents.strays(change.shelf_id, interaction_id, change.edge_ns):
            if stray.mass_g >= HAND_MASS_G_MAX:
                continue
            is_soon = change.edge_ns - stray.brought_ns <= settings.hand_s * NS_PER_S
            unknown = stray.probability if stray.product_id is None else 1.0 - stray.probability
            near = places.log_density_at(stray.along_m, change.along_m, 0.1)
            leaves = settings.hand_leaves[not is_soon] * unknown * math.exp(min(0.0, near - 1.0))
            if leaves < STRAY_SHARE_MIN:
                continue
            likeliest = max(likeliest, leaves)
            for one in self._picks(change, extra_g=stray.mass_g):
                part = replace(one.parts[0], under_hand=stray.brought_by, is_measured=False)
                found.append(Explanation(one.kind, (part,), one.log_density + math.log(leaves)))
        return likeliest, found

    def _picks_before_hand(self, change: Change) -> Iterable[Explanation]:
        """A hand came to rest as goods left, which were read as they are before it came."""
        settings = self._settings
        least_g, most_g = settings.hand_beside_g
        if change.silent or not least_g <= change.mass_g - change.first_g <= most_g:
            return
        sd_g = math.hypot(change.mass_sd_g, settings.provisional_share * change.first_g)
        log_prior = math.log(settings.prior_hand_beside)
        for one in self._picks(replace(change, mass_g=change.first_g, mass_sd_g=sd_g)):
            part = replace(one.parts[0], is_measured=False)
            yield Explanation(one.kind, (part,), one.log_density + log_prior)

    def _pairs(self, change: Change) -> list[Explanation]:
        """One unit of each of two slots, lifted as one."""
        places, settings = self._places[change.shelf_id], self._settings
        wheres_m = [half.along_m for half in change.halves] or [change.along_m]
        near = [
            slot_id
            for slot_id, slot in places.slots.items()
            if any(slot.felt_m[0] - 0.3 <= where_m <= slot.felt_m[-1] + 0.3 for where_m in wheres_m)
            and self._masses.is_known(slot.product.product_id)
        ]
        found: list[Explanation] = []
        for first, second in combinations(near, 2):
            products = [places.slots[slot_id].product.product_id for slot_id in (first, second)]
            means_g = [self._masses.mean_g(product_id) for product_id in products]
            share = means_g[0] / sum(means_g)
            # As one product of the summed mass: the spread of both, and the model's.
            sd_g = math.hypot(change.mass_sd_g, settings.mass_model_share * math.hypot(*means_g), 2.0)
            mass = log_normal(-change.mass_g - sum(means_g), sd_g)
            place = places.log_density_pair(first, second, share, change.along_m, change.along_sd_m)
            if change.halves:
                place = self._log_halves(change, (first, second), (means_g[0], means_g[1]), sd_g)
            scale = -change.mass_g / sum(means_g)
            parts = tuple(
                Part(product_id, 1, slot_id, mean_g * scale, is_measured=False)
                for product_id, slot_id, mean_g in zip(products, (first, second), means_g, strict=True)
            )
            density = mass + place + math.log(settings.prior_pair)
            found.append(Explanation(InteractionKind.PICK_UP, parts, density))
        return found

    def _log_halves(
        self, change: Change, slot_ids: tuple[SlotId, SlotId], means_g: tuple[float, float], sd_g: float
    ) -> float:
        """Log density (per metre) of where two goods are felt that each stretch of plates feels one of.

        That each has the right mass and place by itself counts as it would against something that nobody knows.
        """
        places = self._places[change.shelf_id]
        log_any = math.log(self._settings.mass_any_g * places.width_m)

        def fit(order: tuple[int, int]) -> float:
            wheres = [
                places.log_density(slot_ids[index], half.along_m, half.along_sd_m)
                for half, index in zip(change.halves, order, strict=True)
            ]
            # The sum of both is judged already.
            mass = log_normal(-change.halves[0].mass_g - means_g[order[0]], sd_g)
            return sum(wheres) + mass + log_any

        return max(fit((0, 1)), fit((1, 0)))

    def explain_losses_together(
        self, first: Change, second: Change, interaction_ids: tuple[str, str]
    ) -> tuple[list[Explanation], list[Explanation]]:
        """Two losses on the same plates, so soon after each other that some of one may have been read as the other.

        Their sum is sure, how it divides is not: explanations of both must add up. A mixture of that and of two clean
        readings; each step's explanations come back with the densities that this leaves them.
        """
        settings = self._settings
        clean = [
            self.explain_loss(change, own)
            for change, own in zip((first, second), interaction_ids, strict=True)
        ]
        loose = [
            replace(c, mass_sd_g=math.hypot(c.mass_sd_g, settings.entangled_share * c.mass_g))
            for c in (first, second)
        ]
        wide = [self._best(self._picks(change))[:ENTANGLED_CANDIDATES] for change in loose]
        total_g = -(first.mass_g + second.mass_g)
        noise_g2 = first.mass_sd_g**2 + second.mass_sd_g**2
        log_clean, log_tangled = math.log(1 - settings.prior_entangled), math.log(settings.prior_entangled)
        mine: list[tuple[Explanation, float]] = []
        other: list[tuple[Explanation, float]] = []
        for a in clean[0]:
            for b in clean[1]:
                density = log_clean + a.log_density + b.log_density
                mine.append((a, density))
                other.append((b, density))
        for a in wide[0]:
            for b in wide[1]:
                (part,), (partner,) = a.parts, b.parts
                mean_g = sum(self._masses.mean_g(p.product_id) * p.quantity for p in (part, partner))
                variance = noise_g2 + sum(
                    self._masses.variance_g2(p.product_id, p.quantity) for p in (part, partner)
                )
                alone = self._masses.log_likelihood(
                    partner.product_id, partner.quantity, -loose[1].mass_g, loose[1].mass_sd_g
                )
                density = log_tangled + a.log_density + (b.log_density - alone)
                density += log_normal(total_g - mean_g, math.sqrt(variance))
                mine.append((self._as_weighed(a), density))
                other.append((self._as_weighed(b), density))
        return self._best(merged(mine)), self._best(merged(other))

    def _as_weighed(self, one: Explanation) -> Explanation:
        """The same with the product's own mass: the step's cannot be trusted."""
        (part,) = one.parts
        mean_g = self._masses.mean_g(part.product_id)
        return replace(one, parts=(replace(part, mass_g=mean_g, is_measured=False),))

    # --- something came -----------------------------------------------------------------------------------------------

    def explain_gain(
        self,
        change: Change,
        carried: Mapping[VisitId, Sequence[Lot]],
        just_left: JustLeft | None = None,
        staff: Sequence[VisitId] = (),
        *,
        is_crowded: bool = False,
    ) -> list[Explanation]:
        """Put-backs of what those visits carry, best first; the last resort is always among them.

        `just_left`: what left the same plates last. The level in between cancels where the same units come back: then
        the shelf weighs what it did. Of anything else it is as unsure as the shelf had time to settle. `staff` may
        bring what any slot is for. `is_crowded`: hands of several people were there.
        """
        found: list[Explanation] = []
        others = self._after(change, just_left) if just_left is not None else change
        for visit_id, lots in carried.items():
            for lot in lots:
                busy = self._busy(lots, lot, change.edge_ns)
                has_just_left = just_left is not None and lot.taken_by in just_left.interaction_ids
                for quantity in self._quantities(lot):
                    own, gain = lot, others
                    if just_left is not None and has_just_left:
                        gain = change
                        if just_left.is_all_of(quantity * lot.mass_g):
                            own = replace(lot, mass_sd_g=just_left.apart_sd_g)
                    found += self._put_backs.of(
                        gain,
                        visit_id,
                        own,
                        quantity,
                        busy,
                        is_crowded=is_crowded,
                        may_be_off=has_just_left,
                    )
        found += [one for visit_id in staff for one in self._restocks(change, visit_id)]
        return self._best([*found, self._unexplained(change)])

    def _quantities(self, lot: Lot) -> range:
        return range(1, min(lot.quantity, self._settings.quantity_max) + 1)

    def unsettled_g(self, mass_g: float, apart_s: float) -> float:
        """Standard deviation of the level between a loss of `mass_g` and a gain so long after it."""
        left = falling(apart_s, self._settings.unsettled_s)
        return self._settings.unsettled_share * left * left * abs(mass_g)

    def _busy(self, lots: Sequence[Lot], but: Lot, at_ns: int) -> tuple[float, float]:
        """How likely either hand holds something else, because it took it a moment ago."""
        free = [1.0, 1.0]
        for lot in lots:
            if lot is not but:
                still = falling(lot.held_s(at_ns), self._settings.busy_s)
                free[0] *= 1.0 - still * (1.0 - lot.right_hand)
                free[1] *= 1.0 - still * lot.right_hand
        return 1.0 - free[0], 1.0 - free[1]

    def _after(self, change: Change, just_left: JustLeft) -> Change:
        """A gain of other goods than left just before, by the level that they will have left.

        What was read of the loss, and what its goods should weigh, tell how far off that level was.
        """
        level_g2 = self.unsettled_g(just_left.mass_g, just_left.apart_s) ** 2
        # A loss that was closed before it came to rest says how sure it is of the level it left.
        level_g2 = max(level_g2, just_left.noise_sd_g**2 - change.mass_sd_g**2)
        if level_g2 <= 0.0:
            return change
        off_g, left_g2 = 0.0, level_g2
        if just_left.product_id is not None and self._masses.is_known(just_left.product_id):
            goods_g2 = self._masses.variance_g2(just_left.product_id, just_left.quantity)
            heavier_g = just_left.mass_g - just_left.quantity * self._masses.mean_g(just_left.product_id)
            share = level_g2 / (level_g2 + goods_g2)
            off_g, left_g2 = share * heavier_g, share * goods_g2
        sd_g = math.hypot(change.mass_sd_g, just_left.shared * math.sqrt(left_g2))
        return replace(change, mass_g=change.mass_g - just_left.shared * off_g, mass_sd_g=sd_g)

    def _restocks(self, change: Change, visit_id: VisitId) -> Iterable[Explanation]:
        """Units of a slot's own product, by staff."""
        for one in self._picks(replace(change, mass_g=-change.mass_g), is_brought=True):
            density = one.log_density + math.log(self._settings.prior_restock)
            parts = (replace(one.parts[0], is_measured=False),)
            yield Explanation(InteractionKind.PUT_BACK, parts, density, visit_id)

    # --- leaves -------------------------------------------------------------------------------------------------------

    def _unexplained(self, change: Change) -> Explanation:
        settings = self._settings
        least_g, most_g = settings.hand_g
        share = settings.prior_unexplained / settings.mass_any_g
        if least_g <= change.mass_g <= most_g:
            share += settings.prior_hand / (most_g - least_g)
        density = math.log(share) + self.log_anywhere(change)
        may_be_hand = abs(change.mass_g) <= settings.hand_beside_g[1]
        return Explanation(InteractionKind.UNEXPLAINED, (), density, may_be_hand=may_be_hand)

    def _best(self, found: list[Explanation]) -> list[Explanation]:
        found.sort(key=lambda one: (-one.log_density, one.kind, one.key))
        top = found[0].log_density
        kept = [one for one in found if one.log_density > top - 15.0 or not one.parts]
        return kept[: self._settings.candidates_max]
