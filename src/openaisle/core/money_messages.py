"""What is said of money, and what people ask of the process that writes the ledger; `core.messages` has all of it."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec

from openaisle.core.message_parts import GateId, Message, ProductId, ShelfId, VisitId


class PaymentState(StrEnum):
    """Where the money of one receipt stands, as a shopper reads it."""

    DRAFT = "draft"  # something is owed and nobody has said how it will be paid
    PAYMENT = "payment"  # requested; the answer is still to come
    PAID = "paid"
    UNPAID = "unpaid"  # refused, or given up: a debt
    CONTESTED = "contested"  # the shopper disputes it
    REVIEWED = "reviewed"  # a person looked and it stands, or a refund is on its way
    REFUNDED = "refunded"  # some of it or all


class PaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    """How a visit pays. Never a card number: the processor's own names for cards and customers."""

    # "card" (cards and wallets at the processor) | "hold" (what a card's bank holds since it was tapped at a gate)
    # | "tapped" (that card once more, beyond the hold) | "voucher"
    kind: str
    payer_id: (
        str  # whose debt and exposure it is: an account, a tapped card's fingerprint, a voucher's number
    )
    token: str = ""  # the card, or the hold, as the processor names it; the voucher's number
    customer: str = ""  # the processor's name for the payer
    saved: str = ""  # of a hold: the card for a charge beyond it; "": the processor keeps none (most wallets)


class PayerBound(Message, frozen=True, kw_only=True):
    """Who pays for a visit, and how. The first one said of a visit holds."""

    visit_id: VisitId
    method: PaymentMethod
    bound_ns: int


class CardHeld(Message, frozen=True, kw_only=True):
    """A card was tapped at a gate, and its bank holds an amount for that visit: who pays, and how."""

    visit_id: VisitId
    gate_id: GateId
    method: PaymentMethod
    amount_minor: int
    currency: str
    held_ns: int
    brand: str = ""
    last4: str = ""  # with the expiry: by what a receipt is found without an account
    expires: str = ""  # YYYY-MM


class ReleaseRequested(Message, frozen=True, kw_only=True):
    """What is held on a card and is not needed must be let go."""

    key: str
    visit_id: VisitId
    method: PaymentMethod
    reason: str
    requested_ns: int


class ChargeRequested(Message, frozen=True, kw_only=True):
    """A charge that must be made, in the ledger before anybody tries."""

    key: str  # for the processor to know a repetition by; made of receipt and part, unique for ever
    receipt_id: str
    part: int  # 1, or more where an earlier one was refused or brought less than was asked
    amount_minor: int
    currency: str
    method: PaymentMethod
    requested_ns: int


class RefundRequested(Message, frozen=True, kw_only=True):
    """Money that must go back. Waits for its charge; of one that never comes about, the debt shrinks instead."""

    key: str
    receipt_id: str
    charge_key: str  # "": nothing was charged, less is owed
    amount_minor: int
    currency: str
    reason: str
    requested_ns: int


class ProcessorSaid(Message, frozen=True, kw_only=True):
    """What became of a charge or refund, however we learnt it. True in any order and as often as it is said."""

    key: str
    outcome: str  # charged | declined | refunded | refused | released
    amount_minor: int  # that moved; 0 where none did
    reference: str  # the processor's own id
    reason: str = ""
    via: str = "answer"  # answer | look_up | webhook
    said_ns: int


class PaymentMarked(Message, frozen=True, kw_only=True):
    """What a person, or a deadline, said about a receipt's payment."""

    receipt_id: str
    mark: str  # contested | reviewed | needs_reconcile | written_off
    reason: str
    marked_ns: int


class VoucherChanged(Message, frozen=True, kw_only=True):
    """A prepaid balance: loaded against cash, spent on a receipt, given back."""

    voucher_id: str
    change_minor: int
    currency: str
    receipt_id: str  # "": loaded
    changed_ns: int
    left_minor: int = -1  # afterwards; below zero: not said


class PaymentChanged(Message, frozen=True, kw_only=True):
    """The payment of a receipt as it now stands: worked out from the ledger, never logged."""

    receipt_id: str
    visit_id: VisitId
    payer_id: str
    state: PaymentState
    end: str  # "" while something is still to come | charged | needs_reconcile | written_off
    amount_minor: int  # the receipt's total
    currency: str
    paid_minor: int  # by card and voucher
    refunded_minor: int
    reason: str
    at_ns: int
    waived_minor: int = 0  # was to be refunded before it was charged, and is not owed any more


# --- wishes of people ---------------------------------------------------------------------------------------------


class RefundWanted(Message, frozen=True, kw_only=True):
    """Give money of a receipt back. Every wish has a key: said again, it is the same wish."""

    receipt_id: str
    amount_minor: int
    reason: str
    key: str


class ReceiptContested(Message, frozen=True, kw_only=True):
    """A shopper says that something about a receipt is wrong."""

    receipt_id: str
    reason: str
    key: str


class ReceiptReviewed(Message, frozen=True, kw_only=True):
    """A person looked at a receipt, and nothing is given back."""

    receipt_id: str
    reason: str
    key: str


class VoucherSold(Message, frozen=True, kw_only=True):
    """Cash was taken in for a voucher."""

    voucher_id: str
    amount_minor: int
    key: str


class PaymentWanted(Message, frozen=True, kw_only=True):
    """Pay a receipt that is not paid, this way."""

    receipt_id: str
    method: PaymentMethod
    key: str


class CardAskedFor(Message, frozen=True, kw_only=True):
    """Have the counter's card reader ask for what a receipt still owes."""

    receipt_id: str
    key: str


class CartCorrected(Message, frozen=True, kw_only=True):
    """Staff put goods into an open cart or take them out: weighed, reduced, or not seen by the shop."""

    visit_id: VisitId
    product_id: ProductId
    quantity: int  # above zero: put in; below: taken out
    price_minor: int  # of one unit; 0: the store's
    by: str
    key: str
    wanted_ns: int


class GoodsScanned(Message, frozen=True, kw_only=True):
    """A shopper scanned one unit from a shelf that is scanned, or takes that back."""

    interaction_id: str  # which says what visit it is of (carts.scanned)
    visit_id: VisitId
    product_id: ProductId
    is_undone: bool
    key: str
    wanted_ns: int


class ShelfSwitched(Message, frozen=True, kw_only=True):
    """Staff let a shelf be scanned, or its plates be trusted again. Kept in the ledger, and comes before store.toml."""

    shelf_id: ShelfId
    is_scanned: bool
    by: str
    key: str
    switched_ns: int


Wish: TypeAlias = (
    RefundWanted
    | ReceiptContested
    | ReceiptReviewed
    | VoucherSold
    | PaymentWanted
    | CardAskedFor
    | CartCorrected
    | GoodsScanned
    | ShelfSwitched
)
"""What a page asks of the process that writes the ledger."""
