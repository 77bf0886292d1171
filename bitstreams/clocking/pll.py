# SPDX-License-Identifier: Apache-2.0
"""A setting of a phase-locked loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Pll", "Range", "whole"]

MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class Range:
    """From the least to the largest frequency, in Hz, both allowed."""

    low: Fraction
    high: Fraction

    @classmethod
    def mhz(cls, low: str | int, high: str | int) -> Range:
        """From ``low`` to ``high`` MHz."""
        return cls(Fraction(low) * MEGA, Fraction(high) * MEGA)

    def __contains__(self, hz: object) -> bool:
        return isinstance(hz, int | Fraction) and self.low <= hz <= self.high


@dataclass(frozen=True, slots=True)
class Pll:
    """A setting of a PLL.

    Parameters
    ----------
    output_hz
        Frequency that it gives.
    pfd_hz, vco_hz
        Frequency at its phase detector, and of its oscillator.
    dividers
        Parameters of the family's primitive that set the frequency.
    """

    output_hz: Fraction
    pfd_hz: Fraction
    vco_hz: Fraction
    dividers: Mapping[str, int]


def whole(low: Fraction, high: Fraction, most: int) -> range:
    """Whole numbers of at least 1 from ``low`` to ``high``, and at most ``most``."""
    return range(max(1, -(-low.numerator // low.denominator)), min(most, int(high)) + 1)
