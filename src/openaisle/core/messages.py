"""Everything that is said between rooms, defined once, in the order of the path.

    readings -> detections -> tracks -> interactions -> carts -> receipts          and, from all: health

Messages are frozen. Fields are added with defaults, never repurposed. Every array is float32 (shape and frame in the
comment); NaN means "no reading". Pixels travel by reference and are never logged: `Frame` is no message.
`encode`/`decode` are msgpack for logs and queues, `encode_json`/`decode_json` for files people read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from openaisle.core.arrays import array_from_list, decode_array, encode_array, list_from_array, shaped
from openaisle.core.health_messages import (
    SensorDegraded as SensorDegraded,
    SensorRecovered as SensorRecovered,
)
from openaisle.core.message_parts import (
    JOINT_INDEX as JOINT_INDEX,
    JOINTS as JOINTS,
    WRISTS as WRISTS,
    AccountId as AccountId,
    Array as Array,
    CameraId as CameraId,
    GateId as GateId,
    Message as Message,
    PlateId as PlateId,
    ProductId as ProductId,
    ScaleId as ScaleId,
    ShelfId as ShelfId,
    SlotId as SlotId,
    StoreId as StoreId,
    TrackId as TrackId,
    VisitId as VisitId,
)
from openaisle.core.money_messages import (
    CardAskedFor as CardAskedFor,
    CardHeld as CardHeld,
    CartCorrected as CartCorrected,
    ChargeRequested as ChargeRequested,
    GoodsScanned as GoodsScanned,
    PayerBound as PayerBound,
    PaymentChanged as PaymentChanged,
    PaymentMarked as PaymentMarked,
    PaymentMethod as PaymentMethod,
    PaymentState as PaymentState,
    PaymentWanted as PaymentWanted,
    ProcessorSaid as ProcessorSaid,
    ReceiptContested as ReceiptContested,
    ReceiptReviewed as ReceiptReviewed,
    RefundRequested as RefundRequested,
    RefundWanted as RefundWanted,
    ReleaseRequested as ReleaseRequested,
    ShelfSwitched as ShelfSwitched,
    VoucherChanged as VoucherChanged,
    VoucherSold as VoucherSold,
    Wish as Wish,
)

# --- 1 readings ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """One picture. Lives in RAM only; passed by reference, never encoded."""

    camera_id: CameraId
    captured_ns: int
    received_ns: int
    pixels: NDArray[np.uint8]  # [height, width, 3] BGR


class ScaleBatch(Message, frozen=True, kw_only=True):
    """Some samples of all plates of one weighing device."""

    scale_id: ScaleId
    boot_id: str  # changes when the device restarts; no weight change is computed across boots
    sequence: int  # counts batches from 0 within a boot
    device_ns: int  # the device's clock at the first sample
    received_ns: int
    rate_hz: float
    grams: Array  # [sample_count, plate_count], plates in the store's order; NaN where there is no plate


class GateTap(Message, frozen=True, kw_only=True):
    """A verified code was shown at a gate, or somebody pressed out at an exit."""

    gate_id: GateId
    direction: str  # "entry" | "exit"
    visit_id: VisitId
    tapped_ns: int
    received_ns: int
    people_count: int = 1  # several people on one code
    is_staff: bool = False


# --- 2 detections -------------------------------------------------------------------------------------------------


class CameraDetections(Message, frozen=True, kw_only=True):
    """The people one camera saw in one frame."""

    camera_id: CameraId
    captured_ns: int
    received_ns: int
    boxes_image_px: Array  # [people, 4] x1 y1 x2 y2
    scores: Array  # [people] probability that it is a person
    keypoints_image_px: Array  # [people, 17, 3] x y confidence (0 = not seen)
    appearance: Array  # [people, features] unit vectors; features may be 0
    # [people, 17] probability that a joint is in view and not behind something; no columns: the detector cannot tell
    visibility: Array = msgspec.field(default_factory=lambda: np.zeros((0, 0), np.float32))
    # [people] expected similarity (OKS) of the joints to the true ones; [0]: the detector cannot tell
    pose_scores: Array = msgspec.field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        count = len(self.scores)
        shaped(self, "boxes_image_px", count, 4)
        shaped(self, "keypoints_image_px", count, len(JOINTS), 3)
        shaped(self, "appearance", count, -1)
        shaped(self, "visibility", count, -1)
        if len(self.pose_scores):
            shaped(self, "pose_scores", count)


class BodySkeletons(Message, frozen=True, kw_only=True):
    """Bodies in 3-D from a pose system outside OpenAisle, which keeps identities itself."""

    source_id: str
    captured_ns: int
    received_ns: int
    body_ids: tuple[str, ...]
    joints_floor_m: Array  # [bodies, 17, 4] x y z confidence; NaN where unknown

    def __post_init__(self) -> None:
        shaped(self, "joints_floor_m", len(self.body_ids), len(JOINTS), 4)


class LookWanted(Message, frozen=True, kw_only=True):
    """The path asks whoever has the pictures: what pack is in this window of the main stream?

    Answered by a `PackLook` or, where the frame is gone, not at all.
    """

    look_id: str
    camera_id: CameraId
    captured_ns: int  # the frame nearest to this time is meant; it may still be to come
    window_main_px: tuple[int, int, int]  # left, top and side of a square; may reach out of the picture
    track_id: TrackId | None  # whose hand; None: goods on a shelf
    hand: int  # 0 left, 1 right, as the track has it; -1 without a track
    shelf_id: ShelfId
    product_ids: tuple[ProductId, ...]  # plausible ones, told apart from each other and from "none of these"
    wanted_ns: int
    without_ns: int = 0  # then the pack was not there: what differs is meant; 0: what fills the window


class PackLook(Message, frozen=True, kw_only=True):
    """What a product network saw in one window. Echoes the question, so that it can be used without it."""

    look_id: str
    camera_id: CameraId
    captured_ns: int  # of the frame that was looked at
    received_ns: int
    track_id: TrackId | None
    hand: int
    shelf_id: ShelfId
    product_ids: tuple[ProductId, ...]
    log_odds: Array  # [products] of each against "none of these", calibrated, all as likely as each other beforehand
    deeds: tuple[
        float, ...
    ] = ()  # probabilities of each Action by a clip of this hand; (): nobody looked at one

    def __post_init__(self) -> None:
        shaped(self, "log_odds", len(self.product_ids))


class StepStatus(StrEnum):
    PROVISIONAL = "provisional"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class WeightStep(Message, frozen=True, kw_only=True):
    """The load on one shelf changed. The same step_id may come again with a higher revision."""

    step_id: str
    revision: int
    status: StepStatus
    shelf_id: ShelfId
    started_ns: int  # first sample that left the old level (pressing hands included)
    edge_ns: int  # when most of the change happened
    settled_ns: int  # last sample used
    detected_ns: int
    mass_change_g: Array  # [plates of the shelf]; negative: something left
    noise_sd_g: Array  # [plates of the shelf] of that change; NaN: the plate says nothing
    pressed_g: float = 0.0  # largest extra load while the hand was there


# --- 3 tracks -----------------------------------------------------------------------------------------------------


class FloorTracks(Message, frozen=True, kw_only=True):
    """Where everybody is at one time. One row a person; rows sorted by track_id."""

    captured_ns: int
    decided_ns: int
    track_ids: tuple[TrackId, ...]
    visit_ids: tuple[VisitId | None, ...]  # None: not bound to a visit (yet)
    positions_floor_m: Array  # [people, 2] feet
    position_sd_m: Array  # [people]
    heights_m: Array  # [people] NaN if unknown
    joints_floor_m: Array  # [people, 17, 4] x y z confidence; NaN where unknown

    def __post_init__(self) -> None:
        count = len(self.track_ids)
        assert len(self.visit_ids) == count
        shaped(self, "positions_floor_m", count, 2)
        shaped(self, "joints_floor_m", count, len(JOINTS), 4)


class VisitOpened(Message, frozen=True, kw_only=True):
    visit_id: VisitId
    gate_id: GateId
    track_id: TrackId | None
    opened_ns: int
    people_count: int = 1
    is_staff: bool = False


class VisitClosed(Message, frozen=True, kw_only=True):
    """Everybody of this visit has left. The receipt may be made."""

    visit_id: VisitId
    gate_id: GateId
    closed_ns: int


class StrangerInside(Message, frozen=True, kw_only=True):
    """Somebody is in the shop on no code: staff should look. Nothing is charged to them."""

    alert_id: str
    track_id: TrackId
    gate_id: GateId  # where they came in; "" where nobody saw that
    behind_visit_id: VisitId | None  # of whoever came in just before them
    entered_ns: int
    told_ns: int
    position_floor_m: tuple[float, float]


class StrangerExplained(Message, frozen=True, kw_only=True):
    """The stranger of that alert is one no more."""

    alert_id: str
    outcome: str  # "bound" to a visit after all | "left" | "lost" from sight
    visit_id: VisitId | None
    explained_ns: int


# --- 4 interactions -----------------------------------------------------------------------------------------------


class InteractionKind(StrEnum):
    PICK_UP = "pick_up"
    PUT_BACK = "put_back"  # into its own slot
    PUT_BACK_WRONG = "put_back_wrong"  # into a foreign slot: the slot's contents follow, staff get a task
    BROWSE = "browse"  # a hand came near, nothing changed
    TOUCH_RETURN = "touch_return"  # approach, pause, reverse: touched or lifted, no net change
    GIVE = "give"  # out of this shopper's hand into another's: away from the shelves
    GET = "get"  # into this shopper's hand, out of another's
    UNEXPLAINED = "unexplained"  # load changed, nothing we know explains it: never billed


class Action(StrEnum):
    """What an arm is doing at a shelf. Lasts until the hand has gone half a second's way from the shelf."""

    NONE = "none"
    APPROACH = "approach"  # on its way, or at the goods with nothing done yet
    TAKE = "take"
    PUT_BACK = "put_back"
    BROWSE = "browse"  # touched, looked at, left where it was


