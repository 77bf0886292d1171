# SPDX-License-Identifier: Apache-2.0
"""iCE40HX8K-EVB, by Olimex."""

from __future__ import annotations

from xnorflow.bitstreams.boards.board import Board, Pin
from xnorflow.bitstreams.boards.programmers import ICEPROG, open_fpga_loader
from xnorflow.hw.families import Device

__all__ = ["HX8K_EVB"]

HX8K_EVB = Board(
    name="ice40hx8k-evb",
    title="Olimex iCE40HX8K-EVB",
    device=Device.ICE40,
    part="iCE40HX8K-CT256",
    nextpnr=("--hx8k", "--package", "ct256"),
    packer=(),
    suffix="bin",
    oscillator_hz=100_000_000,
    default_clock_mhz=50.0,
    luts=7680,
    block_rams=32,
    dsps=0,
    clock=Pin("J3"),
    led=Pin("M12"),
    rx=Pin("L11", {"pullup": "yes"}),
    tx=Pin("T16"),
    programmers=(ICEPROG, open_fpga_loader("ice40_generic")),
    source="OLIMEX/iCE40HX8K-EVB: demo/ice40hx8k-evb/ice40hx8k-evb.pcf (clock, LED1), "
    "HARDWARE/REV-B1/iCE40HX8K-EVB_Rev_B1.net (RxD and TxD: pins 3 and 4 of PGM1)",
)
"""The UART is on the programming connector, not on USB: an adapter of 3.3 V goes there."""
