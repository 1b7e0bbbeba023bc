"""How near and how soon people and codes belong together at a gate."""

from __future__ import annotations

from dataclasses import dataclass

from openaisle.core.units import NS_PER_MS, NS_PER_S


@dataclass(frozen=True, kw_only=True)
class DoorSettings:
    """How near and how soon. Metres, nanoseconds of the shop's time."""

    open_without_track_ns: int = 2 * NS_PER_S  # a visit is opened by then even if nobody was seen
    tap_before_crossing_ns_max: int = 45 * NS_PER_S  # in a full shop people with a code wait before the line
    shown_inside_ns: int = 15 * NS_PER_S  # nobody came in on it for so long: whoever showed it was inside
    tap_after_crossing_ns_max: int = 3 * NS_PER_S
    tailgate_ns: int = 3 * NS_PER_S  # a group's people follow each other at this distance at most
    claim_m_max: float = 1.2  # whoever shows a code stands this near to the gate
    before_ns: int = NS_PER_S  # who stood nearer to the gate so long before they came in ...
    before_m_min: float = 0.2  # ... by so much, than whoever is thought to have shown the code, had shown it
    back_m_max: float = 0.25  # who is farther from the gate, by more, than when a code was shown, has not
    claimant_unseen_ns_max: int = NS_PER_S  # who is unseen for longer is not waited for
    came_m_min: float = 0.1  # who was first seen nearer to the line than that, or inside ...
    double_m: float = 0.6  # ... and is this near to somebody with a code, may be seen twice
    twin_m: float = 0.8  # ... as may who is this near to somebody seen before them, if no picture showed both
    found_gap_ns_min: int = 500 * NS_PER_MS  # who was followed again after such a gap was found again ...
    just_found_ns: int = (
        2 * NS_PER_S
    )  # ... and if they were inside and are before the gate so soon, it is another
    line_margin_m: float = 0.35  # people brush past the posts
    line_hysteresis_m: float = 0.08  # inwards
    leave_hysteresis_m: float = 0.4  # outwards: people step back from a line, into a queue or for a trolley
    appear_near_gate_m: float = 1.0  # who is first seen this near inside of a gate has come through it
    walk_m_per_s: float = 1.8
    seen_ns_max: int = 300 * NS_PER_MS  # only who was seen as recently can be found to belong to a tap
    exit_lost_m: float = 0.7  # who is lost this near to an exit has left
    stay_outside_ns: int = 15 * NS_PER_S  # through the entry one may step back, and in a jam has to
    exit_tap_ns_max: int = 5 * NS_PER_S  # who pressed out is out by then
    lost_close_ns: int = 180 * NS_PER_S  # lost for so long, they left unseen
    nobody_close_ns: int = 180 * NS_PER_S  # a code was shown, and the cameras saw nobody come in for so long
    visits_max: int = 1024  # open at a time; at the bound the oldest is closed
