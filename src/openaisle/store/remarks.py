"""What is unwise about a shop that is otherwise possible: things a person planning it should know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from openaisle.store.coverage import views_of_slots
from openaisle.store.draft import CAMERAS_FILE, PLANOGRAM_FILE, PRODUCTS_FILE, STORE_FILE
from openaisle.store.lenses import undistortion_error_px
from openaisle.store.polygons import polygons_distance_m
from openaisle.store.schema import Point2, Shelf, Store

NEAR_MASS_G: Final = 10.0
VIEWS_MIN: Final = 2
AISLE_M: Final = (0.06, 0.9)  # from "side by side" to "wide enough for a wheelchair"
UNDISTORTION_ERROR_PX_MAX: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Remark:
    """One piece of advice. `kind` is a fixed word, `about` the ids it concerns."""

    kind: str
    file: str
    about: tuple[str, ...]
    message: str

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def remarks_on(store: Store, folder: Path | None = None) -> list[Remark]:
    """All of them, in the order of the files. With `folder`, pack pictures are looked for there."""
    checks = (_gates, _aisles, _clearances, _cameras, _views, _unplaced, _packs, _near_masses, _plateless)
    pictures = list(_pictures(store, folder)) if folder is not None else []
    return [*(remark for check in checks for remark in check(store)), *pictures]


def _gates(store: Store) -> Iterator[Remark]:
    for kind, words in (("entry", "in"), ("exit", "out")):
        if not any(gate.kind in (kind, "both") for gate in store.gates):
            yield Remark(
                kind=f"no_{kind}_gate",
                file=STORE_FILE,
                about=(),
                message=f"no gate leads {words}: nobody can come {words}",
            )


def _aisles(store: Store) -> Iterator[Remark]:
    footprints = {
        gondola.gondola_id: [_point(corner) for corner in gondola.footprint_floor_m.tolist()]
        for gondola in store.gondolas
    }
    for first, second in combinations(footprints, 2):
        width_m = polygons_distance_m(footprints[first], footprints[second])
        if AISLE_M[0] < width_m < AISLE_M[1]:
            yield Remark(
                kind="narrow_aisle",
                file=STORE_FILE,
                about=(first, second),
                message=f"between gondolas {first} and {second} are {width_m:.2f} m, less than {AISLE_M[1]} m",
            )


def _point(corner: list[float]) -> Point2:
    return (corner[0], corner[1])


def _clearances(store: Store) -> Iterator[Remark]:
    for gondola in store.gondolas:
        if not gondola.shelves:
            yield Remark(
                kind="no_shelf",
                file=STORE_FILE,
                about=(gondola.gondola_id,),
                message=f"gondola {gondola.gondola_id} has no shelf",
            )
        for lower, upper in zip(gondola.shelves, gondola.shelves[1:], strict=False):
            if lower.height_m + lower.clearance_m > upper.height_m + 0.005:
                yield Remark(
                    kind="clearance",
                    file=STORE_FILE,
                    about=(lower.shelf_id,),
                    message=f"shelf {lower.shelf_id} claims {lower.clearance_m:.3f} m of clearance, but shelf "
                    f"{upper.shelf_id} is {upper.height_m - lower.height_m:.3f} m above it",
                )


def _cameras(store: Store) -> Iterator[Remark]:
    for camera in store.cameras:
        lens = camera.lens
        sub, main = lens.width_px / lens.height_px, camera.main_width_px / camera.main_height_px
        if abs(sub / main - 1) > 0.02:
            yield Remark(
                kind="stream_shapes",
                file=CAMERAS_FILE,
                about=(camera.camera_id,),
                message=f"camera {camera.camera_id}: substream {lens.width_px} x {lens.height_px} and main stream "
                f"{camera.main_width_px} x {camera.main_height_px} differ in shape: one is cut or stretched",
            )
        error_px = undistortion_error_px(lens)
        if not error_px <= UNDISTORTION_ERROR_PX_MAX:
            yield Remark(
                kind="strong_distortion",
                file=CAMERAS_FILE,
                about=(camera.camera_id,),
                message=f"camera {camera.camera_id}: its distortion can be undone to {error_px:.1f} pixels only "
                "at the picture's border",
            )


def _views(store: Store) -> Iterator[Remark]:
    if not store.cameras:
        yield Remark(
            kind="no_cameras",
            file=CAMERAS_FILE,
            about=(),
            message="no camera: skeletons must come from elsewhere",
        )
        return
    views = views_of_slots(store)
    for shelf in store.shelves.values():
        few = {
            slot.slot_id: int(views[slot.slot_id].sum())
            for slot in shelf.slots
            if views[slot.slot_id].sum() < VIEWS_MIN
        }
        if few:
            listed = ", ".join(f"{slot_id} by {count}" for slot_id, count in few.items())
            yield Remark(
                kind="few_views",
                file=CAMERAS_FILE,
                about=tuple(few),
                message=f"shelf {shelf.shelf_id}: facings seen by fewer than {VIEWS_MIN} cameras: {listed}",
            )


def _unplaced(store: Store) -> Iterator[Remark]:
    placed = {slot.product_id for slot in store.slots.values()}
    unplaced = tuple(product_id for product_id in store.products if product_id not in placed)
    if unplaced:
        some = ", ".join(unplaced[:10]) + (", ..." if len(unplaced) > 10 else "")
        yield Remark(
            kind="no_slot",
            file=PRODUCTS_FILE,
            about=unplaced,
            message=f"{len(unplaced)} products have no slot in planogram.csv: {some}",
        )


def _packs(store: Store) -> Iterator[Remark]:
    for shelf in store.shelves.values():
        for slot in shelf.slots:
            product = store.products[slot.product_id]
            too_large = [
                words
                for words, is_so in (
                    (
                        f"higher than the clearance of {shelf.clearance_m} m",
                        product.height_m > shelf.clearance_m,
                    ),
                    (f"deeper than the shelf, {shelf.depth_m} m", product.depth_m > shelf.depth_m),
                    (
                        f"too wide for {slot.facings} facings on {slot.width_m} m",
                        product.width_m * slot.facings > slot.width_m + 0.005,
                    ),
                )
                if is_so
            ]
            if too_large:
                yield Remark(
                    kind="does_not_fit",
                    file=PLANOGRAM_FILE,
                    about=(slot.slot_id, product.product_id),
                    message=f"slot {slot.slot_id}: {product.product_id} is {' and '.join(too_large)}",
                )


def _near_masses(store: Store) -> Iterator[Remark]:
    for shelf in store.shelves.values():
        pairs = near_mass_pairs(store, shelf)
        if pairs:
            listed = ", ".join(f"{first}/{second} ({apart_g:.1f} g)" for first, second, apart_g in pairs)
            yield Remark(
                kind="near_masses",
                file=PLANOGRAM_FILE,
                about=tuple(sorted({slot for pair in pairs for slot in pair[:2]})),
                message=f"shelf {shelf.shelf_id}: masses within {NEAR_MASS_G:.0f} g, so that weight alone cannot "
                f"tell slots apart: {listed}",
            )


def near_mass_pairs(store: Store, shelf: Shelf) -> list[tuple[str, str, float]]:
    """(slot, slot, grams apart) of different products on one shelf that weigh nearly the same."""
    pairs: list[tuple[str, str, float]] = []
    for first, second in combinations(shelf.slots, 2):
        apart_g = abs(store.products[first.product_id].mass_g - store.products[second.product_id].mass_g)
        if first.product_id != second.product_id and apart_g < NEAR_MASS_G:
            pairs.append((first.slot_id, second.slot_id, apart_g))
    return pairs


def _plateless(store: Store) -> Iterator[Remark]:
    for shelf in store.shelves.values():
        bare = tuple(
            slot.slot_id
            for slot in shelf.slots
            if not any(
                plate.left_m < slot.left_m + slot.width_m - 0.005
                and plate.left_m + plate.width_m > slot.left_m + 0.005
                for plate in shelf.plates
            )
        )
        if bare:
            yield Remark(
                kind="no_plate",
                file=PLANOGRAM_FILE,
                about=bare,
                message=f"shelf {shelf.shelf_id}: no plate under {', '.join(bare)}: what leaves there is not weighed",
            )


def _pictures(store: Store, folder: Path) -> Iterator[Remark]:
    for product in store.products.values():
        if product.pack_picture and not (folder / product.pack_picture).is_file():
            yield Remark(
                kind="no_picture",
                file=PRODUCTS_FILE,
                about=(product.product_id,),
                message=f"product {product.product_id}: no file {product.pack_picture} in the store folder",
            )
