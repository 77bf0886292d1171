# SPDX-License-Identifier: Apache-2.0
"""Which beats wait for which: the control of every layer kind, without data.

What a layer does never depends on the values that it gets, so its behaviour in time is a table for
each frame: before an output beat can leave, so many input beats must have come; before an input
beat can come, so many output beats must have left, since the layer holds no more. From these
tables :mod:`xnorflow.hw.estimate.schedule` finds when every beat of a design moves, how deep FIFOs
must be, and whether it comes to a standstill.

The tables know the storage of a layer to within the beats in its pipeline: a pipeline that stands
still with bubbles inside holds less than they say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.estimate.cycles import layer_timing
from xnorflow.hw.layers.line_buffer import WRITE_CYCLES
from xnorflow.hw.layers.replay_buffer import REPLAY_CYCLES
from xnorflow.hw.layers.upsample import upsample_depth_beats
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.hw.streams import SKID_CYCLES
from xnorflow.ir import (
    MVAU,
    VVAU,
    AddUnit,
    ConcatUnit,
    Fifo,
    GlobalPoolUnit,
    LabelSelect,
    Layer,
    PadUnit,
    PoolUnit,
    SlidingWindow,
    StreamType,
    ThermometerUnit,
    Thresholding,
    UpsampleUnit,
    WidthConverter,
)

__all__ = ["EVENTS", "Events", "Read", "events_of"]

Counts = NDArray[np.int64]
Streams = tuple[StreamType, ...]

SPARE_BEATS = 1
"""Beats that an output register keeps beside the one that it shows."""

LONGEST_BUFFER_FRAMES = 3
"""Frames that a line buffer holds at most: two, and what hardly differs from them."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """The dependencies of one layer within a frame; frames repeat them.

    Parameters
    ----------
    needs
        For each input, shape ``(output beats,)``: input beats of the frame that must have come
        before this output beat.
    latency_cycles
        From the last of these to the output beat, at least.
    gap_cycles
        Between two output beats, at least.
    holds
        For each input, shape ``(input beats,)``: output beats of the frame that must have left
        before this input beat can come; less than 0 where they are of frames before.
    lag_cycles
        From the last of these to the input beat, at least; an array has one for each beat of an
        input, less than 0 where a place is free before.
    read
        How output beats are read, of a layer that stores its input: ``needs``, ``gap_cycles`` and
        ``holds`` are then about the reads instead, which are ahead of the output beats.
    """

    needs: tuple[Counts, ...]
    latency_cycles: int
    holds: tuple[Counts, ...]
    gap_cycles: int = 1
    lag_cycles: int | Counts = 1
    read: Read | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """The reads of a layer that stores its input, one for each output beat.

    Parameters
    ----------
    latency_cycles
        From the last input beat needed to the read, at least.
    ahead
        Output beats that may be read and have not left.
    """

    latency_cycles: int
    ahead: int


def events_of(node: Layer, inputs: Streams) -> Events:
    """The dependencies of ``node`` for input streams of the given types."""
    return EVENTS[type(node)](node, inputs, node.infer(inputs))


def latency_after(node: Layer, inputs: Streams, needs: Counts) -> int:
    """Cycles from the last beat that the first output needs to that output."""
    return max(1, layer_timing(node, inputs).latency_first - int(needs[0] - 1))


def pipeline(node: Layer, inputs: Streams, needs: Counts, gap_cycles: int = 1) -> Events:
    """A layer that stores nothing but what is in its pipeline."""
    latency = latency_after(node, inputs, needs)
    inside = -(-latency // gap_cycles) + SPARE_BEATS
    enabled = np.searchsorted(needs, np.arange(inputs[0].beats_per_frame), side="right")
    return Events((needs,), latency, (enabled - inside,), gap_cycles)


def stored(node: Layer, inputs: Streams, needs: Counts, holds: Counts, write_cycles: int) -> Events:
    """A layer that stores its input, and reads it a number of cycles after it was written."""
    latency = latency_after(node, inputs, needs)
    inside = latency - write_cycles + SPARE_BEATS
    return Events((needs,), latency, (holds,), read=Read(write_cycles, inside))


def beat_by_beat(node: Layer, inputs: Streams, result: StreamType) -> Events:
    """An output beat for each input beat."""
    return pipeline(node, inputs, np.arange(1, result.beats_per_frame + 1))


def mvau_events(node: MVAU, inputs: Streams, result: StreamType) -> Events:
    """A vector gives ``nf`` beats, ``sf`` cycles apart; it is kept until the last one is fetched.

    With ``nf > 1`` there is room for two vectors. The read of an output beat is that of the last
    of its input beats; the places of those before are free as much earlier.
    """
    beats = np.arange(result.beats_per_frame)
    needs = (beats // node.nf + 1) * node.sf
    if node.nf == 1:
        return pipeline(node, inputs, needs, node.sf)
    latency = latency_after(node, inputs, needs)
    inside = -(-(latency - REPLAY_CYCLES) // node.sf) + SPARE_BEATS
    vector, place = np.divmod(np.arange(inputs[0].beats_per_frame), node.sf)
    return Events(
        (needs,),
        latency,
        ((vector - 1) * node.nf,),
        node.sf,
        lag_cycles=1 - (node.sf - 1 - place),
        read=Read(REPLAY_CYCLES, inside),
    )


def grouped_events(node: VVAU | PoolUnit, inputs: Streams, result: StreamType) -> Events:
    """An output beat for each ``sf`` input beats."""
    needs = np.arange(1, result.beats_per_frame + 1) * node.sf
    return pipeline(node, inputs, needs, node.sf)


def global_pool_events(node: GlobalPoolUnit, inputs: Streams, result: StreamType) -> Events:
    """The beats of the last vector give the output beats."""
    before = inputs[0].beats_per_frame - result.beats_per_frame
    return pipeline(node, inputs, before + np.arange(1, result.beats_per_frame + 1))


def label_select_events(node: LabelSelect, inputs: Streams, result: StreamType) -> Events:
    """The last beat of a frame gives the labels."""
    return pipeline(node, inputs, np.array([inputs[0].beats_per_frame]))


def width_converter_events(node: WidthConverter, inputs: Streams, result: StreamType) -> Events:
    """As many lanes must have come as leave; a beat that does not fit behind the rest waits."""
    (source,) = inputs
    needs = -(-np.arange(1, result.beats_per_frame + 1) * result.lanes // source.lanes)
    given = np.arange(source.beats_per_frame) * source.lanes // result.lanes
    holds = given - SPARE_BEATS - SKID_CYCLES
    return Events((needs,), latency_after(node, inputs, needs), (holds,))


def fifo_events(node: Fifo, inputs: Streams, result: StreamType) -> Events:
    """``depth_beats`` beats."""
    beats = np.arange(1, result.beats_per_frame + 1)
    return Events((beats,), latency_after(node, inputs, beats), (beats - node.depth_beats,))


def pad_events(node: PadUnit, inputs: Streams, result: StreamType) -> Events:
    """Beats of the image pass in their places among those of the padding."""
    height, width, _ = node.padded_shape
    top, left, bottom, right = node.padding
    inside = np.zeros((height, width), bool)
    inside[top : height - bottom, left : width - right] = True
    real = np.repeat(inside.reshape(-1), result.beats_per_vector)
    places = np.flatnonzero(real)
    return Events((np.cumsum(real),), SKID_CYCLES, (places - SPARE_BEATS,))


def sliding_window_events(node: SlidingWindow, inputs: Streams, result: StreamType) -> Events:
    """A beat waits for its pixels; a pixel waits until the line buffer has room for it."""
    (source,) = inputs
    windows = WindowSchedule.of(node, source)
    needs = (windows.bases[:, np.newaxis] + windows.needs + 1).reshape(-1)
    if windows.groups == 1:
        return pipeline(node, inputs, needs)
    holds = buffer_holds(windows, node.depth_pixels * source.beats_per_vector)
    return stored(node, inputs, needs, holds, WRITE_CYCLES)


def buffer_holds(windows: WindowSchedule, depth_beats: int) -> Counts:
    """Output beats that must have left before each input beat finds its place free.

    That of beat ``i`` is free when a window begins at a beat after ``i - depth_beats``.
    """
    frames = np.arange(-LONGEST_BUFFER_FRAMES, 1)[:, np.newaxis] * windows.input_beats
    begins = (frames + windows.bases).reshape(-1)
    ended = np.searchsorted(begins, np.arange(windows.input_beats) - depth_beats, side="right")
    before = LONGEST_BUFFER_FRAMES * len(windows.bases)
    return (ended - before) * windows.beats_per_window


def upsample_events(node: UpsampleUnit, inputs: Streams, result: StreamType) -> Events:
    """A beat is kept until it has left for the last time."""
    (source,) = inputs
    height, width, _ = node.shape
    down, across = node.factor
    beats = source.beats_per_vector
    rows = np.repeat(np.arange(height), down)[:, np.newaxis]
    pixels = (rows * width + np.repeat(np.arange(width), across)).reshape(-1)
    needs = (pixels[:, np.newaxis] * beats + np.arange(1, beats + 1)).reshape(-1)
    last = np.zeros(source.beats_per_frame, np.int64)
    np.maximum.at(last, needs - 1, np.arange(1, len(needs) + 1))
    freed = np.arange(source.beats_per_frame) - upsample_depth_beats(node, source)
    frame, place = np.divmod(freed, source.beats_per_frame)
    holds = last[place] + frame * result.beats_per_frame
    return stored(node, inputs, needs, holds, WRITE_CYCLES)


def add_events(node: AddUnit, inputs: Streams, result: StreamType) -> Events:
    """A beat of each input for each output beat."""
    one = beat_by_beat(node, inputs, result)
    return Events(one.needs * 2, one.latency_cycles, one.holds * 2)


def concat_events(node: ConcatUnit, inputs: Streams, result: StreamType) -> Events:
    """Vector by vector, the beats of one input after those of the other."""
    latency = max(1, layer_timing(node, inputs).latency_first)
    position = np.arange(result.beats_per_frame)
    vector, place = position // result.beats_per_vector, position % result.beats_per_vector
    needs, holds, start = [], [], 0
    for source in inputs:
        beats = source.beats_per_vector
        needs.append(vector * beats + np.clip(place - start + 1, 0, beats))
        own = np.flatnonzero((place >= start) & (place < start + beats))
        holds.append(own - latency - SPARE_BEATS)
        start += beats
    return Events(tuple(needs), latency, tuple(holds))


EVENTS: Mapping[type[Layer], Callable[[Any, Streams, StreamType], Events]] = MappingProxyType(
    {
        ThermometerUnit: beat_by_beat,
        Thresholding: beat_by_beat,
        PadUnit: pad_events,
        SlidingWindow: sliding_window_events,
        MVAU: mvau_events,
        VVAU: grouped_events,
        PoolUnit: grouped_events,
        GlobalPoolUnit: global_pool_events,
        UpsampleUnit: upsample_events,
        AddUnit: add_events,
        ConcatUnit: concat_events,
        WidthConverter: width_converter_events,
        Fifo: fifo_events,
        LabelSelect: label_select_events,
    }
)
"""Dependencies of each layer kind, a function of the node, its input types and its output type.

:class:`~xnorflow.ir.StreamInput` has none. What a :class:`~xnorflow.ir.Fork` does is between its
readers (:mod:`xnorflow.hw.estimate.waits`).
"""
