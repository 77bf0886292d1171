# SPDX-License-Identifier: Apache-2.0
"""Structure of the layers that compute."""

from __future__ import annotations

from dataclasses import dataclass

from xnorflow.hw.estimate.cycles import row_cycles
from xnorflow.hw.estimate.resources.cells import match_parts
from xnorflow.hw.estimate.resources.contents import (
    flip_columns,
    nonzero_share,
    search_parts,
    stage_parts,
    sum_range,
)
from xnorflow.hw.estimate.resources.products import (
    DotProductParts,
    TreeParts,
    dot_product_parts,
    popcount_parts,
    sum_parts,
    weight_decides,
)
from xnorflow.hw.estimate.resources.structure import (
    LUT_INPUTS,
    Logic,
    Structure,
    counter_bits,
    distinct,
)
from xnorflow.hw.families import Device
from xnorflow.hw.layers.delay_lines import delay_words
from xnorflow.hw.layers.label_select import tournament_cycles
from xnorflow.hw.layers.product_unit import (
    counts_matches,
    fetch_cycles,
    stored_inputs,
    unit_search_table,
)
from xnorflow.hw.layers.search_table import SearchTable
from xnorflow.hw.layers.tap_tree import pool_shape, tap_tree_cycles
from xnorflow.hw.layers.tile_buffer import tile_word_bits
from xnorflow.hw.layers.weight_memory import (
    has_output_register,
    is_loaded,
    stored_type,
    stored_weights,
    weight_word_bits,
    weight_word_count,
)
from xnorflow.hw.memory_mapping import MemoryKind, MemoryShape
from xnorflow.hw.popcount import ProductForm, range_shape
from xnorflow.hw.primitives import SPRAM_WIDTH_BITS
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    VVAU,
    AddUnit,
    DataType,
    GlobalPoolUnit,
    LabelSelect,
    PoolKind,
    PoolUnit,
    SparseMVAU,
    StreamType,
    ThermometerUnit,
    Thresholding,
    ThresholdTable,
    smallest_type,
)

__all__ = [
    "add_structure",
    "global_pool_structure",
    "label_select_structure",
    "mvau_structure",
    "pool_structure",
    "sparse_mvau_structure",
    "thermometer_structure",
    "thresholding_structure",
    "vvau_structure",
]

MOST_SHARED_WORDS = 8
"""Words of a weight memory in logic up to which it has columns that are equal."""


def mvau_structure(build: Structure, node: MVAU, source: StreamType) -> None:
    """Replay buffer or fetch register, then a product unit whose rows see all lanes."""
    if node.nf > 1:
        add_replay(build, source.width_bits, node.sf, node.nf)
    else:
        build.add_registers(source.width_bits)
    add_product_unit(build, node, source, shared_lanes=True)


def sparse_mvau_structure(build: Structure, node: SparseMVAU, source: StreamType) -> None:
    """Tile buffer, then a product unit whose rows see all lanes."""
    add_tile_buffer(build, source.width_bits, node.sf, node.kept)
    add_product_unit(build, node, source, shared_lanes=True)


def add_tile_buffer(build: Structure, width_bits: int, sf: int, steps: int) -> None:
    """A :class:`~xnorflow.hw.layers.tile_buffer.TileBuffer`."""
    build.add_memory(MemoryShape(2 * sf, width_bits, written=True))
    build.add(Logic.REPLAY, 1)
    build.add_registers(4)
    build.add(Logic.COUNT_BITS, 2)
    build.add_counter(sf)
    build.add_comparators(1, counter_bits(sf))
    if steps > 1:
        build.add_memory(MemoryShape(steps, tile_word_bits(sf)))
        build.add_counter(steps)
        build.add_registers(1)


def vvau_structure(build: Structure, node: VVAU, source: StreamType) -> None:
    """Fetch register, then a product unit whose rows have lanes of their own."""
    build.add_registers(source.width_bits)
    add_product_unit(build, node, source, shared_lanes=False)


def add_replay(build: Structure, width_bits: int, sf: int, nf: int) -> None:
    """A :class:`~xnorflow.hw.layers.replay_buffer.ReplayBuffer`."""
    build.add_memory(MemoryShape(2 * sf, width_bits, written=True, reads_old=True))
    build.add(Logic.REPLAY, 1)
    build.add_registers(2 * (2 * sf).bit_length() + 3)
    build.add(Logic.COUNT_BITS, 2 * (2 * sf).bit_length())
    for length in (sf, sf, nf):
        build.add_counter(length)


