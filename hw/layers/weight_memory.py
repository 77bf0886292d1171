# SPDX-License-Identifier: Apache-2.0
"""The weights of a unit, in the order in which it wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from amaranth.hdl import ClockSignal, Module, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from xnorflow.hw.layers.loaded_memory import LoadedMemory, load_members
from xnorflow.hw.memory_mapping import MemoryKind, MemoryShape, map_memory
from xnorflow.hw.popcount import stored_matches
from xnorflow.hw.primitives import MOST_WORDS, RegisteredRom, spram_cells
from xnorflow.hw.streams import WrapCounter
from xnorflow.ir import MVAU, VVAU, DataType, Device, RamStyle, SparseMVAU

__all__ = [
    "WeightMemory",
    "has_output_register",
    "is_loaded",
    "pack_words",
    "stored_type",
    "stored_weights",
    "weight_sprams",
    "weight_word_bits",
    "weight_word_count",
    "weight_words",
]

RAM_STYLE_ATTRIBUTES: Mapping[RamStyle, Mapping[str, str]] = MappingProxyType(
    {
        RamStyle.AUTO: {},
        RamStyle.BLOCK: {"ram_style": "block"},
        # A memory without a write port in LUTs is plain logic: LUT RAM is for the others, and
        # Yosys finds no mapping for "distributed" here.
        RamStyle.DISTRIBUTED: {"ram_style": "logic"},
    }
)
"""Attributes that tell synthesis where to keep the weights."""


def pack_words(codes: NDArray[Any], width_bits: int) -> list[int]:
    """Memory words from rows of codes, the first code of a row least significant.

    Parameters
    ----------
    codes
        Shape ``(words, codes per word)``, unsigned.
    width_bits
        Bits of a code.

    Examples
    --------
    >>> [hex(word) for word in pack_words(np.array([[1, 2], [3, 0]]), 4)]
    ['0x21', '0x3']
    """
    words = codes.shape[0]
    bits = (codes.astype(np.uint64)[..., None] >> np.arange(width_bits, dtype=np.uint64)) & 1
    packed = np.packbits(bits.astype(np.uint8).reshape(words, -1), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def stored_type(node: MVAU | VVAU) -> DataType:
    """Type in which the weights of ``node`` are stored and multiplied."""
    return node.tile_type if isinstance(node, SparseMVAU) else node.weight_type


def stored_weights(node: MVAU | VVAU) -> NDArray[np.int8]:
    """Values of the weights of ``node`` in its memory, 0 where none is stored."""
    return node.stored_weights if isinstance(node, SparseMVAU) else node.weights


def weight_word_count(node: MVAU | VVAU) -> int:
    """Words of the memory."""
    return node.kept if isinstance(node, SparseMVAU) else node.nf * node.sf


def weight_word_bits(node: MVAU | VVAU) -> int:
    """Bits of a word of the memory."""
    return node.folding.pe * node.folding.simd * stored_type(node).width_bits


def is_loaded(node: MVAU | VVAU) -> bool:
    """Whether the weights of ``node`` are in a memory that is written after reset."""
    return node.folding.ram_style is RamStyle.SPRAM and weight_word_count(node) > 1


def weight_sprams(node: MVAU | VVAU) -> int:
    """SPRAMs that hold the weights of ``node``."""
    return spram_cells(weight_word_count(node), weight_word_bits(node)) if is_loaded(node) else 0


def weight_words(node: MVAU | VVAU) -> list[int]:
    """Words of the memory: ``nf * sf`` of ``pe * simd`` codes, or those of the tiles kept of them.

    In the word at ``n * sf + s``, the code at ``p * simd + i`` is the weight of neuron (channel)
    ``n * pe + p`` for input (tap) ``s * simd + i``; where the cells of a family count matches it is
    what these want to see of it (:func:`~xnorflow.hw.popcount.stored_matches`).
    """
    pe, simd = node.folding.pe, node.folding.simd
    words = stored_weights(node).reshape(node.nf, pe, node.sf, simd).transpose(0, 2, 1, 3)
    rows = words.reshape(node.nf * node.sf, pe * simd)
    if isinstance(node, SparseMVAU):
        rows = rows[node.tiles @ np.array([node.sf, 1])]
    element = stored_type(node)
    codes: NDArray[Any] = element.encode(rows)
    if node.device is not None:
        codes = stored_matches(node.device, codes.reshape(-1, pe, simd)).reshape(rows.shape)
    return pack_words(codes, element.width_bits)


def has_output_register(node: MVAU | VVAU) -> bool:
    """Whether the weights of ``node`` are in block RAM whose output register is the operands'."""
    words = weight_word_count(node)
    if node.device is not Device.ECP5 or not node.pipelining.operands or words > MOST_WORDS:
        return False
    memory = MemoryShape(words, weight_word_bits(node), style=node.folding.ram_style)
    return words > 1 and map_memory(memory, node.device).kind is MemoryKind.BLOCK


