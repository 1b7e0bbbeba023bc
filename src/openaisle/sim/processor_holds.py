"""Card readers of the simulated processor, and what banks hold on cards that were held to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from openaisle.core.units import NS_PER_HOUR

HELD_NS_MAX: Final = 48 * NS_PER_HOUR
"""What is not captured by then is let go, as Stripe does for cards that were present."""
DECLINED_NUMBERS: Final = {"4000000000000002": "card_declined", "4000000000009995": "insufficient_funds"}
"""Test cards that are refused where they are tapped, and why."""
WALLET_PREFIX: Final = "4000056"
"""Cards that begin so stand for wallets: the processor keeps nothing of them for a later charge."""
FIXED_PREFIX: Final = "4000057"
"""Of these the bank holds no more than at first."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A card as a reader tells of it. Its number is not kept."""

    fingerprint: str
    last4: str
    saved: str  # "": the processor keeps none
    is_wallet: bool
    can_grow: bool

    @classmethod
    def of_number(cls, number: str) -> Card:
        mark = hashlib.sha256(number.encode()).hexdigest()[:16]
        is_wallet = number.startswith(WALLET_PREFIX)
        return cls(
            fingerprint=mark,
            last4=number[-4:],
            saved="" if is_wallet else f"pm_{mark}",
            is_wallet=is_wallet,
            can_grow=not number.startswith(FIXED_PREFIX),
        )


@dataclass(kw_only=True)
class Hold:
    """What one payment holds before it is captured."""

    visit_id: str  # as the request's data carries it
    card: Card | None = None  # None: nobody has tapped yet
    held_ns: int = 0
    is_canceled: bool = False


@dataclass(kw_only=True)
class Reader:
    """One card reader: what it was last asked for, and how that went."""

    payment_id: str = ""
    status: str = ""  # in_progress | succeeded | failed
    failure: str = ""
