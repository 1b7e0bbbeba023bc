"""Every figure the room stands on. Grams, metres, seconds; `prior_*` are probabilities before any evidence."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class WeighSettings:
    """What a change of load says about goods."""

    mass_model_share: float = 0.025  # a production batch against the catalogue
    mass_known_g_min: float = 10.0  # a catalogue mass below this is taken for unknown
    unit_sd_share_min: float = 0.004  # units of one batch against each other
    mass_sd_g_min: float = 0.5
    provisional_share: float = 0.03  # what ringing may still change of a provisional step
    # Of goods that stand on a silent plate in part: how well a pack's width tells what the others feel of it.
    silent_share: float = 0.08  # of its mass
    silent_sd_m: float = 0.01
    mass_any_g: float = 1500.0  # masses of goods nobody knows spread over this
    place_sd_m: float = 0.012
    still_sd_m: float = 0.003  # where the same item is felt again
    moved_sd_m: float = 0.02  # ... if it was moved meanwhile
    prior_moved: float = 0.2
    in_facing_share: float = 0.5  # of goods, as they were filled in; the others stand anywhere in their slot
    outside_share: float = (
        0.25  # of a load on plates that a slot does not reach: its goods are no explanation
    )
    quantity_max: int = 6
    prior_quantity: tuple[float, ...] = (0.90, 0.08, 0.012, 0.005, 0.002, 0.001)
    prior_pair: float = 0.015  # two different products lifted as one
    prior_unexplained: float = 0.02
    # A hand that rests on goods is felt, and goes when they are taken.
    hand_g: tuple[float, float] = (10.0, 60.0)
    prior_hand: float = 0.03  # of a gain: it is that
    hand_s: float = 10.0  # so long it may rest;
    hand_leaves: tuple[float, float] = (0.9, 0.3)  # with goods taken there until then, and later
    unheard_hand_g: tuple[float, float] = (8.0, 28.0)  # too little for a step
    prior_unheard_hand: float = 0.01  # of a loss: such a hand left with the goods
    # Of goods put back where somebody else's hand is: it came to rest on others as they were laid down.
    hand_beside_g: tuple[float, float] = (8.0, 100.0)
    prior_hand_beside: float = 0.02
    hand_off_g: float = 8.0  # when it goes, from when it came, at most;
    hand_sways_g: float = 4.0  # and of goods that left as it came, standard deviation
    prior_right_slot: float = 0.6  # of a put-back
    prior_restock: float = (
        0.5  # of a gain where staff are: goods of the slot, out of a crate that nobody has counted
    )
    prior_twin_slot: float = 0.7  # of a wrong one: where goods of about the same mass stand, if there are any
    twin_share: float = 0.03
    recent_s: float = 20.0  # a put-back is the likelier, the more recently it was taken,
    prior_old: float = 0.1  # and of what was taken long ago so likely, against what was taken just now
    prior_stray: float = 0.1  # a pick of what stands in a wrong place, against the slot's own goods
    prior_empty_slot: float = 0.02  # a pick from a slot that should be empty by our count
    candidates_max: int = 24
    # Two steps on the same plates within this time: where one ends and the other begins may have been read wrongly.
    entangled_s: float = 0.5
    entangled_m: float = 0.35
    entangled_share: float = 0.25  # of a step's mass that may belong to the other
    prior_entangled: float = 0.3
    # Of a loss, by which the level before a gain may be wrong that soon after it, falling as the square to none.
    unsettled_share: float = 0.06
    unsettled_s: tuple[float, float] = (0.15, 0.5)
    opposed_g_min: float = 20.0  # left some plates and came to others, and not the same: two steps in one
    busy_s: tuple[float, float] = (1.5, 3.0)  # so long a hand still holds what it took; no longer
    prior_off: float = (
        0.02  # of what was lifted a moment ago: it was weighed with a hand that had rested there
    )
    returned_s: float = 3.0  # so soon the level between a loss and a gain is one and the same


@dataclass(frozen=True)
class ReachSettings:
    """What an arm says about who it was. Fitted to who really did it (docs/decisions/0042-whose-arm-it-was.md)."""

    history_s: float = 8.0
    hand_beyond_wrist_m: float = 0.10
    # Where a hand is about the edge, against the place of the change: along the shelf, outside it, above it.
    before_s: float = 0.8
    after_s: float = 0.15
    along_sd_m: float = 0.08
    outside_sd_m: float = 0.08
    height_sd_m: float = 0.04
    height_m: tuple[float, float] = (0.03, 0.20)  # above the board
    doubt_m: float = 0.03  # more, of a wrist that the tracker is half sure of
    time_sd_s: float = 0.20  # of hands seen only before or after that
    tail: float = 3.0  # degrees of freedom: how far off a glimpse may be (Student's t)
    best_share: float = 0.7  # of the glimpses; the others are taken for errors of the tracker
    weight: float = 1.9  # of all glimpses of a hand together, in single ones
    # Where a body is, of which no hand was seen there: this far before the front, and turned to the shelf.
    stand_m: float = 0.50
    stand_slack_m: float = 0.10
    stand_sd_m: float = 0.3
    stand_tail: float = 1.0  # degrees of freedom
    facing: float = 1.0  # of the log likelihood, for each half of a half turn away
    reach_sd_m: float = 0.7
    beyond: float = 12.0  # squared sd of that: a body farther off counts against its hands, too
    # How far an elbow and a shoulder may be from a hand there (interactions/limbs.py).
    hand_above_m: float = 0.08  # the board
    limbs_m: tuple[float, float] = (0.36, 0.68)
    limb_sd_m: float = 0.05
    limb_share: float = 0.35  # of the glimpses: one reaches for less time than hands are looked at
    limb_astray: float = 0.04  # of those seen well
    limb_power: float = 2.0
    # That it was a hand which was seen elsewhere: surely tracked, or not seen at all.
    prior_astray: float = 0.0001
    prior_unseen: float = 0.033
    unseen_power: float = 6.0  # a hand half seen is nearly as good as seen
    prior_nobody: float = 0.000004
    walk_m_s: float = 1.2  # of people not seen since before
    window_s: float = 1.2  # how far from the edge rows are looked at
    covered_s: float = 0.05  # tracks reach this far past the edge: the reach has been seen
    rows_max: int = 20_000  # of arm history; the oldest go first
    judged_max: int = 256  # places of which is remembered who may have been there; the oldest go first


@dataclass(frozen=True)
class LookSettings:
    """When to look into hands, and what a look is worth."""

    # What was taken shows when the hand is out of the shelf again, what is brought before it goes in.
    out_m: float = 0.02  # before the front
    after_s: float = 0.15  # the edge of a loss: nearer to it the hand is still where the other goods are
    search_s: float = 1.5  # about the edge of the step
    times: int = 2  # a hand is looked at
    apart_s: float = 0.25
    views: int = 2  # cameras that are asked at each time
    hands_max: int = 2
    hand_probability_min: float = 0.05  # of having done it
    products_max: int = 12
    product_probability_min: float = 0.02  # less likely ones do not make the window larger
    window_filled: float = 0.7  # by the longest of the plausible goods
    away_m: float = 0.3  # from the place of a change: a hand this far hides nothing of it
    shelf_window_filled: float = 0.45  # where on the shelf it was is less sure than where a hand is
    wait_s: float = 0.8  # for an answer
    trusted_looks: int = 20  # nobody waits for eyes that answered none of so many
    seen: float = 0.5  # the window shows the pack from a side that tells
    trust: float = 0.5  # of log odds
    shelf_seen: float = 0.8  # the same of a change on the shelf
    shelf_trust: float = 0.5
    further: float = 0.5  # each further look at the same hand counts so much of the one before


@dataclass(frozen=True)
class DeedSettings:
    """What the path of an arm says about what it did."""

    after_s: float = 0.25  # a deed shows on the way back: judged from tracks up to so long after the edge
    near_s: float = 0.3  # a reach is of a step if it was not over for longer before the edge
    prior: tuple[float, ...] = (0.1, 0.1, 0.5, 0.15, 0.15)  # of each `Action` where a hand is at a shelf
    sure: float = (
        0.5  # share of verdicts that are believed; the paths of two arms at one place are easily exchanged
    )
    # A hand that was on its way to nothing, when the same person's other one did something of that kind.
    did_min: float = 0.5
    log_other_hand: float = -2.5
    prior_undone: float = 0.7  # a stay that no step explains left everything as it was, if no arm was judged


@dataclass(frozen=True)
class MeetingSettings:
    """When two people's hands that met have passed something on (docs/decisions/0081-hands-that-meet.md)."""

    hand_beyond_wrist_m: float = 0.10
    near_m: float = 0.35
    edge_m: float = 0.03  # of a gondola: hands within are at its goods
    parted_s: float = 0.4  # not seen near for so long: over
    sights_min: int = 2
    glimpses: int = 3  # the nearest of them are judged
    crowd_m: float = 1.2  # who stands within counts as about them
    # Of 1, distance (m), facing, aside (m), lowered, reach (m), doubt of the wrists and log of 1 + others about.
    weights: tuple[float, ...] = (0.41, -6.74, 2.89, -12.12, -1.86, 11.97, -3.58, -2.26)
    log_odds_min: float = -2.0
    sights_max: int = 600  # of one meeting; the oldest go first
    pairs_max: int = 4096  # of hands near each other; at the bound the oldest are forgotten
    # Who gave what: the likelier, the more recently it was taken, and by this hand.
    recent_s: float = 20.0
    still_reaching_s: float = 2.5  # whoever took something so lately is hardly done with the shelf
    same_hand_odds: float = 3.0
    probability_min: float = 0.35  # below, nothing is said of it
    wait_s_max: float = 4.0  # for steps before it to be decided


