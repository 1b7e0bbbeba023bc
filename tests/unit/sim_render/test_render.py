"""What a rendered frame claims about the shop is true, to the pixel and to the byte."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from openaisle.core.messages import JOINT_INDEX
from openaisle.sim.bodies import PART
from openaisle.sim.labels import HIDDEN, OUTSIDE, VISIBLE
from openaisle.sim.optics import Appearance
from openaisle.sim.render import Renderer, id_of_body, id_of_item
from openaisle.sim.scene import BODY_JOINT_INDEX, Body, Item, Scene
from openaisle.store.schema import Store

from .conftest import SceneMaker, standing

RendererOf = Callable[[str], Renderer]


# Geometry


@pytest.mark.parametrize("camera_id", ["corner", "south", "west"])
def test_what_is_seen_lies_within_a_pixel_of_where_the_camera_projects_it(
    store: Store, make_scene: SceneMaker, renderer_of: RendererOf, camera_id: str
) -> None:
    camera = store.camera_of[camera_id]
    x, y, z = np.meshgrid(np.linspace(0.7, 4.3, 9), np.linspace(0.4, 3.6, 8), [0.3, 1.0, 1.7], indexing="ij")
    places = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    items = [Item(item_id=10_000 + n, product_id="cube", mass_g=1) for n in range(len(places))]
    scene = make_scene(without=frozenset(range(500)), carried=list(zip(items, places, strict=True)))
    ids = renderer_of(camera_id).draw(scene).ids
    checked = 0
    for item, place in zip(items, places, strict=True):
        rows, columns = np.nonzero(ids == id_of_item(item.item_id))
        expected = camera.project(place + np.array([0, 0, 0.01]))
        at_edge = len(rows) and (
            rows.min() == 0 or rows.max() == 359 or columns.min() == 0 or columns.max() == 639
        )
        if len(rows) < 12 or at_edge:
            continue
        seen = np.array([columns.mean(), rows.mean()])
        corners = place + np.array(
            [[dx, dy, dz] for dx in (-0.01, 0.01) for dy in (-0.01, 0.01) for dz in (0, 0.02)]
        )
        box = np.concatenate([camera.project(corners).min(axis=0), camera.project(corners).max(axis=0)])
        if len(rows) < 0.6 * np.prod(box[2:] - box[:2]) * 0.9:
            continue  # partly hidden
        assert np.abs(seen - expected).max() < 1.0, (place, seen, expected)
        checked += 1
    assert checked > 25


def test_an_edge_of_a_gondola_is_where_the_lens_bends_it(
    store: Store, make_scene: SceneMaker, renderer_of: RendererOf
) -> None:
    """Depth along a board's front edge, sampled between its tessellated corners."""
    renderer, camera = renderer_of("corner"), store.camera_of["corner"]
    depth = renderer.draw(make_scene(without=frozenset(range(500)))).depth_m
    floor = np.stack(
        [*np.meshgrid(np.linspace(1.2, 3.8, 40), np.linspace(0.9, 3.2, 40)), np.zeros((40, 40))], -1
    )
    pixels = camera.project(floor)
    inside = (pixels > 1).all(-1) & (pixels < [638, 358]).all(-1)
    column, row = np.rint(pixels[inside]).astype(int).T
    expected = camera.camera_from_floor.apply(floor)[..., 2][inside]
    seen = depth[row, column]
    open_floor = seen > expected - 0.1
    assert open_floor.sum() > 200
    assert np.abs(seen - expected)[open_floor].max() < 0.02


def test_a_main_stream_region_shows_the_same_as_the_substream(
    store: Store, make_scene: SceneMaker, renderer_of: RendererOf, body: Body
) -> None:
    renderer = renderer_of("west")
    scene = make_scene(bodies=(body,), joints=[standing(1.3, 2.0, np.pi)])
    small = renderer.draw(scene).pixels.astype(float)
    region = renderer.draw_region(scene, (600, 150, 1320, 870)).astype(float)
    assert region.shape == (720, 720, 3)
    shrunk = region.reshape(240, 3, 240, 3, 3).mean(axis=(1, 3))
    here = small[50:290, 200:440]
    differences = [np.abs(np.roll(shrunk, shift, (0, 1))[8:-8, 8:-8] - here[8:-8, 8:-8]).mean()
                   for shift in [(0, 0), (3, 0), (-3, 0), (0, 3), (0, -3)]]  # fmt: skip
    assert differences[0] < 10
    assert differences[0] == min(differences)


