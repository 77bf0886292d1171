# SPDX-License-Identifier: Apache-2.0
"""iCEBreaker, by 1BitSquared."""

from __future__ import annotations

from xnorflow.bitstreams.boards.board import Board, Pin
from xnorflow.bitstreams.boards.programmers import ICEPROG, ICEPROG_SRAM, open_fpga_loader
from xnorflow.hw.families import Device

__all__ = ["ICEBREAKER"]

ICEBREAKER = Board(
    name="icebreaker",
    title="iCEBreaker",
    device=Device.ICE40,
    part="iCE40UP5K-SG48",
    nextpnr=("--up5k", "--package", "sg48"),
    packer=(),
    suffix="bin",
    oscillator_hz=12_000_000,
    default_clock_mhz=24.0,
    luts=5280,
    block_rams=30,
    dsps=8,
    clock=Pin("35"),
    led=Pin("37", inverted=True),
    rx=Pin("6", {"pullup": "yes"}),
    tx=Pin("9"),
    programmers=(ICEPROG, open_fpga_loader("ice40_generic")),
    source=(
        "amaranth-boards icebreaker.py (LED: the green one); SPI: hardware/v1.0e of "
        "icebreaker-fpga/icebreaker"
    ),
    pll_at_pad=True,
    spi={
        "sck": Pin("15"),
        "cs_n": Pin("16", {"pullup": "yes"}),
        "copi": Pin("17"),
        "cipo": Pin("14"),
    },
    spi_programmers=(ICEPROG_SRAM,),
    sprams=4,
)
"""Pin 35 is the pad of the only PLL. The SPI is that of configuration, its controller channel A of
the FTDI chip: jumpers J15 and J16 are turned, J18 is open (``docs/howto/host-link.md``)."""
