# SPDX-License-Identifier: Apache-2.0
"""A bit that goes along with a pipeline."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value

__all__ = ["delayed_bit"]


def delayed_bit(m: Module, bit: Value, cycles: int, *, enable: Value, name: str) -> Value:
    """``bit`` as it was ``cycles`` enabled cycles ago, 0 before the first of them.

    Parameters
    ----------
    m
        Module to which the registers are added, in domain ``sync``.
    bit
        One bit.
    cycles
        Number of registers, 0 or more.
    enable
        Whether the pipeline moves in this cycle.
    name
        Name of the registers.
    """
    if cycles == 0:
        return bit
    passed = Signal(cycles, name=name)
    with m.If(enable):
        m.d.sync += passed.eq(Cat(bit, passed)[:cycles])
    return passed[-1]
