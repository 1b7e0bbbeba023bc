"""A small store folder, written by hand, that tests damage."""

from collections.abc import Callable
from pathlib import Path

import pytest

STORE = """\
format = 1

[store]
id = "kiosk"
name = "Kiosk"
timezone = "Europe/Berlin"
currency = "EUR"
prices_include_tax = true
jurisdiction = "DE"

[tax]
food = 0.07
standard = 0.19

[plan]
ceiling_height_m = 2.6
outline_m = [
  [0.0, 0.0],
  [4.0, 0.0],
  [4.0, 3.0],
  [0.0, 3.0],
]

[[gate]]
id = "entry"
kind = "entry"
left_m = [0.5, 0.0]
right_m = [1.5, 0.0]
inside_m = [1.0, 0.4]

[[gate]]
id = "exit"
kind = "exit"
left_m = [2.5, 0.0]
right_m = [3.5, 0.0]
inside_m = [3.0, 0.4]

[[zone]]
id = "front"
name = "Front"
polygon_m = [[0, 0], [4, 0], [4, 1], [0, 1]]

[[gondola]]
id = "A"
scale_id = "scale-A"
origin_m = [1.0, 2.6]
heading_deg = 0
width_m = 1.0
depth_m = 0.4
height_m = 1.2
rate_hz = 60

[[gondola.shelf]]
level = 1
height_m = 0.2
clearance_m = 0.4
width_m = 1.0
depth_m = 0.4
plate_run = { width_m = 0.1, count = 10, channel = 0 }

[[gondola.shelf]]
level = 2
height_m = 0.7
clearance_m = 0.4
width_m = 1.0
depth_m = 0.4
plates = [
  { left_m = 0.0, width_m = 0.5, channel = 10 },
  { left_m = 0.5, width_m = 0.5, channel = 11 },
]
"""

CAMERAS = """\
format = 1

[[camera]]
id = "cam-1"
position_m = [0.2, 0.2, 2.4]
pan_deg = 45
tilt_deg = 35
fps = 8
main_px = [1920, 1080]
[camera.lens]
width_px = 640
height_px = 360
horizontal_fov_deg = 80.0
distortion = [-0.3, 0.1, 0.0, 0.0, 0.0]

[[camera]]
id = "cam-2"
position_m = [3.8, 0.2, 2.4]
pan_deg = 135
tilt_deg = 35
fps = 8
main_px = [1920, 1080]
[camera.lens]
width_px = 640
height_px = 360
focal_px = [400.0, 400.0]
"""

PRODUCTS = """\
product_id,gtin,name,price,tax_class,mass_g,mass_sd_g,width_m,height_m,depth_m,shape,age_limit,pack_picture,look_alike_of
cola,4006381333931,Cola 0.33 l,1.19,standard,350,3.5,0.066,0.116,0.066,can,0,,
zero,96385074,"Cola, no sugar",1.19,standard,350,3.5,0.066,0.116,0.066,can,0,,cola
bread,,Rye bread,2.5,food,520.5,8,0.12,0.13,0.23,bag,0,,
beer,012345678905,Lager,0.99,standard,525,4,0.067,0.168,0.067,can,16,,
"""

PLANOGRAM = """\
slot_id,shelf_id,product_id,left_m,width_m,facings,capacity
A1-1,A1,cola,0,0.3,4,20
A1-2,A1,zero,0.3,0.25,3,15
A1-3,A1,bread,0.55,0.45,3,3
A2-1,A2,beer,0,1,10,50
"""

FILES = {
    "store.toml": STORE,
    "cameras.toml": CAMERAS,
    "products.csv": PRODUCTS,
    "planogram.csv": PLANOGRAM,
}

Damage = Callable[..., Path]


@pytest.fixture
def kiosk(tmp_path: Path) -> Path:
    """The folder, undamaged."""
    folder = tmp_path / "kiosk"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def damage(kiosk: Path) -> Damage:
    """Replace one text of a file by another; the old one must be there exactly as often as expected."""

    def replace(file: str, old: str, new: str, times: int = 1) -> Path:
        path = kiosk / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == times, f"{old!r} is {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return kiosk

    return replace
