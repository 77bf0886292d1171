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

from xnorflow.hw.primitives.cell_netlist import ONE, ZERO, Bit, CellNetlist, hex_constant

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
    netlist: CellNetlist,
    words: Sequence[int],
    width_bits: int,
    clk: Bit,
    enable: Bit,
    address: Sequence[Bit],
) -> list[Bit]:
    """The cells of a ROM; gives the word at the address of two enabled cycles ago."""
    port_bits = ENTRY_BITS if len(words) <= ENTRIES // 2 else ENTRY_BITS // 2
    read: list[Bit] = []
    for first in range(0, width_bits, 2 * port_bits):
        parts = [
            [word >> first + n & (1 << port_bits) - 1 for word in words] for n in (0, port_bits)
        ]
        outputs = netlist.wire(f"read_{first}", 2 * port_bits)
        sides = ("A", outputs[:port_bits]), ("B", outputs[port_bits:])
        pins = [
            port(side, clk, enable, half, address, bits) for half, (side, bits) in enumerate(sides)
        ]
        parameters = contents(parts, port_bits) | modes(port_bits)
        netlist.cell("DP16KD", f"dp16kd_{first}", parameters, pins[0] | pins[1])
        read += outputs
    return read[:width_bits]


def modes(port_bits: int) -> dict[str, str]:
    """Parameters of the cell but for its contents."""
    return {
        "GSR": '"AUTO"',
        "RESETMODE": '"SYNC"',
        **{f"DATA_WIDTH_{side}": str(port_bits) for side in "AB"},
        **{f"REGMODE_{side}": '"OUTREG"' for side in "AB"},
    }


def port(
    side: str, clk: Bit, enable: Bit, half: int, address: Sequence[Bit], output: Sequence[Bit]
) -> dict[str, Bit]:
    """Pins of one port, which reads one ``half`` of the cell."""
    row_bits = (ENTRIES * ENTRY_BITS // len(output) - 1).bit_length() - 1
    row = [*address, *[ZERO] * (row_bits - len(address))]
    whole = [*[ZERO] * (ADDRESS_BITS - row_bits - 1), *row, ONE if half else ZERO]
    low = {f"{name}{side}": ZERO for name in ("WE", "RST")}
    low |= {f"CS{side}{number}": ZERO for number in range(3)}
    return {
        f"CLK{side}": clk,
        f"CE{side}": enable,
        f"OCE{side}": enable,
        **low,
        **{f"AD{side}{number}": bit for number, bit in enumerate(whole)},
        **{f"DO{side}{number}": bit for number, bit in enumerate(output)},
    }


def contents(parts: Sequence[Sequence[int]], port_bits: int) -> dict[str, str]:
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
        values[f"INITVAL_{name:02X}"] = hex_constant(value, ROW_ENTRIES * ENTRY_PITCH_BITS)
    return values
