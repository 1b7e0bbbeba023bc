"""The words every room shares: messages, geometry, units, errors.

In: nothing. Out: types and pure functions. Never: I/O, clocks, randomness, knowledge of one room.
"""
