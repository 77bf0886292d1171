# SPDX-License-Identifier: Apache-2.0
"""A memory in SPRAM, which is written through a stream before anything is read."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, ClockSignal, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.primitives import SPRAM_WIDTH_BITS, SPRAM_WORDS, Spram
from xnorflow.hw.streams import WrapCounter

__all__ = ["LoadedMemory", "load_members"]

ADDRESS_BITS = (SPRAM_WORDS - 1).bit_length()


def load_members() -> dict[str, Any]:
    """Members through which weights are loaded."""
    return {"load": In(stream.Signature(SPRAM_WIDTH_BITS)), "loaded": Out(1)}


class LoadedMemory(wiring.Component):
    """Gives one word after the other, over and over, once all have come.

    A word comes in parts of 16 bits, the low one first; what the last one has above the word is
    ignored. SPRAMs side by side hold the parts. One counter has the address of both writes and
    reads: after the last word it is where reading starts.

    **Timing.** A part is taken in every cycle until ``loaded``. ``word`` changes in the cycle after
    ``fetch``, and holds until the next one; ``fetch`` must be low until ``loaded``.

    Parameters
    ----------
    words, width_bits
        Size; 2 words or more.

    Members
    -------
    load : In(stream of 16 bits)
        The words from reset on.
    loaded : Out(1)
        Whether all have come.
    fetch : In(1)
        Whether to read a word.
    word : Out(width_bits)
    """

    def __init__(self, words: int, width_bits: int) -> None:
        super().__init__({**load_members(), "fetch": In(1), "word": Out(width_bits)})
        self._words = words
        self._columns = -(-width_bits // SPRAM_WIDTH_BITS)
        self._banks = -(-words // SPRAM_WORDS)

    def elaborate(self, platform: object) -> Module:
        """Build the memory, its address, and the write side."""
        m = Module()
        address = WrapCounter(self._words, "address")
        part = WrapCounter(self._columns, "part")
        write = Signal()
        m.d.comb += [self.load.ready.eq(~self.loaded), write.eq(self.load.valid & ~self.loaded)]
        with m.If(write):
            m.d.sync += part.step()
        with m.If(self.fetch | (write & part.last)):
            m.d.sync += address.step()
        with m.If(write & part.last & address.last):
            m.d.sync += self.loaded.eq(1)
        m.d.comb += self.word.eq(self._add_rams(m, address.value, part.value, write))
        return m

    def _add_rams(self, m: Module, address: Value, part: Value, write: Signal) -> Value:
        """The SPRAMs; gives the word that they read."""
        words = []
        for bank in range(self._banks):
            here = address[ADDRESS_BITS:] == bank if self._banks > 1 else Const(1)
            parts = []
            for column in range(self._columns):
                writes = write & (part == column) & here
                m.submodules[f"ram_{bank}_{column}"] = ram = Spram()
                m.d.comb += [
                    ram.clk.eq(ClockSignal()),
                    ram.enable.eq((self.fetch & here) | writes),
                    ram.write.eq(writes),
                    ram.address.eq(address[:ADDRESS_BITS]),
                    ram.data.eq(self.load.payload),
                ]
                parts.append(ram.word)
            words.append(Cat(*parts))
        return self._of_bank(m, address[ADDRESS_BITS:], words)

    def _of_bank(self, m: Module, bank: Value, words: list[Value]) -> Value:
        """Of what the banks hold, that of the one that was read."""
        if len(words) == 1:
            return words[0]
        read = Signal(range(self._banks), name="bank", reset_less=True)
        with m.If(self.fetch):
            m.d.sync += read.eq(bank)
        return Array(words)[read]
