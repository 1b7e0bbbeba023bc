"""Room 3: who is where, over all cameras, from the gate to the exit.

In: what each camera saw, foreign skeletons, gate taps. Out: people with 3-D joints, visits opened and closed.
As a library: `FloorTracker`, places on the floor from boxes or keypoints of calibrated cameras.
Never: a face, a look kept after the visit, or a link from one visit to another.
"""

from openaisle.tracks.floor_tracker import FloorTracker

__all__ = ["FloorTracker"]