def test_a_region_beyond_the_picture_is_clipped(make_scene: SceneMaker, renderer_of: RendererOf) -> None:
    renderer = renderer_of("corner")
    assert renderer.draw_region(make_scene(), (1900, 1000, 2000, 1200)).shape == (80, 20, 3)
    assert renderer.draw_region(make_scene(), (2000, 0, 2100, 50)).size == 0


# Who and what


def test_people_and_items_are_told_apart_in_ids(
    store: Store, make_scene: SceneMaker, renderer_of: RendererOf, body: Body
) -> None:
    hand = np.array([1.35, 1.85, 1.1])
    carried = (Item(item_id=900, product_id="P02", mass_g=500.0), hand - [-0.05, 0, 0.1])
    scene = make_scene(bodies=(body,), joints=[standing(1.2, 1.4, np.pi / 2, hand)], carried=[carried])
    rendered = renderer_of("west").draw(scene)
    assert np.count_nonzero(rendered.ids == id_of_body(3)) > 2000
    assert np.count_nonzero(rendered.ids == id_of_item(900)) > 50
    on_shelves = np.unique(rendered.ids[rendered.ids < 0])
    assert len(on_shelves) > 10
    assert ((rendered.parts > 0) == (rendered.ids > 0)).all()
    hand_px = store.camera_of["west"].project(hand)
    rows, columns = np.nonzero(rendered.parts == PART["right_hand"])
    assert np.hypot(columns - hand_px[0], rows - hand_px[1]).min() < 6


def test_labels_agree_with_the_pixels(
    store: Store, make_scene: SceneMaker, renderer_of: RendererOf, body: Body
) -> None:
    camera = store.camera_of["west"]
    joints = standing(1.2, 2.0, np.pi)
    renderer = renderer_of("west")
    scene = make_scene(bodies=(body,), joints=[joints])
    rendered = renderer.draw(scene)
    (label,) = renderer.labels(scene, rendered)
    rows, columns = np.nonzero(rendered.ids == id_of_body(3))
    assert label.visible_box_px.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert label.visible_px == len(rows)
    assert (label.amodal_box_px[:2] <= label.visible_box_px[:2] + 1).all()
    assert (label.amodal_box_px[2:] >= label.visible_box_px[2:] - 1).all()
    assert label.visible_fraction > 0.93
    np.testing.assert_allclose(label.keypoints_px[:, :2], camera.project(joints[:17]), atol=0.01)


def test_a_joint_behind_the_own_body_is_hidden(
    make_scene: SceneMaker, renderer_of: RendererOf, body: Body
) -> None:
    renderer = renderer_of("west")  # looks west from (2.4, 1.9)
    away = make_scene(bodies=(body,), joints=[standing(1.1, 1.9, np.pi)])
    towards = make_scene(bodies=(body,), joints=[standing(1.1, 1.9, 0.0)], at_ns=10**9)
    from_behind = renderer.labels(away, renderer.draw(away))[0].keypoints_px[:, 2]
    from_ahead = renderer.labels(towards, renderer.draw(towards))[0].keypoints_px[:, 2]
    for name in ("nose", "left_eye", "right_eye"):
        assert from_behind[JOINT_INDEX[name]] == HIDDEN
        assert from_ahead[JOINT_INDEX[name]] == VISIBLE
    for name in ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"):
        assert from_behind[JOINT_INDEX[name]] == VISIBLE
    # Both hands before the chest, seen from behind.
    joints = standing(1.1, 1.9, np.pi)
    for side in ("left", "right"):
        joints[BODY_JOINT_INDEX[f"{side}_wrist"]] = [0.85, 1.9, 1.15]
        joints[BODY_JOINT_INDEX[f"{side}_hand"]] = [0.80, 1.9, 1.15]
    hands = make_scene(bodies=(body,), joints=[joints], at_ns=2 * 10**9)
    keypoints = renderer.labels(hands, renderer.draw(hands))[0].keypoints_px
    assert keypoints[JOINT_INDEX["left_wrist"], 2] == HIDDEN


def test_a_joint_behind_somebody_else_is_hidden(
    make_scene: SceneMaker, renderer_of: RendererOf, body: Body
) -> None:
    other = dataclasses.replace(body, body_id=4)
    renderer = renderer_of("west")
    scene = make_scene(bodies=(body, other), joints=[standing(0.9, 1.9, 0.0), standing(1.3, 1.9, 0.0)])
    labels = {label.body_id: label for label in renderer.labels(scene, renderer.draw(scene))}
    assert labels[3].visible_fraction < 0.7
    assert labels[4].visible_fraction > 0.9
    assert labels[3].keypoints_px[JOINT_INDEX["left_knee"], 2] == HIDDEN


