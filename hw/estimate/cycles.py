# SPDX-License-Identifier: Apache-2.0
"""Exact timing of every layer, by formula.

The length of each pipeline is declared beside the component that has it; tests compare these
formulas with RTL simulation, to the cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from xnorflow.hw.layers.accumulator import ACCUMULATE_CYCLES
from xnorflow.hw.layers.fifo import fifo_cycles
from xnorflow.hw.layers.label_select import tournament_cycles
from xnorflow.hw.layers.mvau import FETCH_CYCLES
from xnorflow.hw.layers.replay_buffer import REPLAY_CYCLES
from xnorflow.hw.layers.threshold_search import search_cycles
from xnorflow.hw.layers.thresholding import CAPTURE_CYCLES
from xnorflow.hw.layers.width_converter import COLLECT_CYCLES
from xnorflow.hw.popcount import dot_product_cycles
from xnorflow.hw.streams import SKID_CYCLES
from xnorflow.ir import (
    MVAU,
    Dataflow,
    Fifo,
    LabelSelect,
    Layer,
    StreamInput,
    StreamType,
    Thresholding,
    WidthConverter,
)

__all__ = ["TIMINGS", "Timing", "frame_interval", "layer_timing"]


@dataclass(frozen=True, slots=True)
class Timing:
    """When a layer does what, in clock cycles, unless its neighbours hold it up.

    Parameters
    ----------
    ii_vector
        Cycles between two input vectors, and between two output vectors.
    latency_first
        Cycles from the transfer of the first beat of a vector to the transfer of the first beat
        that comes of it, where input is there at every cycle and output is always taken.
    """

    ii_vector: int
    latency_first: int


def stream_input_timing(node: StreamInput) -> Timing:
    """A beat a cycle, seen in the cycle in which it is accepted."""
    return Timing(node.type.beats_per_vector, 0)


def mvau_timing(node: MVAU, source: StreamType) -> Timing:
    """The input beats of the first neuron fold, then the pipeline.

    ``ii_vector = nf * sf``, and ::

        latency_first = sf - 1 + replay + FETCH_CYCLES + dot + ACCUMULATE_CYCLES + activation

    with ``replay = REPLAY_CYCLES if nf > 1 else 0``, ``dot = dot_product_cycles(...)`` and
    ``activation = search_cycles(levels)``, whose last stage writes the output register, or
    ``SKID_CYCLES`` without an activation.
    """
    dot_product = dot_product_cycles(node.weight_type, source.element, node.folding.simd)
    replay = REPLAY_CYCLES if node.nf > 1 else 0
    activation = SKID_CYCLES if node.table is None else search_cycles(node.table.levels)
    pipeline = replay + FETCH_CYCLES + dot_product + ACCUMULATE_CYCLES + activation
    return Timing(node.nf * node.sf, node.sf - 1 + pipeline)


def thresholding_timing(node: Thresholding, source: StreamType) -> Timing:
    """``ii_vector = channels / pe``, ``latency_first = CAPTURE_CYCLES + search_cycles(levels)``."""
    return Timing(source.beats_per_vector, CAPTURE_CYCLES + search_cycles(node.table.levels))


def width_converter_timing(node: WidthConverter, source: StreamType) -> Timing:
    """Beats are collected until one is full.

    ``ii_vector = max(beats in, beats out)``, and ::

        latency_first = ceil(lanes out / lanes in) - 1 + COLLECT_CYCLES + SKID_CYCLES
    """
    collected = -(-node.lanes // source.lanes)
    return Timing(
        max(source.beats_per_vector, source.channels // node.lanes),
        collected - 1 + COLLECT_CYCLES + SKID_CYCLES,
    )


def fifo_timing(node: Fifo, source: StreamType) -> Timing:
    """``ii_vector`` is the beats of a vector, ``latency_first = fifo_cycles(depth_beats)``."""
    return Timing(source.beats_per_vector, fifo_cycles(node.depth_beats))


def label_select_timing(_: LabelSelect, source: StreamType) -> Timing:
    """The labels follow the last beat of a vector.

    ``ii_vector = channels / lanes``, and ::

        latency_first = ii_vector - 1 + tournament_cycles(lanes) + SKID_CYCLES
    """
    beats = source.beats_per_vector
    return Timing(beats, beats - 1 + tournament_cycles(source.lanes) + SKID_CYCLES)


TIMINGS: Mapping[type[Layer], Callable[..., Timing]] = MappingProxyType(
    {
        StreamInput: stream_input_timing,
        MVAU: mvau_timing,
        Thresholding: thresholding_timing,
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

    The slowest layer sets it, the stream input (a beat a cycle) being one of them: vectors of a
    frame times ``ii_vector``. FIFOs must be deep enough for what the layers need to overlap.
    """
    return max(_layer_interval(dataflow, cast(Layer, node)) for node in dataflow.nodes)


def _layer_interval(dataflow: Dataflow, node: Layer) -> int:
    inputs: tuple[Any, ...] = dataflow.input_types(node)
    return dataflow.types[node.name].vectors * layer_timing(node, inputs).ii_vector
