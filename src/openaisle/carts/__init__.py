"""The ledger of goods: which units are in which slot, in whose cart, sold.

In: interactions, visits opened and closed. Out: moves, carts as they change, closed carts, reviews.
Never: a price it was not told, a unit created or destroyed, a charge for what is in doubt.
"""
