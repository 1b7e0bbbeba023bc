"""What a shop may know of its floor: dwell by zone, heat maps, ways between zones; of all visits of a day together.

In: FloorTracks, visits opened and closed. Out: one FloorReport a store-day, noisy enough that no visit can be told.
Never: a single visit's way, a link between visits, a stranger or staff; nothing is kept of a visit once it is counted.
"""
