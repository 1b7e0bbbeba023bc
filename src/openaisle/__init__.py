"""OpenAisle: a checkout-free store whose receipts are right.

What comes in: camera frames, shelf weights and gate taps.
What goes out: carts, receipts and charges.
What it never does: charge a shopper for what they did not take.
"""

__version__ = "0.1.0"
