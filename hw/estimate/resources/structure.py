# SPDX-License-Identifier: Apache-2.0
"""What a layer consists of: registers, memories, and so much logic of each kind."""

from __future__ import annotations

from enum import StrEnum

from xnorflow.hw.families import Device
from xnorflow.hw.memory_mapping import (
    MappedMemory,
    MemoryKind,
    MemoryShape,
    map_memory,
)

__all__ = [
    "LUT_INPUTS",
    "SHORTEST_SHIFT_REGISTER",
    "Logic",
    "Structure",
    "counter_bits",
    "distinct",
]


class Logic(StrEnum):
    """Kinds of logic; each costs so many LUTs a bit (or a piece), as fitted for each family."""

    LAYER = "layer"
    """A layer with its output buffer, whatever its width: their control."""
    OUTPUT_BITS = "output_bits"
    """Bits of an output buffer: a multiplexer before a register."""
    COUNTERS = "counters"
    COUNTER_BITS = "counter_bits"
    WRAPPED_BITS = "wrapped_bits"
    COUNTER_CHAIN_BITS = "counter_chain_bits"
    """Counters, their bits, bits of those whose length is no power of two, carry chains."""
    COUNT_BITS = "count_bits"
    """Bits of counts that go up and down."""
    PRODUCT_BITS = "product_bits"
    """Bits of products, or products of two bits, of weights out of a memory."""
    NEGATED_BITS = "negated_bits"
    """Bits that are negated, or 0, as a weight says."""
    CONSTANT_BITS = "constant_bits"
    """Bits of products with constant weights."""
    MASKED_BITS = "masked_bits"
    """Bits of products that a flag for 0 overrides."""
    SMALL_ADDER_BITS = "small_adder_bits"
    """Bits of adders that are too small for a carry chain."""
    ADDERS = "adders"
    ADDER_BITS = "adder_bits"
    """Adders with a carry chain, and its LUTs."""
    CONSTANT_ADDER_BITS = "constant_adder_bits"
    """Bits of adders of numbers times constant weights."""
    ACCUMULATOR_BITS = "accumulator_bits"
    SMALL_ACCUMULATOR_BITS = "small_accumulator_bits"
    """Adders with a carry chain whose one operand is a register, or 0; those without a chain."""
    TABLE_BITS = "table_bits"
    """Bits of results that are a function of few bits."""
    COMPARATORS = "comparators"
    COMPARED_BITS = "compared_bits"
    """Comparisons of two numbers with a carry chain, and its LUTs."""
    SMALL_COMPARED_BITS = "small_compared_bits"
    """Bits of numbers that are compared without."""
    COMPARED_CONSTANT_BITS = "compared_constant_bits"
    LUT_COMPARATORS = "lut_comparators"
    """Bits of comparisons with a constant by a carry chain; those by a LUT."""
    SIGNED_COMPARATORS = "signed_comparators"
    """Comparisons of values with a sign, but for those by a LUT."""
    GREATER_BITS = "greater_bits"
    GREATER_COMPARED_BITS = "greater_compared_bits"
    """Bits of the greater one of two numbers; bits compared for it, unless a LUT takes both."""
    MAXIMUM_BITS = "maximum_bits"
    MAXIMUM_FLAGS = "maximum_flags"
    """Bits of registers that keep the greatest number so far; the same of single bits."""
    LEVEL_CHAINS = "level_chains"
    LEVEL_BITS = "level_bits"
    SIGNED_LEVELS = "signed_levels"
    """Comparisons of pixels with levels by a carry chain, and their bits; comparisons of pixels
    that have a sign."""
    OR_BITS = "or_bits"
    """Bits of a wide OR."""
    PADDING = "padding"
    """The control of a padding unit."""
    MULTIPLIED_BITS = "multiplied_bits"
    """Bits of the adders of multiplications without a DSP block."""
    CODE_BITS = "code_bits"
    """Bits of results of threshold searches that are complemented, or moved by a base."""
    ROM_COLUMNS = "rom_columns"
    """Columns of ROMs in logic."""
    ROM_TABLES = "rom_tables"
    """Tables of the size of a LUT in these columns, beyond the first."""
    THRESHOLD_COLUMNS = "threshold_columns"
    SHORT_COLUMNS = "short_columns"
    REGULAR_TABLES = "regular_tables"
    """The same of thresholds; columns of up to four words; tables of those that ascend with the
    address, in part."""
    RAM_WORDS = "ram_words"
    RAM_WORD_BITS = "ram_word_bits"
    """Words of memories in registers, and their bits but those of one word."""
    RAM_BLOCK_BITS = "ram_block_bits"
    """Bits selected between memory cells on top of each other."""
    BYPASS_BITS = "bypass_bits"
    """Bits of memories whose reads are kept from writes at the same place."""
    REPLAY = "replay"
    """The control of a replay buffer."""
    FIFO = "fifo"
    """The control of a FIFO with a memory."""
    COUNTED_BITS = "counted_bits"
    ADDRESS_BITS = "address_bits"
    WRAPPED_ADDRESS_BITS = "wrapped_address_bits"
    """Bits of the counts of a line buffer, and of its read addresses, if its depth is a power of
    two or not."""
    STEP_BITS = "step_bits"
    """Bits of tables of the distances between reads."""
    FORK_WAYS = "fork_ways"
    """Ways of a fork."""
    ARRIVAL_BITS = "arrival_bits"
    ARRIVAL_SOURCES = "arrival_sources"
    ARRIVAL_CHOICES = "arrival_choices"
    """Bits of a shift register that is loaded at several places; places from which they come, but
    one for each; bits with a choice of more than a few places."""
    RANKED_BITS = "ranked_bits"
    """Bits of entries of ranked lists."""


