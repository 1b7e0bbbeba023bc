"""Cameras that can be bought: what they see, cost, draw and send."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from openaisle.core.errors import StoreError
from openaisle.core.geometry import Lens
from openaisle.sim.store_cameras import lens_for
from openaisle.store.rows import Id, Row, Text
from openaisle.store.schema import Camera, Point3
from openaisle.store.tables import TomlFile

CAMERAS: Final = Path(__file__).parent / "cameras.toml"
FPS: Final = 8.0  # of the substream

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Range = Annotated[list[Positive], Field(min_length=2, max_length=2)]
Pixels = Annotated[list[Annotated[int, Field(ge=320, le=8192)]], Field(min_length=2, max_length=2)]


class ModelRow(Row):
    """[[model]]"""

    id: Id
    name: Text
    fov_deg: Annotated[float, Field(ge=40, le=100)]
    main_px: Pixels
    price_usd: Range
    watts: Positive
    main_mbps: Positive
    sub_mbps: Positive


@dataclass(frozen=True, kw_only=True)
class CameraModel:
    """One camera of the catalogue."""

    model_id: str
    name: str
    fov_deg: float
    main_px: tuple[int, int]
    price_usd: tuple[float, float]
    watts: float
    main_mbps: float
    sub_mbps: float

    @property
    def lens(self) -> Lens:
        """Of its substream."""
        return lens_for(self.fov_deg)

    def at(self, position_floor_m: Point3, pan_deg: float, tilt_deg: float, camera_id: str = "") -> Camera:
        """One of these, hung up."""
        return Camera(
            camera_id=camera_id,
            position_floor_m=position_floor_m,
            pan_deg=pan_deg,
            tilt_deg=tilt_deg,
            roll_deg=0.0,
            lens=self.lens,
            main_width_px=self.main_px[0],
            main_height_px=self.main_px[1],
            fps=FPS,
        )


def camera_models(path: Path = CAMERAS) -> tuple[CameraModel, ...]:
    """The catalogue. StoreError naming every problem of the file."""
    problems: list[StoreError] = []
    toml = TomlFile.read(path.parent, path.name, ("format", "model"), problems)
    rows = [toml.row(ModelRow, place) for place in toml.tables("model")] if toml is not None else []
    models = [
        CameraModel(
            model_id=row.id,
            name=row.name,
            fov_deg=row.fov_deg,
            main_px=(row.main_px[0], row.main_px[1]),
            price_usd=(row.price_usd[0], row.price_usd[1]),
            watts=row.watts,
            main_mbps=row.main_mbps,
            sub_mbps=row.sub_mbps,
        )
        for row in rows
        if row is not None
    ]
    if toml is not None and not models and not problems:
        toml.report("no camera", ("model",), expected="at least one [[model]]")
    if problems:
        raise StoreError.of_problems(str(path), problems)
    return tuple(models)
