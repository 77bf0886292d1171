# SPDX-License-Identifier: Apache-2.0
"""What the beats of a FIFO are kept in on an FPGA family."""

from __future__ import annotations

from enum import StrEnum

from xnorflow.hw.families import Device
from xnorflow.hw.memory_mapping import MemoryKind, MemoryShape, map_memory
from xnorflow.hw.passes.insert_fifos import LEAST_FIFO_DEPTH
from xnorflow.ir import Fifo, StreamType

__all__ = ["FifoStorage", "fifo_storage"]


class FifoStorage(StrEnum):
    """Where beats wait."""

    REGISTERS = "registers"
    LUT_RAM = "LUT RAM"
    BLOCK_RAM = "block RAM"


STORAGES = {
    MemoryKind.BLOCK: FifoStorage.BLOCK_RAM,
    MemoryKind.DISTRIBUTED: FifoStorage.LUT_RAM,
    MemoryKind.LOGIC: FifoStorage.REGISTERS,
}


def fifo_storage(node: Fifo, source: StreamType, device: Device) -> FifoStorage:
    """What ``node`` becomes on ``device``: synthesis takes the cheapest for its size.

    Two beats are registers. Of more, all but the one in the output register are in a memory.
    """
    if node.depth_beats == LEAST_FIFO_DEPTH:
        return FifoStorage.REGISTERS
    shape = MemoryShape(node.depth_beats - 1, source.width_bits, written=True, reads_old=True)
    return STORAGES[map_memory(shape, device).kind]
