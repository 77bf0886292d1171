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

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value

__all__ = ["xc7_count_seven", "xc7_lut_pair"]

Table = Callable[[Sequence[int]], int]

ZERO = Const(0, 1)
ONE = Const(1, 1)


def xc7_lut_pair(m: Module, name: str, inputs: Sequence[Value], tables: Sequence[Table]) -> Value:
    """Two functions of the same five inputs or fewer, in one LUT.

    Returns
    -------
    Value
        Two bits.
    """
    filled = [*inputs, *[ZERO] * (5 - len(inputs))]
    low, high = (truth(table, len(inputs)) for table in tables)
    return lut6_2(m, name, [*filled, ONE], low | high << 32)


def xc7_count_seven(m: Module, name: str, bits: Sequence[Value], flips: int = 0) -> Value:
    """Number of ones among seven bits: two LUTs and two positions of a carry chain.

    The first position adds the parity of five bits and the sixth, and the seventh as its carry; a
    LUT of six inputs, whose lower half (where the sixth is 0) gives what the carry is if it is not
    passed on, which is the sixth. The second adds half of the number of ones among the five, 0, 1
    or 2: the carry is passed on for 1, and made for 2.

    Parameters
    ----------
    m
        The module.
    name
        Start of the names in it.
    bits
        The seven bits.
    flips
        Which of the first five are complemented, a bit each.

    Returns
    -------
    Value
        Three bits.
    """

    def ones(b: Sequence[int]) -> int:
        return sum(bit ^ (flips >> place & 1) for place, bit in enumerate(b))

    low = lut6_2(m, f"{name}_0", bits[:6], truth(lambda b: ones(b) & 1, 6))
    high = xc7_lut_pair(
        m, f"{name}_1", bits[:5], (lambda b: ones(b) >= 4, lambda b: ones(b) in (2, 3))
    )
    makes, passes = Cat(low[0], high[0]), Cat(low[1], high[1])
    sums, carries = Signal(4, name=f"{name}_sum"), Signal(4, name=f"{name}_carry")
    m.submodules[f"{name}_chain"] = Instance(
        "CARRY4",
        i_CI=ZERO,
        i_CYINIT=bits[6],
        i_S=Cat(passes, Const(0, 2)),
        i_DI=Cat(makes, Const(0, 2)),
        o_O=sums,
        o_CO=carries,
    )
    return Cat(sums[:2], carries[1])


def lut6_2(m: Module, name: str, inputs: Sequence[Value], init: int) -> Value:
    """A LUT: the lower half of its table, and all of it."""
    outputs = Signal(2, name=f"{name}_o")
    m.submodules[name] = Instance(
        "LUT6_2",
        p_INIT=Const(init, 64),
        **{f"i_I{number}": value for number, value in enumerate(inputs)},
        o_O5=outputs[0],
        o_O6=outputs[1],
    )
    return outputs


def truth(table: Table, inputs: int) -> int:
    """The truth table of a function, its first input least significant."""
    rows = (row[::-1] for row in product((0, 1), repeat=inputs))
    return sum(int(table(row)) << number for number, row in enumerate(rows))
