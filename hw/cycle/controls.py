# SPDX-License-Identifier: Apache-2.0
"""The control of every layer kind, without its data: what it waits for, takes and gives, and when.

What a layer does in a cycle depends on which beats are there and on where it is in its frame, never
on values. So the behaviour in time of all kinds of layers comes down to a few machines. Each one
is described here by the tables and constants that its layer gives it, and is run, to the cycle, by
:mod:`xnorflow.hw.cycle.machines`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.cycle.layout import GIVES, PORT_SHIFT, TAKES, WAITS
from xnorflow.hw.estimate.cycles import product_unit_cycles
from xnorflow.hw.layers.accumulator import ACCUMULATE_CYCLES
from xnorflow.hw.layers.label_select import tournament_cycles
from xnorflow.hw.layers.sparse_mvau import tile_steps
from xnorflow.hw.layers.tap_tree import tap_tree_cycles
from xnorflow.hw.layers.threshold_search import search_cycles
from xnorflow.hw.layers.thresholding import CAPTURE_CYCLES
from xnorflow.hw.layers.unrolled_mvau import unrolled_plan
from xnorflow.hw.layers.upsample import upsample_depth_beats
from xnorflow.hw.layers.window_chain import CHAIN_CYCLES
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.hw.streams import SKID_CYCLES
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

__all__ = [
    "CONTROLS",
    "Buffer",
    "Control",
    "Converter",
    "Copies",
    "Pipeline",
    "Replay",
    "Source",
    "Storage",
    "control_of",
]

Streams = tuple[StreamType, ...]
Counts = NDArray[np.int64]

MAX_PORTS = 1 << 12
"""Inputs of a unit that a step can tell apart."""

READ_STAGES = 1
"""Registers between a memory of a layer and the output buffer."""


@dataclass(frozen=True, slots=True, eq=False)
class Pipeline:
    """Goes step by step, at most one a cycle; a step may wait for beats, take and give some.

    What a step gives enters a pipeline of ``stages`` registers, which moves as a whole, unless the
    output buffer is full, and takes no step while it does not move.

    Parameters
    ----------
    steps
        Shape ``(period,)``, int16: ``GIVES``, ``TAKES``, ``WAITS`` and the port.
    stages
        Registers before the output buffer.
    all_inputs
        Whether steps wait for beats of all inputs and take one of each.
    """

    steps: NDArray[np.int16]
    stages: int
    all_inputs: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """Keeps its input in a circular buffer, and reads beats of it in the order of a table.

    Parameters
    ----------
    needs
        Shape ``(reads,)``: input beats of the round that must have come before each read.
    frees
        Shape ``(reads,)``: how many more beats nobody needs after it. They may not have come yet.
    gives
        Shape ``(reads,)``: whether a beat is given with it.
    input_beats
        Beats of a round that come; their numbers go on from round to round. A round is a frame,
        or a vector if that is where the table starts anew.
    depth_beats
        Beats that the buffer holds.
    stages
        Registers between the read and the output buffer.
    """

    needs: Counts
    frees: Counts
    gives: NDArray[np.bool_]
    input_beats: int
    depth_beats: int
    stages: int = READ_STAGES


@dataclass(frozen=True, slots=True)
class Replay:
    """Keeps two vectors and fetches each of them several times; the last pass makes room.

    Parameters
    ----------
    vector_beats
        Beats of a vector (``sf``). A beat is given for each pass over them.
    passes
        Times that a vector is fetched (``nf``), 2 or more.
    stages
        Registers between the fetch and the output buffer.
    """

    vector_beats: int
    passes: int
    stages: int


@dataclass(frozen=True, slots=True)
class Converter:
    """Collects groups of lanes.

    Parameters
    ----------
    taken, given
        Groups of an input beat and of an output beat.
    """

    taken: int
    given: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """A memory with an output register.

    Parameters
    ----------
    depth_beats
        Beats that it holds, 3 or more.
    """

    depth_beats: int


@dataclass(frozen=True, slots=True)
class Copies:
    """Shows each beat on several ways; the next one comes when all have taken it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where frames come from."""


Control = Pipeline | Storage | Replay | Converter | Buffer | Copies | Source


def control_of(node: Layer, inputs: Streams) -> Control:
    """The control of ``node`` for input streams of the given types."""
    control: Control = CONTROLS[type(node)](node, inputs, node.infer(inputs))
    return control


def steps(gives: Any, takes: Any = True, waits: Any = True, port: Any = 0) -> NDArray[np.int16]:
    """Steps of a pipeline, one for each element."""
    fields = np.broadcast_arrays(gives, takes, waits, port)
    gives, takes, waits, port = (field.astype(np.int16) for field in fields)
    return np.asarray(
        gives * GIVES | takes * TAKES | waits * WAITS | port << PORT_SHIFT, np.int16
    ).reshape(-1)


def every_beat(stages: int) -> Pipeline:
    """A beat for each beat."""
    return Pipeline(steps(True), stages)


def last_of(beats: int, stages: int) -> Pipeline:
    """A beat for the last one of every ``beats``."""
    return Pipeline(steps(np.arange(beats) == beats - 1), stages)


def source_control(_node: StreamInput, _inputs: Streams, _result: StreamType) -> Source:
    """Beats come from outside."""
    return Source()


def thermometer_control(_node: ThermometerUnit, _inputs: Streams, _result: StreamType) -> Pipeline:
    """Comparisons without a register."""
    return every_beat(0)


def thresholding_control(node: Thresholding, _inputs: Streams, _result: StreamType) -> Pipeline:
    """The register that takes the beat, then the search."""
    return every_beat(CAPTURE_CYCLES + search_cycles(node.table.levels) - SKID_CYCLES)


def mvau_control(node: MVAU, inputs: Streams, _result: StreamType) -> Pipeline | Replay:
    """A beat for each ``sf`` fetches, of the input itself or of what is kept of it."""
    stages = product_unit_cycles(node, inputs[0]) - SKID_CYCLES
    return last_of(node.sf, stages) if node.nf == 1 else Replay(node.sf, node.nf, stages)


def sparse_mvau_control(node: SparseMVAU, inputs: Streams, _result: StreamType) -> Storage:
    """A read for each tile; the last one of a fold gives a beat, that of a vector makes room."""
    beats, last = np.array(tile_steps(node)).T
    frees = np.zeros(node.kept, np.int64)
    frees[-1] = node.sf
    stages = product_unit_cycles(node, inputs[0]) - SKID_CYCLES
    return Storage(beats + 1, frees, last == 1, node.sf, 2 * node.sf, stages)


def unrolled_mvau_control(node: UnrolledMVAU, inputs: Streams, _result: StreamType) -> Pipeline:
    """A beat for each beat."""
    return every_beat(unrolled_plan(node, inputs[0]).schedule.registers)


def vvau_control(node: VVAU, inputs: Streams, _result: StreamType) -> Pipeline:
    """A beat for each ``sf`` beats."""
    return last_of(node.sf, product_unit_cycles(node, inputs[0]) - SKID_CYCLES)


def pool_control(node: PoolUnit, inputs: Streams, _result: StreamType) -> Pipeline:
    """A beat for each ``sf`` beats, through the tree and the accumulator."""
    tree = tap_tree_cycles(node.kind, inputs[0].element, node.folding.simd)
    return last_of(node.sf, tree + ACCUMULATE_CYCLES)


def global_pool_control(_node: GlobalPoolUnit, inputs: Streams, _result: StreamType) -> Pipeline:
    """A beat for each beat of the last vector of a frame."""
    beats = np.arange(inputs[0].beats_per_frame)
    before = inputs[0].beats_per_frame - inputs[0].beats_per_vector
    return Pipeline(steps(beats >= before), ACCUMULATE_CYCLES)


def label_select_control(_node: LabelSelect, inputs: Streams, _result: StreamType) -> Pipeline:
    """A beat for each frame, out of the tournament's rounds."""
    return last_of(inputs[0].beats_per_frame, tournament_cycles(inputs[0].lanes))


