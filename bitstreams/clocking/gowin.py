# SPDX-License-Identifier: Apache-2.0
"""The PLL of Gowin's GW1NR-9C: ``rPLL``.

Output = input * (FBDIV_SEL + 1) / (IDIV_SEL + 1); the oscillator runs ODIV_SEL times as fast.
Limits are those of Gowin DS117 for the speed grade C6/I5, as in Apicula's ``gowin_pll``.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from amaranth.hdl import Instance, Signal

from xnorflow.bitstreams.clocking.pll import Pll, Range

__all__ = ["pll_instance", "plls"]

INPUT = Range.mhz(3, 400)
PFD = Range.mhz(3, 400)
VCO = Range.mhz(400, 1200)
OUTPUT = Range.mhz("3.125", 600)
OSCILLATOR_DIVIDERS = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
DEVICE = "GW1NR-9C"


def plls(input_hz: int) -> Iterator[Pll]:
    """All settings for an oscillator of ``input_hz``."""
    if input_hz not in INPUT:
        return
    for idiv in range(64):
        pfd = Fraction(input_hz, idiv + 1)
        if pfd not in PFD:
            continue
        for fbdiv in range(64):
            output = pfd * (fbdiv + 1)
            for odiv in OSCILLATOR_DIVIDERS:
                if output in OUTPUT and output * odiv in VCO:
                    dividers = {"IDIV_SEL": idiv, "FBDIV_SEL": fbdiv, "ODIV_SEL": odiv}
                    yield Pll(output, pfd, output * odiv, dividers)


def pll_instance(
    pll: Pll, source: Signal, clock: Signal, lock: Signal, *, input_hz: int
) -> Instance:
    """The primitive; ``source`` of ``input_hz`` is the oscillator, the rest comes out."""
    return Instance(
        "rPLL",
        *(("p", name, value) for name, value in pll.dividers.items()),
        ("p", "FCLKIN", f"{input_hz / 1e6:g}"),
        ("p", "DEVICE", DEVICE),
        ("p", "CLKFB_SEL", "internal"),
        *(("p", f"DYN_{name}", "false") for name in ("IDIV_SEL", "FBDIV_SEL", "ODIV_SEL", "DA_EN")),
        ("p", "DYN_SDIV_SEL", 2),
        ("p", "PSDA_SEL", "0000"),
        ("p", "DUTYDA_SEL", "1000"),
        ("i", "CLKIN", source),
        *(("i", name, 0) for name in ("CLKFB", "RESET", "RESET_P")),
        *(("i", name, 0) for name in ("FBDSEL", "IDSEL", "ODSEL", "DUTYDA", "PSDA", "FDLY")),
        ("o", "CLKOUT", clock),
        ("o", "LOCK", lock),
    )
