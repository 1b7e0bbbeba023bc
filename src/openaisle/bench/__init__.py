"""Every published figure, measured again by a command.

In: a store, seeds and a number of visits. Out: figures with their N, seed and cost. Never: a figure without those.
"""
