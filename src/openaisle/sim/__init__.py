"""A shop made of numbers: shoppers, goods, plates, cameras, and every fault they have.

In: a store and a seed. Out: what real sensors would say, and, kept apart, the truth. Never: truth into the path.
"""
