"""What a shopper owes: closed carts priced and taxed.

In: closed carts with the price of each unit as it was when picked up. Out: receipts, in integer minor units.
Never: a charge for what the cart does not hold, a float of money, a second receipt of another number for one visit.
"""
