# SPDX-License-Identifier: Apache-2.0
"""Folded matrix-vector-activation unit."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from xnorflow.hw.layers.product_unit import Fetch, ProductUnit
from xnorflow.hw.layers.replay_buffer import ReplayBuffer
from xnorflow.hw.streams import beat_layout
from xnorflow.ir import MVAU, StreamType

__all__ = ["Mvau"]


class Mvau(ProductUnit):
    """``pe`` neurons at a time, each taking ``simd`` inputs a cycle.

    A :class:`~xnorflow.hw.layers.product_unit.ProductUnit` whose rows of weights are neurons: all
    of them see all lanes. With ``nf > 1`` the input goes through a
    :class:`~xnorflow.hw.layers.replay_buffer.ReplayBuffer`.

    Lanes whose flag for 0 is set add 0 to the sums (see :class:`~xnorflow.hw.popcount.DotProduct`).

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

    _node: MVAU

    def __init__(self, node: MVAU, source: StreamType) -> None:
        super().__init__(node, source)
        if source.zero_flags and source.lanes // source.zero_flags * node.sf % 2:
            raise node.fail(
                f"flags for 0 must be those of pixels with an even number of channels, not {source}"
            )

    def _lanes(self, pe: int) -> Sequence[int]:
        return range(self._node.folding.simd)

    def _build_fetch(self, m: Module, advance: Signal) -> Fetch:
        if self._node.nf == 1:
            return super()._build_fetch(m, advance)
        replay = ReplayBuffer(beat_layout(self._source), self._node.sf, self._node.nf)
        m.submodules.replay = replay
        wiring.connect(m, wiring.flipped(self.i), replay.i)
        m.d.comb += replay.advance.eq(advance)
        return Fetch(replay.fetch, replay.beat)
