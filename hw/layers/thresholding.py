# SPDX-License-Identifier: Apache-2.0
"""Thresholding unit."""

from __future__ import annotations

from amaranth.hdl import EnableInserter, Module, Signal

from xnorflow.hw.layers.search_table import SearchTable
from xnorflow.hw.layers.stream_unit import StreamUnit
from xnorflow.hw.layers.threshold_search import ThresholdSearch
from xnorflow.hw.popcount import code_value, range_shape
from xnorflow.hw.streams import beat_layout
from xnorflow.ir import Thresholding as ThresholdingNode

__all__ = ["CAPTURE_CYCLES", "Thresholding"]

CAPTURE_CYCLES = 1
"""The register that takes the beat."""


class Thresholding(StreamUnit):
    """``pe`` channels a cycle through their step functions, by binary search.

    **Timing.** ``ii_vector = channels / pe``;
    ``latency_first = CAPTURE_CYCLES + search_cycles(levels)``.

    Members
    -------
    i : In(stream of ``pe`` lanes)
    o : Out(stream of ``pe`` lanes)
    """

    _node: ThresholdingNode

    def elaborate(self, platform: object) -> Module:
        """Build capture register, search and output buffer."""
        m = Module()
        output = self._build_output(m)
        advance = Signal()
        m.d.comb += [advance.eq(output.i.ready), self.i.ready.eq(advance)]

        search = self._make_search()
        m.submodules.threshold_search = EnableInserter(advance)(search)
        beat = Signal(beat_layout(self._source), reset_less=True)
        with m.If(advance):
            m.d.sync += beat.eq(self.i.payload)
        m.d.comb += [
            search.capture.eq(self.i.valid),
            *(
                search.values[lane].eq(code_value(beat[lane], self._source.element))
                for lane in range(self._source.lanes)
            ),
            output.i.valid.eq(search.valid),
            output.i.payload.eq(search.codes),
        ]
        return m

    def _make_search(self) -> ThresholdSearch:
        element, table = self._source.element, self._node.table
        return ThresholdSearch(
            SearchTable.of(table, element.min, element.max),
            table.base,
            table.output_type,
            shape=range_shape(element.min, element.max),
            lanes=self._source.lanes,
            folds=self._node.channels // self._source.lanes,
        )
