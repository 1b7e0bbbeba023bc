"""Random data sets as anybody could have them, and one small one with a bit of everything."""

from pathlib import Path

import cv2
import numpy as np
from hypothesis import strategies as st

from openaisle.core.messages import JOINTS, Action
from openaisle.labels.dataset import (
    PERSON,
    PRODUCT,
    SPLITS,
    ActionInterval,
    DataSet,
    FrameLabels,
    Label,
    Product,
    Source,
    box,
    joint,
    placed,
    px,
)

NAMES = (
    st.text(st.characters(categories=["L", "N"], include_characters="-_. &<>'\""), min_size=1, max_size=8)
    .map(str.strip)
    .filter(lambda name: name.isprintable() and name and not name.startswith("."))
)
PX = st.floats(-50, 700, allow_nan=False).map(px)
SIDE = st.floats(0.01, 300).map(px)
SHARE = st.none() | st.floats(0, 1).map(lambda value: round(value, 4))
SEQUENCES = ("", "walk-1", "walk.2")


@st.composite
def labels(draw: st.DrawFn, track_id: str) -> Label:
    x, y, width, height = draw(PX), draw(PX), draw(SIDE), draw(SIDE)
    kind = draw(st.sampled_from([PERSON, PERSON, PRODUCT, "trolley"]))
    product_id = draw(st.sampled_from(["P1", "crème 1"])) if kind == PRODUCT and draw(st.booleans()) else ""
    joints = ()
    if kind == PERSON and draw(st.booleans()):
        joints = placed(draw(st.lists(st.builds(joint, PX, PX, st.integers(0, 2)), min_size=17, max_size=17)))
    return Label(
        box_px=box(x, y, x + width, y + height),
        kind=kind,
        product_id=product_id,
        joints_px=joints,
        track_id=track_id,
        visit_id=draw(st.just("") | NAMES),
        in_view=draw(SHARE),
        is_ignored=draw(st.booleans()),
        score=draw(SHARE),
    )


@st.composite
def datasets(draw: st.DrawFn) -> DataSet:
    count = draw(st.integers(0, 5))
    sizes = {name: (draw(st.integers(8, 640)), draw(st.integers(8, 480))) for name in SEQUENCES}
    frames: list[FrameLabels] = []
    for number in range(count):
        sequence = draw(st.sampled_from(SEQUENCES))
        tracks = draw(st.lists(st.sampled_from(["", "1", "7", "ana"]), max_size=4))
        tracks = [track for at, track in enumerate(tracks) if not track or track not in tracks[:at]]
        frames.append(
            FrameLabels(
                file=f"pictures/{draw(st.sampled_from(['a', 'b c']))}/{number:04d}.png",
                width_px=sizes[sequence][0],
                height_px=sizes[sequence][1],
                store_id=draw(st.sampled_from(["", "corner"])),
                camera_id=draw(st.sampled_from(["", "cam-1"])),
                visit_ids=tuple(draw(st.lists(st.sampled_from(["v1", "v2"]), unique=True))),
                sequence_id=sequence,
                frame_index=3 * number,
                captured_ns=draw(st.none() | st.integers(0, 2**62)),
                empty_file=draw(st.sampled_from(["", "pictures/empty.png"])),
                mean_grey=draw(st.none() | st.integers(0, 255).map(float)),
                source=draw(st.sampled_from(["", "own"])),
                is_checked=draw(st.booleans()),
                split=draw(st.sampled_from(["", *SPLITS])),
                labels=tuple(draw(labels(track)) for track in tracks),
            )
        )
    actions = draw(st.lists(st.builds(_action, st.integers(0, 9), st.integers(0, 9)), max_size=2))
    return DataSet(
        name=draw(st.just("") | NAMES),
        sources=(Source(name="own", licence="CC-BY-4.0", keep_until="2027-01-31", basis="consent"),),
        products=(Product(product_id="P1", look_alike_of="crème 1"), Product(product_id="crème 1")),
        frames=tuple(frames),
        actions=tuple(actions),
    )


def _action(began: int, length: int) -> ActionInterval:
    return ActionInterval(
        sequence_id="walk-1",
        began_index=began,
        ended_index=began + length,
        action=Action.TAKE,
        hand="left",
        track_id="ana",
        product_id="P1",
    )


def write_pictures(folder: Path, dataset: DataSet) -> None:
    """A grey picture for each frame."""
    for frame in dataset.frames:
        path = folder / frame.file
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((frame.height_px, frame.width_px, 3), 90, np.uint8))


def small() -> DataSet:
    """Three frames of a walk: a person with joints, a pack in her hand, and an empty one."""
    person = Label(
        box_px=(10.0, 12.5, 60.25, 110.0),
        joints_px=tuple(joint(20 + at, 30 + 2 * at, at % 3) for at in range(len(JOINTS))),
        track_id="ana",
        visit_id="v1",
        in_view=0.75,
    )
    pack = Label(box_px=(50.0, 60.0, 64.0, 80.0), kind=PRODUCT, product_id="P1", in_view=0.5)
    common = {
        "width_px": 160,
        "height_px": 120,
        "camera_id": "cam-1",
        "sequence_id": "walk",
        "visit_ids": ("v1",),
    }
    return DataSet(
        name="small",
        sources=(Source(name="own", licence="CC-BY-4.0", keep_until="2027-01-31", basis="consent"),),
        products=(Product(product_id="P1", look_alike_of="P2"), Product(product_id="P2")),
        frames=(
            FrameLabels(
                file="pictures/0001.png",
                frame_index=0,
                is_checked=True,
                labels=(person, pack),
                source="own",
                **common,
            ),
            FrameLabels(
                file="pictures/0002.png",
                frame_index=1,
                is_checked=True,
                labels=(person,),
                source="own",
                **common,
            ),
            FrameLabels(file="pictures/0003.png", frame_index=2, is_checked=True, source="own", **common),
        ),
        actions=(
            ActionInterval(
                sequence_id="walk", began_index=0, ended_index=1, action=Action.TAKE, product_id="P1"
            ),
        ),
    )


def settled(dataset: DataSet) -> DataSet:
    """In an order that is nobody's: formats may have their own."""
    frames = sorted(dataset.frames, key=lambda frame: frame.file)
    return DataSet(
        name=dataset.name,
        sources=dataset.sources,
        products=dataset.products,
        frames=tuple(_settled(frame) for frame in frames),
        actions=dataset.actions,
    )


def _settled(frame: FrameLabels) -> FrameLabels:
    from msgspec.structs import replace

    return replace(frame, labels=tuple(sorted(frame.labels, key=repr)))
