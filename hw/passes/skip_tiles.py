# SPDX-License-Identifier: Apache-2.0
"""Layers that skip tiles of zero weights, where that pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.estimate.memory import layer_memory
from xnorflow.hw.layers.search_table import search_stages
from xnorflow.hw.layers.sparse_mvau import zeros_add_up
from xnorflow.hw.layers.tile_buffer import tile_word_bits
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import MVAU, Dataflow, Layer, SparseMVAU, StreamType, kept_tiles
from xnorflow.ir.datatype import MAX_WIDTH_BITS

__all__ = ["SkipTiles", "has_zeros", "skipping"]


@dataclass(frozen=True, slots=True)
class SkipTiles:
    """Let MVAUs skip tiles of zeros: each of them becomes a SparseMVAU where that pays.

    It pays if a frame takes no more cycles, and the layer no more bits of memory, and less of one
    of the two. Follows :class:`~xnorflow.hw.passes.fold.Fold`, since a folding says what a tile is.
    Layers without a tile of zeros stay what they are, and so do those whose flags for 0 only
    balance over all beats of a pixel (:func:`~xnorflow.hw.layers.sparse_mvau.zeros_add_up`).
    """

    name: ClassVar[str] = "skip-tiles"

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with a SparseMVAU wherever one pays."""
        return Dataflow(
            tuple(skipping(layer, dataflow.input_types(layer)) for layer in layers_of(dataflow))
        )


def skipping(layer: Layer, inputs: tuple[StreamType, ...]) -> Layer:
    """The SparseMVAU of ``layer`` where that pays, else ``layer``.

    Parameters
    ----------
    inputs
        Types of the streams that it reads.
    """
    if not isinstance(layer, MVAU) or not has_zeros(layer) or cannot_pay(layer):
        return layer
    sparse = SparseMVAU.of(layer)
    if not zeros_add_up(sparse, inputs[0]):
        return layer
    before, after = spent(layer, inputs), spent(sparse, inputs)
    pays = after != before and all(new <= old for new, old in zip(after, before, strict=True))
    return sparse if pays else layer


def cannot_pay(layer: MVAU) -> bool:
    """Whether a quick look tells that the table of tiles takes more than tiles are left out.

    That is so for most foldings of layers whose zeros lie anywhere. Thresholds are taken to need
    nothing in the sparse layer, and as much as they ever may in ``layer``.
    """
    there, kept = layer.nf * layer.sf, len(kept_tiles(layer.weights, layer.folding))
    if kept == there:
        return True
    lanes = layer.folding.pe * layer.folding.simd
    all_nonzero = np.count_nonzero(layer.weights) >= (kept - layer.nf) * lanes
    width_bits = 1 if all_nonzero else layer.weight_type.width_bits
    levels = 0 if layer.table is None else 1 << search_stages(layer.table.levels)
    thresholds = layer.mh * levels * (MAX_WIDTH_BITS + 1)
    needed = kept * (lanes * width_bits + tile_word_bits(layer.sf))
    return needed > layer.weights.size * layer.weight_type.width_bits + thresholds


def has_zeros(layer: Layer) -> bool:
    """Whether ``layer`` is an MVAU with a weight of 0, and so may have tiles to skip."""
    return isinstance(layer, MVAU) and not layer.weights.all()


def spent(layer: MVAU, inputs: tuple[StreamType, ...]) -> tuple[int, int]:
    """Cycles of a frame, and bits of memory."""
    return layer_timing(layer, inputs).ii_frame, layer_memory(layer, inputs).total_bits
