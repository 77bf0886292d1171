# SPDX-License-Identifier: Apache-2.0
"""ROMs out of ``DP16KD``, ECP5's block RAM, with its output registers.

Both ports read: port A one part of a word, port B the other part, from the upper half of the
cell.

References
----------
Lattice, ECP5 and ECP5-5G Memory Usage Guide (FPGA-TN-02204); how Yosys fills the cells,
``techlibs/lattice/brams_map_16kd.v``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value

__all__ = ["MOST_WORDS", "ecp5_rom"]

MOST_WORDS = 1024
"""Longest ROM: of ports narrower than nine bits, one bit in nine would be lost."""

ADDRESS_BITS = 14
ENTRY_BITS = 18
ENTRIES = 1024
"""The contents as the parameters of the cell see them."""
ROW_ENTRIES = 16
ENTRY_PITCH_BITS = 20
"""Entries of a parameter, and the distance from one to the next."""


def ecp5_rom(
    m: Module, words: Sequence[int], width_bits: int, clk: Value, enable: Value, address: Value
) -> Value:
    """The cells of a ROM in ``m``; gives the word at the address of two enabled cycles ago."""
    port_bits = ENTRY_BITS if len(words) <= ENTRIES // 2 else ENTRY_BITS // 2
    read: list[Value] = []
    for first in range(0, width_bits, 2 * port_bits):
        parts = [
            [word >> first + n & (1 << port_bits) - 1 for word in words] for n in (0, port_bits)
        ]
        outputs = Signal(2 * port_bits, name=f"read_{first}")
        m.submodules[f"dp16kd_{first}"] = Instance(
            "DP16KD",
            **contents(parts, port_bits),
            **modes(port_bits),
            **port("A", clk, enable, 0, address, outputs[:port_bits]),
            **port("B", clk, enable, 1, address, outputs[port_bits:]),
        )
        read.append(outputs)
    return Cat(*read)[:width_bits]


def modes(port_bits: int) -> dict[str, Any]:
    """Parameters of the cell but for its contents."""
    return {
        "p_GSR": "AUTO",
        "p_RESETMODE": "SYNC",
        **{f"p_DATA_WIDTH_{side}": port_bits for side in "AB"},
        **{f"p_REGMODE_{side}": "OUTREG" for side in "AB"},
    }


def port(
    side: str, clk: Value, enable: Value, half: int, address: Value, output: Value
) -> dict[str, Any]:
    """Pins of one port, which reads one ``half`` of the cell."""
    width = len(output)
    row = Cat(
        address, Const(0, (ENTRIES * ENTRY_BITS // width - 1).bit_length() - 1 - len(address))
    )
    whole = Cat(Const(0, ADDRESS_BITS - len(row) - 1), row, Const(half, 1))
    low = {f"i_{name}{side}": Const(0, 1) for name in ("WE", "RST")}
    low |= {f"i_CS{side}{number}": Const(0, 1) for number in range(3)}
    return {
        f"i_CLK{side}": clk,
        f"i_CE{side}": enable,
        f"i_OCE{side}": enable,
        **low,
        **{f"i_AD{side}{bit}": whole[bit] for bit in range(ADDRESS_BITS)},
        **{f"o_DO{side}{bit}": output[bit] for bit in range(width)},
    }


def contents(parts: Sequence[Sequence[int]], port_bits: int) -> dict[str, Const]:
    """Parameters with the rows of both halves of the cell."""
    rows = ENTRIES * ENTRY_BITS // port_bits
    cell = sum(
        row << port_bits * (half * rows // 2 + number)
        for half, part in enumerate(parts)
        for number, row in enumerate(part)
    )
    values = {}
    for name in range(ENTRIES // ROW_ENTRIES):
        value = sum(
            (cell >> ENTRY_BITS * (ROW_ENTRIES * name + entry) & (1 << ENTRY_BITS) - 1)
            << ENTRY_PITCH_BITS * entry
            for entry in range(ROW_ENTRIES)
        )
        values[f"p_INITVAL_{name:02X}"] = Const(value, ROW_ENTRIES * ENTRY_PITCH_BITS)
    return values
