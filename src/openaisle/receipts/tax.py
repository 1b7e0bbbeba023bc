"""Sales tax in whole minor units.

Tax is worked out once for each tax class on the sum of its lines and rounded half up there (EN 16931, BR-CO-17:
the VAT category tax amount is the taxable amount times the rate, rounded to the digits of the currency). What a line
shows is its share of that, so the lines of a class always add up to the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor


def tax_minor(total_minor: int, rate: float, *, is_included: bool) -> int:
    """Tax in, or on top of, the sum of one class. `rate` is taken as the decimal fraction it is written as."""
    exact_rate = Fraction(str(rate))
    exact = total_minor * exact_rate / (1 + exact_rate) if is_included else total_minor * exact_rate
    return round_half_up(exact)


def round_half_up(amount: Fraction) -> int:
    """The nearest integer; of two equally near the larger."""
    return floor(amount + Fraction(1, 2))


def shares_minor(whole_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to `weights` by largest remainder; earlier entries win ties."""
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    shares = [whole_minor * weight // total for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda index: (-(whole_minor * weights[index] % total), index)
    )
    for index in by_remainder[: whole_minor - sum(shares)]:
        shares[index] += 1
    return shares
