# SPDX-License-Identifier: Apache-2.0
"""The large single-port RAM of iCE40 UltraPlus."""

from __future__ import annotations

from collections.abc import Hashable

from amaranth.hdl import ClockDomain, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from xnorflow.hw.primitives.cell_netlist import ONE, ZERO, CellNetlist, port_bits
from xnorflow.hw.primitives.library import CellLibrary, elaborate_cell

__all__ = ["SPRAM_WIDTH_BITS", "SPRAM_WORDS", "Spram", "spram_cells"]

SPRAM_WORDS = 16384
SPRAM_WIDTH_BITS = 16
"""Size of the RAM, which has no other shape."""

WRITE_MASK_BITS = 4


def spram_cells(words: int, width_bits: int) -> int:
    """Cells of a memory: side by side for its width, on top of each other for its depth.

    Examples
    --------
    >>> spram_cells(16384, 16), spram_cells(16385, 24)
    (1, 4)
    """
    return -(-words // SPRAM_WORDS) * -(-width_bits // SPRAM_WIDTH_BITS)


class Spram(wiring.Component):
    """16,384 words of 16 bits, one access a cycle: ``SB_SPRAM256KA``.

    Its contents are unknown until they are written.

    **Timing.** With ``enable`` and not ``write``, ``word`` is the word at ``address`` from the
    next cycle on, until the next cycle with ``enable``. After a write it is unknown.

    Members
    -------
    clk : In(1)
        The clock of the domain ``sync``, for the module that the RAM becomes.
    enable : In(1)
        Whether there is an access.
    write : In(1)
        Whether it is a write.
    address : In(14)
    data : In(16)
        To be written.
    word : Out(16)

    References
    ----------
    Lattice, iCE40 SPRAM Usage Guide (FPGA-TN-02022); Yosys, ``techlibs/ice40/spram.txt``: a port
    with clock enable, whose output does not change without it.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "clk": In(1),
                "enable": In(1),
                "write": In(1),
                "address": In(range(SPRAM_WORDS)),
                "data": In(SPRAM_WIDTH_BITS),
                "word": Out(SPRAM_WIDTH_BITS),
            }
        )

    @property
    def kind(self) -> str:
        """Name of the module, without a number."""
        return "spram"

    @property
    def key(self) -> Hashable:
        """All are alike."""
        return ()

    def elaborate(self, platform: object) -> Module | Instance:
        """Build the RAM, in the domain of its user or as a module."""
        return elaborate_cell(self, platform) if isinstance(platform, CellLibrary) else self._ram()

    def behaviour(self) -> Module:
        """A memory, by the clock that comes."""
        m = self._ram()
        m.domains.sync = clock = ClockDomain(reset_less=True)
        m.d.comb += clock.clk.eq(self.clk)
        return m

    def _ram(self) -> Module:
        """A memory with a port for each direction."""
        m = Module()
        m.submodules.words = memory = Memory(shape=SPRAM_WIDTH_BITS, depth=SPRAM_WORDS, init=[])
        reading, writing = memory.read_port(), memory.write_port()
        m.d.comb += [
            reading.addr.eq(self.address),
            reading.en.eq(self.enable & ~self.write),
            writing.addr.eq(self.address),
            writing.en.eq(self.enable & self.write),
            writing.data.eq(self.data),
            self.word.eq(reading.data),
        ]
        return m

    def native(self) -> CellNetlist:
        """The primitive, always awake."""
        netlist = CellNetlist(self.signature)
        read = netlist.wire("read", SPRAM_WIDTH_BITS)
        pins = {
            "CLOCK": "clk",
            "CHIPSELECT": "enable",
            "WREN": "write",
            "MASKWREN": [ONE] * WRITE_MASK_BITS,
            "ADDRESS": port_bits(self.signature, "address"),
            "DATAIN": port_bits(self.signature, "data"),
            "DATAOUT": read,
            "STANDBY": ZERO,
            "SLEEP": ZERO,
            "POWEROFF": ONE,  # active low
        }
        netlist.cell("SB_SPRAM256KA", "spram", {}, pins)
        netlist.output("word", read)
        return netlist
