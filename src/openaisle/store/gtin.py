"""Global Trade Item Numbers: the check digit of GTIN-8, -12, -13 and -14 (GS1 General Specifications 7.9)."""

from __future__ import annotations

GTIN_LENGTHS = (8, 12, 13, 14)


def check_digit(payload: str) -> int:
    """Last digit of the GTIN whose other digits are `payload`: weights 3, 1, 3, ... from the right."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(payload)))
    return -total % 10


def with_check_digit(payload: str) -> str:
    """The whole GTIN."""
    return payload + str(check_digit(payload))
