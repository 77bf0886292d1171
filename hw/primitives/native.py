# SPDX-License-Identifier: Apache-2.0
"""Carry chains out of the cells of each family."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from xnorflow.hw.families import Device
from xnorflow.hw.primitives.carry_chain import Position
from xnorflow.hw.primitives.cell_netlist import Bit, CellNetlist
from xnorflow.hw.primitives.ecp5 import ecp5_chain
from xnorflow.hw.primitives.gowin import gowin_chain
from xnorflow.hw.primitives.ice40 import ice40_chain

__all__ = ["CHAIN_DEVICES", "absorbs", "build_native"]

Builder = Callable[[CellNetlist, str, Sequence[Position]], list[Bit]]

BUILDERS: Mapping[Device, Builder] = MappingProxyType(
    {
        Device.ICE40: ice40_chain,
        Device.ECP5: ecp5_chain,
        Device.GOWIN: gowin_chain,
    }
)

CHAIN_DEVICES = frozenset(BUILDERS)
"""Families whose carry chains pay for narrow adders."""

ABSORBS: Mapping[Device, frozenset[str]] = MappingProxyType(
    {
        # The carry cell sees the operands as they come; the lookup table has an input to spare.
        Device.ICE40: frozenset("s"),
        # The carry is made of two of the table's four inputs.
        Device.ECP5: frozenset("abc"),
        # ALU_MODE 2 adds or subtracts, by a fourth input; where an adder starts there is none.
        Device.GOWIN: frozenset("b"),
    }
)


def absorbs(device: Device) -> frozenset[str]:
    """Operands (``a``, ``b``, ``c``) or result (``s``) that a chain complements at no cost."""
    return ABSORBS[device]


def build_native(
    netlist: CellNetlist, device: Device, name: str, chain: Sequence[Position]
) -> list[Bit]:
    """The cells of ``chain`` in ``netlist``, with names that start with ``name``.

    Returns
    -------
    list of str
        The sum of every position.
    """
    return BUILDERS[device](netlist, name, chain)
