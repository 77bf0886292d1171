# SPDX-License-Identifier: Apache-2.0
"""Where Yosys puts a memory: into block RAM, LUT RAM, or plain logic, and into how many cells.

Yosys' pass ``memory_libmap`` gives each kind of memory cell of a family, in each of its widths, a
cost for the memory at hand, and takes the cheapest, or logic where that costs less. This module
does the same sum for memories with one read port, with register and enable, and at most one write
port: all memories of the layers are such.

References
----------
Yosys 0.70: ``passes/memory/memory_libmap.cc``; ``brams.txt`` and ``lutrams.txt`` of each family.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from xnorflow.hw.families import Device
from xnorflow.hw.primitives import SPRAM_WORDS, spram_cells
from xnorflow.ir import RamStyle

__all__ = ["MappedMemory", "MemoryKind", "MemoryShape", "map_memory"]


class MemoryKind(StrEnum):
    """What a memory is made of."""

    BLOCK = "block"
    DISTRIBUTED = "distributed"
    LOGIC = "logic"
    SPRAM = "spram"


@dataclass(frozen=True, slots=True)
class MemoryShape:
    """A memory with a registered read port.

    Parameters
    ----------
    words, width_bits
        Size.
    written
        Whether it has a write port; else it is a ROM.
    reads_old
        Whether a read in the cycle of a write to the same place must give the old word.
    style
        Where it is to be; block or logic only for ROMs. In SPRAM it is an instance of the cells,
        which synthesis leaves as they are.
    """

    words: int
    width_bits: int
    written: bool = False
    reads_old: bool = False
    style: RamStyle = RamStyle.AUTO

    @property
    def address_bits(self) -> int:
        """Bits of its address."""
        return (self.words - 1).bit_length()


@dataclass(frozen=True, slots=True)
class MappedMemory:
    """What became of a memory.

    Parameters
    ----------
    kind
        What it is made of.
    cells
        Number of cells, in the unit in which the family counts them; 0 for logic.
    banks
        Cells on top of each other, between which the read port selects.
    bypass
        Whether logic beside it gives reads the old word.
    """

    kind: MemoryKind
    cells: int
    banks: int
    bypass: bool = False


@dataclass(frozen=True, slots=True)
class RamCell:
    """A kind of memory cell, in one mode.

    Parameters
    ----------
    kind
        Block or LUT RAM.
    address_bits
        Bits of the address of its narrowest words.
    widths
        Widths of words, each with one address bit less than the one before.
    cost
        What Yosys takes it to cost.
    units
        What one cell counts.
    roms, rams
        Whether it serves memories without, and with, a write port.
    byte_bits
        Bits that have a write enable together; 0 for the whole word.
    reads_old
        Whether a read that meets a write gives the old word.
    width_cost
        Part of the cost that goes by the bits that are used.
    """

    kind: MemoryKind
    address_bits: int
    widths: tuple[int, ...]
    cost: int
    units: int = 1
    roms: bool = True
    rams: bool = True
    byte_bits: int = 9
    reads_old: bool = False
    width_cost: int = 0


@dataclass(frozen=True, slots=True)
class MemoryRules:
    """The cells of a family, and what a bit of a ROM in logic costs beside them."""

    cells: tuple[RamCell, ...]
    rom_bit_cost: float = 1 / 16


BLOCK, DISTRIBUTED = MemoryKind.BLOCK, MemoryKind.DISTRIBUTED

RULES: Mapping[Device, MemoryRules] = MappingProxyType(
    {
        Device.ICE40: MemoryRules((RamCell(BLOCK, 11, (2, 4, 8, 16), 64, byte_bits=1),)),
        Device.ECP5: MemoryRules(
            (
                RamCell(DISTRIBUTED, 4, (4,), 4, roms=False, byte_bits=0, reads_old=True),
                RamCell(BLOCK, 14, (1, 2, 4, 9, 18), 128),
                RamCell(BLOCK, 11, (9, 18, 36), 128),
            )
        ),
        Device.GOWIN: MemoryRules(
            (
                RamCell(
                    DISTRIBUTED,
                    4,
                    (4,),
                    4,
                    roms=False,
                    byte_bits=0,
                    reads_old=True,
                    width_cost=4,
                ),
                RamCell(BLOCK, 14, (1, 2, 4, 9, 18, 36), 128),
            )
        ),
        Device.XC7: MemoryRules(
            (
                *(
                    RamCell(
                        DISTRIBUTED,
                        address_bits,
                        (width,),
                        8,
                        units=1,
                        roms=False,
                        byte_bits=0,
                        reads_old=True,
                        width_cost=width_cost,
                    )
                    for address_bits, width, width_cost in (
                        (5, 6, 7),
                        (6, 3, 7),
                        (5, 4, 8),
                        (6, 2, 8),
                        (7, 1, 8),
                    )
                ),
                RamCell(BLOCK, 14, (1, 2, 4, 9, 18), 129, reads_old=True),
                RamCell(BLOCK, 15, (1, 2, 4, 9, 18, 36), 257, units=2, reads_old=True),
                RamCell(BLOCK, 16, (1, 2, 4, 9), 513, units=4, reads_old=True),
                RamCell(BLOCK, 11, (9, 18, 36), 129, reads_old=True),
                RamCell(BLOCK, 12, (9, 18, 36, 72), 257, units=2, reads_old=True),
            ),
            rom_bit_cost=1 / 64,
        ),
    }
)
"""By family. Block RAM of xc7 is counted in halves of 18 Kbit."""


@functools.lru_cache(maxsize=1 << 16)
def map_memory(memory: MemoryShape, device: Device) -> MappedMemory:
    """What becomes of ``memory`` on ``device``."""
    if memory.style is RamStyle.SPRAM:
        banks = -(-memory.words // SPRAM_WORDS)
        cells = spram_cells(memory.words, memory.width_bits)
        return MappedMemory(MemoryKind.SPRAM, cells, banks)
    rules = RULES[device]
    best, least = MappedMemory(MemoryKind.LOGIC, 0, 1), math.inf
    if memory.style is not RamStyle.BLOCK:
        bit_cost = 1 if memory.written else rules.rom_bit_cost
        least = int(memory.words * memory.width_bits * bit_cost)
    if memory.style is RamStyle.DISTRIBUTED:
        return best
    for cell in rules.cells:
        if memory.style is RamStyle.BLOCK and cell.kind is not BLOCK:
            continue
        if not (cell.rams if memory.written else cell.roms):
            continue
        for index in range(len(cell.widths)):
            cost, mapped = mapping_in(memory, cell, index)
            if cost < least:
                best, least = mapped, int(cost)
    return best


def mapping_in(memory: MemoryShape, cell: RamCell, index: int) -> tuple[float, MappedMemory]:
    """Cost of, and mapping to, words of ``cell.widths[index]`` bits."""
    width = cell.widths[index]
    banks = -(-memory.words // (1 << (cell.address_bits - index)))
    byte_bits = min(cell.byte_bits or width, width) if memory.written else 1
    padded = -(-memory.width_bits // byte_bits) * byte_bits
    cells = -(-banks * padded // width)
    bypass = memory.reads_old and not cell.reads_old
    emulated = 1 + (6 if bypass else 0)
    cost = (cell.cost - cell.width_cost) * cells
    used = cell.width_cost * banks * memory.width_bits / width
    muxes = (banks - 1) * memory.width_bits + (banks if memory.written and banks > 1 else 0)
    total = cost + used + 0.5 * muxes + 2 * emulated
    return total, MappedMemory(cell.kind, cells * cell.units, banks, bypass)
