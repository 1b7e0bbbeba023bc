"""Who took or returned what: weight steps and arms, weighed against each other.

In: WeightStep, FloorTracks, visits, what each visit carries. Out: Interaction, at once, then revised.
Never: money, cameras, a charge; what nothing we know explains is UNEXPLAINED and stays so.
"""
