# SPDX-License-Identifier: Apache-2.0
"""The PLL of ECP5: ``EHXPLLL``.

CLKOP closes the loop, CLKOS gives the clock: output = input / CLKI_DIV * CLKFB_DIV * CLKOP_DIV /
CLKOS_DIV. Limits are those of Lattice FPGA-DS-02012 as LiteX and Trellis' ``ecppll`` have them, the
stricter where they differ: LiteX begins at 10 MHz at the phase detector, ``ecppll`` at 3.125 MHz,
and only ``ecppll`` ends at a feedback divider of 80.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from amaranth.hdl import Instance, Signal

from xnorflow.bitstreams.clocking.pll import Pll, Range, whole

__all__ = ["PLL_ATTRIBUTES", "pll_instance", "plls"]

INPUT = Range.mhz(8, 400)
PFD = Range.mhz(10, 400)
VCO = Range.mhz(400, 800)
OUTPUT = Range.mhz("3.125", 400)
DIVIDER = 128
FEEDBACK_DIVIDER = 80

PLL_ATTRIBUTES = {
    "ICP_CURRENT": "12",
    "LPF_RESISTOR": "8",
    "MFG_ENABLE_FILTEROPAMP": "1",
    "MFG_GMCREF_SEL": "2",
}
"""Settings of the analogue part that Trellis' ``ecppll`` gives every PLL."""


def plls(input_hz: int) -> Iterator[Pll]:
    """All settings for an oscillator of ``input_hz``."""
    if input_hz not in INPUT:
        return
    for clki in range(1, DIVIDER + 1):
        pfd = Fraction(input_hz, clki)
        if pfd not in PFD:
            continue
        for clkfb in range(1, FEEDBACK_DIVIDER + 1):
            if pfd * clkfb not in OUTPUT:
                continue
            for clkop in whole(VCO.low / pfd / clkfb, VCO.high / pfd / clkfb, DIVIDER):
                vco = pfd * clkfb * clkop
                for clkos in whole(vco / OUTPUT.high, vco / OUTPUT.low, DIVIDER):
                    dividers = {
                        "CLKI_DIV": clki,
                        "CLKFB_DIV": clkfb,
                        "CLKOP_DIV": clkop,
                        "CLKOS_DIV": clkos,
                    }
                    yield Pll(vco / clkos, pfd, vco, dividers)


def pll_instance(pll: Pll, source: Signal, clock: Signal, lock: Signal) -> Instance:
    """The primitive; ``source`` is the oscillator, ``clock`` and ``lock`` come out."""
    loop = Signal(name="pll_loop")
    return Instance(
        "EHXPLLL",
        *(("p", name, value) for name, value in pll.dividers.items()),
        ("p", "CLKOP_CPHASE", pll.dividers["CLKOP_DIV"] - 1),
        ("p", "CLKOS_CPHASE", pll.dividers["CLKOS_DIV"] - 1),
        ("p", "CLKOP_FPHASE", 0),
        ("p", "CLKOS_FPHASE", 0),
        ("p", "CLKOP_ENABLE", "ENABLED"),
        ("p", "CLKOS_ENABLE", "ENABLED"),
        ("p", "FEEDBK_PATH", "CLKOP"),
        *(("p", name, "DISABLED") for name in DISABLED),
        ("i", "CLKI", source),
        ("i", "CLKFB", loop),
        *(("i", name, 0) for name in HELD_LOW),
        *(("i", name, 1) for name in HELD_HIGH),
        ("o", "CLKOP", loop),
        ("o", "CLKOS", clock),
        ("o", "LOCK", lock),
    )


DISABLED = ("PLLRST_ENA", "INTFB_WAKE", "STDBY_ENABLE", "DPHASE_SOURCE")
HELD_LOW = ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PLLWAKESYNC", "ENCLKOP", "ENCLKOS")
HELD_HIGH = ("PHASEDIR", "PHASESTEP", "PHASELOADREG")
"""Functions that are not used, and the inputs of these."""
