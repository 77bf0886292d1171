# SPDX-License-Identifier: Apache-2.0
"""Folded matrix-vector-activation unit."""

from __future__ import annotations

from amaranth.hdl import Cat, EnableInserter, Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.layers.accumulator import Accumulator
from xnorflow.hw.layers.replay_buffer import ReplayBuffer
from xnorflow.hw.layers.search_table import SearchTable
from xnorflow.hw.layers.threshold_search import ThresholdSearch
from xnorflow.hw.layers.weight_memory import WeightMemory
from xnorflow.hw.popcount import DotProduct, ProductForm, product_form, range_shape
from xnorflow.hw.streams import SkidBuffer, beat_layout, beat_signature
from xnorflow.ir import MVAU, StreamType, ThresholdTable, accumulator_range

__all__ = ["FETCH_CYCLES", "Mvau"]

FETCH_CYCLES = 1
"""The register that holds the fetched beat, beside the output register of the weight memory."""


class Mvau(wiring.Component):
    """``pe`` neurons at a time, each taking ``simd`` inputs a cycle.

    The pipeline: fetch a beat and its weights; multiply; add up the lanes in a tree; accumulate
    over the ``sf`` beats of the vector; find the activation by binary search; output register.
    It advances as a whole unless the output waits for its transfer. With ``nf > 1`` the input
    goes through a :class:`~xnorflow.hw.layers.replay_buffer.ReplayBuffer`.

    Bipolar weights on bipolar inputs: the accumulator counts matches ``p``; the thresholds are
    those of ``2 * p - mw``, moved to ``p``.

    **Timing.** ``ii_vector = nf * sf``. For ``latency_first`` see
    :func:`xnorflow.hw.estimate.cycles.mvau_timing`.

    Parameters
    ----------
    node
        The layer.
    source
        Type of the stream that it reads.

    Members
    -------
    i : In(stream of ``simd`` lanes)
    o : Out(stream of ``pe`` lanes)

    Raises
    ------
    GraphError
        If the layer cannot read such a stream.
    """

    def __init__(self, node: MVAU, source: StreamType) -> None:
        self._result = node.infer((source,))
        super().__init__({"i": In(beat_signature(source)), "o": Out(beat_signature(self._result))})
        self._node = node
        self._source = source

    def elaborate(self, platform: object) -> Module:
        """Build the pipeline."""
        m = Module()
        advance = Signal()
        output = SkidBuffer(beat_layout(self._result))
        m.submodules.output = output
        wiring.connect(m, output.o, wiring.flipped(self.o))
        m.d.comb += advance.eq(output.i.ready)

        fetch, beat = self._build_fetch(m, advance)
        accumulator = self._build_sums(m, advance, fetch, beat)
        if self._node.table is None:
            self._build_raw_output(m, advance, accumulator, output)
        else:
            self._build_activation(m, advance, accumulator, output, self._node.table)
        return m

    def _build_fetch(self, m: Module, advance: Signal) -> tuple[Signal, Value]:
        """Whether a beat is fetched in this cycle, and, from the next one on, the beat."""
        if self._node.nf > 1:
            replay = ReplayBuffer(beat_layout(self._source), self._node.sf, self._node.nf)
            m.submodules.replay = replay
            wiring.connect(m, wiring.flipped(self.i), replay.i)
            m.d.comb += replay.advance.eq(advance)
            return replay.fetch, replay.beat
        fetch = Signal()
        beat = Signal(beat_layout(self._source), reset_less=True)
        m.d.comb += [self.i.ready.eq(advance), fetch.eq(self.i.valid & advance)]
        with m.If(fetch):
            m.d.sync += beat.eq(self.i.payload)
        return fetch, beat

    def _build_sums(self, m: Module, advance: Signal, fetch: Signal, beat: Value) -> Accumulator:
        pipeline = EnableInserter(advance)
        m.submodules.weight_memory = memory = WeightMemory(self._node)
        m.d.comb += memory.fetch.eq(fetch)
        dots = [self._make_dot_product() for _ in range(self._node.folding.pe)]
        accumulator = Accumulator(dots[0].shape, self._shape, len(dots), self._node.sf)
        for lane, dot in enumerate(dots):
            m.submodules[f"dot_product_{lane}"] = pipeline(dot)
            m.d.comb += [
                dot.weights.eq(memory.word[lane]),
                dot.activations.eq(beat),
                accumulator.sums[lane].eq(dot.sum),
            ]
        m.submodules.accumulator = pipeline(accumulator)
        summing = Signal(FETCH_CYCLES + dots[0].latency)
        with m.If(advance):
            m.d.sync += summing.eq(Cat(fetch, summing[:-1]))
        m.d.comb += accumulator.valid.eq(summing[-1])
        return accumulator

    def _make_dot_product(self) -> DotProduct:
        return DotProduct(
            self._node.weight_type,
            self._source.element,
            self._node.folding.simd,
            max_width_bits=self._shape.width,
        )

    def _build_raw_output(
        self, m: Module, advance: Signal, accumulator: Accumulator, output: SkidBuffer
    ) -> None:
        complete = Signal()
        with m.If(advance):
            m.d.sync += complete.eq(accumulator.complete)
        m.d.comb += output.i.valid.eq(complete)
        for lane in range(self._node.folding.pe):
            code = self._raw_code(accumulator.totals[lane])
            m.d.comb += output.i.payload[lane].eq(code)

    def _build_activation(
        self,
        m: Module,
        advance: Signal,
        accumulator: Accumulator,
        output: SkidBuffer,
        table: ThresholdTable,
    ) -> None:
        search = ThresholdSearch(
            self._search_table(table),
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

    @property
    def _counts_matches(self) -> bool:
        return product_form(self._node.weight_type, self._source.element) is ProductForm.XNOR

    @property
    def _shape(self) -> Shape:
        """Shape of the accumulators: just wide enough for what they end with."""
        if self._counts_matches:
            return range_shape(0, self._node.mw)
        return range_shape(*accumulator_range(self._node.weights, self._source.element))

    def _search_table(self, table: ThresholdTable) -> SearchTable:
        low, high = accumulator_range(self._node.weights, self._source.element)
        search = SearchTable.of(table, low, high)
        return search.for_matches(self._node.mw) if self._counts_matches else search

    def _raw_code(self, total: Value) -> Value:
        if not self._counts_matches:
            return total
        return (total << 1) - self._node.mw
