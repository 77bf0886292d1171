# SPDX-License-Identifier: Apache-2.0
"""The PLL of iCE40: ``SB_PLL40_CORE``, or ``SB_PLL40_PAD`` where the oscillator is at its pad.

Feedback is SIMPLE: output = input / (DIVR + 1) * (DIVF + 1) / 2**DIVQ. Limits are those of Lattice
FPGA-TN-02052 and of IceStorm's ``icepll``, which found DIVF to go to 127 in this mode.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from amaranth.hdl import Instance, Signal

from xnorflow.bitstreams.clocking.pll import Pll, Range, whole

__all__ = ["pll_instance", "plls"]

INPUT = Range.mhz(10, 133)
PFD = Range.mhz(10, 133)
VCO = Range.mhz(533, 1066)
OUTPUT = Range.mhz(16, 275)
FILTER_BOUNDS_MHZ = (17, 26, 44, 66, 101)
"""Phase detector's frequency at which the next setting of the loop filter begins, from 1 on."""


def plls(input_hz: int) -> Iterator[Pll]:
    """All settings for an oscillator of ``input_hz``."""
    if input_hz not in INPUT:
        return
    for divr in range(16):
        pfd = Fraction(input_hz, divr + 1)
        if pfd not in PFD:
            continue
        for factor in whole(VCO.low / pfd, VCO.high / pfd, 128):
            for divq in range(1, 7):
                output = pfd * factor / 2**divq
                if output in OUTPUT:
                    dividers = {
                        "DIVR": divr,
                        "DIVF": factor - 1,
                        "DIVQ": divq,
                        "FILTER_RANGE": filter_range(pfd),
                    }
                    yield Pll(output, pfd, pfd * factor, dividers)


def filter_range(pfd_hz: Fraction) -> int:
    """Setting of the loop filter."""
    return 1 + sum(pfd_hz >= bound * 1_000_000 for bound in FILTER_BOUNDS_MHZ)


def pll_instance(
    pll: Pll, source: Signal, clock: Signal, lock: Signal, *, at_pad: bool
) -> Instance:
    """The primitive.

    Parameters
    ----------
    source
        The oscillator: a port of the top module if ``at_pad``.
    clock, lock
        What comes out.
    at_pad
        Whether the oscillator's pin is the PLL's own.
    """
    return Instance(
        "SB_PLL40_PAD" if at_pad else "SB_PLL40_CORE",
        ("p", "FEEDBACK_PATH", "SIMPLE"),
        *(("p", name, value) for name, value in pll.dividers.items()),
        ("i", "PACKAGEPIN" if at_pad else "REFERENCECLK", source),
        ("i", "RESETB", 1),
        ("i", "BYPASS", 0),
        ("o", "PLLOUTGLOBAL", clock),
        ("o", "LOCK", lock),
    )
