# SPDX-License-Identifier: Apache-2.0
"""ULX3S, by Radiona, with each of its FPGAs."""

from __future__ import annotations

from xnorflow.bitstreams.boards.board import Board, Pin
from xnorflow.bitstreams.boards.ecp5_parts import ECP5_PARTS, LVCMOS33, PULLED_UP
from xnorflow.bitstreams.boards.programmers import open_fpga_loader
from xnorflow.hw.families import Device

__all__ = ["ULX3S"]


def ulx3s(size: str) -> Board:
    """The board with the FPGA LFE5U-``size``."""
    part = ECP5_PARTS[f"LFE5U-{size}"]
    return Board(
        name=f"ulx3s-{size.lower()}",
        title=f"ULX3S with LFE5U-{size}",
        device=Device.ECP5,
        part=f"LFE5U-{size}-6BG381C",
        nextpnr=(part.option, "--package", "CABGA381", "--speed", "6"),
        packer=("--compress",),
        suffix="bit",
        oscillator_hz=25_000_000,
        default_clock_mhz=50.0,
        luts=part.luts,
        block_rams=part.block_rams,
        dsps=part.dsps,
        clock=Pin("G2", LVCMOS33),
        led=Pin("B2", {**LVCMOS33, "DRIVE": "4"}),
        rx=Pin("M1", PULLED_UP),
        tx=Pin("L4", LVCMOS33),
        programmers=(open_fpga_loader("ulx3s"),),
        source="amaranth-boards ulx3s.py (LED: the first; wifi_gpio0: gpio0 of the ESP32)",
        held_high={"wifi_gpio0": Pin("L2", PULLED_UP)},
    )


ULX3S = tuple(ulx3s(size) for size in ("12F", "25F", "45F", "85F"))
"""The ESP32 on the board reboots it unless its GPIO0 is 1."""