def counter_bits(length: int) -> int:
    """Bits of a counter from 0 to ``length - 1``."""
    return (length - 1).bit_length()


def distinct(count: float, patterns: float) -> float:
    """How many different ones there are, on average, among ``count`` draws of ``patterns``."""
    if patterns <= 1:
        return min(count, 1.0)
    if patterns > 1e6 * count:
        return count
    return float(patterns * (1.0 - (1.0 - 1.0 / patterns) ** count))


class Structure:
    """The hardware of a layer on a family, put together part by part.

    Parameters
    ----------
    device
        The family.

    Attributes
    ----------
    device
        The family.
    flip_flops, block_rams, dsps, sprams, ram_luts
        Counted so far; ``ram_luts`` are LUTs used as memory.
    cell_luts
        LUTs of cells that are there as such.
    logic
        How much there is of each kind of logic.
    """

    __slots__ = (
        "block_rams",
        "cell_luts",
        "device",
        "dsps",
        "flip_flops",
        "logic",
        "ram_luts",
        "sprams",
    )

    def __init__(self, device: Device) -> None:
        self.device = device
        self.flip_flops = 0.0
        self.block_rams = 0.0
        self.dsps = 0.0
        self.sprams = 0.0
        self.ram_luts = 0.0
        self.cell_luts = 0.0
        self.logic: dict[Logic, float] = {}

    def add(self, kind: Logic, count: float) -> None:
        """``count`` more of ``kind``."""
        self.logic[kind] = self.logic.get(kind, 0.0) + count

    def add_registers(self, bits: float) -> None:
        """``bits`` flip-flops."""
        self.flip_flops += bits

    def add_output(self, width_bits: float) -> None:
        """The buffer at the end of a layer."""
        self.flip_flops += 2 * width_bits + 2
        self.add(Logic.LAYER, 1)
        self.add(Logic.OUTPUT_BITS, width_bits)

    def add_adders(self, count: float, width_bits: int, *, carry: bool = False) -> None:
        """``count`` adders, whose carry-in takes a bit more of the chain."""
        if width_bits + carry <= LONGEST_LOGIC_ADDER[self.device]:
            self.add(Logic.SMALL_ADDER_BITS, count * width_bits)
        else:
            self.add(Logic.ADDERS, count)
            self.add(Logic.ADDER_BITS, count * self.chain_cells(width_bits, carry))

    def chain_cells(self, width_bits: int, carry: bool = False) -> int:
        """LUTs of a carry chain.

        ECP5 has two bits in a cell. ECP5 and Gowin take a bit for the carry-in; in the others the
        highest bit mostly comes out of the chain.
        """
        match self.device:
            case Device.ECP5:
                return (width_bits + carry + 1) // 2 * 2
            case Device.GOWIN:
                return width_bits + carry
            case _:
                return width_bits - 1

    def add_accumulators(self, count: float, width_bits: int) -> None:
        """``count`` adders of a register, or 0, and a value."""
        if width_bits <= LONGEST_LOGIC_ADDER[self.device]:
            self.add(Logic.SMALL_ACCUMULATOR_BITS, count * width_bits)
        else:
            self.add(Logic.ACCUMULATOR_BITS, count * width_bits)
            self.add_adders(count, width_bits)

    def add_comparators(self, count: float, width_bits: int, *, signed: bool = False) -> None:
        """``count`` comparisons of two numbers."""
        if width_bits <= LONGEST_LOGIC_ADDER[self.device]:
            self.add(Logic.SMALL_COMPARED_BITS, count * width_bits)
        else:
            self.add(Logic.COMPARATORS, count)
            self.add(Logic.COMPARED_BITS, count * self.chain_cells(width_bits))
            self.add(Logic.SIGNED_COMPARATORS, count * signed)

    def add_constant_comparators(
        self, count: float, width_bits: int, idle_bits: int, *, signed: bool, last: bool
    ) -> None:
        """``count`` comparisons with constants, whose ``idle_bits`` lowest bits are 0.

        Those that are ``last`` stand before an output buffer.
        """
        bits = width_bits - idle_bits
        if bits > LONGEST_LUT_COMPARISON[self.device]:
            self.add(Logic.COMPARED_CONSTANT_BITS, count * self.constant_cells(bits))
            self.add(Logic.SIGNED_COMPARATORS, count * signed)
        elif not last or bits > self.absorbed_bits:
            self.add(Logic.LUT_COMPARATORS, count)

    def add_levels(self, count: float, width_bits: int, idle_bits: int, *, signed: bool) -> None:
        """``count`` comparisons of pixels with a level, whose ``idle_bits`` lowest bits are 0."""
        bits, longest = width_bits - idle_bits, LONGEST_LUT_COMPARISON[self.device]
        if signed and width_bits > longest:
            self.add(Logic.SIGNED_LEVELS, count)
        elif longest >= bits > self.absorbed_bits:
            self.add(Logic.LUT_COMPARATORS, count)
        if bits > longest:
            self.add(Logic.LEVEL_CHAINS, count)
            self.add(Logic.LEVEL_BITS, count * self.constant_cells(bits - 2 * signed))

    @property
    def absorbed_bits(self) -> int:
        """Bits of a function that fits into the LUT of an output buffer."""
        return LUT_INPUTS[self.device] - 2

    def constant_cells(self, bits: int) -> int:
        """LUTs of the carry chain of a comparison with a constant; an odd bit of ECP5 has none."""
        return bits // 2 * 2 if self.device is Device.ECP5 else bits

    def add_greater(self, count: float, width_bits: int) -> None:
        """``count`` times the greater one of two numbers."""
        self.add(Logic.GREATER_BITS, count * width_bits)
        if 2 * width_bits > LUT_INPUTS[self.device]:
            self.add(Logic.GREATER_COMPARED_BITS, count * width_bits)

    def add_shift_registers(self, bits: float, steps: int) -> None:
        """``bits`` shift registers without a tap; xc7 has LUTs for the longer ones."""
        if steps >= SHORTEST_SHIFT_REGISTER and self.device is Device.XC7:
            self.ram_luts += bits
        else:
            self.flip_flops += bits * steps

    def add_counter(self, length: int) -> None:
        """A counter that wraps."""
        if length > 1:
            bits = counter_bits(length)
            self.flip_flops += bits
            if bits > LONGEST_LOGIC_ADDER[self.device]:
                self.add(Logic.COUNTER_CHAIN_BITS, self.chain_cells(bits))
            self.add(Logic.COUNTERS, 1)
            self.add(Logic.COUNTER_BITS, bits)
            self.add(Logic.WRAPPED_BITS, bits if length & (length - 1) else 0)

    def add_memory(
        self,
        memory: MemoryShape,
        copies: int = 1,
        *,
        columns: float | None = None,
        regular: bool = False,
    ) -> MappedMemory:
        """``copies`` of a memory, and what it takes beside its cells.

        Parameters
        ----------
        columns
            Different columns of all copies together of a ROM of thresholds; of weights there are
            as many as of random bits.
        regular
            Whether these columns are more regular than random bits.
        """
        mapped = map_memory(memory, self.device)
        if memory.written or mapped.kind is not MemoryKind.LOGIC:
            self._add_cells(memory, mapped, copies)
        else:
            short = Logic.SHORT_COLUMNS if memory.words <= SHORT_WORDS else Logic.THRESHOLD_COLUMNS
            kind = Logic.ROM_COLUMNS if columns is None else short
            if columns is None:
                columns = copies * distinct(memory.width_bits, 2.0 ** min(memory.words, 1000) - 2)
            self.add(
                kind, columns if memory.words > 2 else 0
            )  # of two: the address, or its inverse
            self._add_rom_logic(memory, columns, regular)
        if mapped.bypass:
            self.flip_flops += copies * (2 * memory.width_bits + memory.address_bits + 2)
            self.add(Logic.BYPASS_BITS, copies * memory.width_bits)
        return mapped

    def _add_cells(self, memory: MemoryShape, mapped: MappedMemory, copies: int) -> None:
        """Memory cells, or registers for each word, and the choice between them."""
        bits = copies * memory.width_bits
        if mapped.kind in (MemoryKind.BLOCK, MemoryKind.SPRAM):
            if mapped.kind is MemoryKind.BLOCK:
                self.block_rams += copies * mapped.cells
            else:
                self.sprams += copies * mapped.cells
            self.flip_flops += copies * counter_bits(mapped.banks)
            self.add(Logic.RAM_BLOCK_BITS, bits * (mapped.banks - 1))
        elif mapped.kind is MemoryKind.DISTRIBUTED:
            self.ram_luts += copies * mapped.cells * LUT_RAM_LUTS[self.device]
            self.flip_flops += bits
            self.add(Logic.RAM_BLOCK_BITS, bits * (mapped.banks - 1))
        else:
            self.flip_flops += bits * (memory.words + 1)
            self.add(Logic.RAM_WORDS, copies * memory.words)
            self.add(Logic.RAM_WORD_BITS, bits * (memory.words - 1))

    def _add_rom_logic(self, memory: MemoryShape, columns: float, regular: bool) -> None:
        """Functions of the address, with a register behind."""
        self.flip_flops += columns
        tables = columns * max(0.0, memory.words / (1 << ROM_INPUTS[self.device]) - 1)
        self.add(Logic.REGULAR_TABLES if regular else Logic.ROM_TABLES, tables)


