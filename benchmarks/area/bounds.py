# SPDX-License-Identifier: Apache-2.0
"""LUTs that no popcount can go below."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xnorflow.hw.families import Device

__all__ = ["adder_bound", "pin_bound"]

PINS: Mapping[Device, int] = MappingProxyType(
    {Device.ICE40: 4, Device.ECP5: 4, Device.GOWIN: 4, Device.XC7: 7}
)
"""Signals that the place of one LUT takes in from outside its carry chain: the inputs of the LUT,
and on xc7 the pin by which a signal gets past it to the carry chain (``DI`` from ``AX``)."""

BITS_REMOVED: Mapping[Device, int] = MappingProxyType(
    {Device.ICE40: 1, Device.ECP5: 1, Device.GOWIN: 1, Device.XC7: 2}
)
"""Bits that the place of one LUT removes at most: see :func:`adder_bound`."""


def pin_bound(bits: int, constant: bool, device: Device) -> float:
    """LUTs that it takes to read all inputs: true of any circuit.

    Every one of ``n`` bits, and every one of ``n`` run-time weights, can decide the result, so
    each must enter the place of some LUT; such a place takes in :data:`PINS` signals. (On iCE40
    a logic cell whose carry alone is used reads two signals and is not counted as a LUT by
    Yosys: the bound is one on logic cells there.)
    """
    signals = bits if constant else 2 * bits
    return signals / PINS[device]


def adder_bound(bits: int, device: Device) -> float:
    """LUTs of a popcount that adds: true of every compressor tree, not of any circuit.

    A count of ``n`` bits has ``ceil(log2(n + 1))``. All other bits have to go, and adding two bits
    and a carry, which give a sum and a carry, removes one. The place of a LUT adds so much:

    iCE40, ECP5, Gowin
        A LUT of four inputs with its carry cell (half a ``CCU2C``, an ``ALU``) gives one sum
        bit; what passes on is one carry, so its operands add up to 0, 1 or 2. Without a carry
        chain, a full adder is two LUTs, and a counter of four bits three for one bit removed.
    xc7
        The same, but the operands, 0, 1 or 2, may be any function of six inputs. Two places in a
        row that read the same six bits add them, and a carry: seven bits become three. More than
        six bits of one weight cannot be added at one place, since the sum's LUT must see their
        parity. So a place removes at most two; so do ternary adders (three bits become one).
        Two tables of five inputs in a LUT make a 5:3 counter of 1.5 LUTs, which removes less.

    An XNOR with run-time weights may fit into the same LUT (ECP5: with both operands) or not
    (iCE40, whose carry cell reads its operands before the LUT); here it costs nothing.
    """
    removed = bits - bits.bit_length()
    return removed / BITS_REMOVED[device]