def test_a_joint_outside_the_picture_is_not_labelled(
    make_scene: SceneMaker, renderer_of: RendererOf, body: Body
) -> None:
    renderer = renderer_of("corner")
    scene = make_scene(bodies=(body,), joints=[standing(0.7, 0.7, 0.5)])
    (label,) = renderer.labels(scene, renderer.draw(scene))
    keypoints = label.keypoints_px
    outside = (keypoints[:, :2] < -1).any(1) | (keypoints[:, :2] > [641, 361]).any(1)
    assert outside.any()
    assert (keypoints[outside, 2] == OUTSIDE).all()
    assert not np.isclose(label.amodal_box_px, label.visible_box_px, atol=3).all()


# What is kept and what is drawn again


def test_only_the_rectangle_of_an_item_changes_when_it_leaves(
    make_scene: SceneMaker, renderer_of: RendererOf
) -> None:
    renderer = renderer_of("west")
    full = renderer.background(make_scene())
    ids = renderer.draw(make_scene()).ids
    item_id = -int(np.unique(ids[ids < 0])[3]) - 1
    rows, columns = np.nonzero(ids == id_of_item(item_id))
    after = renderer.background(make_scene(without=frozenset([item_id]), shelf_version=1))
    changed = np.argwhere((full != after).any(axis=2))
    assert len(changed) > 10
    margin = 4
    assert changed[:, 0].min() >= rows.min() - margin
    assert changed[:, 0].max() <= rows.max() + margin
    assert changed[:, 1].min() >= columns.min() - margin
    assert changed[:, 1].max() <= columns.max() + margin
    back = renderer.background(make_scene(shelf_version=2))
    assert (back == full).all()


def test_a_picture_mended_in_places_equals_one_drawn_anew(
    make_scene: SceneMaker, renderer_of: RendererOf
) -> None:
    mended, fresh = renderer_of("corner"), renderer_of("corner")
    mended.draw(make_scene())
    for version in range(1, 6):
        mended.draw(make_scene(without=frozenset(range(version * 7)), shelf_version=version))
    last = make_scene(without=frozenset(range(35)), shelf_version=5)
    for one, two in zip(_arrays(mended, last), _arrays(fresh, last), strict=True):
        assert (one == two).all()


def test_nobody_leaves_a_trace(make_scene: SceneMaker, renderer_of: RendererOf, body: Body) -> None:
    walked, empty = renderer_of("south"), renderer_of("south")
    for step in range(4):
        joints = [standing(1.5 + 0.1 * step, 1.5, 0.0)]
        walked.draw(make_scene(bodies=(body,), joints=joints, at_ns=step * 125_000_000))
    last = make_scene(at_ns=10**9)
    for one, two in zip(_arrays(walked, last), _arrays(empty, last), strict=True):
        assert (one == two).all()


def test_frames_handed_out_do_not_change_later(
    make_scene: SceneMaker, renderer_of: RendererOf, body: Body
) -> None:
    renderer = renderer_of("west")
    first = renderer.draw(make_scene())
    copies = [array.copy() for array in (first.pixels, first.depth_m, first.ids, first.parts)]
    renderer.draw(make_scene(bodies=(body,), joints=[standing(1.2, 2.0, 0.0)], at_ns=10**8))
    renderer.draw(make_scene(without=frozenset(range(60)), shelf_version=1, at_ns=2 * 10**8))
    for array, copy in zip((first.pixels, first.depth_m, first.ids, first.parts), copies, strict=True):
        assert (array == copy).all()


def _arrays(renderer: Renderer, scene: Scene) -> list[np.ndarray]:
    rendered = renderer.draw(scene)
    return [rendered.pixels, rendered.depth_m, rendered.ids, rendered.parts]


# Light and lens


def test_half_the_light_makes_a_darker_picture(make_scene: SceneMaker, renderer_of: RendererOf) -> None:
    renderer = renderer_of("west")
    bright = renderer.draw(make_scene()).pixels.mean()
    dark = renderer.draw(make_scene(light=0.5)).pixels.mean()
    assert 0.55 * bright < dark < 0.85 * bright
    assert renderer.draw(make_scene(light=0.0)).pixels.mean() < 6


def test_noise_changes_from_frame_to_frame_and_is_small(
    make_scene: SceneMaker, renderer_of: RendererOf
) -> None:
    renderer = renderer_of("west")
    one = renderer.draw(make_scene(at_ns=0)).pixels.astype(int)
    two = renderer.draw(make_scene(at_ns=125_000_000)).pixels.astype(int)
    assert 0.8 < np.std(one - two) / np.sqrt(2) < 4.0


