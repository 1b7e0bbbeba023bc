"""The requirements document on what hangs, weighs and computes: cameras, scales, equipment."""

from __future__ import annotations

from dataclasses import replace

from openaisle.planning.document import (
    Bullets,
    Document,
    Figure,
    Heading,
    Paragraph,
    Table,
)
from openaisle.planning.results import Results
from openaisle.planning.words import (
    line_table,
)
from openaisle.store.draw import draw_plan

SHORT_OF = {
    "facing": "see enough of these facings past the shopper who stands there",
    "beside": "see these facings past a second person beside the shopper",
    "gate": "see enough of these gates",
    "walk": "see enough of these places to walk",
    "passing": "see these places past somebody close by",
}
SECTION_PAIRS_MAX = 12
LOSSES_MAX = 8


def cameras(document: Document, results: Results) -> None:
    """Which cameras hang where, what their pictures prove, and what the loss of one costs."""
    placement, proof, advice, asked = (
        results.placement,
        results.proof,
        results.advice,
        results.scope.placement,
    )
    left = [camera for camera in results.store.cameras if camera.camera_id != advice.losses[0].camera_id]
    kinds = ", ".join(f"{count} of {model}" for model, count in placement.models.items())
    views = ", ".join(
        f"{count} by {number}" for number, count in enumerate(proof.views_of_facings) if count and number
    )
    document.add(
        Heading("Floor and cameras"),
        Figure(
            draw_plan(results.store), "The floor, the cameras, and how many of them see a person at 1 m height."
        ),
        Paragraph(
            f"{placement.cameras} cameras ({kinds}) hang at {placement.mount_height_m:g} m. They were chosen among "
            f"{placement.candidates:,} candidates by integer programming at least cost, so that every facing is seen "
            f"by {asked.views_min} cameras at {asked.facing_px_per_m:g} px/m of their main streams past the shopper "
            "who stands there, by one past a second person at either side, and every gate and place to walk by "
            f"{asked.views_min} at {asked.person_px_per_m:g} px/m of the substreams, by one past somebody close. No "
            f"choice among them costs less than {placement.bound_usd:,.0f} USD; this one costs "
            f"{placement.cost_usd:,.0f} (gap {placement.gap:.1%})."
        ),
        Paragraph(
            f"Checked by drawing the stocked shop with people in it, {proof.pictures} pictures, and comparing depths: "
            f"{proof.facings_seen} of {proof.facings} facings ({views} cameras), {proof.beside_seen} of "
            f"{proof.beside} with somebody beside, {proof.floor_seen} of {proof.floor_points} places of gates and "
            f"walkways have the views asked. {placement.taken_back} views that the planner's geometry had promised "
            "were not in the pictures and were replaced. Views past somebody who walks close by were not drawn."
        ),
        Heading("When a camera is lost", 3),
        Paragraph(
            f"{advice.facings_blind_by_one_loss} of {proof.facings} facings would have no view left after the loss of "
            "some one camera. The worst losses:"
        ),
        Table(
            header=(
                "camera", "facings with no view", "facings below what is asked", "places with no view", "places below",
            ),
            rows=[
                (loss.camera_id, str(len(loss.facings_blind)), str(loss.facings_below), str(loss.floor_blind),
                 str(loss.floor_below))
                for loss in advice.losses[:LOSSES_MAX]
            ],
            widths=(20, 20, 20, 20, 20),
            numbers=(1, 2, 3, 4),
        ),
        Figure(
            draw_plan(replace(results.store, cameras=tuple(left))),
            f"Without {advice.losses[0].camera_id}, the worst to lose: how many cameras still see a person.",
        ),
        Heading("Height and glare", 3),
        Bullets(
            (
                advice.height,
                "No camera looks low towards a gate." if not advice.glare else
                f"Cameras that look low towards a gate, where daylight comes in: {', '.join(advice.glare)}.",
                f"A facing has {advice.views_mean:g} views on average, a place to walk {advice.people_views_mean:g}.",
            )
        ),
    )  # fmt: skip
    for kind, names in placement.short.items():
        document.add(Paragraph(f"Not even all candidates together {SHORT_OF[kind]}: {', '.join(names)}."))


def scales(document: Document, results: Results) -> None:
    """What plates must tell apart, and exchanges of goods that make it easier."""
    scales = results.scales
    document.add(
        Heading("Shelves and scales"),
        Paragraph(
            f"Of {scales.placements} placements {scales.placements_with_twin_before} shared a shelf with another "
            f"product within 10 g, {scales.look_alikes_together_before} pairs of look-alikes stood on one shelf. With "
            f"{len(scales.swaps)} exchanges among goods of the same tax and age class "
            f"{scales.placements_with_twin} and {scales.look_alikes_together} are left. (In the one public real shop "
            "68 of 111 placements have such a neighbour.)"
        ),
        Table(
            header=("plates", "number", "slots whose plate also carries a neighbour's goods"),
            rows=[
                (
                    "one a slot" if size.width_m is None else f"{size.width_m:g} m wide",
                    f"{size.plates:,}",
                    str(size.slots_sharing),
                )
                for size in scales.plate_sizes
            ],
            widths=(30, 20, 50),
            numbers=(1, 2),
        ),
    )
    if scales.section_pairs:
        document.add(
            Paragraph("Pairs that remain, for the cameras to tell apart:"),
            Table(
                header=("slot", "slot", "grams apart"),
                rows=[
                    (first, second, f"{apart_g:.1f}")
                    for first, second, apart_g in scales.section_pairs[:SECTION_PAIRS_MAX]
                ],
                widths=(30, 30, 20),
                numbers=(2,),
            ),
        )


def equipment(document: Document, results: Results) -> None:
    """Network, compute, storage and power."""
    equipment = results.equipment
    document.add(
        Heading("Bill of materials"),
        line_table(results.bill.hardware),
        Heading("Network, compute, power", 3),
        Table(
            header=("", ""),
            rows=(
                ("Streams", f"{equipment.sub_mbps:,.0f} Mbit/s of substreams, {equipment.main_mbps:,.0f} of main ones, "
                 f"at most {equipment.camera_mbps_max:g} a camera"),
                ("Switches", f"{equipment.switches} of {equipment.ports} ports; cameras {equipment.poe_watts:,.0f} W"),
                ("Compute", f"{equipment.nodes} nodes of {equipment.cores_a_node} cores: seeing keeps "
                 f"{equipment.cores_seeing:g} cores busy, decoding {equipment.cores_decoding:g}, the path "
                 f"{equipment.cores_path:g}, with {equipment.people_at_peak} people; {equipment.memory_gb:g} GB"),
                ("Measured", f"{equipment.ms_a_frame:g} ms a frame on average, {equipment.cameras_per_core:g} cameras "
                 f"a core, from {equipment.speed_from}"),
                ("Power", f"{equipment.mains_watts:,.0f} W in all, {equipment.kwh_a_year:,.0f} kWh a year"),
                ("Storage", f"{equipment.ledger_gb_a_year:g} GB of ledger a year; video is not kept"),
            ),
            widths=(18, 82),
        ),
    )  # fmt: skip
