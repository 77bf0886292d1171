# SPDX-License-Identifier: Apache-2.0
"""Matrix-vector-activation unit of constant weights, a vector a cycle."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import EnableInserter, Module, Value
from numpy.typing import NDArray

from xnorflow.hw.layers.search_table import SearchTable
from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.streams import delayed_bit
from xnorflow.hw.unrolled import NeuronBank, UnrolledPlan, plan_neurons
from xnorflow.ir import StreamType, UnrolledMVAU, accumulator_range

__all__ = ["UnrolledMvau", "unrolled_plan"]


def sum_search_table(node: UnrolledMVAU, source: StreamType) -> SearchTable | None:
    """The activation of ``node`` on its sums."""
    if node.table is None:
        return None
    return SearchTable.of(node.table, *accumulator_range(node.weights, source.element))


def unrolled_plan(node: UnrolledMVAU, source: StreamType) -> UnrolledPlan:
    """The gates of ``node``."""
    search = sum_search_table(node, source)
    thresholds: NDArray[np.int64] = np.zeros((node.mh, 0), np.int64)
    if search is not None:
        thresholds = np.broadcast_to(search.thresholds, (node.mh, search.thresholds.shape[1]))
    return plan_neurons(
        node.weights,
        thresholds,
        source.element,
        device=node.device,
        levels_per_stage=node.pipelining.levels,
        width_bits=node.infer((source,)).element.width_bits,
    )


class UnrolledMvau(StreamUnit):
    """All neurons at once, in a :class:`~xnorflow.hw.unrolled.NeuronBank`.

    The pipeline advances as a whole unless the output waits for its transfer.

    **Timing.** ``ii_vector = 1``. For ``latency_first`` see
    :func:`xnorflow.hw.estimate.cycles.unrolled_mvau_timing`.

    Parameters
    ----------
    node
        The layer.
    source
        Type of the stream that it reads.

    Members
    -------
    i : In(stream of ``mw`` lanes)
    o : Out(stream of ``mh`` lanes)
    """

    _node: UnrolledMVAU

    def elaborate(self, platform: object) -> Module:
        """Build the neurons."""
        m = Module()
        output = self._build_output(m)
        advance = output.i.ready
        search = sum_search_table(self._node, self._source)
        bank = NeuronBank(
            unrolled_plan(self._node, self._source),
            self._source.width_bits,
            self._node.device,
            None if search is None else np.broadcast_to(search.flips, self._node.mh).tolist(),
        )
        m.submodules.neurons = EnableInserter(advance)(bank)
        valid = delayed_bit(m, self.i.valid & advance, bank.latency, enable=advance, name="valid")
        m.d.comb += [
            self.i.ready.eq(advance),
            bank.inputs.eq(Value.cast(self.i.payload)),
            output.i.valid.eq(valid),
        ]
        for neuron in range(self._node.mh):
            m.d.comb += output.i.payload[neuron].eq(self._code(bank.outputs[neuron]))
        return m

    def _code(self, found: Value) -> Value:
        """The code of a sum, or of the activation for a number of thresholds."""
        table = self._node.table
        if table is None or table.output_type.step != 1 or table.base == 0:
            return found
        return found + table.base
