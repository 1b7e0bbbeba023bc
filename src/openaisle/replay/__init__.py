"""Recorded days: written, played again through the path, compared and scored.

In: readings as they arrived, or a recording folder. Out: the same messages again, byte for byte, and their score.
Never: a clock of its own, or truth handed to the path.
"""
