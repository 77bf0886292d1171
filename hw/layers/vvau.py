# SPDX-License-Identifier: Apache-2.0
"""Folded vector-vector-activation unit."""

from __future__ import annotations

from collections.abc import Sequence

from xnorflow.hw.layers.product_unit import ProductUnit
from xnorflow.hw.streams import tap_lanes
from xnorflow.ir import VVAU

__all__ = ["Vvau"]


class Vvau(ProductUnit):
    """``pe`` channels at a time, each taking ``simd`` of its taps a cycle.

    A :class:`~xnorflow.hw.layers.product_unit.ProductUnit` whose rows of weights are channels:
    channel ``p`` of a beat's ``pe`` has lane ``tap * pe + p`` for each of its ``simd`` taps. Every
    beat is used once.

    **Timing.** ``ii_vector = nf * sf``. For ``latency_first`` see
    :func:`xnorflow.hw.estimate.cycles.vvau_timing`.

    Members
    -------
    i : In(stream of ``pe * simd`` lanes)
        Windows in depthwise order.
    o : Out(stream of ``pe`` lanes)

    Raises
    ------
    GraphError
        If the layer cannot read such a stream.
    """

    _node: VVAU

    def _lanes(self, pe: int) -> Sequence[int]:
        return tap_lanes(pe, self._node.folding)
