# SPDX-License-Identifier: Apache-2.0
"""ROMs in block RAM with its output register, which synthesis by Yosys does not make use of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from amaranth.hdl import ClockDomain, Instance, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from xnorflow.hw.primitives.cell_netlist import CellNetlist, port_bits
from xnorflow.hw.primitives.ecp5_rom import ecp5_rom
from xnorflow.hw.primitives.library import CellLibrary, elaborate_cell

__all__ = ["RegisteredRom"]


class RegisteredRom(wiring.Component):
    """``word`` is the word at the ``address`` of two enabled cycles ago, on ECP5.

    Parameters
    ----------
    words
        The contents, at most :data:`~xnorflow.hw.primitives.ecp5_rom.MOST_WORDS`.
    width_bits
        Bits of a word.

    Members
    -------
    clk : In(1)
        The clock of the domain ``sync``, for the module that the ROM becomes.
    enable : In(1)
    address : In(range(len(words)))
    word : Out(width_bits)
    """

    def __init__(self, words: Sequence[int], width_bits: int) -> None:
        super().__init__(
            {
                "clk": In(1),
                "enable": In(1),
                "address": In(range(len(words))),
                "word": Out(width_bits),
            }
        )
        self._words = tuple(words)
        self._width_bits = width_bits

    @property
    def kind(self) -> str:
        """Name of the module, without a number."""
        return "ecp5_registered_rom"

    @property
    def key(self) -> Hashable:
        """What tells it from others."""
        return self._words, self._width_bits

    def elaborate(self, platform: object) -> Module | Instance:
        """Build the ROM, in the domain of its user or as a module."""
        return elaborate_cell(self, platform) if isinstance(platform, CellLibrary) else self._rom()

    def behaviour(self) -> Module:
        """A memory and a register, by the clock that comes."""
        m = self._rom()
        m.domains.sync = clock = ClockDomain(reset_less=True)
        m.d.comb += clock.clk.eq(self.clk)
        return m

    def _rom(self) -> Module:
        m = Module()
        m.submodules.words = memory = Memory(
            shape=unsigned(self._width_bits), depth=len(self._words), init=self._words
        )
        port = memory.read_port()
        register = Signal(self._width_bits, reset_less=True)
        m.d.comb += [
            port.addr.eq(self.address),
            port.en.eq(self.enable),
            self.word.eq(register),
        ]
        with m.If(self.enable):
            m.d.sync += register.eq(port.data)
        return m

    def native(self) -> CellNetlist:
        """Block RAMs side by side."""
        netlist = CellNetlist(self.signature)
        address = port_bits(self.signature, "address")
        read = ecp5_rom(netlist, self._words, self._width_bits, "clk", "enable", address)
        netlist.output("word", read)
        return netlist
