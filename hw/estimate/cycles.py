# SPDX-License-Identifier: Apache-2.0
"""Exact timing of every layer, by formula.

The length of each pipeline is declared beside the component that has it; tests compare these
formulas with RTL simulation, to the cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from xnorflow.hw.layers.accumulator import ACCUMULATE_CYCLES
from xnorflow.hw.layers.fifo import fifo_cycles
from xnorflow.hw.layers.fork import FORK_CYCLES
from xnorflow.hw.layers.label_select import tournament_cycles
from xnorflow.hw.layers.product_unit import fetch_cycles
from xnorflow.hw.layers.replay_buffer import REPLAY_CYCLES
from xnorflow.hw.layers.tap_tree import tap_tree_cycles
from xnorflow.hw.layers.threshold_search import search_cycles
from xnorflow.hw.layers.thresholding import CAPTURE_CYCLES
from xnorflow.hw.layers.tile_buffer import TILE_CYCLES
from xnorflow.hw.layers.unrolled_mvau import unrolled_plan
from xnorflow.hw.layers.upsample import UPSAMPLE_CYCLES
from xnorflow.hw.layers.weight_memory import stored_type
from xnorflow.hw.layers.width_converter import COLLECT_CYCLES
from xnorflow.hw.layers.window_chain import CHAIN_CYCLES
from xnorflow.hw.layers.window_reader import READER_CYCLES
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.hw.popcount import dot_product_cycles, match_cycles
from xnorflow.hw.streams import SKID_CYCLES
from xnorflow.ir import (
    MVAU,
    VVAU,
    AddUnit,
    ConcatUnit,
    Dataflow,
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

__all__ = ["TIMINGS", "Timing", "frame_interval", "layer_timing", "row_cycles"]


@dataclass(frozen=True, slots=True)
class Timing:
    """When a layer does what, in clock cycles, unless its neighbours hold it up.

    Parameters
    ----------
    ii_vector
        Cycles between two output vectors that follow each other without waiting for input.
    latency_first
        Cycles from the transfer of the first beat of a frame to the transfer of the first beat
        that comes of it, where input is there at every cycle and output is always taken.
    ii_frame
        Cycles between two frames.
    """

    ii_vector: int
    latency_first: int
    ii_frame: int


def stream_input_timing(node: StreamInput) -> Timing:
    """A beat a cycle, seen in the cycle in which it is accepted."""
    return Timing(node.type.beats_per_vector, 0, node.type.beats_per_frame)


def mvau_timing(node: MVAU, source: StreamType) -> Timing:
    """The input beats of the first neuron fold, then the pipeline.

    ``ii_vector = nf * sf``, and ::

        latency_first = sf - 1 + replay + fetch + dot + ACCUMULATE_CYCLES + activation

    with ``replay = REPLAY_CYCLES if nf > 1 else 0``, ``fetch = fetch_cycles(node)``,
    ``dot = row_cycles(...)`` and ``activation = search_cycles(levels)``, whose last stage writes
    the output register, or ``SKID_CYCLES`` without an activation.
    """
    replay = REPLAY_CYCLES if node.nf > 1 else 0
    interval = node.nf * node.sf
    latency = node.sf - 1 + replay + product_unit_cycles(node, source)
    return Timing(interval, latency, source.size // node.mw * interval)


def sparse_mvau_timing(node: SparseMVAU, source: StreamType) -> Timing:
    """The input beats up to the last one of the first neuron fold's tiles, then the pipeline.

    ``ii_vector = max(sf, kept tiles)``: all beats have to come, and each tile takes a cycle. ::

        latency_first = number of that beat + TILE_CYCLES + fetch + dot
                        + ACCUMULATE_CYCLES + activation

    with ``fetch``, ``dot`` and ``activation`` as in :func:`mvau_timing`, for weights of
    ``tile_type``.
    """
    interval = max(node.sf, node.kept)
    last = int(node.tiles[node.tiles_per_fold[0] - 1, 1])
    latency = last + TILE_CYCLES + product_unit_cycles(node, source)
    return Timing(interval, latency, source.size // node.mw * interval)


def unrolled_mvau_timing(node: UnrolledMVAU, source: StreamType) -> Timing:
    """Registers between the levels of gates, then the output register; ``ii_vector = 1``."""
    latency = unrolled_plan(node, source).schedule.registers + SKID_CYCLES
    return Timing(1, latency, source.size // node.mw)


def vvau_timing(node: VVAU, source: StreamType) -> Timing:
    """As :func:`mvau_timing`, without a replay of the input: ``ii_vector = nf * sf``."""
    latency = node.sf - 1 + product_unit_cycles(node, source)
    return Timing(node.nf * node.sf, latency, source.beats_per_frame)


def product_unit_cycles(node: MVAU | VVAU, source: StreamType) -> int:
    """From the fetch of a beat to the output register."""
    dot_product = row_cycles(node, source)
    activation = SKID_CYCLES if node.table is None else search_cycles(node.table.levels)
    return fetch_cycles(node) + dot_product + ACCUMULATE_CYCLES + activation


def row_cycles(node: MVAU | VVAU, source: StreamType) -> int:
    """Of the dot product of a row of weights and a beat."""
    if node.device is not None:
        return match_cycles(node.device, node.folding.simd, node.pipelining.levels)
    return dot_product_cycles(
        stored_type(node), source.element, node.folding.simd, node.pipelining.levels
    )


def pool_timing(node: PoolUnit, source: StreamType) -> Timing:
    """The input beats of the first channels, then the pipeline.

    ``ii_vector = nf * sf``, and ::

        latency_first = sf - 1 + tap_tree_cycles(...) + ACCUMULATE_CYCLES + SKID_CYCLES
    """
    tree = tap_tree_cycles(node.kind, source.element, node.folding.simd)
    latency = node.sf - 1 + tree + ACCUMULATE_CYCLES + SKID_CYCLES
    return Timing(node.nf * node.sf, latency, source.beats_per_frame)


def global_pool_timing(_: GlobalPoolUnit, source: StreamType) -> Timing:
    """The totals follow the beats of the last vector of a frame.

    ``ii_vector = ii_frame = beats of a frame``, and ::

        latency_first = beats before the last vector + ACCUMULATE_CYCLES + SKID_CYCLES
    """
    beats = source.beats_per_frame
    before = beats - source.beats_per_vector
    return Timing(beats, before + ACCUMULATE_CYCLES + SKID_CYCLES, beats)


def thermometer_timing(_: ThermometerUnit, source: StreamType) -> Timing:
    """A beat a cycle, ``latency_first = SKID_CYCLES``."""
    return Timing(source.beats_per_vector, SKID_CYCLES, source.beats_per_frame)


def fork_timing(_: Fork, source: StreamType) -> Timing:
    """A beat a cycle, seen in the cycle in which it comes: ``latency_first = FORK_CYCLES``."""
    return Timing(source.beats_per_vector, FORK_CYCLES, source.beats_per_frame)


def add_timing(_: AddUnit, first: StreamType, _second: StreamType) -> Timing:
    """A beat a cycle, ``latency_first = SKID_CYCLES``."""
    return Timing(first.beats_per_vector, SKID_CYCLES, first.beats_per_frame)


def concat_timing(node: ConcatUnit, *sources: StreamType) -> Timing:
    """A beat a cycle, ``latency_first = SKID_CYCLES``, from the first beat of the first input."""
    result = node.infer(sources)
    return Timing(result.beats_per_vector, SKID_CYCLES, result.beats_per_frame)


def thresholding_timing(node: Thresholding, source: StreamType) -> Timing:
    """``ii_vector = channels / pe``, ``latency_first = CAPTURE_CYCLES + search_cycles(levels)``."""
    latency = CAPTURE_CYCLES + search_cycles(node.table.levels)
    return Timing(node.channels // source.lanes, latency, source.beats_per_frame)


def width_converter_timing(node: WidthConverter, source: StreamType) -> Timing:
    """Beats are collected until one is full.

    ``ii_vector = max(beats in, beats out)``, and ::

        latency_first = ceil(lanes out / lanes in) - 1 + COLLECT_CYCLES + SKID_CYCLES
    """
    result = node.infer((source,))
    collected = -(-node.lanes // source.lanes)
    interval = max(source.beats_per_frame, result.beats_per_frame)
    return Timing(
        interval // result.vectors, collected - 1 + COLLECT_CYCLES + SKID_CYCLES, interval
    )


def fifo_timing(node: Fifo, source: StreamType) -> Timing:
    """``ii_vector`` is the beats of a vector, ``latency_first = fifo_cycles(depth_beats)``."""
    return Timing(source.beats_per_vector, fifo_cycles(node.depth_beats), source.beats_per_frame)


def label_select_timing(_: LabelSelect, source: StreamType) -> Timing:
    """The labels follow the last beat of a frame.

    ``ii_vector = ii_frame = beats of a frame``, and ::

        latency_first = ii_frame - 1 + tournament_cycles(lanes) + SKID_CYCLES
    """
    beats = source.beats_per_frame
    latency = beats - 1 + tournament_cycles(source.lanes) + SKID_CYCLES
    return Timing(beats, latency, beats)


def pad_timing(node: PadUnit, source: StreamType) -> Timing:
    """A beat of the padded image in every cycle.

    The padding before the first pixel goes out while that waits: the first beat of a frame leaves
    before one is taken, and ``latency_first`` is 0 or negative::

        latency_first = SKID_CYCLES - beats of padding before the first pixel
    """
    result = node.infer((source,))
    top, left, *_ = node.padding
    padding = (top * node.padded_shape[1] + left) * source.beats_per_vector
    return Timing(source.beats_per_vector, SKID_CYCLES - padding, result.beats_per_frame)


def sliding_window_timing(node: SlidingWindow, source: StreamType) -> Timing:
    """A window takes its beats, and waits for the last pixel of each.

    ``ii_vector`` is the beats of a window, and ::

        latency_first = beats before the last one of those that the first output beat is made of
                        + (CHAIN_CYCLES if all taps go out together else READER_CYCLES)
                        + SKID_CYCLES
        ii_frame      = max(beats in, beats out)

    or longer if the line buffer holds less than
    :attr:`~xnorflow.hw.layers.window_schedule.WindowSchedule.gapless_depth_pixels`.
    """
    schedule = WindowSchedule.of(node, source)
    pipeline = CHAIN_CYCLES if schedule.groups == 1 else READER_CYCLES
    return Timing(
        schedule.beats_per_window,
        int(schedule.needs[0]) + pipeline + SKID_CYCLES,
        schedule.frame_interval(node.depth_pixels),
    )


def upsample_timing(node: UpsampleUnit, source: StreamType) -> Timing:
    """A beat in every cycle: ``latency_first = UPSAMPLE_CYCLES + SKID_CYCLES``."""
    result = node.infer((source,))
    return Timing(source.beats_per_vector, UPSAMPLE_CYCLES + SKID_CYCLES, result.beats_per_frame)


TIMINGS: Mapping[type[Layer], Callable[..., Timing]] = MappingProxyType(
    {
        StreamInput: stream_input_timing,
        MVAU: mvau_timing,
        SparseMVAU: sparse_mvau_timing,
        UnrolledMVAU: unrolled_mvau_timing,
        VVAU: vvau_timing,
        PoolUnit: pool_timing,
        GlobalPoolUnit: global_pool_timing,
        ThermometerUnit: thermometer_timing,
        Fork: fork_timing,
        AddUnit: add_timing,
        ConcatUnit: concat_timing,
        Thresholding: thresholding_timing,
        PadUnit: pad_timing,
        SlidingWindow: sliding_window_timing,
        UpsampleUnit: upsample_timing,
        WidthConverter: width_converter_timing,
        Fifo: fifo_timing,
        LabelSelect: label_select_timing,
    }
)
"""Timing of each layer kind, a function of the node and of the type of each input stream."""


def layer_timing(node: Layer, inputs: tuple[StreamType, ...]) -> Timing:
    """Timing of ``node`` for input streams of the given types."""
    return TIMINGS[type(node)](node, *inputs)


def frame_interval(dataflow: Dataflow) -> int:
    """Cycles between accepted frames (``ii_frame``) of the whole graph.

    The slowest layer sets it, the stream input (a beat a cycle) being one of them. FIFOs must be
    deep enough for what the layers need to overlap.
    """
    layers = cast(tuple[Layer, ...], dataflow.nodes)
    return max(layer_timing(layer, dataflow.input_types(layer)).ii_frame for layer in layers)