ROM_INPUTS = {Device.ICE40: 4, Device.ECP5: 4, Device.GOWIN: 4, Device.XC7: 5}
"""Address bits of a ROM that go into one LUT; those of xc7 have one more, which Yosys misses."""

LUT_INPUTS = {Device.ICE40: 4, Device.ECP5: 4, Device.GOWIN: 4, Device.XC7: 6}
"""Inputs of a LUT."""

LONGEST_LUT_COMPARISON = {Device.ICE40: 4, Device.ECP5: 4, Device.GOWIN: 2, Device.XC7: 6}
"""Bits up to which a comparison with a constant is a LUT (``cmp2lut.v``, which Yosys does not use
for Gowin)."""

SHORT_WORDS = 4
"""Words of ROMs of thresholds whose columns are told apart from longer ones."""

LONGEST_LOGIC_ADDER = {Device.ICE40: 2, Device.ECP5: 4, Device.GOWIN: 2, Device.XC7: 2}
"""Bits of an adder, with one for its carry-in, up to which Yosys makes no carry chain
(``arith_map.v`` of each family)."""

SHORTEST_SHIFT_REGISTER = 3
"""Flip-flops in a row of which Yosys makes a shift register."""

LUT_RAM_LUTS = {Device.ICE40: 0, Device.ECP5: 6, Device.GOWIN: 4, Device.XC7: 4}
"""LUTs that a cell of LUT RAM counts."""