def add_product_unit(
    build: Structure, node: MVAU | VVAU, source: StreamType, *, shared_lanes: bool
) -> None:
    """A :class:`~xnorflow.hw.layers.product_unit.ProductUnit` behind its fetch."""
    pe = node.folding.pe
    counts, inputs = counts_matches(node, source), int(stored_inputs(node).max())
    bounds = (-inputs, inputs) if counts else sum_range(stored_weights(node), source.element)
    width = (range_shape(0, inputs) if counts else range_shape(*bounds)).width
    words = add_weights(build, node)
    if node.device is not None and node.device is build.device:
        add_match_counts(build, node, shared_lanes=shared_lanes)
    else:
        add_dot_products(build, node, source, words, width, shared_lanes=shared_lanes)
    add_operands(build, node, source, words)
    cycles = fetch_cycles(node) + row_cycles(node, source)
    build.add_registers(cycles)
    sparse = isinstance(node, SparseMVAU)
    build.add_registers(cycles if sparse else 0)
    add_accumulator(build, pe, width, None if sparse else node.sf)
    if node.table is None:
        add_raw_output(build, node, bounds, width, counts=counts)
        return
    search = unit_search_table(node, node.table, source) if sparse else None
    matches_of = inputs if counts else 0
    add_search(build, node.table, bounds, width, pe, node.nf, matches_of=matches_of, search=search)
    build.add_output(pe * node.table.output_type.width_bits)


def add_operands(build: Structure, node: MVAU | VVAU, source: StreamType, words: int) -> None:
    """Registers of what is multiplied; ``words`` are those of a weight memory of logic."""
    if not node.pipelining.operands:
        return
    build.add_registers(source.width_bits)
    own = build.device is node.device and has_output_register(node)
    if words != 1 and not own:
        build.add_registers(weight_word_bits(node))


def add_match_counts(build: Structure, node: MVAU | VVAU, *, shared_lanes: bool) -> None:
    """The popcounts of all rows in the family's cells."""
    pe, parts = (
        node.folding.pe,
        match_parts(build.device, node.folding.simd, node.pipelining.levels),
    )
    build.cell_luts += pe * parts.luts
    build.add_registers(pe * parts.flip_flops)
    build.add_registers(parts.input_flip_flops * (1 if shared_lanes else pe))


def add_dot_products(
    build: Structure,
    node: MVAU | VVAU,
    source: StreamType,
    words: int,
    width_bits: int,
    *,
    shared_lanes: bool,
) -> None:
    """The dot products of all rows; ``words`` are those of a weight memory of logic."""
    pe, simd, weight = node.folding.pe, node.folding.simd, stored_type(node)
    few = 1 <= words <= MOST_SHARED_WORDS and shared_lanes
    sharing = (float(pe), float(weight.levels) ** words) if few else (1.0, 0.0)
    lanes = simd
    counts = counts_matches(node, source)
    if words == 1 and not counts and weight_decides(weight, source.element):
        nonzero = nonzero_share(node.weights) * node.weights.size / pe
        lanes = max(1, round(nonzero))
    dot = dot_product_parts(
        weight, source.element, lanes, width_bits, sharing, node.pipelining.levels
    )
    add_products(build, node, source, dot, Lanes(lanes, shared_lanes, words, sharing))


def add_raw_output(
    build: Structure, node: MVAU | VVAU, bounds: tuple[int, int], width_bits: int, *, counts: bool
) -> None:
    """The output buffer of sums, in front of it what makes them of numbers of matches."""
    pe, inputs = node.folding.pe, stored_inputs(node)
    build.add_registers(1)
    if counts and len(inputs) > 1:
        build.add_memory(MemoryShape(node.nf, range_shape(0, int(inputs.max())).width))
        build.add_counter(node.nf)
        build.add_adders(pe, width_bits + 1)
    even = counts and not (inputs % 2).any()
    build.add_output(pe * (smallest_type(*bounds).width_bits - even))


