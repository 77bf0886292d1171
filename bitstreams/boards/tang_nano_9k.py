# SPDX-License-Identifier: Apache-2.0
"""Tang Nano 9K, by Sipeed."""

from __future__ import annotations

from xnorflow.bitstreams.boards.board import Board, Pin
from xnorflow.bitstreams.boards.programmers import open_fpga_loader
from xnorflow.hw.families import Device

__all__ = ["TANG_NANO_9K"]

TANG_NANO_9K = Board(
    name="tang-nano-9k",
    title="Tang Nano 9K",
    device=Device.GOWIN,
    part="GW1NR-LV9QN88PC6/I5",
    nextpnr=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
    packer=("-d", "GW1N-9C"),
    suffix="fs",
    oscillator_hz=27_000_000,
    default_clock_mhz=27.0,
    luts=8640,
    block_rams=26,
    dsps=20,
    clock=Pin("52", {"IO_TYPE": "LVCMOS33"}),
    led=Pin("10", {"IO_TYPE": "LVCMOS18"}, inverted=True),
    rx=Pin("18", {"IO_TYPE": "LVCMOS33", "PULL_MODE": "UP"}),
    tx=Pin("17", {"IO_TYPE": "LVCMOS33", "PULL_MODE": "UP"}),
    programmers=(open_fpga_loader("tangnano9k"),),
    source="amaranth-boards tang_nano_9k.py (LED: the first; its bank has 1.8 V)",
)
