"""What a plan of a day is made of: intentions of people, nothing that happened yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from openaisle.core.messages import ProductId, SlotId
from openaisle.core.units import NS_PER_S
from openaisle.sim.scene import Body

Act = Literal["take", "put_back", "touch", "look", "give", "get", "lay", "pick_up", "rest", "regain"]

DEFAULT_START_NS: Final = 1_780_300_800 * NS_PER_S  # 1 June 2026, 08:00 UTC


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One thing a shopper means to do at a shelf. Seconds are of the shopper's own time, before noise of any kind."""

    act: Act  # rest, regain: something of one's own is laid on the shelf, and taken again
    slot_id: SlotId  # give, get, lay, pick_up: the shelf before which that happens
    product_id: str = ""  # take: "" = the slot's own product; put_back: what to give back
    quantity: int = 1
    at_once: int = 1  # units lifted in one grasp
    stow: bool = True  # take: into the bag straight away; False: stays in the hand for now
    side_m: float = 0.0  # stand this far to the right of the slot (as the shopper sees it)
    look_s: float = 0.6  # stands and looks before reaching
    press_s: float = 0.0  # the hand rests on the goods before anything moves
    hover_s: float = 0.0  # the hand waits beside the shelf after the lift
    style: str = ""  # touch: press | nudge | lift
    hand: str = ""  # left | right | "" = as it comes
    is_hasty: bool = False  # do not wait for the other hand
    is_quick: bool = False  # move faster
    meet: str = ""  # begin the reach together with the partner who names the same meeting
    after: str = ""  # not before this was said
    says: str = ""  # said when done

    @property
    def is_plain(self) -> bool:
        """Something to take that may as well be taken later: nothing hangs on when."""
        return (
            self.act == "take" and self.stow and not (self.is_hasty or self.meet or self.after or self.says)
        )


@dataclass(frozen=True, kw_only=True)
class Member:
    """One person of a visit, and what they mean to do."""

    body: Body
    speed_m_s: float
    is_left_handed: bool
    intents: tuple[Intent, ...]


@dataclass(frozen=True, kw_only=True)
class PlannedVisit:
    """One visit: one shopper, or several people on one code."""

    visit_id: str
    family: str
    families: tuple[str, ...]
    enters_ns: int  # when they come to the gate, if the shop is not full
    body: Body
    speed_m_s: float
    is_left_handed: bool
    intents: tuple[Intent, ...]
    people_count: int = 1
    is_staff: bool = False
    companions: tuple[Member, ...] = ()  # who else came on the same code
    crate: tuple[ProductId, ...] = ()  # what staff bring along to put on the shelves

    @property
    def members(self) -> tuple[Member, ...]:
        """Everybody of the visit; the one who shows the code first."""
        first = Member(
            body=self.body,
            speed_m_s=self.speed_m_s,
            is_left_handed=self.is_left_handed,
            intents=self.intents,
        )
        return (first, *self.companions)


@dataclass(frozen=True, kw_only=True)
class DayPlan:
    """What is meant to happen on one day. Everything else of the day follows from it and the store."""

    store_id: str
    seed: int
    start_ns: int
    people_max: int  # nobody is let in while so many are inside
    visits: tuple[PlannedVisit, ...]  # by enters_ns
    conditions: tuple[str, ...] = ()  # what is wrong with the whole day (sim/conditions.py)
