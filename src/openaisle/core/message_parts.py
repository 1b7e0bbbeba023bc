"""What messages are made of: their base, identifiers, and joints."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
import numpy as np

Array: TypeAlias = np.ndarray  # float32 in every message

StoreId: TypeAlias = str
CameraId: TypeAlias = str
ScaleId: TypeAlias = str  # one weighing device: usually all plates of one gondola
ShelfId: TypeAlias = str  # "A3": gondola A, third shelf from below
SlotId: TypeAlias = str  # "A3-2": second slot from the left
PlateId: TypeAlias = str  # "A3.04": fourth plate from the left
GateId: TypeAlias = str
ProductId: TypeAlias = str
TrackId: TypeAlias = str
VisitId: TypeAlias = str
AccountId: TypeAlias = (
    str  # an account of the goods ledger: slot:A3-2, cart:<visit>, sold, staff, unexplained
)

JOINTS: Final = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""The 17 COCO keypoints, in COCO's order. Left and right are the person's own."""
JOINT_INDEX: Final = {name: index for index, name in enumerate(JOINTS)}
WRISTS: Final = (JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"])


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all messages: frozen, keyword-only, tagged with the class's name."""
