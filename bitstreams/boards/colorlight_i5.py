# SPDX-License-Identifier: Apache-2.0
"""Colorlight i5 v7.0, in Muse Lab's extension board."""

from __future__ import annotations

from xnorflow.bitstreams.boards.board import Board, Pin
from xnorflow.bitstreams.boards.ecp5_parts import ECP5_PARTS, LVCMOS33, PULLED_UP
from xnorflow.bitstreams.boards.programmers import ECPDAP, open_fpga_loader
from xnorflow.hw.families import Device

__all__ = ["COLORLIGHT_I5"]

PART = ECP5_PARTS["LFE5U-25F"]

COLORLIGHT_I5 = Board(
    name="colorlight-i5",
    title="Colorlight i5 v7.0 with its extension board",
    device=Device.ECP5,
    part="LFE5U-25F-6BG381C",
    nextpnr=(PART.option, "--package", "CABGA381", "--speed", "6"),
    packer=("--compress",),
    suffix="bit",
    oscillator_hz=25_000_000,
    default_clock_mhz=50.0,
    luts=PART.luts,
    block_rams=PART.block_rams,
    dsps=PART.dsps,
    clock=Pin("P3", LVCMOS33),
    led=Pin("U16", LVCMOS33, inverted=True),
    rx=Pin("H18", PULLED_UP),
    tx=Pin("J17", LVCMOS33),
    programmers=(open_fpga_loader("colorlight-i5"), ECPDAP),
    source="wuxx/Colorlight-FPGA-Projects README.md and src/i5/uart_tx/top.lpf; "
    "litex-boards colorlight_i5.py (LED lit by 0)",
)
"""The UART goes through the extension board's USB adapter."""
