"""Main streams on demand: the moment that was asked for, and no other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.ports import KEPT_NS, NEAR_NS_MAX
from openaisle.sim.main_streams import MainStreams
from openaisle.sim.render import Renderer
from openaisle.sim.scene import Body

from .conftest import SceneMaker, standing


@pytest.fixture
def streams(renderer_of: Callable[[str], Renderer]) -> MainStreams:
    return MainStreams({"west": renderer_of("west"), "south": renderer_of("south")})


def test_the_frame_nearest_to_the_time_is_taken(streams: MainStreams, make_scene: SceneMaker) -> None:
    for number in range(8):
        streams.show(make_scene(at_ns=NS_PER_S + number * 125 * NS_PER_MS), ["west"])
    shot = streams.nearest("west", NS_PER_S + 300 * NS_PER_MS)
    assert shot is not None
    assert shot.scene.at_ns == NS_PER_S + 250 * NS_PER_MS
    assert streams.newest_ns("west") == NS_PER_S + 875 * NS_PER_MS


def test_of_a_moment_that_is_gone_or_never_was_there_is_no_frame(
    streams: MainStreams, make_scene: SceneMaker
) -> None:
    assert streams.newest_ns("south") == 0
    assert streams.nearest("south", 0) is None
    streams.show(make_scene(at_ns=NS_PER_S), ["west"])
    assert streams.nearest("west", NS_PER_S + NEAR_NS_MAX + 1) is None
    streams.show(make_scene(at_ns=2 * NS_PER_S + KEPT_NS), ["west"])
    assert streams.nearest("west", NS_PER_S) is None


def test_a_window_may_reach_out_of_the_picture(streams: MainStreams, make_scene: SceneMaker) -> None:
    streams.show(make_scene(at_ns=NS_PER_S), ["west"])
    shot = streams.nearest("west", NS_PER_S)
    assert shot is not None
    window = streams.window(shot, (-20, 1040, 60))
    assert window.shape == (60, 60, 3)
    assert (window[:, :20] == window[:, 20:21]).all()
    assert (window[40:] == window[39]).all()
    assert streams.window(shot, (5000, 5000, 10)).shape == (10, 10, 3)


def test_a_window_depends_on_its_moment_alone(
    streams: MainStreams, make_scene: SceneMaker, body: Body
) -> None:
    """What was asked for before leaves no trace, and what moves is blurred by its way since the frame before."""
    for number in range(4):
        person = standing(1.3 + 0.08 * number, 2.0, np.pi)
        streams.show(
            make_scene(bodies=(body,), joints=[person], at_ns=NS_PER_S + number * 125 * NS_PER_MS), ["west"]
        )
    first, third = (streams.nearest("west", NS_PER_S + ms * NS_PER_MS) for ms in (0, 250))
    assert first is not None
    assert third is not None
    window = (750, 250, 400)
    seen = streams.window(third, window)
    streams.window(first, window)
    assert (streams.window(third, window) == seen).all()
    still = streams._renderers["west"].draw_region(third.scene, (750, 250, 1150, 650))
    assert np.abs(still.astype(int) - seen).max() > 40
