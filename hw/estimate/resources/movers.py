# SPDX-License-Identifier: Apache-2.0
"""Structure of the layers that move elements."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.estimate.resources.structure import Logic, Structure, counter_bits
from xnorflow.hw.estimate.resources.units import add_delay_lines
from xnorflow.hw.layers.loop_nest import Loop
from xnorflow.hw.layers.upsample import upsample_depth_beats
from xnorflow.hw.layers.window_schedule import WindowSchedule
from xnorflow.hw.memory_mapping import MemoryShape
from xnorflow.hw.popcount import range_shape
from xnorflow.ir import (
    ConcatUnit,
    Fifo,
    Fork,
    PadUnit,
    SlidingWindow,
    StreamInput,
    StreamType,
    UpsampleUnit,
    WidthConverter,
)

__all__ = [
    "concat_structure",
    "fifo_structure",
    "fork_structure",
    "pad_structure",
    "sliding_window_structure",
    "stream_input_structure",
    "upsample_structure",
    "width_converter_structure",
]


def stream_input_structure(_build: Structure, _node: StreamInput) -> None:
    """Wires."""


def fork_structure(build: Structure, node: Fork, _source: StreamType) -> None:
    """A flag for each way."""
    build.add_registers(node.ways)
    build.add(Logic.FORK_WAYS, node.ways)


def fifo_structure(build: Structure, node: Fifo, source: StreamType) -> None:
    """Two registers, or a memory with its two counters and a level."""
    if node.depth_beats == 2:
        build.add_output(source.width_bits)
        return
    words = node.depth_beats - 1
    build.add_memory(MemoryShape(words, source.width_bits, written=True, reads_old=True))
    build.add(Logic.FIFO, 1)
    for _ in range(2):
        build.add_counter(words)
    build.add_registers(counter_bits(words + 1) + 1)
    build.add(Logic.COUNT_BITS, counter_bits(words + 1))


def width_converter_structure(build: Structure, node: WidthConverter, source: StreamType) -> None:
    """A shift register that a beat enters at one of several places."""
    result = node.infer((source,))
    group = math.gcd(source.lanes, result.lanes)
    taken, given = source.lanes // group, result.lanes // group
    capacity = taken + given - 1
    bits, count_bits = capacity * group * source.element.width_bits, counter_bits(capacity + 1)
    sources = (taken * given + max(0, capacity - given)) * group * source.element.width_bits
    build.add_registers(bits + count_bits)
    build.add(Logic.COUNTER_BITS, 2 * count_bits)
    build.add(Logic.ARRIVAL_BITS, bits)
    build.add(Logic.ARRIVAL_SOURCES, sources - bits)
    few_places = taken == 1 and count_bits == 2
    build.add(Logic.ARRIVAL_CHOICES, 0 if few_places else bits)
    build.add_output(result.width_bits)


def concat_structure(build: Structure, node: ConcatUnit, *sources: StreamType) -> None:
    """A ring of flags, a counter for each input."""
    result = node.infer(sources)
    build.add_registers(len(sources))
    for source in sources:
        build.add_counter(source.beats_per_vector)
    build.add(Logic.OR_BITS, len(sources) * result.width_bits)
    build.add_output(result.width_bits)


def pad_structure(build: Structure, node: PadUnit, source: StreamType) -> None:
    """Counters of places, and the choice of a pixel or the padding."""
    result = node.infer((source,))
    height, width, _ = node.shape
    rows, columns, _ = node.padded_shape
    for length in (rows, columns, source.beats_per_vector):
        build.add_counter(length)
    build.add_registers((rows > height) + (columns > width) + 1)
    build.add(Logic.PADDING, 1)
    equal = source.lanes - 1 if result.element != source.element else 0  # low bits, all the same
    build.add_output(result.width_bits - equal)


def sliding_window_structure(build: Structure, node: SlidingWindow, source: StreamType) -> None:
    """A chain of delays, or a line buffer that is read by loops."""
    schedule = WindowSchedule.of(node, source)
    if schedule.groups == 1:
        add_window_chain(build, schedule, source.width_bits)
    else:
        depth = node.depth_pixels * source.beats_per_vector
        parts = reader_parts(schedule, depth)
        add_line_buffer(build, source.width_bits, depth, schedule.taps_per_beat, parts)
    build.add_output(node.taps_per_beat * source.width_bits)


def add_window_chain(build: Structure, schedule: WindowSchedule, width_bits: int) -> None:
    """A :class:`~xnorflow.hw.layers.window_chain.WindowChain`."""
    build.add_registers(width_bits + 1)
    for steps, count in chain_gaps(schedule):
        add_delay_lines(build, count * width_bits, steps)
    build.add_counter(schedule.beats_per_pixel)
    for size, extent, stride in zip(
        schedule.shape, schedule.window.extent, schedule.window.stride, strict=True
    ):
        build.add_counter(size)
        if max(extent, stride) > 1:
            build.add_counter(max(extent, stride))


@functools.lru_cache(maxsize=1 << 12)
def chain_gaps(schedule: WindowSchedule) -> tuple[tuple[int, int], ...]:
    """Steps between neighbouring taps, and how often they occur."""
    steps, counts = np.unique(np.diff(schedule.tap_offsets), return_counts=True)
    return tuple(zip(steps.tolist(), counts.tolist(), strict=True))


Table = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LoopParts:
    """Loops over a line buffer.

    Parameters
    ----------
    lengths
        Rounds of each.
    register_bits
        Bits of registers of distances; bits that never change, and bits that are always equal to
        another, are none.
    farthest
        How far the last position moves at most.
    """

    lengths: tuple[int, ...]
    register_bits: int
    farthest: int

    @classmethod
    def of(
        cls, loops: Sequence[Loop], period: int, tables: Callable[[Table], Sequence[Table]]
    ) -> LoopParts:
        """The parts of ``loops``, outermost first.

        Parameters
        ----------
        period
            By how much every position has moved after all rounds.
        tables
            What the registers hold, of the distances of all steps: shape ``(steps, positions)``.
        """
        back = np.zeros(loops[0].offsets.shape[1], np.int64)
        blocks = []
        for loop in reversed(loops):
            blocks.append(loop.changes - back)
            back = back + loop.travel
        steps = np.concatenate([*blocks, (period - back)[None]])
        held = tables(steps)
        columns = {column.tobytes() for table in held for column in varying_bits(table)}
        counted = counted_loops([len(block) for block in blocks], np.stack(held))
        lengths = tuple(len(loop.offsets) for loop in loops[len(loops) - counted :])
        return cls(lengths, len(columns), max(0, int(steps[:, -2:].max())))


def counted_loops(sizes: Sequence[int], held: Table) -> int:
    """How many loops, from the innermost, have a counter.

    The step behind the last round of a loop is that of the loop around it; where all steps of the
    outer loops are alike nothing depends on their counters.

    Parameters
    ----------
    sizes
        Steps of each loop, innermost first.
    held
        What the registers hold after each step: shape ``(registers, steps + 1)``.
    """
    end = held.shape[1] - 1
    for count in range(len(sizes), 0, -1):
        start = end - sizes[count - 1]
        if not np.array_equal(held[:, start:end], np.repeat(held[:, -1:], end - start, axis=1)):
            return count
        end = start
    return 0


def varying_bits(table: Table) -> list[Table]:
    """The columns of bits of ``table`` that are not constant."""
    width = range_shape(int(table.min()), int(table.max())).width
    columns = [table >> bit & 1 for bit in range(width)]
    return [column for column in columns if column.any() and not column.all()]


@functools.lru_cache(maxsize=1 << 12)
def reader_parts(schedule: WindowSchedule, depth: int) -> LoopParts:
    """Loops of a :class:`~xnorflow.hw.layers.window_reader.WindowReader`."""
    taps = schedule.taps_per_beat
    windows = schedule.bases.reshape(schedule.window.output_shape(schedule.shape))
    groups = schedule.tap_offsets.reshape(schedule.groups, taps)
    channels = np.repeat(np.arange(schedule.beats_per_pixel)[:, None], taps, axis=1)
    inner = [
        Loop("group", np.pad(groups, ((0, 0), (0, 1)))),
        Loop("channel", np.pad(channels, ((0, 0), (0, 1)))),
    ]
    loops = [
        Loop("row", np.repeat(windows[:, :1], taps + 1, axis=1)),
        Loop("column", np.repeat(windows[:1].T, taps + 1, axis=1)),
        *(reversed(inner) if schedule.depthwise else inner),
    ]

    def tables(steps: Table) -> list[Table]:
        return [*(steps[:, :-1] % depth).T, -steps[:, -2], -steps[:, -1]]

    return LoopParts.of(loops, schedule.input_beats, tables)


@functools.lru_cache(maxsize=1 << 12)
def upsample_parts(
    shape: tuple[int, int, int], factor: tuple[int, int], pixel_beats: int, depth: int
) -> LoopParts:
    """Loops of an :class:`~xnorflow.hw.layers.upsample.UpsampleUnit`."""
    (height, width, _), (rows, columns) = shape, factor
    rounds = {
        "row": (height, width * pixel_beats),
        "row_again": (rows, 0),
        "column": (width, pixel_beats),
        "column_again": (columns, 0),
        "channel": (pixel_beats, 1),
    }
    loops = [Loop(name, np.arange(n)[:, None] * step) for name, (n, step) in rounds.items()]
    period = height * width * pixel_beats
    parts = LoopParts.of(loops, period, lambda steps: [steps[:, 0] % depth, -steps[:, 0]])
    return replace(parts, farthest=1)


def add_line_buffer(
    build: Structure, width_bits: int, depth: int, copies: int, loops: LoopParts
) -> None:
    """A :class:`~xnorflow.hw.layers.line_buffer.LineBuffer` that is read by ``loops``."""
    build.add_memory(MemoryShape(depth, width_bits, written=True), copies)
    build.add_counter(depth)
    reach = max(depth, loops.farthest)
    counts = range_shape(-reach, depth).width + range_shape(-depth - loops.farthest, 0).width
    addresses = copies * counter_bits(depth)
    build.add_registers(addresses + counts)
    build.add(Logic.COUNTED_BITS, counts)
    wraps = depth & (depth - 1) != 0
    build.add(Logic.WRAPPED_ADDRESS_BITS if wraps else Logic.ADDRESS_BITS, addresses)
    for length in loops.lengths:
        build.add_counter(length)
    build.add_registers(loops.register_bits + 1)
    build.add(Logic.STEP_BITS, loops.register_bits)


def upsample_structure(build: Structure, node: UpsampleUnit, source: StreamType) -> None:
    """A line buffer that is read by loops."""
    depth = upsample_depth_beats(node, source)
    loops = upsample_parts(node.shape, node.factor, source.beats_per_vector, depth)
    add_line_buffer(build, source.width_bits, depth, 1, loops)
    build.add_registers(max(node.factor) > 1)
    build.add_output(source.width_bits)
