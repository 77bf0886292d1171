# SPDX-License-Identifier: Apache-2.0
"""Exact bits of memory of every layer: words times width of all its memories.

A table of one word is wired, not stored, and counts nothing; neither do registers, which hold
what a FIFO of two beats holds. Mapped to the blocks of a device these bits take more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from xnorflow.hw.layers.delay_lines import delay_words
from xnorflow.hw.layers.product_unit import counts_matches, stored_inputs, unit_search_table
from xnorflow.hw.layers.search_table import SearchTable
from xnorflow.hw.layers.tap_tree import pool_shape
from xnorflow.hw.layers.tile_buffer import tile_word_bits
from xnorflow.hw.layers.upsample import upsample_depth_beats
from xnorflow.hw.layers.weight_memory import weight_word_bits, weight_word_count
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.hw.popcount import range_shape
from xnorflow.ir import (
    MVAU,
    VVAU,
    AddUnit,
    ConcatUnit,
    Fifo,
    Fork,
    GlobalPoolUnit,
    LabelSelect,
    Layer,
    PadUnit,
    PoolUnit,
    SlidingWindow,
    SparseMVAU,
    StreamInput,
    StreamType,
    ThermometerUnit,
    Thresholding,
    UnrolledMVAU,
    UpsampleUnit,
    WidthConverter,
)

__all__ = ["MEMORIES", "LayerMemory", "layer_memory"]


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """Bits of a layer's memories.

    Parameters
    ----------
    weight_bits
        Weights; of a sparse MVAU the kept ones, with the tables that say where they belong.
    threshold_bits
        Thresholds, padded to whole search trees, and the flags of descending channels.
    buffer_bits
        Beats that wait: input vectors of an MVAU, FIFOs of more than two beats; running totals.
    """

    weight_bits: int = 0
    threshold_bits: int = 0
    buffer_bits: int = 0

    @property
    def total_bits(self) -> int:
        """All bits."""
        return self.weight_bits + self.threshold_bits + self.buffer_bits


def mvau_memory(node: MVAU, source: StreamType) -> LayerMemory:
    """Weights once; thresholds; two input vectors if neurons take turns (``nf > 1``)."""
    vectors = 2 * node.sf * source.width_bits if node.nf > 1 else 0
    return replace(product_unit_memory(node, source), buffer_bits=vectors)


def sparse_mvau_memory(node: SparseMVAU, source: StreamType) -> LayerMemory:
    """Kept weights and the beat of each tile; thresholds; two input vectors."""
    unit = product_unit_memory(node, source)
    table = node.kept * tile_word_bits(node.sf) if node.kept > 1 else 0
    inputs = stored_inputs(node)
    if node.table is None and counts_matches(node, source) and len(inputs) > 1:
        table += node.nf * range_shape(0, int(inputs.max())).width
    return replace(
        unit,
        weight_bits=unit.weight_bits + table,
        buffer_bits=2 * node.sf * source.width_bits,
    )


def product_unit_memory(node: MVAU | VVAU, source: StreamType) -> LayerMemory:
    """Weights once; thresholds."""
    thresholds = 0
    if node.table is not None:
        table = unit_search_table(node, node.table, source)
        thresholds = table_bits(table, node.folding.pe, node.nf)
    words = weight_word_count(node)
    weights = words * weight_word_bits(node) if words > 1 else 0
    return LayerMemory(weight_bits=weights, threshold_bits=thresholds)


def global_pool_memory(node: GlobalPoolUnit, source: StreamType) -> LayerMemory:
    """The totals of the channels whose turn it is not, where they wait in a memory."""
    if source.vectors == 1:
        return LayerMemory()
    shape = pool_shape(node.kind, source.element, source.vectors)
    words = delay_words(source.beats_per_vector - 1)
    return LayerMemory(buffer_bits=words * source.lanes * shape.width)


def thresholding_memory(node: Thresholding, source: StreamType) -> LayerMemory:
    """Thresholds."""
    table = SearchTable.of(node.table, source.element.min, source.element.max)
    return LayerMemory(
        threshold_bits=table_bits(table, source.lanes, node.channels // source.lanes)
    )


def table_bits(table: SearchTable, lanes: int, folds: int) -> int:
    """Bits of the memories of a :class:`~xnorflow.hw.layers.threshold_search.ThresholdSearch`."""
    folds = folds if len(table.flips) > 1 else 1
    bits = folds * lanes if folds > 1 and table.flips.any() else 0
    for number in range(table.stages):
        stage = table.stage(number)
        width = range_shape(int(stage.min()), int(stage.max())).width
        words = folds << number
        bits += words * lanes * width if words > 1 else 0
    return bits


def fifo_memory(node: Fifo, source: StreamType) -> LayerMemory:
    """All beats but the one in the output register, if there are more than two."""
    beats = node.depth_beats - 1 if node.depth_beats > 2 else 0
    return LayerMemory(buffer_bits=beats * source.width_bits)


def sliding_window_memory(node: SlidingWindow, source: StreamType) -> LayerMemory:
    """The line buffer once for each tap of a beat, or the long delays of a chain."""
    schedule = WindowSchedule.of(node, source)
    if schedule.groups == 1:
        words = sum(delay_words(steps) for steps in np.diff(schedule.tap_offsets).tolist())
    else:
        words = node.taps_per_beat * node.depth_pixels * source.beats_per_vector
    return LayerMemory(buffer_bits=words * source.width_bits)


def upsample_memory(node: UpsampleUnit, source: StreamType) -> LayerMemory:
    """What comes again: a row, or a pixel."""
    return LayerMemory(buffer_bits=upsample_depth_beats(node, source) * source.width_bits)


def no_memory(_node: Layer, *_sources: StreamType) -> LayerMemory:
    """Registers only."""
    return LayerMemory()


MEMORIES: Mapping[type[Layer], Callable[..., LayerMemory]] = MappingProxyType(
    {
        StreamInput: no_memory,
        MVAU: mvau_memory,
        SparseMVAU: sparse_mvau_memory,
        UnrolledMVAU: no_memory,
        VVAU: product_unit_memory,
        PoolUnit: no_memory,
        GlobalPoolUnit: global_pool_memory,
        ThermometerUnit: no_memory,
        Fork: no_memory,
        AddUnit: no_memory,
        ConcatUnit: no_memory,
        Thresholding: thresholding_memory,
        PadUnit: no_memory,
        SlidingWindow: sliding_window_memory,
        UpsampleUnit: upsample_memory,
        WidthConverter: no_memory,
        Fifo: fifo_memory,
        LabelSelect: no_memory,
    }
)
"""Memory of each layer kind, a function of the node and of the type of each input stream."""


def layer_memory(node: Layer, inputs: tuple[Any, ...]) -> LayerMemory:
    """Memory of ``node`` for input streams of the given types."""
    return MEMORIES[type(node)](node, *inputs)
