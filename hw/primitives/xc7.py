# SPDX-License-Identifier: Apache-2.0
"""Counters of Xilinx 7 series: ``LUT6_2``, alone and with ``CARRY4``.

References
----------
Xilinx, 7 Series FPGAs Configurable Logic Block User Guide (UG474), "Look-Up Table" and "Carry
Logic"; cell models of Yosys, ``techlibs/xilinx/cells_sim.v``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from xnorflow.hw.primitives.cell_netlist import ONE, ZERO, Bit, CellNetlist, hex_constant

__all__ = ["xc7_count_seven", "xc7_lut_pair"]

Table = Callable[[Sequence[int]], int]


def xc7_lut_pair(
    netlist: CellNetlist, name: str, inputs: Sequence[Bit], tables: Sequence[Table]
) -> list[Bit]:
    """Two functions of the same five inputs or fewer, in one LUT.

    Returns
    -------
    list of str
        Two bits.
    """
    filled = [*inputs, *[ZERO] * (5 - len(inputs))]
    low, high = (truth(table, len(inputs)) for table in tables)
    return lut6_2(netlist, name, [*filled, ONE], low | high << 32)


def xc7_count_seven(
    netlist: CellNetlist, name: str, bits: Sequence[Bit], flips: int = 0
) -> list[Bit]:
    """Number of ones among seven bits: two LUTs and two positions of a carry chain.

    The first position adds the parity of five bits and the sixth, and the seventh as its carry; a
    LUT of six inputs, whose lower half (where the sixth is 0) gives what the carry is if it is not
    passed on, which is the sixth. The second adds half of the number of ones among the five, 0, 1
    or 2: the carry is passed on for 1, and made for 2.

    Parameters
    ----------
    netlist
        Gets the cells.
    name
        Start of their names.
    bits
        The seven bits.
    flips
        Which of the first five are complemented, a bit each.

    Returns
    -------
    list of str
        Three bits.
    """

    def ones(b: Sequence[int]) -> int:
        return sum(bit ^ (flips >> place & 1) for place, bit in enumerate(b))

    low = lut6_2(netlist, f"{name}_0", bits[:6], truth(lambda b: ones(b) & 1, 6))
    high = xc7_lut_pair(
        netlist, f"{name}_1", bits[:5], (lambda b: ones(b) >= 4, lambda b: ones(b) in (2, 3))
    )
    sums, carries = netlist.wire(f"{name}_sum", 4), netlist.wire(f"{name}_carry", 4)
    makes, passes = [low[0], high[0], ZERO, ZERO], [low[1], high[1], ZERO, ZERO]
    pins = {"CI": ZERO, "CYINIT": bits[6], "S": passes, "DI": makes, "O": sums, "CO": carries}
    netlist.cell("CARRY4", f"{name}_chain", {}, pins)
    return [*sums[:2], carries[1]]


def lut6_2(netlist: CellNetlist, name: str, inputs: Sequence[Bit], init: int) -> list[Bit]:
    """A LUT: the lower half of its table, and all of it."""
    outputs = netlist.wire(f"{name}_o", 2)
    pins = {f"I{number}": value for number, value in enumerate(inputs)}
    pins |= {"O5": outputs[0], "O6": outputs[1]}
    netlist.cell("LUT6_2", name, {"INIT": hex_constant(init, 64)}, pins)
    return outputs


def truth(table: Table, inputs: int) -> int:
    """The truth table of a function, its first input least significant."""
    rows = (row[::-1] for row in product((0, 1), repeat=inputs))
    return sum(int(table(row)) << number for number, row in enumerate(rows))