class WeightMemory(wiring.Component):
    """Gives one word after the other, over and over.

    **Timing.** ``word`` changes in the cycle after ``fetch``, and holds until the next one. Where
    operands have registers, all that happens once more later, and only with ``advance``; ``fetch``
    then comes with ``advance`` alone.

    Parameters
    ----------
    node
        The layer.

    Members
    -------
    fetch : In(1)
        Whether to read a word.
    advance : In(1)
        Whether the register may change. Only where operands have registers.
    load : In(stream of 16 bits)
    loaded : Out(1)
        As of :class:`~xnorflow.hw.layers.loaded_memory.LoadedMemory`. Only where weights are
        loaded.
    word : Out(pe x simd codes)
    """

    def __init__(self, node: MVAU | VVAU) -> None:
        lane = unsigned(stored_type(node).width_bits)
        layout = data.ArrayLayout(data.ArrayLayout(lane, node.folding.simd), node.folding.pe)
        advance = {"advance": In(1)} if node.pipelining.operands else {}
        self._is_loaded = is_loaded(node)
        loading = load_members() if self._is_loaded else {}
        super().__init__({"fetch": In(1), **advance, **loading, "word": Out(layout)})
        self._has_register = node.pipelining.operands
        self._has_output_register = has_output_register(node)
        self._words: Sequence[int] = weight_words(node)
        self._ram_style = node.folding.ram_style

    def elaborate(self, platform: object) -> Module:
        """Build the memory and its address."""
        m = Module()
        if len(self._words) == 1:
            m.d.comb += self.word.as_value().eq(self._words[0])
            return m
        if self._is_loaded:
            self._build_loaded(m)
            return m
        address = WrapCounter(len(self._words), "address")
        with m.If(self.fetch):
            m.d.sync += address.step()
        if self._has_output_register:
            self._build_rom(m, address.value)
        else:
            self._build_memory(m, address.value)
        return m

    def _build_rom(self, m: Module, address: Value) -> None:
        """Block RAM that reads with every step: what it reads without a fetch comes again."""
        m.submodules.weights = rom = RegisteredRom(self._words, len(self.word.as_value()))
        m.d.comb += [
            rom.clk.eq(ClockSignal()),
            rom.enable.eq(self.advance),
            rom.address.eq(address),
            self.word.as_value().eq(rom.word),
        ]

    def _build_memory(self, m: Module, address: Value) -> None:
        """A memory that synthesis finds a place for, and the register behind it if there is one."""
        m.submodules.weights = memory = Memory(
            shape=unsigned(len(self.word.as_value())),
            depth=len(self._words),
            init=self._words,
            attrs=RAM_STYLE_ATTRIBUTES[self._ram_style],
        )
        port = memory.read_port()
        m.d.comb += [port.addr.eq(address), port.en.eq(self.fetch)]
        self._give(m, port.data)

    def _build_loaded(self, m: Module) -> None:
        """Memory that is written first."""
        memory = LoadedMemory(len(self._words), len(self.word.as_value()))
        m.submodules.weights = memory
        wiring.connect(m, wiring.flipped(self.load), memory.load)
        m.d.comb += [memory.fetch.eq(self.fetch), self.loaded.eq(memory.loaded)]
        self._give(m, memory.word)

    def _give(self, m: Module, read: Value) -> None:
        """Give what was read, behind the register if there is one."""
        word = read
        if self._has_register:
            word = Signal(len(read), name="operand_word", reset_less=True)
            with m.If(self.advance):
                m.d.sync += word.eq(read)
        m.d.comb += self.word.as_value().eq(word)