def pad_control(node: PadUnit, _inputs: Streams, result: StreamType) -> Pipeline:
    """Steps inside the image wait for a beat and take it; the first of a frame waits for one."""
    height, width, _ = node.padded_shape
    top, left, bottom, right = node.padding
    inside = np.zeros((height, width), bool)
    inside[top : height - bottom, left : width - right] = True
    takes = np.repeat(inside.reshape(-1), result.beats_per_vector)
    waits = takes.copy()
    waits[0] = True
    return Pipeline(steps(True, takes, waits), 0)


def add_control(_node: AddUnit, _inputs: Streams, _result: StreamType) -> Pipeline:
    """A beat for a beat of each input."""
    return Pipeline(steps(True), 0, all_inputs=True)


def concat_control(node: ConcatUnit, inputs: Streams, _result: StreamType) -> Pipeline:
    """The beats of a vector of one input after those of the other."""
    if len(inputs) > MAX_PORTS:
        raise node.fail(f"at most {MAX_PORTS} streams can be concatenated, not {len(inputs)}")
    ports = np.repeat(np.arange(len(inputs)), [source.beats_per_vector for source in inputs])
    return Pipeline(steps(True, port=ports), 0)


def sliding_window_control(
    node: SlidingWindow, inputs: Streams, _result: StreamType
) -> Pipeline | Storage:
    """Windows that end with a beat, or reads of a line buffer."""
    (source,) = inputs
    windows = WindowSchedule.of(node, source)
    needs = (windows.bases[:, np.newaxis] + windows.needs + 1).reshape(-1)
    if windows.groups == 1:
        ends = np.zeros(source.beats_per_frame, bool)
        ends[needs - 1] = True
        return Pipeline(steps(ends), CHAIN_CYCLES)
    frees = np.zeros((len(windows.bases), windows.beats_per_window), np.int64)
    frees[:, -1] = np.diff(windows.bases, append=windows.input_beats)
    depth = node.depth_pixels * source.beats_per_vector
    gives = np.ones(len(needs), np.bool_)
    return Storage(needs, frees.reshape(-1), gives, source.beats_per_frame, depth)


