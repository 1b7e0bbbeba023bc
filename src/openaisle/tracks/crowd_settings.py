"""What may be set of how a crowd is followed."""

from __future__ import annotations

from dataclasses import dataclass

from openaisle.core.units import NS_PER_MS, NS_PER_S


@dataclass(frozen=True, kw_only=True)
class CrowdSettings:
    """When somebody is believed to be there, and for how long."""

    tracks_max: int = 128  # at the bound nobody new is followed
    # Poses expected to be less right are of nobody new and of no stranger, as far as a detector can tell.
    pose_score_min: float = 0.35
    believe_evidence: float = 1.9  # a window with two agreeing views counts 1
    # Nobody appears in the middle of a shop that misses nobody: who seems to must be seen for longer, and walk.
    believe_evidence_inside: float = 8.0
    believe_path_m_inside: float = 0.5
    single_view_evidence: float = 0.05  # a window with one view although others should see it too
    single_view_evidence_alone: float = 0.1  # where no more than two cameras can see, or at a gate
    single_view_doubt: float = -0.06  # the same, of a believed stranger
    miss_evidence: float = -0.5
    evidence_max: float = 2.0  # of whoever is believed
    doubt_ns_max: int = 4 * NS_PER_S  # who is not believed by then is nobody
    # Who stood, and whom one camera sees for no longer, is no farther along its sight.
    held_ns_max: int = 3 * NS_PER_S
    held_m: float = 0.15
    held_m_per_s: float = 0.1
    lost_after_ns: int = NS_PER_S
    stranger_lost_ns_max: int = 3 * NS_PER_S  # lost without a visit: forgotten
    hidden_ns_max: int = 3 * NS_PER_S  # ... though nobody can see where they stood
    waited_for_ns_max: int = (
        10 * NS_PER_S
    )  # who was lost for so long may simply be seen again where they were ...
    found_views_min: int = 1  # ... by so many cameras ...
    found_likeness_min: float = 0.6  # ... if what is seen looks like them: cosine, where looks are known
    birth_distance_m_min: float = 0.3  # nobody appears inside somebody else ...
    birth_distance_m_min_inside: float = (
        0.6  # ... and away from gates hardly beside: it is somebody known, bent
    )
    birth_distance_m_min_beside: float = 0.15  # ... unless the same pictures show both
    pair_score_min: float = 3.0  # joints on which two sightings must agree
    newcomers_max: int = 48  # sightings looked at for new people in one window; at the bound the surest
    gate_distance_m: float = 1.2
    twin_distance_m: float = 0.35  # two tracks nearer than this and never seen at once are one person
    same_distance_m: float = 0.22  # nearer than this they are one, though a picture may show it twice
    twin_windows: int = 5
    aside_m: float = 0.16  # so near for as long, the younger waits until a picture shows both
    maybe_two_windows: int = (
        3  # side by side in a picture for so many they are one only if some camera could see both
    )
    two_windows: int = 8  # ... and for so many they are two
    # In a crowd a picture of one shows the clothes of another as well: where they stand says more.
    likeness_weight: float = 0.4  # benefit of looking the same, at a cosine 0.5 above the others'
    continuity_weight: float = (
        0.0  # benefit of a box where the camera saw them last, and harm of one elsewhere
    )
    found_cost_max: float = 12.0
    learns_cameras: bool = False  # how far each camera is off and strays, from the people it sees
    views_share: float = (
        0.0  # of the cameras that should see somebody; who fewer see is doubted. 0: two suffice
    )
    # Of keypoints: a view in which so many fit says nothing for or against somebody, one with so many more counts 1.
    view_joints_even: float = 3.0
    view_joints_sure: float = 4.0
    view_doubt: float = -0.25  # a view of hardly any
    denial: float = 1.0  # of a camera that should see somebody and does not
    few_views_doubt: float = -0.5
    missed_ns: int = 250 * NS_PER_MS  # unseen for longer, somebody may also be found beside their track ...
    found_at_once_cost_max: float = 4.0  # ... if quite near
