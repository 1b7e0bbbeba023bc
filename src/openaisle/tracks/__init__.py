"""Room 3: who is where, over all cameras, from the gate to the exit.

In: what each camera saw, foreign skeletons, gate taps. Out: people with 3-D joints, visits opened and closed.
Never: a face, a look kept after the visit, or a link from one visit to another.
"""

from openaisle.tracks.floor_tracker import FloorTracker as FloorTracker
from openaisle.tracks.image import ImageTracker as ImageTracker
