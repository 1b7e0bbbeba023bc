"""One file per outside thing: each opens one of the doors in `ports.py`, or turns a foreign format into ours.

In: what the outside speaks. Out: messages, or what a port promises. Never: a decision about a shopper.
"""