def upsample_control(node: UpsampleUnit, inputs: Streams, _result: StreamType) -> Storage:
    """Reads of a line buffer; the last read of a beat makes room."""
    (source,) = inputs
    height, width, _ = node.shape
    down, across = node.factor
    beats = source.beats_per_vector
    rows = np.repeat(np.arange(height), down)[:, np.newaxis]
    pixels = (rows * width + np.repeat(np.arange(width), across)).reshape(-1)
    needs = (pixels[:, np.newaxis] * beats + np.arange(1, beats + 1)).reshape(-1)
    last = np.zeros(source.beats_per_frame, np.int64)
    np.maximum.at(last, needs - 1, np.arange(len(needs)))
    frees = np.zeros(len(needs), np.int64)
    frees[last] = 1
    gives, depth = np.ones(len(needs), np.bool_), upsample_depth_beats(node, source)
    return Storage(needs, frees, gives, source.beats_per_frame, depth)


def converter_control(_node: WidthConverter, inputs: Streams, result: StreamType) -> Converter:
    """Groups are as wide as the greatest common divisor of both numbers of lanes."""
    lanes = math.gcd(inputs[0].lanes, result.lanes)
    return Converter(inputs[0].lanes // lanes, result.lanes // lanes)


def fifo_control(node: Fifo, _inputs: Streams, _result: StreamType) -> Pipeline | Buffer:
    """Two beats are the registers of an output buffer alone."""
    return every_beat(0) if node.depth_beats == 2 else Buffer(node.depth_beats)


def fork_control(_node: Fork, _inputs: Streams, _result: StreamType) -> Copies:
    """Every way shows each beat."""
    return Copies()


CONTROLS: Mapping[type[Layer], Callable[[Any, Streams, StreamType], Control]] = MappingProxyType(
    {
        StreamInput: source_control,
        ThermometerUnit: thermometer_control,
        Thresholding: thresholding_control,
        PadUnit: pad_control,
        SlidingWindow: sliding_window_control,
        MVAU: mvau_control,
        SparseMVAU: sparse_mvau_control,
        UnrolledMVAU: unrolled_mvau_control,
        VVAU: vvau_control,
        PoolUnit: pool_control,
        GlobalPoolUnit: global_pool_control,
        UpsampleUnit: upsample_control,
        Fork: fork_control,
        AddUnit: add_control,
        ConcatUnit: concat_control,
        WidthConverter: converter_control,
        Fifo: fifo_control,
        LabelSelect: label_select_control,
    }
)
"""Control of each layer kind, a function of the node, its input types and its output type."""
