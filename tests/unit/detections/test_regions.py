"""The box network looks around what differs, and finds there what it finds on the whole picture."""

import numpy as np

from openaisle.detections.background import GRID_PX
from openaisle.detections.crops import FRAME_HEIGHT_PX, FRAME_WIDTH_PX
from openaisle.detections.people_networks import PeopleNetworks
from openaisle.detections.regions import CELL_PX, WHOLE, Region, RegionSettings, regions
from openaisle.detections.runtime import RuntimeSettings

NOWHERE = np.zeros((22, 40), np.uint8)
NOBODY = np.zeros((0, 4), np.float32)
SETTINGS = RegionSettings()


def changed(*blocks: tuple[int, int]) -> np.ndarray:
    """Blocks (row, column) that differ altogether."""
    shares = NOWHERE.copy()
    for row, column in blocks:
        shares[row, column] = 255
    return shares


def test_nothing_is_looked_at_where_nothing_differs() -> None:
    assert regions(NOWHERE, NOBODY, SETTINGS) == []


def test_a_region_holds_what_differs_and_a_margin_on_the_networks_grid() -> None:
    (region,) = regions(changed((10, 20), (11, 20)), NOBODY, SETTINGS)
    left, top, right, bottom = region
    assert left <= 20 * GRID_PX - SETTINGS.margin_px
    assert right >= 21 * GRID_PX + SETTINGS.margin_px
    assert top <= 10 * GRID_PX - SETTINGS.margin_px
    assert bottom >= 12 * GRID_PX + SETTINGS.margin_px
    assert all(side % CELL_PX == 0 for side in region)
    assert region.area_px < WHOLE.area_px / 4


def test_a_region_ends_with_the_picture() -> None:
    assert regions(changed((0, 0)), NOBODY, SETTINGS)[0][:2] == (0, 0)
    (region,) = regions(changed((21, 39)), NOBODY, SETTINGS)
    assert (region.right, region.bottom) == (FRAME_WIDTH_PX, FRAME_HEIGHT_PX)


def test_far_apart_is_two_regions_and_near_is_one() -> None:
    assert len(regions(changed((4, 4), (4, 35)), NOBODY, SETTINGS)) == 2
    assert len(regions(changed((4, 4), (4, 8)), NOBODY, SETTINGS)) == 1


def test_where_somebody_was_is_looked_at_though_nothing_differs() -> None:
    box = np.array([[100.0, 60, 130, 140]], np.float32)
    (region,) = regions(NOWHERE, box, SETTINGS)
    assert region.left <= 100 - SETTINGS.margin_px + GRID_PX
    assert region.bottom >= 140


def test_a_picture_that_differs_all_over_is_looked_at_whole() -> None:
    assert regions(np.full_like(NOWHERE, 255), NOBODY, SETTINGS) == [WHOLE]


def test_regions_of_several_pictures_share_batches_and_keep_their_places() -> None:
    """What the network answers for a region is moved to where the region lies, whichever picture came first."""
    networks = PeopleNetworks(RuntimeSettings())
    assert networks.sees_parts
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 255, (FRAME_HEIGHT_PX, FRAME_WIDTH_PX, 4)).astype(np.uint8) for _ in range(2)]
    parts = [[Region(32, 48, 128, 144), Region(160, 0, 256, 96)], [Region(0, 96, 96, 192)]]
    together = networks.propose(pictures, parts, 0.0, 10_000)
    for picture, rows, (boxes, scores) in zip(pictures, parts, together, strict=True):
        alone = [networks.propose([picture], [[region]], 0.0, 10_000)[0] for region in rows]
        expected = np.sort(np.concatenate([each for _, each in alone]))
        assert np.allclose(np.sort(scores), expected, atol=1e-5)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        assert len(centres) == sum(len(each) for each, _ in alone)
        assert (np.diff(scores) <= 0).all()