class ArmAction(Message, frozen=True, kw_only=True):
    """What one hand does at one gondola, told by its path alone. A higher revision of the same id is newer."""

    action_id: str
    revision: int
    track_id: TrackId
    visit_id: VisitId | None
    hand: int  # 0 left, 1 right: as the track has it
    gondola_id: str
    shelf_id: ShelfId  # the board that the hand was over where it was deepest so far
    along_m: float  # of that place, from the shelf's left end
    began_ns: int  # when the hand was first taken to be on its way
    deepest_ns: int  # when it was deepest in the gondola, or nearest to it, so far
    at_ns: int  # capture time of what this was judged from
    decided_ns: int
    verdict: Action  # the likeliest
    probabilities: tuple[float, ...]  # of each Action in that order; they sum to 1
    is_over: bool = False  # the hand is away: this stands


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One explanation beside the chosen one, with its probability."""

    product_id: ProductId | None
    quantity: int
    visit_id: VisitId | None
    probability: float


class Interaction(Message, frozen=True, kw_only=True):
    """Somebody did something at a shelf. A higher revision of the same id replaces the lower one."""

    interaction_id: str
    revision: int
    kind: InteractionKind
    shelf_id: ShelfId
    slot_id: SlotId | None
    product_id: ProductId | None
    quantity: int  # units, >= 0; the kind says the direction
    visit_id: VisitId | None  # who; None: nobody we can name
    probability: float  # that product, quantity and shopper are all right
    happened_ns: int
    decided_ns: int
    mass_change_g: float = 0.0
    step_ids: tuple[str, ...] = ()
    alternatives: tuple[Candidate, ...] = ()
    withdrawn: bool = False  # the step was withdrawn: this interaction did not happen
    price_minor: int = (
        0  # of one unit, where a person says another than the store's: weighed or reduced goods
    )


# --- 5 carts ------------------------------------------------------------------------------------------------------


class MoveState(StrEnum):
    PENDING = "pending"  # likely, not yet sure: shown as "checking", not billed as it stands
    POSTED = "posted"
    VOIDED = "voided"


class Move(Message, frozen=True, kw_only=True):
    """Units of one product changing place. Goods are moved, never created or destroyed."""

    move_id: str  # derived from the interaction and its revision, so a retry is the same move
    product_id: ProductId
    quantity: int  # > 0
    source: AccountId
    target: AccountId
    moved_ns: int
    decided_ns: int
    state: MoveState
    interaction_id: str = ""
    probability: float = 1.0
    reason: str = ""
    price_minor: int = 0  # of one unit, when it was picked up; 0 where nobody would be charged


class CartLine(msgspec.Struct, frozen=True, kw_only=True):
    product_id: ProductId
    quantity: int
    price_minor: int  # of one unit, at pick time
    probability: float
    pending: bool
    slot_id: SlotId | None
    picked_ns: int
    interaction_ids: tuple[str, ...] = ()  # what says so


class CartChanged(Message, frozen=True, kw_only=True):
    """A cart as it now stands."""

    visit_id: VisitId
    changed_ns: int  # decision time of the newest move
    happened_ns: int  # physical time of the newest interaction, 0 if none
    lines: tuple[CartLine, ...]
    total_minor: int
    currency: str


class SlotChanged(Message, frozen=True, kw_only=True):
    """A slot has become low, or is not any more, by the ledger."""

    slot_id: SlotId
    product_id: ProductId
    units: int
    is_low: bool
    changed_ns: int


class CartClosed(Message, frozen=True, kw_only=True):
    """The visit is over and its cart will not change by itself any more: price it."""

    visit_id: VisitId
    closed_ns: int
    lines: tuple[CartLine, ...]  # posted lines only; what is in doubt is under review, not here
    review_ids: tuple[str, ...] = ()


class ReviewOpened(Message, frozen=True, kw_only=True):
    """A person must look: the shopper is not charged for what is in doubt."""

    review_id: str
    visit_id: VisitId | None
    interaction_id: str
    reason: str
    opened_ns: int


# --- 6 receipts ---------------------------------------------------------------------------------------------------


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True):
    product_id: ProductId
    gtin: str
    name: str
    quantity: int
    unit_price_minor: int
    total_minor: int
    tax_class: str
    tax_minor: int
    evidence: tuple[str, ...] = ()  # interaction ids
    discount_minor: int = 0  # taken off already: total_minor is quantity times unit_price_minor less this
    promotions: tuple[str, ...] = ()  # names of what was taken off


class Receipt(Message, frozen=True, kw_only=True):
    receipt_id: str
    visit_id: VisitId
    store_id: StoreId
    issued_ns: int
    lines: tuple[ReceiptLine, ...]
    total_minor: int
    tax_minor: int
    currency: str
    prices_include_tax: bool = True
    review_ids: tuple[str, ...] = ()


Reading: TypeAlias = ScaleBatch | GateTap | CameraDetections | BodySkeletons | PackLook
"""What enters the path at or above the seam, pixels aside."""

MoneyEntry: TypeAlias = (
    PayerBound | CardHeld | ChargeRequested | RefundRequested | ReleaseRequested | ProcessorSaid | PaymentMarked
    | VoucherChanged
)  # fmt: skip
"""What the ledger keeps of payments, beside receipts: everything else about them follows."""

AnyMessage: TypeAlias = (
    Reading | LookWanted | WeightStep | FloorTracks | VisitOpened | VisitClosed | StrangerInside | StrangerExplained
    | ArmAction | Interaction | Move | CartChanged | SlotChanged | CartClosed | ReviewOpened | Receipt | MoneyEntry
    | PaymentChanged | Wish | SensorDegraded | SensorRecovered
)  # fmt: skip


# --- encoding -----------------------------------------------------------------------------------------------------


_encoder = msgspec.msgpack.Encoder(enc_hook=encode_array)
_decoder = msgspec.msgpack.Decoder(AnyMessage, ext_hook=decode_array, dec_hook=array_from_list)
_json_encoder = msgspec.json.Encoder(enc_hook=list_from_array)
_json_decoder = msgspec.json.Decoder(AnyMessage, dec_hook=array_from_list)


def encode(message: Message) -> bytes:
    """A message as msgpack, arrays as raw little-endian float32. Equal messages give equal bytes."""
    return _encoder.encode(message)


def decode(data: bytes | memoryview) -> AnyMessage:
    """The message in `data`; msgspec.DecodeError (a ValueError) if it is none."""
    return _decoder.decode(data)


def encode_json(message: Message) -> bytes:
    """A message as one line of JSON without a line end. NaN becomes null."""
    return _json_encoder.encode(message)


def decode_json(data: bytes | str) -> AnyMessage:
    """The message in a line of JSON; msgspec.DecodeError (a ValueError) if it is none."""
    return _json_decoder.decode(data)
