# SPDX-License-Identifier: Apache-2.0
"""What the units with weights share: products, their sums, activations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Cat, EnableInserter, Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from numpy.typing import NDArray

from xnorflow.hw.layers.accumulator import Accumulator
from xnorflow.hw.layers.loaded_memory import load_members
from xnorflow.hw.layers.search_table import SearchTable
from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.layers.threshold_search import ThresholdSearch
from xnorflow.hw.layers.weight_memory import (
    WeightMemory,
    is_loaded,
    stored_type,
    stored_weights,
    weight_word_count,
)
from xnorflow.hw.popcount import DotProduct, MatchCount, ProductForm, product_form, range_shape
from xnorflow.hw.streams import SkidBuffer, WrapCounter, beat_layout, delayed_bit
from xnorflow.ir import MVAU, VVAU, SparseMVAU, StreamType, ThresholdTable, accumulator_range

__all__ = [
    "FETCH_CYCLES",
    "Fetch",
    "ProductUnit",
    "can_use_cells",
    "counts_matches",
    "fetch_cycles",
    "stored_inputs",
    "sum_shape",
    "unit_search_table",
]

FETCH_CYCLES = 1
"""The register that holds the fetched beat, beside the output register of the weight memory."""


def fetch_cycles(node: MVAU | VVAU) -> int:
    """From a fetch to the operands of the products of ``node``."""
    return FETCH_CYCLES + node.pipelining.operands


def counts_matches(node: MVAU | VVAU, source: StreamType) -> bool:
    """Whether the accumulators of ``node`` hold ``p`` for sums of ``2 * p - inputs``."""
    return product_form(stored_type(node), source.element) is ProductForm.XNOR


def can_use_cells(node: MVAU | VVAU, source: StreamType) -> bool:
    """Whether the cells of a family can count the matches of ``node``.

    Of constant weights Yosys makes more: rows share what is equal in them.
    """
    return counts_matches(node, source) and not source.zero_flags and weight_word_count(node) > 1


def stored_inputs(node: MVAU | VVAU) -> NDArray[np.int64]:
    """Inputs that each row of weights is stored for.

    Returns
    -------
    numpy.ndarray
        Shape ``(rows,)``, or ``(1,)`` where all rows have as many.
    """
    if not isinstance(node, SparseMVAU):
        return np.array([node.weights.shape[1]])
    inputs = node.tiles_per_fold * node.folding.simd
    return inputs[:1] if (inputs == inputs[0]).all() else np.repeat(inputs, node.folding.pe)


def sum_shape(node: MVAU | VVAU, source: StreamType) -> Shape:
    """Shape of the accumulators: just wide enough for what they end with."""
    if counts_matches(node, source):
        return range_shape(0, int(stored_inputs(node).max()))
    return range_shape(*accumulator_range(stored_weights(node), source.element))


def unit_search_table(node: MVAU | VVAU, table: ThresholdTable, source: StreamType) -> SearchTable:
    """The activation ``table`` of ``node`` on what its accumulators hold."""
    low, high = accumulator_range(stored_weights(node), source.element)
    search = SearchTable.of(table, low, high)
    if isinstance(node, SparseMVAU) and (unused := node.unused_folds).any():
        search = search.of_zero(np.repeat(unused, node.folding.pe), low, high)
    return search.for_matches(stored_inputs(node)) if counts_matches(node, source) else search


@dataclass(frozen=True, slots=True)
class Fetch:
    """The first step of the pipeline.

    Parameters
    ----------
    now
        Whether a beat is fetched in this cycle.
    beat
        From the next cycle on, the beat.
    last
        Whether the beat fetched in this cycle is the last of a total; None where every total is
        made of ``sf`` beats.
    """

    now: Value
    beat: Any
    last: Value | None = None


class ProductUnit(StreamUnit):
    """``pe`` rows of weights at a time, each times ``simd`` inputs a cycle.

    The pipeline: fetch a beat and its weights, which may wait in another register; multiply; add up
    the lanes in a tree; accumulate over ``sf`` beats, or those of the tiles kept; find the
    activation by binary search; output register. It advances as a whole unless the output waits
    for its transfer.

    Bipolar weights on bipolar inputs: the accumulator counts matches ``p``; the thresholds are
    those of ``2 * p - inputs``, moved to ``p``.

    Members
    -------
    i : In(stream)
    o : Out(stream of ``pe`` lanes)
    load : In(stream of 16 bits)
    loaded : Out(1)
        Only where weights are in SPRAM: they come through ``load`` after reset, as
        :class:`~xnorflow.hw.layers.loaded_memory.LoadedMemory` takes them, and nothing must come
        through ``i`` until ``loaded``.
    """

    def __init__(self, node: MVAU | VVAU, source: StreamType) -> None:
        members = load_members() if is_loaded(node) else {}
        super().__init__(node, source, members=members)
        if node.device is not None and not can_use_cells(node, source):
            raise node.fail(
                f"{node.device} cells count matches of bits without flags, not {source}"
            )
        self._shape = sum_shape(node, source)

    @abstractmethod
    def _lanes(self, pe: int) -> Sequence[int]:
        """Lanes of a beat that the dot product ``pe`` sees."""

    def elaborate(self, platform: object) -> Module:
        """Build the pipeline."""
        m = Module()
        advance = Signal()
        output = self._build_output(m)
        m.d.comb += advance.eq(output.i.ready)

        fetch = self._build_fetch(m, advance)
        accumulator = self._build_sums(m, advance, fetch)
        if self._node.table is None:
            self._build_raw_output(m, advance, accumulator, output)
        else:
            self._build_activation(m, advance, accumulator, output, self._node.table)
        return m

    def _build_fetch(self, m: Module, advance: Signal) -> Fetch:
        fetch = Signal()
        beat = Signal(beat_layout(self._source), reset_less=True)
        m.d.comb += [self.i.ready.eq(advance), fetch.eq(self.i.valid & advance)]
        with m.If(fetch):
            m.d.sync += beat.eq(self.i.payload)
        return Fetch(fetch, beat)

    def _build_sums(self, m: Module, advance: Signal, fetch: Fetch) -> Accumulator:
        pipeline = EnableInserter(advance)
        m.submodules.weight_memory = memory = WeightMemory(self._node)
        m.d.comb += memory.fetch.eq(fetch.now)
        if self._node.pipelining.operands:
            m.d.comb += memory.advance.eq(advance)
        if is_loaded(self._node):
            wiring.connect(m, wiring.flipped(self.load), memory.load)
            m.d.comb += self.loaded.eq(memory.loaded)
        beat = self._build_operand_beat(m, advance, fetch)
        make = self._make_dot_product if self._node.device is None else self._make_match_count
        dots = [make() for _ in range(self._node.folding.pe)]
        length = self._node.sf if fetch.last is None else None
        has_carry = isinstance(dots[0], MatchCount) and dots[0].has_carry
        accumulator = Accumulator(dots[0].shape, self._shape, len(dots), length, carries=has_carry)
        for pe, dot in enumerate(dots):
            m.submodules[f"dot_product_{pe}"] = pipeline(dot)
            weights, inputs = self._ports(dot)
            m.d.comb += [
                weights.eq(memory.word[pe]),
                inputs.eq(self._operands(beat, pe)),
                accumulator.values[pe].eq(dot.sum),
            ]
            if has_carry:
                m.d.comb += accumulator.carries[pe].eq(dot.carry)
        if self._source.zero_flags:
            self._build_zeros(m, advance, fetch, beat, dots)
        m.submodules.accumulator = pipeline(accumulator)
        cycles = fetch_cycles(self._node) + dots[0].latency
        summing = delayed_bit(m, fetch.now, cycles, enable=advance, name="summing")
        m.d.comb += accumulator.valid.eq(summing)
        if fetch.last is not None:
            last = delayed_bit(m, fetch.last, cycles, enable=advance, name="last")
            m.d.comb += accumulator.last.eq(last)
        return accumulator

    def _build_operand_beat(self, m: Module, advance: Signal, fetch: Fetch) -> Any:
        """The beat as the products see it."""
        if not self._node.pipelining.operands:
            return fetch.beat
        beat = Signal(beat_layout(self._source), name="operand_beat", reset_less=True)
        with m.If(advance):
            m.d.sync += beat.eq(fetch.beat)
        return beat

    @staticmethod
    def _ports(dot: DotProduct | MatchCount) -> tuple[Any, Any]:
        """Where weights and inputs go."""
        if isinstance(dot, MatchCount):
            return dot.stored, dot.inputs
        return dot.weights, dot.activations

    def _make_match_count(self) -> MatchCount:
        assert self._node.device is not None
        return MatchCount(self._node.device, self._node.folding.simd, self._node.pipelining.levels)

    def _make_dot_product(self) -> DotProduct:
        return DotProduct(
            stored_type(self._node),
            self._source.element,
            self._node.folding.simd,
            max_width_bits=self._shape.width,
            zero_flags=self._source.zero_flags,
            levels_per_stage=self._node.pipelining.levels,
        )

    def _operands(self, beat: Any, pe: int) -> Value:
        codes = beat.lanes if self._source.zero_flags else beat
        return Cat(codes[lane] for lane in self._lanes(pe))

    def _build_zeros(
        self, m: Module, advance: Signal, fetch: Fetch, beat: Any, dots: list[DotProduct]
    ) -> None:
        """Tell the dot products which lanes are 0, and the parity of the beat in its pixel."""
        m.d.comb += [dot.zeros.eq(beat.zeros) for dot in dots]
        if dots[0].needs_parity:
            odd_beat = Signal(init=1)
            with m.If(fetch.now):
                m.d.sync += odd_beat.eq(~odd_beat)
            cycles = fetch_cycles(self._node) - FETCH_CYCLES
            odd = delayed_bit(m, odd_beat, cycles, enable=advance, name="operand_odd_beat")
            m.d.comb += [dot.odd_beat.eq(odd) for dot in dots]

    def _build_raw_output(
        self, m: Module, advance: Signal, accumulator: Accumulator, output: SkidBuffer
    ) -> None:
        complete = delayed_bit(m, accumulator.complete, 1, enable=advance, name="complete")
        m.d.comb += output.i.valid.eq(complete)
        totals = [accumulator.totals[pe] for pe in range(self._node.folding.pe)]
        codes = totals
        if counts_matches(self._node, self._source):
            inputs = self._build_inputs(m, advance & accumulator.complete)
            codes = [(total << 1) - inputs for total in totals]
        m.d.comb += [output.i.payload[pe].eq(code) for pe, code in enumerate(codes)]

    def _build_inputs(self, m: Module, step: Value) -> Value | int:
        """Inputs that the next total after each ``step`` is made of."""
        inputs = stored_inputs(self._node)
        if len(inputs) == 1:
            return int(inputs[0])
        words = inputs[:: self._node.folding.pe].tolist()
        m.submodules.input_counts = memory = Memory(
            shape=range_shape(0, max(words)), depth=len(words), init=words
        )
        fold = WrapCounter(len(words), "fold")
        port = memory.read_port()
        m.d.comb += [port.addr.eq(fold.value), port.en.eq(step)]
        with m.If(step):
            m.d.sync += fold.step()
        count: Value = port.data
        return count

    def _build_activation(
        self,
        m: Module,
        advance: Signal,
        accumulator: Accumulator,
        output: SkidBuffer,
        table: ThresholdTable,
    ) -> None:
        search = ThresholdSearch(
            unit_search_table(self._node, table, self._source),
            table.base,
            table.output_type,
            shape=self._shape,
            lanes=self._node.folding.pe,
            folds=self._node.nf,
        )
        m.submodules.threshold_search = EnableInserter(advance)(search)
        m.d.comb += [
            search.capture.eq(accumulator.complete),
            search.values.eq(accumulator.totals),
            output.i.valid.eq(search.valid),
            output.i.payload.eq(search.codes),
        ]
