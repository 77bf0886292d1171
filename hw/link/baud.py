# SPDX-License-Identifier: Apache-2.0
"""Bit times of a UART in clock cycles."""

from __future__ import annotations

from xnorflow.errors import ConfigError

__all__ = ["DEFAULT_BAUD", "MAX_DEVIATION", "cycles_per_bit"]

DEFAULT_BAUD = 1_000_000

MAX_DEVIATION = 0.02
"""Largest deviation of the bit rate that the clock makes from the one that is asked for."""

MIN_CYCLES = 4
"""Fewest cycles of a bit: its middle is then hit to an eighth of a bit."""


def cycles_per_bit(clock_hz: float, baud: int) -> int:
    """Clock cycles of a bit at ``baud`` bits a second.

    Raises
    ------
    ConfigError
        If the clock makes no such rate within :data:`MAX_DEVIATION`.

    Examples
    --------
    >>> cycles_per_bit(12e6, 115_200)
    104
    """
    if not (clock_hz > 0 and baud > 0):
        raise ConfigError(f"clock_hz and baud must be positive, not {clock_hz:g} and {baud}")
    cycles = max(MIN_CYCLES, round(clock_hz / baud))
    deviation = clock_hz / (cycles * baud) - 1
    if abs(deviation) > MAX_DEVIATION:
        raise ConfigError(
            f"baud must be a rate that a clock of {clock_hz / 1e6:g} MHz makes within "
            f"{100 * MAX_DEVIATION:g} %, not {baud}: the nearest is {clock_hz / cycles:.0f} "
            f"({cycles} cycles a bit)"
        )
    return cycles
