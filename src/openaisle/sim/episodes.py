"""Episodes: what the families of hard cases make one, two or more shoppers do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from openaisle.core.messages import ProductId, SlotId
from openaisle.sim.choices import Choices
from openaisle.sim.plan import Intent


@dataclass(frozen=True)
class Companion:
    """Somebody who comes along on the same code."""

    intents: list[Intent]
    is_child: bool = False


@dataclass(frozen=True)
class Part:
    """What one visit contributes to an episode."""

    intents: list[Intent]
    companions: list[Companion] = field(default_factory=list)
    is_staff: bool = False
    is_alike: bool = False  # in the clothes, height and build of whoever came before
    crate: list[ProductId] = field(default_factory=list)


Episode = list[Part]


def solo(*intents: Intent) -> Episode:
    return [Part(list(intents))]


def pick(choices: Choices) -> list[Intent]:
    """An ordinary pick: mostly one unit."""
    slot_id = choices.slot()
    quantity = 1 if choices.chance(0.8) else choices.between(2, 3)
    return [take(choices, slot_id, quantity)]


def take(choices: Choices, slot_id: SlotId, quantity: int = 1, **more: object) -> Intent:
    quantity = choices.reserve(slot_id, quantity)
    at_once = 2 if quantity > 1 and choices.is_small(slot_id) and choices.chance(0.4) else 1
    intent = Intent(act="take", slot_id=slot_id, quantity=quantity, at_once=at_once, look_s=choices.look_s())
    return replace(intent, **more)  # type: ignore[arg-type]


def give_back(choices: Choices, slot_id: SlotId, product_id: str, **more: object) -> Intent:
    intent = Intent(act="put_back", slot_id=slot_id, product_id=product_id, look_s=choices.look_s())
    return replace(intent, **more)  # type: ignore[arg-type]


def _single_pick(choices: Choices, _: str) -> Episode:
    quantity = choices.pick_one([1, 1, 1, 2, 2, 3, 4])
    return solo(take(choices, choices.slot(quantity), quantity))


def _many_picks(choices: Choices, _: str) -> Episode:
    intents: list[Intent] = []
    wanted = choices.between(20, 26)
    while sum(intent.quantity for intent in intents) < wanted:
        intents.append(take(choices, choices.slot(), choices.pick_one([1, 1, 1, 2])))
    return solo(*_round_the_shop(intents))


def _round_the_shop(intents: Sequence[Intent]) -> list[Intent]:
    """In the order of the shelves rather than to and fro, from the first thought of, the way round to the second."""
    first, second = intents[0].slot_id, intents[1].slot_id
    way = sorted(intents, key=lambda intent: intent.slot_id, reverse=second < first)
    begins = [intent.slot_id for intent in way].index(first)
    return way[begins:] + way[:begins]


def _rapid_picks(choices: Choices, _: str) -> Episode:
    cluster = choices.cluster(choices.between(2, 4), within_m=0.45, on_one_shelf=choices.chance(0.7))
    hands = ["right", "left"] if choices.chance(0.85) else ["right", "right"]
    intents = [
        take(choices, slot_id, hand=hands[index % 2], is_hasty=index > 0, look_s=0.5 if index == 0 else 0.0)
        for index, slot_id in enumerate(cluster)
    ]
    return solo(*intents)


def _put_back_right(choices: Choices, _: str) -> Episode:
    slot_id = choices.slot()
    product_id = choices.product_of(slot_id)
    kept = choices.chance(0.5)
    first = replace(take(choices, slot_id, 2 if kept else 1, stow=False, at_once=1), look_s=choices.look_s())
    intents = [first]
    if choices.chance(0.4):  # walks off with it and comes back
        intents.append(Intent(act="look", slot_id=choices.slot(), look_s=choices.seconds(1.0, 4.0)))
    intents.append(give_back(choices, slot_id, product_id, look_s=choices.seconds(0.8, 5.0)))
    return solo(*intents)


def _put_back_wrong(choices: Choices, label: str) -> Episode:
    slot_id = choices.slot()
    foreign = choices.foreign_slot(slot_id)
    product_id = choices.product_of(slot_id)
    giver = [
        take(choices, slot_id, stow=False),
        give_back(choices, foreign, product_id, look_s=choices.seconds(0.8, 3.0), says=f"{label}.left"),
    ]
    finder = [
        Intent(
            act="take",
            slot_id=foreign,
            product_id=product_id,
            after=f"{label}.left",
            look_s=choices.seconds(0.5, 2.0),
        )
    ]
    return [Part(giver), Part(finder)]


def _put_back_same_weight(choices: Choices, _: str) -> Episode:
    slot_id, twin = choices.same_weight_pair()
    product_id = choices.product_of(slot_id)
    intents = [
        take(choices, slot_id, stow=False),
        give_back(choices, twin, product_id, look_s=choices.seconds(0.8, 3.0)),
    ]
    if choices.chance(0.5):
        intents.append(take(choices, choices.slot()))
    return solo(*intents)


def _swap_same_weight(choices: Choices, _: str) -> Episode:
    slot_id, twin = choices.same_weight_pair()
    return solo(
        take(choices, slot_id, stow=False, hand="left"),
        take(choices, twin, hand="right", stow=False, look_s=choices.seconds(0.3, 1.0)),
        give_back(
            choices, twin, choices.product_of(slot_id), look_s=choices.seconds(0.0, 0.8), is_hasty=True
        ),
    )


def _near_weights(choices: Choices, _: str) -> Episode:
    slot_ids = choices.near_weight_slots()
    count = choices.between(1, min(2, len(slot_ids)))
    return solo(*(take(choices, slot_id, choices.pick_one([1, 1, 2])) for slot_id in slot_ids[:count]))


def _look_alikes(choices: Choices, _: str) -> Episode:
    slot_id, twin = choices.look_alike_pair()
    if choices.chance(0.5):
        return solo(take(choices, slot_id))
    both = [take(choices, slot_id, stow=False), take(choices, twin, stow=False, look_s=0.3)]
    if choices.chance(0.5):
        both.append(give_back(choices, twin, choices.product_of(twin), look_s=choices.seconds(1.0, 3.0)))
    return solo(*both)


def _hold_two_take_one(choices: Choices, _: str) -> Episode:
    first, second = choices.cluster(2, within_m=0.8)
    given = first if choices.chance(0.5) else second
    return solo(
        take(choices, first, stow=False, hand="left"),
        take(choices, second, stow=False, hand="right", look_s=choices.seconds(0.0, 0.6)),
        give_back(choices, given, choices.product_of(given), look_s=choices.seconds(1.0, 4.0)),
    )


def _long_hold(choices: Choices, _: str) -> Episode:
    before = choices.chance(0.6)
    press_s = choices.seconds(2.0, 7.0) if before else 0.0
    hover_s = 0.0 if before else choices.seconds(1.5, 5.0)
    return solo(take(choices, choices.slot(), at_once=1, press_s=press_s, hover_s=hover_s))


def _touch_only(choices: Choices, _: str) -> Episode:
    touches = [
        Intent(
            act="touch",
            slot_id=choices.slot(),
            style=choices.pick_one(["press", "press", "nudge", "lift"]),
            press_s=choices.seconds(0.2, 2.0),
            look_s=choices.look_s(),
        )
        for _ in range(choices.between(1, 2))
    ]
    return solo(*touches)


def _crossing_arms(choices: Choices, label: str) -> Episode:
    left, right = choices.slots_apart(0.25, 0.7)
    # Each stands before the other's slot and reaches across.
    apart = choices.distance_m(left, right) / 2 + 0.08
    return [
        Part(
            [take(choices, right, side_m=-apart, hand="right", meet=f"{label}.cross", look_s=0.3, stow=True)]
        ),
        Part([take(choices, left, side_m=apart, hand="left", meet=f"{label}.cross", look_s=0.3, stow=True)]),
    ]


def _simultaneous_same_item(choices: Choices, label: str) -> Episode:
    slot_id = choices.slot(2)
    return [
        Part([take(choices, slot_id, side_m=-0.3, hand="right", meet=f"{label}.same", look_s=0.3)]),
        Part([take(choices, slot_id, side_m=0.3, hand="left", meet=f"{label}.same", look_s=0.3)]),
    ]


def _crowd(choices: Choices, _: str) -> Episode:
    """Four shoppers at one gondola, thirty events and more."""
    slot_ids = choices.gondola_slots()
    parts: list[Part] = []
    for _shopper in range(4):
        intents: list[Intent] = []
        for _action in range(choices.between(6, 8)):
            slot_id = choices.pick_one(slot_ids)
            if choices.chance(0.25):
                intents.append(take(choices, slot_id, stow=False, look_s=choices.seconds(0.2, 1.0)))
                back = choices.pick_one(slot_ids) if choices.chance(0.3) else slot_id
                product_id = choices.product_of(slot_id)
                intents.append(give_back(choices, back, product_id, look_s=choices.seconds(0.3, 2.0)))
            else:
                intents.append(take(choices, slot_id, look_s=choices.seconds(0.2, 1.2)))
        parts.append(Part(intents))
    return parts


def _passing(choices: Choices, slot_id: SlotId, product_id: ProductId, label: str) -> tuple[Intent, Intent]:
    """Two people side by side before a slot; one gives the other a unit."""
    meet = f"{label}.pass"
    look_s = choices.seconds(0.2, 0.8)
    giver = Intent(act="give", slot_id=slot_id, product_id=product_id, side_m=-0.36, meet=meet, look_s=look_s)
    taker = Intent(act="get", slot_id=slot_id, product_id=product_id, side_m=0.36, meet=meet, look_s=0.3)
    return giver, taker


def _exchange(choices: Choices, label: str) -> Episode:
    slot_id = choices.slot()
    product_id = choices.product_of(slot_id)
    give, get = _passing(choices, slot_id, product_id, label)
    taker = [get]
    if choices.chance(0.3):
        taker = [replace(get, stow=False), give_back(choices, slot_id, product_id)]
    return [Part([take(choices, slot_id, stow=False), give]), Part([*taker, *pick(choices)])]


def _floor_item(choices: Choices, label: str) -> Episode:
    """Left on the floor or on a foreign shelf; picked up by the same person, by another, or by nobody."""
    slot_id = choices.slot()
    product_id, near = choices.product_of(slot_id), choices.foreign_slot(slot_id)
    word = f"{label}.left"
    on_floor, fate = choices.chance(0.6), choices.pick_one(["same", "same", "other", "nobody"])
    if on_floor:
        leave = Intent(act="lay", slot_id=near, product_id=product_id, look_s=choices.look_s(), says=word)
        fetch = Intent(act="pick_up", slot_id=near, product_id=product_id, look_s=choices.look_s())
    else:
        leave = give_back(choices, near, product_id, says=word)
        fetch = Intent(act="take", slot_id=near, product_id=product_id, look_s=choices.look_s())
    first = [take(choices, slot_id, stow=False), leave, *pick(choices)]
    second = pick(choices)
    if fate == "same":
        first.append(fetch)
    elif fate == "other":
        second = [replace(fetch, after=word), *second]
    return [Part(first), Part(second)]


def _group(choices: Choices, label: str) -> Episode:
    """Two or three people on one code, children among them; now and then one passes the other something."""
    companions: list[Companion] = []
    leader = pick(choices)
    for _companion in range(choices.between(1, 2)):
        is_child = choices.chance(0.4)
        intents = [
            take(choices, choices.slot(height_m_max=0.9 if is_child else 9.0))
            for _ in range(choices.between(1, 3))
        ]
        companions.append(Companion(intents, is_child))
    if choices.chance(0.5):
        slot_id = choices.slot(height_m_max=0.9)
        give, get = _passing(choices, slot_id, choices.product_of(slot_id), label)
        companions[0].intents.extend([take(choices, slot_id, stow=False), give])
        leader.append(get)
    return [Part([*leader, *pick(choices)], companions)]


def _staff(choices: Choices, label: str) -> Episode:
    """Somebody restocks and tidies while a customer shops; now and then staff hand the customer something."""
    intents: list[Intent] = []
    crate: list[ProductId] = []
    for slot_id in choices.least_stocked(choices.between(2, 4)):
        for _ in range(min(choices.between(2, 4), choices.room_in(slot_id))):
            crate.append(choices.product_of(slot_id))
            intents.append(give_back(choices, slot_id, choices.product_of(slot_id), look_s=0.2))
            choices.restock(slot_id, 1)
    tidied = choices.slot()
    intents.append(take(choices, tidied, stow=False, look_s=0.4))
    intents.append(give_back(choices, tidied, choices.product_of(tidied), look_s=0.3))
    customer = [*pick(choices), *pick(choices)]
    if choices.chance(0.5):
        slot_id = choices.slot()
        give, get = _passing(choices, slot_id, choices.product_of(slot_id), label)
        intents = [take(choices, slot_id, stow=False, at_once=1), give, *intents]
        customer = [get, *customer]
    return [Part(intents, is_staff=True, crate=crate), Part(customer)]


def _lookalike_people(choices: Choices, _: str) -> Episode:
    """Three in the same clothes, of one height and build, who come and go between the same two gondolas."""
    here, there = choices.gondola_slots(), choices.gondola_slots()
    parts: list[Part] = []
    for shopper in range(3):
        intents: list[Intent] = []
        for _round in range(2):
            intents.append(take(choices, choices.pick_one(here), look_s=choices.seconds(0.3, 1.5)))
            intents.append(take(choices, choices.pick_one(there), look_s=choices.seconds(0.3, 1.5)))
        parts.append(Part(intents, is_alike=shopper > 0))
    return parts


def _foreign_object(choices: Choices, _: str) -> Episode:
    """Lays a bottle or a phone of their own on a shelf, takes something, takes their own again (or forgets it)."""
    slot_id = choices.slot()
    intents = [Intent(act="rest", slot_id=slot_id, look_s=choices.look_s())]
    near = choices.cluster(2, within_m=0.6)[1] if choices.chance(0.5) else slot_id
    if choices.chance(0.7):
        intents.append(take(choices, near))
    if choices.chance(0.85):
        intents.append(Intent(act="regain", slot_id=slot_id, look_s=choices.seconds(0.5, 4.0)))
    return solo(*intents, *pick(choices))


def _occluded(choices: Choices, label: str) -> Episode:
    """Somebody takes and puts back while another stands close by, in the way of cameras, and looks."""
    slot_id, kept = choices.slot(), choices.slot()
    meet = f"{label}.close"
    first = take(choices, slot_id, stow=False, meet=meet)
    taker = [first, give_back(choices, slot_id, choices.product_of(slot_id)), take(choices, kept)]
    side_m = choices.pick_one([-0.46, 0.46])
    look = Intent(act="look", slot_id=slot_id, side_m=side_m, meet=meet, look_s=choices.seconds(3.0, 6.0))
    return [Part(taker), Part([look, *pick(choices)])]


EPISODES: Final[dict[str, Callable[[Choices, str], Episode]]] = {
    "single_pick": _single_pick,
    "many_picks": _many_picks,
    "rapid_picks": _rapid_picks,
    "put_back_right": _put_back_right,
    "put_back_wrong": _put_back_wrong,
    "put_back_same_weight": _put_back_same_weight,
    "swap_same_weight": _swap_same_weight,
    "near_weights": _near_weights,
    "look_alikes": _look_alikes,
    "hold_two_take_one": _hold_two_take_one,
    "long_hold": _long_hold,
    "touch_only": _touch_only,
    "crossing_arms": _crossing_arms,
    "simultaneous_same_item": _simultaneous_same_item,
    "crowd": _crowd,
    "exchange": _exchange,
    "floor_item": _floor_item,
    "group": _group,
    "staff": _staff,
    "lookalike_people": _lookalike_people,
    "foreign_object": _foreign_object,
    "occluded": _occluded,
}
