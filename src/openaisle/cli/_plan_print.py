"""What `openaisle plan` says to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openaisle.planning.bill import Bill, Money
    from openaisle.planning.equipment import Equipment
    from openaisle.planning.expected import Expected
    from openaisle.planning.scales import ScalePlan
    from openaisle.planning.steps import Placed


def print_placed(placed: Placed) -> None:
    """Cameras, gap, proof, scales."""
    placement, proof, scales, advice = placed.placement, placed.proof, placed.scales, placed.advice
    kinds = ", ".join(f"{count} {model}" for model, count in placement.models.items())
    print(
        f"{placement.cameras} cameras ({kinds}) on {placement.area_m2:g} m2: {placement.cameras_per_m2:.2f} a m2, "
        f"{placement.cost_usd:,.0f} USD hung and connected"
    )
    print(
        f"  optimality gap {placement.gap:.1%}: none of {placement.candidates:,} candidates together cost less than "
        f"{placement.bound_usd:,.0f} USD"
    )
    for kind, names in placement.short.items():
        print(f"  no candidates see enough of {len(names)} {kind}: {', '.join(names[:8])}")
    print(
        f"  drawn and looked at ({proof.pictures} pictures): {proof.facings_seen} of {proof.facings} facings, "
        f"{proof.beside_seen} of {proof.beside} with somebody beside, {proof.floor_seen} of {proof.floor_points} "
        f"places of gates and walkways have their views; {placement.taken_back} views that geometry promised were "
        "taken back"
    )
    if proof.facings_missed:
        print(f"  facings with fewer: {', '.join(proof.facings_missed[:12])}")
    worst = advice.losses[0]
    print(
        f"  the loss of one camera blinds {advice.facings_blind_by_one_loss} facings at most one by one "
        f"(worst {worst.camera_id}: {len(worst.facings_blind)}, {worst.facings_below} below what is asked)"
    )
    print_scales(scales)


def print_scales(scales: ScalePlan) -> None:
    """Twins and look-alikes, before and after."""
    print(
        f"  weights: {scales.placements_with_twin_before} of {scales.placements} placements had a neighbour within "
        f"10 g, {scales.placements_with_twin} after {len(scales.swaps)} swaps; look-alikes on one shelf "
        f"{scales.look_alikes_together_before}, then {scales.look_alikes_together}"
    )


def print_expected(expected: Expected) -> None:
    """Receipts and latency."""
    print(
        f"{expected.visits} simulated visits ({expected.vision}, seed {expected.seed}, up to {expected.people_max} "
        f"people): {expected.exact_receipts} exact receipts ({expected.exact_rate:.1%}), "
        f"{expected.overcharged_visits} overcharged, shelf to cart p50 {expected.cart_ms_p50} ms, "
        f"p99 {expected.cart_ms_p99} ms"
    )


def print_bill(equipment: Equipment, bill: Bill) -> None:
    """Equipment and the ways side by side."""
    print(
        f"{equipment.switches} switches, {equipment.poe_watts:g} W over Ethernet, {equipment.mains_watts:,.0f} W; "
        f"{equipment.sub_mbps + equipment.main_mbps:,.0f} Mbit/s; {equipment.nodes} nodes of {equipment.cores_a_node} "
        f"cores for {equipment.people_at_peak} people ({equipment.ms_a_frame} ms a frame)"
    )
    print(f"{'':26}{'capital, USD (p10 p50 p90)':>34}{'a year':>34}   payback, years (p50)")
    for path in bill.paths:
        years = path.payback_years.p50
        print(
            f"{path.name:26}{_range(path.capital):>34}{_range(path.running_a_year):>34}   "
            f"{'never' if years is None else f'{years:.1f}'} ({path.pays_back:.0%} of draws ever do)"
        )


def _range(money: Money) -> str:
    return f"{money.p10:,.0f}  {money.p50:,.0f}  {money.p90:,.0f}"
