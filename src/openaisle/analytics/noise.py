"""Whole-number noise for differential privacy: the discrete Laplace mechanism, sampled exactly.

Canonne, Kamath & Steinke, "The Discrete Gaussian for Differential Privacy" (2020), algorithms 1 and 2: only whole
numbers and fair draws of them, so that no rounding of floats gives anything away (Mironov 2012).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

Below = Callable[[int], int]
"""A fair draw from 0 to n - 1, as `secrets.randbelow`."""


@dataclass(frozen=True)
class Laplace:
    """Noise with P(x) in proportion to exp(-|x| epsilon / sensitivity)."""

    sensitivity: int  # by how much all numbers together can change with one visit
    epsilon: Fraction

    @property
    def sd(self) -> float:
        return math.sqrt(2.0) * self.sensitivity / float(self.epsilon)

    def draw(self, below: Below) -> int:
        rate = self.epsilon / self.sensitivity
        s, t = rate.numerator, rate.denominator
        while True:
            u = below(t)
            if not _happens(Fraction(u, t), below):
                continue
            v = 0
            while _happens(Fraction(1), below):
                v += 1
            size = (u + t * v) // s
            is_negative = below(2) == 1
            if not (is_negative and size == 0):
                return -size if is_negative else size


def _happens(gamma: Fraction, below: Below) -> bool:
    """True with probability exp(-gamma)."""
    while gamma > 1:
        if not _happens(Fraction(1), below):
            return False
        gamma -= 1
    k = 1
    while below(gamma.denominator * k) < gamma.numerator:
        k += 1
    return k % 2 == 1
