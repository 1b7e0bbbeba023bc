"""The described shop: plan, cameras, shelves, plates, products, prices.

In: a store folder. Out: one frozen, checked `Store`. Never: half a store; every problem is named at once.
"""
