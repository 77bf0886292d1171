# SPDX-License-Identifier: Apache-2.0
"""Folded matrix-vector-activation unit that skips tiles of zero weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from xnorflow.hw.layers.product_unit import Fetch, ProductUnit, counts_matches
from xnorflow.hw.layers.tile_buffer import TileBuffer
from xnorflow.hw.streams import beat_layout
from xnorflow.ir import SparseMVAU, StreamType

__all__ = ["SparseMvau", "tile_steps", "zeros_add_up"]


def zeros_add_up(node: SparseMVAU, source: StreamType) -> bool:
    """Whether ``node`` can take the flags for 0 of ``source``.

    Where matches are counted, one half of the lanes of a flag counts. In groups of an odd number
    of lanes that is right over all beats of a pixel, but not over those that are left of them.
    """
    if not source.zero_flags or not counts_matches(node, source):
        return True
    return source.lanes // source.zero_flags % 2 == 0


def tile_steps(node: SparseMVAU) -> list[tuple[int, bool]]:
    """Beat of each tile, and whether the tile is the last one of its fold."""
    folds, beats = node.tiles.T
    last = np.diff(folds, append=node.nf) > 0
    return list(zip(beats.tolist(), last.tolist(), strict=True))


class SparseMvau(ProductUnit):
    """``pe`` neurons at a time, each taking ``simd`` inputs a cycle, but for tiles of zeros.

    A :class:`~xnorflow.hw.layers.product_unit.ProductUnit` whose rows of weights are neurons, as
    in :class:`~xnorflow.hw.layers.mvau.Mvau`. The input goes through a
    :class:`~xnorflow.hw.layers.tile_buffer.TileBuffer`, which gives for each tile that is kept its
    beat, and tells the accumulators where a neuron fold ends.

    **Timing.** ``ii_vector = max(sf, kept tiles)``. For ``latency_first`` see
    :func:`xnorflow.hw.estimate.cycles.sparse_mvau_timing`.

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

    _node: SparseMVAU

    def __init__(self, node: SparseMVAU, source: StreamType) -> None:
        super().__init__(node, source)
        if not zeros_add_up(node, source):
            raise node.fail(f"flags for 0 must be those of an even number of lanes, not {source}")

    def _lanes(self, pe: int) -> Sequence[int]:
        return range(self._node.folding.simd)

    def _build_fetch(self, m: Module, advance: Signal) -> Fetch:
        buffer = TileBuffer(beat_layout(self._source), self._node.sf, tile_steps(self._node))
        m.submodules.buffer = buffer
        wiring.connect(m, wiring.flipped(self.i), buffer.i)
        m.d.comb += buffer.advance.eq(advance)
        return Fetch(buffer.fetch, buffer.beat, buffer.last)