@dataclass(frozen=True)
class FloorSettings:
    """When a hand at the floor has laid something down or picked something up (decisions 0086, 0154). Judged."""

    hand_beyond_wrist_m: float = 0.10
    low_m: float = 0.25  # a hand below is at the floor ...
    confidence_min: float = (
        0.25  # ... if the tracker is so sure of its wrist: in crowds others' legs are taken for hands
    )
    edge_m: float = 0.03  # of a gondola: hands within are at its goods
    parted_s: float = 0.4  # not seen low for so long: over
    glimpses_min: int = 3
    apart_s: float = 0.8  # a hand in a shelf, or a step, so near in time: they crouched for that
    recent_s: float = 20.0  # the likelier, the more recently it was taken, and by this hand
    same_hand_odds: float = 3.0
    hand_sure: float = 0.8  # that the lower hand of somebody who crouches is the one
    place_sd_m: float = 0.2  # of what lies on the floor
    weight_of_lying: float = 30.0  # against a lot just taken, by the same hand: 1
    left_share: float = 0.05  # of those who reach for what lies there leave it
    brief_s: float = 2.0  # goods are laid down in less, no shoe is tied in it
    weight_of_nothing: tuple[float, float] = (0.02, 0.3)  # against such a lot: while brief, and longer
    probability_min: float = 0.6
    wait_s_max: float = 4.0  # for steps before it to be decided
    lying_max: int = 64
    tracks_max: int = 256


