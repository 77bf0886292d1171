# SPDX-License-Identifier: Apache-2.0
"""Pooling unit."""

from __future__ import annotations

from amaranth.hdl import Cat, EnableInserter, Module, Signal

from xnorflow.hw.layers.accumulator import Accumulator
from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.layers.tap_tree import TapTree, pool_result, pool_shape
from xnorflow.hw.streams import delayed_bit, tap_lanes
from xnorflow.ir import PoolUnit as PoolUnitNode

__all__ = ["PoolUnit"]


class PoolUnit(StreamUnit):
    """``pe`` channels at a time: the largest value or the sum of ``simd`` of their taps a cycle.

    The taps of a beat meet in a tree; an accumulator goes over the ``sf`` beats of the channels.
    Channel ``p`` of a beat's ``pe`` has lane ``tap * pe + p`` for each tap.

    **Timing.** ``ii_vector = nf * sf``;
    ``latency_first = sf - 1 + tap_tree_cycles(...) + ACCUMULATE_CYCLES + SKID_CYCLES``.

    Members
    -------
    i : In(stream of ``pe * simd`` lanes)
        Windows in depthwise order.
    o : Out(stream of ``pe`` lanes)
    """

    _node: PoolUnitNode

    def elaborate(self, platform: object) -> Module:
        """Build trees, accumulator and output buffer."""
        m = Module()
        output = self._build_output(m)
        advance = Signal()
        m.d.comb += [advance.eq(output.i.ready), self.i.ready.eq(advance)]

        accumulator = self._build_pool(m, advance)
        complete = delayed_bit(m, accumulator.complete, 1, enable=advance, name="complete")
        m.d.comb += output.i.valid.eq(complete)
        node, element = self._node, self._source.element
        for pe in range(node.folding.pe):
            result = pool_result(accumulator.totals[pe], node.kind, element, node.taps)
            m.d.comb += output.i.payload[pe].eq(result)
        return m

    def _build_pool(self, m: Module, advance: Signal) -> Accumulator:
        pipeline = EnableInserter(advance)
        node, element = self._node, self._source.element
        pe, simd = node.folding.pe, node.folding.simd
        trees = [TapTree(node.kind, element, simd) for _ in range(pe)]
        shape = pool_shape(node.kind, element, node.taps)
        accumulator = Accumulator(trees[0].shape, shape, pe, node.sf, kind=node.kind)
        for channel, tree in enumerate(trees):
            m.submodules[f"tap_tree_{channel}"] = pipeline(tree)
            lanes = tap_lanes(channel, node.folding)
            m.d.comb += [
                tree.taps.as_value().eq(Cat(self.i.payload[lane] for lane in lanes)),
                accumulator.values[channel].eq(tree.total),
            ]
        m.submodules.accumulator = pipeline(accumulator)
        valid = delayed_bit(m, self.i.valid, trees[0].latency, enable=advance, name="pooling")
        m.d.comb += accumulator.valid.eq(valid)
        return accumulator