def add_weights(build: Structure, node: MVAU | VVAU) -> int:
    """The weight memory; gives its words where they are logic (1: constants), 0 else."""
    words = weight_word_count(node)
    if words == 1:
        return 1
    build.add_counter(words)
    bits = weight_word_bits(node)
    mapped = build.add_memory(MemoryShape(words, bits, style=node.folding.ram_style))
    if is_loaded(node):
        build.add_counter(-(-bits // SPRAM_WIDTH_BITS))
        build.add_registers(1)
    return words if mapped.kind is MemoryKind.LOGIC else 0


@dataclass(frozen=True, slots=True)
class Lanes:
    """How the rows of a product unit see its lanes.

    Parameters
    ----------
    count
        Lanes of a row; of constant weights those that are not 0.
    shared
        Whether all rows see the same lanes.
    words
        Words of the weight memory if it is logic, 0 if it is block RAM.
    sharing
        As in :func:`~xnorflow.hw.estimate.resources.products.tree_parts`.
    """

    count: int
    shared: bool
    words: int
    sharing: tuple[float, float]

    @property
    def constant(self) -> bool:
        """Whether weights are constants."""
        return self.words == 1


def add_products(
    build: Structure, node: MVAU | VVAU, source: StreamType, dot: DotProductParts, lanes: Lanes
) -> None:
    """The products of all lanes, their register, and the trees."""
    pe, (rows, kinds) = node.folding.pe, lanes.sharing
    bits = pe * lanes.count * dot.term_bits * (distinct(rows, kinds) / rows if kinds else 1.0)
    equal = pe if lanes.shared and not dot.by_weight else 1
    carries = pe / equal * (lanes.count * dot.carries + dot.tree.carry_flip_flops)
    if dot.by_weight and 1 < lanes.words <= MOST_SHARED_WORDS:
        carries = distinct(carries, 2.0**lanes.words - 2)
    if lanes.constant and dot.carries:
        # Carries are constants, or equal to bits of the products; these are a bit or its inverse.
        carries = 0.0
        if not dot.by_weight:
            bits = lanes.count * pe / equal * distinct(2.0 * equal, 2.0)
    add_tree(build, dot.tree, pe, constant=lanes.constant and dot.form is not ProductForm.XNOR)
    build.add_registers(bits + carries)
    if lanes.constant:
        build.add(Logic.CONSTANT_BITS, bits)
    elif dot.form is ProductForm.XNOR:
        build.add(Logic.PRODUCT_BITS, bits)
    elif dot.form is not ProductForm.MULTIPLY:
        build.add(Logic.NEGATED_BITS, bits)
    if dot.form is ProductForm.MULTIPLY:
        add_multipliers(build, stored_type(node), source.element, pe * lanes.count)
    if source.zero_flags:
        build.add(Logic.MASKED_BITS, bits)
        if dot.form is ProductForm.XNOR and lanes.count // source.zero_flags % 2:
            build.add_registers(1)


def add_multipliers(build: Structure, weight: DataType, element: DataType, count: int) -> None:
    """``count`` multiplications; where they are large enough each is a DSP block.

    DSP blocks of xc7 hold the register of the product.
    """
    width, other = weight.width_bits, element.width_bits + (weight.signed and not element.signed)
    large = {
        Device.ICE40: False,
        Device.ECP5: True,
        Device.GOWIN: min(width, other) >= 4,
        Device.XC7: weight.width_bits + element.width_bits >= 9,
    }
    if not large[build.device]:
        build.add(Logic.MULTIPLIED_BITS, count * (width - 1) * other)
        return
    build.dsps += count
    if build.device is Device.XC7:
        build.add_registers(-count * (weight.width_bits + element.width_bits))


def add_tree(build: Structure, tree: TreeParts, copies: int, *, constant: bool = False) -> None:
    """The adders and registers of ``copies`` trees, but for carries that wait."""
    build.add_registers(copies * tree.flip_flops)
    for (width_bits, carry), count in tree.adders.items():
        if constant:
            build.add(Logic.CONSTANT_ADDER_BITS, copies * count * width_bits)
        else:
            build.add_adders(copies * count, width_bits, carry=carry)
    if build.device is Device.XC7:
        build.add_registers(-copies * tree.shifted_flip_flops)
        build.ram_luts += copies * tree.shift_registers


def add_accumulator(
    build: Structure,
    lanes: int,
    width_bits: int,
    length: int | None,
    kind: PoolKind = PoolKind.SUM,
) -> None:
    """An :class:`~xnorflow.hw.layers.accumulator.Accumulator` without its waiting totals."""
    build.add_registers(lanes * width_bits)
    if length is None:
        build.add_registers(1)
    else:
        build.add_counter(length)
    if length == 1:
        return
    if kind is PoolKind.SUM:
        build.add_accumulators(lanes, width_bits)
    elif width_bits == 1:
        build.add(Logic.MAXIMUM_FLAGS, lanes)
    else:
        build.add(Logic.MAXIMUM_BITS, lanes * width_bits)


def add_search(
    build: Structure,
    table: ThresholdTable,
    bounds: tuple[int, int],
    width_bits: int,
    lanes: int,
    folds: int,
    *,
    matches_of: int = 0,
    search: SearchTable | None = None,
) -> None:
    """A :class:`~xnorflow.hw.layers.threshold_search.ThresholdSearch` on values in ``bounds``.

    ``search`` is what it searches in, unless that follows from the other parameters.
    """
    rows = table.rows if search is None else len(search.flips)
    folds = folds if rows > 1 else 1
    if search is None:
        stages = stage_parts(table, bounds, matches_of, lanes, folds)
    else:
        stages = search_parts(search, lanes, folds)
    behind = len(stages) - 1
    signed = bounds[0] < 0 and not matches_of
    build.add_counter(folds)
    build.add_registers(len(stages) + behind * counter_bits(folds))
    build.add_registers(lanes * (behind * width_bits + behind * len(stages) // 2))
    for number, stage in enumerate(stages):
        compared = lanes * max(width_bits, stage.width_bits)
        if stage.words == 1:
            build.add_constant_comparators(
                lanes, compared // lanes, stage.idle_bits, signed=signed, last=number == behind
            )
            continue
        build.add_comparators(lanes, compared // lanes, signed=signed)
        bits = sum(width * copies for width, copies in stage.memories)
        for width, copies in stage.memories:
            if width:
                columns = stage.columns * width * copies / bits
                memory = MemoryShape(stage.words, width)
                build.add_memory(memory, copies, columns=columns, regular=number > 0)
    if flips := flip_columns(table, lanes, folds):
        build.add_memory(MemoryShape(folds, lanes), columns=flips)
    code_bits = lanes * table.output_type.width_bits
    if flips or (table.output_type.step == 1 and table.base % (1 << len(stages))):
        build.add(Logic.CODE_BITS, code_bits)


def thresholding_structure(build: Structure, node: Thresholding, source: StreamType) -> None:
    """The register that captures a beat, and the search."""
    element = source.element
    width = range_shape(element.min, element.max).width
    folds = node.channels // source.lanes
    build.add_registers(source.width_bits)
    if node.table.levels == 1 and (folds == 1 or node.table.rows == 1):
        (stage,) = stage_parts(node.table, (element.min, element.max), 0, source.lanes, 1)
        build.add_registers(-source.lanes * min(stage.idle_bits, width - 1))
    add_search(build, node.table, (element.min, element.max), width, source.lanes, folds)
    build.add_output(source.lanes * node.table.output_type.width_bits)


def pool_structure(build: Structure, node: PoolUnit, source: StreamType) -> None:
    """A tree of taps for each channel, and the accumulator."""
    pe, simd, element = node.folding.pe, node.folding.simd, source.element
    shape = pool_shape(node.kind, element, node.taps)
    add_tap_tree(build, node.kind, element, simd, pe)
    add_accumulator(build, pe, shape.width, node.sf, node.kind)
    build.add_registers(tap_tree_cycles(node.kind, element, simd) + 1)
    build.add_output(pe * node.infer((source,)).element.width_bits)


def add_tap_tree(build: Structure, kind: PoolKind, element: DataType, taps: int, pe: int) -> None:
    """``pe`` times a :class:`~xnorflow.hw.layers.tap_tree.TapTree`."""
    width = pool_shape(kind, element, taps).width
    if kind is PoolKind.MAX and element.width_bits == 1:
        build.add(Logic.OR_BITS, pe * taps)
        return
    if kind is PoolKind.MAX:
        level, alone = taps, 0
        while level > 1:
            pairs, odd, level = level // 2, level % 2, (level + 1) // 2
            build.add_registers(pe * pairs * width)
            alone = alone + 1 if odd else alone
            if alone and (not odd or level == 1):
                build.add_shift_registers(pe * width, alone)
                alone = 0
            build.add_greater(pe * pairs, width)
        return
    one_bit = element == BIPOLAR
    tree = popcount_parts(taps, width, waited=0) if one_bit else sum_parts(taps, element, width)
    add_tree(build, tree, pe)


def global_pool_structure(build: Structure, node: GlobalPoolUnit, source: StreamType) -> None:
    """An accumulator whose other totals wait in delay lines."""
    shape = pool_shape(node.kind, source.element, source.vectors)
    lanes, groups = source.lanes, source.beats_per_vector
    add_accumulator(build, lanes, shape.width, source.vectors, node.kind)
    build.add_counter(groups)
    if groups > 1 and source.vectors > 1:
        add_delay_lines(build, lanes * shape.width, groups - 1)
        if node.kind is PoolKind.MAX and shape.width > 1:
            # A total that waits is not kept by its register, but chosen.
            build.add(Logic.GREATER_BITS, lanes * shape.width)
    build.add_registers(1)
    build.add_output(lanes * node.infer((source,)).element.width_bits)


def add_delay_lines(build: Structure, width_bits: int, steps: int) -> None:
    """A :class:`~xnorflow.hw.layers.delay_lines.DelayLines`."""
    words = delay_words(steps)
    if not words:
        build.add_shift_registers(width_bits, steps)
        return
    build.add_memory(MemoryShape(words, width_bits, written=True))
    build.add_counter(words)
    build.add_registers(counter_bits(words))


def thermometer_structure(build: Structure, node: ThermometerUnit, source: StreamType) -> None:
    """Comparisons with constants."""
    element = source.element
    for level in node.levels.tolist():
        idle = idle_bits(level, element)
        build.add_levels(source.lanes, element.width_bits, idle, signed=element.signed)
    build.add_output(source.lanes * len(node.levels))


def idle_bits(level: int, element: DataType) -> int:
    """Lowest bits of a pixel that do not matter for a comparison with ``level``.

    A power of two is reached where one of the bits above is 1, which takes no carry chain.
    """
    if level == 0 or (not element.signed and level & (level - 1) == 0):
        return element.width_bits - 1
    return (level & -level).bit_length() - 1


def add_structure(build: Structure, node: AddUnit, *sources: StreamType) -> None:
    """Adders."""
    result = node.infer(sources)
    operand_bits = sum(source.element.width_bits for source in sources)
    if operand_bits <= LUT_INPUTS[build.device]:
        # Shifted operands hardly overlap: the LUTs of the output buffer take what remains.
        build.add(Logic.TABLE_BITS, result.width_bits if len(set(node.shifts)) == 1 else 0)
    else:
        build.add_adders(result.lanes, result.element.width_bits)
    build.add_output(result.width_bits)


def label_select_structure(build: Structure, node: LabelSelect, source: StreamType) -> None:
    """A tournament of the lanes, and the best so far."""
    result = node.infer((source,))
    score = source.element.width_bits + (source.element == BIPOLAR)
    index = result.element.width_bits
    lists = [1] * source.lanes
    for level in range(tournament_cycles(source.lanes)):
        merged = [min(node.k, a + b) for a, b in zip(lists[::2], lists[1::2], strict=False)]
        for a, b in zip(lists[::2], lists[1::2], strict=False):
            build.add_comparators(a * b, score)
            build.add(Logic.RANKED_BITS, min(node.k, a + b) * (score + level + 1))
        lists = merged + lists[2 * len(merged) :]
        build.add_registers(sum(lists) * (score + level + 1) + 2)
    if source.beats_per_frame > 1:
        k, best = node.k, lists[0]
        build.add_registers(counter_bits(source.size) + k * (score + index + 1))
        build.add(Logic.COUNTERS, 1)
        build.add(Logic.COUNTER_BITS, counter_bits(source.size))
        build.add_comparators(k * best, score)
        build.add(Logic.RANKED_BITS, k * (score + index + 1))
        build.add_adders(best, index)
    build.add_output(result.width_bits)