@dataclass(frozen=True)
class UnheardSettings:
    """When an arm alone tells that goods left or came, over plates that say nothing. Judged, not fitted."""

    along_sd_m: float = 0.05  # of where a hand is deepest
    probability_min: float = 0.5


@dataclass(frozen=True)
class Settings:
    """All of the room."""

    weigh: WeighSettings = field(default_factory=WeighSettings)
    reach: ReachSettings = field(default_factory=ReachSettings)
    looks: LookSettings = field(default_factory=LookSettings)
    deeds: DeedSettings = field(default_factory=DeedSettings)
    meetings: MeetingSettings = field(default_factory=MeetingSettings)
    floor: FloorSettings = field(default_factory=FloorSettings)
    unheard: UnheardSettings = field(default_factory=UnheardSettings)
    decide_after_s: float = 0.3  # tracks up to this long after the edge are waited for
    wait_s_max: float = 4.0  # after the step was seen, at most
    remember_s: float = 60.0
    together_s: float = 0.8  # steps this close in time
    together_m: float = 3.0  # and in place, so that the same people may have done them, are decided together
    swapped_s: float = 2.0  # one hand brings something to plates from which another just took
    same_hand_s: tuple[float, float] = (
        0.45,
        0.8,
    )  # one hand takes nothing else this soon; perhaps; surely it may
    prior_same_hand: float = 0.0002  # it did both all the same: what it took at once was read as two
    hand_m_s: float = 2.0  # on its way from one place to another
    both_hands_s: tuple[float, float] = (0.3, 0.7)  # both hands of one person: seldom this soon; surely
    either_hand_min: float = 0.02  # a hand less likely than that to have done it is left out
    again_s: tuple[float, float] = (0.8, 3.0)
    again_odds: float = 8.0  # whoever takes from a slot at one time takes from it so much before or after
    held_s: tuple[float, float] = (
        0.6,
        1.2,
    )  # it brings nothing back this soon after it took it; surely it may
    prior_hand_that_took: float = 0.95  # what is put back was held in the hand that took it
    hand_free_min: float = 0.02  # that a hand which just took something brings something else all the same
    passed_at_once: float = 0.2  # of the others, that they were passed on as soon as that
    prior_both_hands: float = 0.04  # one person does two things as soon as that, against two people
    shared_odds: float = (
        500.0  # two people's hands there and two units gone at once: one each, not both by one
    )
    shared_weight: float = 0.5  # more, of the arm that fits less: few have a hand there and take nothing
    shared_log_clear: float = -3.0  # below that it counts no more than alone
    span_m: float = 0.15  # two units that are wider together are hard to lift with one hand
    prior_over_span: float = 0.03  # that they were, all the same
    shared_log_min: float = -12.0  # of either arm
    beside_log_min: float = -5.0  # of a second person's arm: their hand, too, was at the shelf
    learn_probability_min: float = 0.9
    learn_after_s: float = 4.0  # when a step is no longer revised: nothing must confirm itself
    news_probability: float = 0.05  # a smaller change of probability alone is no news
    alternatives_max: int = 4
    browse_s: float = 0.15  # a hand inside a shelf for less was passing by
    touch_s: float = 0.6  # for longer: it paused there
    browse_wait_s: float = 2.5  # for a step that explains it
    cases_max: int = 512
    units_max: int = 512
