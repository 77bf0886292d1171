# SPDX-License-Identifier: Apache-2.0
"""OrangeCrab r0.2, with each of its FPGAs."""

from __future__ import annotations

from xnorflow.bitstreams.boards.board import Board, Pin
from xnorflow.bitstreams.boards.ecp5_parts import ECP5_PARTS, LVCMOS33, PULLED_UP
from xnorflow.bitstreams.boards.programmers import DFU_UTIL
from xnorflow.hw.families import Device

__all__ = ["ORANGECRAB"]


def orangecrab(size: str) -> Board:
    """The board with the FPGA LFE5U-``size``."""
    part = ECP5_PARTS[f"LFE5U-{size}"]
    return Board(
        name=f"orangecrab-{size.lower()}",
        title=f"OrangeCrab r0.2 with LFE5U-{size}",
        device=Device.ECP5,
        part=f"LFE5U-{size}-8MG285C",
        nextpnr=(part.option, "--package", "CSFBGA285", "--speed", "8"),
        packer=("--compress", "--freq", "38.8"),
        suffix="dfu",
        oscillator_hz=48_000_000,
        default_clock_mhz=48.0,
        luts=part.luts,
        block_rams=part.block_rams,
        dsps=part.dsps,
        clock=Pin("A9", LVCMOS33),
        led=Pin("M3", LVCMOS33, inverted=True),
        rx=Pin("N17", PULLED_UP),
        tx=Pin("M18", LVCMOS33),
        programmers=(DFU_UTIL,),
        source="amaranth-boards orangecrab_r0_2.py (LED: green; pins 0 and 1 of the connector "
        "are RX and TX, as in litex-boards gsd_orangecrab.py)",
        dfu=(0x1209, 0x5AF0),
    )


ORANGECRAB = tuple(orangecrab(size) for size in ("25F", "85F"))
"""The UART is on the connector, not on USB: an adapter of 3.3 V goes to pins 0 and 1."""
