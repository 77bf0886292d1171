# SPDX-License-Identifier: Apache-2.0
"""Where a board's clock comes from: the oscillator itself, or a PLL behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from xnorflow.bitstreams.boards import Board
from xnorflow.bitstreams.clocking import ecp5, gowin, ice40
from xnorflow.bitstreams.clocking.pll import Pll
from xnorflow.errors import ConfigError
from xnorflow.hw.families import Device

__all__ = ["TOLERANCE", "ClockPlan", "frequencies", "plan_clock"]

TOLERANCE = Fraction(1, 100)
"""How far the clock may be from what was asked for, as a share of it."""

SEARCHES: Mapping[Device, Callable[[int], Iterator[Pll]]] = MappingProxyType(
    {Device.ICE40: ice40.plls, Device.ECP5: ecp5.plls, Device.GOWIN: gowin.plls}
)
"""All settings of a family's PLL for an oscillator, by family."""


@dataclass(frozen=True, slots=True)
class ClockPlan:
    """A clock.

    Parameters
    ----------
    oscillator_hz
        Frequency of the board's oscillator.
    requested_hz
        What was asked for.
    hz
        What it is.
    pll
        How; None if it is the oscillator's own.
    """

    oscillator_hz: int
    requested_hz: Fraction
    hz: Fraction
    pll: Pll | None

    @property
    def mhz(self) -> float:
        """The frequency in MHz."""
        return float(self.hz / 1_000_000)


def plan_clock(board: Board, mhz: float) -> ClockPlan:
    """The clock of ``board`` that is nearest to ``mhz``.

    The oscillator goes straight through where nothing is nearer. Of PLL settings for one
    frequency, the one with the fastest phase detector is taken, which tracks the oscillator best,
    and then the one with the slowest oscillator of its own.

    Raises
    ------
    ConfigError
        If nothing is within :data:`TOLERANCE`; names the nearest frequencies.
    """
    if not 0 < mhz < math.inf:
        raise ConfigError(f"clock_mhz must be positive, not {mhz:g}")
    wanted = Fraction(str(mhz)) * 1_000_000
    settings = list(SEARCHES[board.device](board.oscillator_hz))
    straight = Fraction(board.oscillator_hz)
    best = min(settings, key=lambda pll: preference(pll, wanted))
    if abs(straight - wanted) <= abs(best.output_hz - wanted):
        plan = ClockPlan(board.oscillator_hz, wanted, straight, None)
    else:
        plan = ClockPlan(board.oscillator_hz, wanted, best.output_hz, best)
    if abs(plan.hz - wanted) > TOLERANCE * wanted:
        nearest = neighbours(frequencies(board), wanted)
        raise ConfigError(
            f"{board.title} has no clock within {float(100 * TOLERANCE):g} % of {mhz:g} MHz from "
            f"its {board.oscillator_hz / 1e6:g} MHz; nearest: {nearest}"
        )
    return plan


def frequencies(board: Board) -> set[Fraction]:
    """All clocks that ``board`` can have, in Hz."""
    outputs = {pll.output_hz for pll in SEARCHES[board.device](board.oscillator_hz)}
    return outputs | {Fraction(board.oscillator_hz)}


def preference(pll: Pll, wanted: Fraction) -> tuple[object, ...]:
    """Smaller is better; all settings differ."""
    return abs(pll.output_hz - wanted), -pll.pfd_hz, pll.vco_hz, tuple(pll.dividers.values())


def neighbours(possible: Iterable[Fraction], wanted: Fraction) -> str:
    """The nearest frequencies below and above ``wanted``, in words."""
    below = max((hz for hz in possible if hz < wanted), default=None)
    above = min((hz for hz in possible if hz > wanted), default=None)
    return " and ".join(f"{float(hz) / 1e6:.6g} MHz" for hz in (below, above) if hz is not None)
