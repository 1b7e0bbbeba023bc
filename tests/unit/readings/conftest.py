"""A shop with two gondolas on scales, two cameras and two gates, for the readings' tests."""

import pytest

from openaisle.core.geometry import Lens
from openaisle.store.schema import Camera, Gate, Gondola, Plate, Shelf, Store


@pytest.fixture(scope="session")
def small_store() -> Store:
    lens = Lens(640, 360, 500.0, 500.0, 319.5, 179.5)
    return Store(
        store_id="small",
        name="Small",
        timezone="UTC",
        currency="EUR",
        currency_digits=2,
        prices_include_tax=True,
        tax_rates={},
        jurisdiction="",
        ceiling_height_m=2.6,
        plan_floor_m=((0.0, 0.0), (5.0, 0.0), (5.0, 4.0), (0.0, 4.0)),
        walls_floor_m=(),
        gates=(
            Gate(
                gate_id="entry",
                kind="entry",
                left_floor_m=(1.0, 0.0),
                right_floor_m=(2.0, 0.0),
                inside_floor_m=(1.5, 0.5),
            ),
        ),
        zones=(),
        gondolas=tuple(_gondola(name, plate_count) for name, plate_count in (("A", 4), ("B", 3))),
        cameras=tuple(
            Camera(
                camera_id=f"cam-{number}",
                position_floor_m=(2.0, 2.0, 2.5),
                pan_deg=0.0,
                tilt_deg=45.0,
                roll_deg=0.0,
                lens=lens,
                main_width_px=1920,
                main_height_px=1080,
                fps=8.0,
            )
            for number in (1, 2)
        ),
        products={},
    )


def _gondola(name: str, plate_count: int) -> Gondola:
    plates = tuple(
        Plate(
            plate_id=f"{name}1.{number + 1:02d}",
            shelf_id=f"{name}1",
            left_m=0.1 * number,
            width_m=0.1,
            channel=number,
        )
        for number in range(plate_count)
    )
    shelf = Shelf(
        shelf_id=f"{name}1",
        gondola_id=name,
        level=1,
        height_m=0.5,
        clearance_m=0.3,
        left_m=0.0,
        front_m=0.0,
        width_m=0.1 * plate_count,
        depth_m=0.4,
        plates=plates,
        slots=(),
    )
    return Gondola(
        gondola_id=name,
        scale_id=f"scale-{name}",
        origin_floor_m=(0.0, 3.0),
        heading_deg=0.0,
        width_m=0.1 * plate_count,
        depth_m=0.4,
        height_m=1.6,
        rate_hz=60.0,
        shelves=(shelf,),
    )