def test_a_fast_hand_is_blurred(make_scene: SceneMaker, renderer_of: RendererOf, body: Body) -> None:
    def hand_at(y: float, at_ns: int) -> Scene:
        joints = standing(1.2, 1.4, np.pi / 2, np.array([1.35, y, 1.2]))
        return make_scene(bodies=(body,), joints=[joints], at_ns=at_ns)

    still, moving = renderer_of("west"), renderer_of("west")
    still.draw(hand_at(1.9, 0))
    moving.draw(hand_at(1.7, 0))
    sharp, blurred = still.draw(hand_at(1.9, 60_000_000)), moving.draw(hand_at(1.9, 60_000_000))
    assert (sharp.ids == blurred.ids).mean() > 0.995
    changed = np.abs(sharp.pixels.astype(int) - blurred.pixels.astype(int)).max(axis=2) > 12
    assert changed.sum() > 100


@pytest.mark.parametrize("ahead_m", [-0.2, 0.0, 0.1, 0.3])
def test_somebody_may_walk_below_and_through_the_camera(
    make_scene: SceneMaker, renderer_of: RendererOf, body: Body, ahead_m: float
) -> None:
    renderer = renderer_of("corner")
    raised = standing(0.1 + ahead_m, 0.1 + ahead_m, 0.8, np.array([0.2, 0.2, 2.4]))
    before = standing(0.2 + ahead_m, 0.2 + ahead_m, 0.8, np.array([0.5, 0.1, 2.3]))
    with np.errstate(all="raise"):
        renderer.draw(make_scene(bodies=(body,), joints=[before]))
        scene = make_scene(bodies=(body,), joints=[raised], at_ns=50_000_000)
        rendered = renderer.draw(scene)
        renderer.labels(scene, rendered)
    empty = renderer.draw(make_scene(at_ns=10**9))
    assert (empty.ids <= 0).all()


def test_random_appearances_differ(store: Store, make_scene: SceneMaker) -> None:
    camera = store.camera_of["west"]
    rng = np.random.default_rng(11)
    pictures = [
        Renderer(store, camera, seed=1, appearance=Appearance.random(rng), width_px=320, height_px=180)
        .background(make_scene())
        .astype(float)
        for _ in range(4)
    ]
    for one in range(4):
        for two in range(one):
            assert np.abs(pictures[one] - pictures[two]).mean() > 8


def test_high_quality_draws_the_same_shop(make_scene: SceneMaker, store: Store, body: Body) -> None:
    camera = store.camera_of["west"]
    scene = make_scene(bodies=(body,), joints=[standing(1.2, 2.0, np.pi)])
    live = Renderer(store, camera, seed=1).draw(scene)
    high = Renderer(store, camera, seed=1, quality="high").draw(scene)
    assert (live.ids == high.ids).mean() > 0.97
    assert np.abs(live.pixels.astype(int) - high.pixels.astype(int)).mean() < 12


# Every process draws the same

_DRAW = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from openaisle.sim.render import Renderer
from openaisle.sim.scene import Body, Scene
from conftest import standing, build_store
store = build_store()
body = Body(body_id=3, height_m=1.75, girth=1.0, shoulder_width_m=0.38, skin=(0.8, 0.6, 0.5), hair=(0.2, 0.1, 0.1),
    top=(0.7, 0.1, 0.1), trousers=(0.1, 0.2, 0.4), shoes=(0.1, 0.1, 0.1), has_bag=True)
digest = hashlib.sha256()
renderer = Renderer(store, store.camera_of["south"], seed=5)
for step in range(3):
    scene = Scene(at_ns=step * 125_000_000, light=1.0, bodies=(body,),
        joints_floor_m=standing(1.5 + 0.1 * step, 2, 1)[None],
        items=(), item_positions_floor_m=np.zeros((0, 3)), item_yaw_deg=np.zeros(0), item_in_hand=np.zeros(0, bool),
        shelf_version=0)
    rendered = renderer.draw(scene)
    for array in (rendered.pixels, rendered.depth_m, rendered.ids, rendered.parts):
        digest.update(array.tobytes())
print(digest.hexdigest())
"""


def test_two_processes_draw_the_same_bytes() -> None:
    here = str(Path(__file__).parent)
    digests = {
        subprocess.run(
            [sys.executable, "-c", _DRAW, here],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert digests != {hashlib.sha256().hexdigest() + "\n"}
