# SPDX-License-Identifier: Apache-2.0
"""A dataflow graph as the arrays that the machines work on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.cycle.controls import (
    Buffer,
    Control,
    Converter,
    Copies,
    Pipeline,
    Replay,
    Source,
    Storage,
    control_of,
)
from xnorflow.hw.cycle.layout import CHANNEL_FIELDS, FREES_SHIFT, KINDS, UNIT_FIELDS
from xnorflow.ir import Dataflow, Fork, Layer

__all__ = ["SINK", "Channel", "Design", "Memory", "Unit"]

SINK = "m_axis"
"""Name of the unit that takes what leaves the design."""

SPARE_PLACES = 8
"""Places of rings beside those for what a pipeline holds: readers and pauses look back a little."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A stream from one unit to another.

    Parameters
    ----------
    maker, reader
        Numbers of the units.
    beats
        Beats of a frame.
    node
        Node of the dataflow graph whose stream this is; of a way of a fork the fork.
    is_way
        Whether it is a way of a fork.
    """

    maker: int
    reader: int
    beats: int
    node: str
    is_way: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """What acts in a design: a layer, or the sink.

    Parameters
    ----------
    name
        Name of the layer, or :data:`SINK`.
    control
        What it does; None for the sink.
    inputs, outputs
        Numbers of its channels.
    """

    name: str
    control: Control | None
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()


class Design:
    """Units and channels of a dataflow graph.

    Parameters
    ----------
    dataflow
        The graph.

    Attributes
    ----------
    units : tuple of Unit
        The layers in the order of the graph, then the sink.
    channels : tuple of Channel
    streams : mapping of str to int
        By node: the channel that is its output stream; of a fork, the channel that it takes.
    """

    def __init__(self, dataflow: Dataflow) -> None:
        layers = cast(tuple[Layer, ...], dataflow.nodes)
        numbers = {layer.name: number for number, layer in enumerate(layers)}
        readers = readers_of(layers, numbers)
        channels: list[Channel] = []
        outputs: dict[str, list[int]] = {}
        for number, layer in enumerate(layers):
            beats = dataflow.types[layer.name].beats_per_frame
            is_fork = isinstance(layer, Fork)
            outputs[layer.name] = list(range(len(channels), len(channels) + len(readers[number])))
            channels += [Channel(number, to, beats, layer.name, is_fork) for to in readers[number]]
        inputs: list[list[int]] = [[] for _ in range(len(layers) + 1)]
        waiting = {name: list(ways) for name, ways in outputs.items()}
        for number, layer in enumerate(layers):
            inputs[number] = [waiting[edge].pop(0) for edge in layer.inputs]
        last = layers[-1].name
        inputs[-1] = [waiting[last].pop(0)]
        self.units = (
            *(
                Unit(
                    layer.name,
                    control_of(layer, dataflow.input_types(layer)),
                    tuple(inputs[number]),
                    tuple(outputs[layer.name]),
                )
                for number, layer in enumerate(layers)
            ),
            Unit(SINK, None, tuple(inputs[-1])),
        )
        self.channels = tuple(channels)
        self.streams: Mapping[str, int] = {
            unit.name: unit.inputs[0] if isinstance(unit.control, Copies) else unit.outputs[0]
            for unit in self.units[:-1]
        }


def readers_of(layers: Iterable[Layer], numbers: Mapping[str, int]) -> list[list[int]]:
    """Of each layer the units that read its output, in the order of its ways."""
    layers = tuple(layers)
    readers: list[list[int]] = [[] for _ in layers]
    for number, layer in enumerate(layers):
        for edge in layer.inputs:
            readers[numbers[edge]].append(number)
    readers[-1].append(len(layers))
    return readers


class Memory:
    """The memory of all machines before the first cycle, over a number of frames.

    Parameters
    ----------
    design
        The design.
    frames
        Frames for whose moves to have room.

    Attributes
    ----------
    words : numpy.ndarray
        Int64: see :mod:`xnorflow.hw.cycle.machines`.
    units : numpy.ndarray
        Place of each unit.
    queue : int
        Place of the queue of units.
    frames : int
        Frames for whose moves there is room.
    """

    def __init__(self, design: Design, frames: int) -> None:
        self._size = 1  # a place is positive
        self._pieces: list[NDArray[np.int64]] = []
        self._channels: list[int] = []
        first = self._size
        self._size += len(UNIT_FIELDS) * len(design.units)
        self.units = np.arange(first, self._size, len(UNIT_FIELDS))
        for channel in design.channels:
            self._add_channel(channel, design)
        self.queue = self._add(np.zeros(len(design.units)))
        records = [self._unit_record(unit, design) for unit in design.units]
        self.words = np.concatenate([[0], *records, *self._pieces]).astype(np.int64)
        self._beats = [channel.beats for channel in design.channels]
        self._moves: list[slice] = [slice(0, 0)] * len(design.channels)
        self.frames = 0
        self.make_room(frames)

    def make_room(self, frames: int) -> None:
        """Let there be room for the moves of ``frames`` frames, behind all else."""
        before, moved = self.words, self._moves
        # Before the first move of each channel is a word for "before cycle 0".
        starts = [self._size, *(1 + frames * beats for beats in self._beats)]
        places = list(accumulate(starts))
        self.words = np.empty(places[-1], np.int64)
        self.words[: self._size] = before[: self._size]
        self._moves = [slice(a + 1, b) for a, b in pairwise(places)]
        self.frames = frames
        for record, old, new in zip(self._channels, moved, self._moves, strict=True):
            self.words[new.start - 1] = -1
            self.words[new.start : new.start + old.stop - old.start] = before[old]
            self.words[record + CHANNEL_FIELDS.index("moves")] = new.start

    def moves(self, channel: int, frames: int) -> NDArray[np.int64]:
        """Cycles of the moves of the first frames on a channel, -1 where they have not taken place.

        Shape ``(frames, beats)``.
        """
        room = self.words[self._moves[channel]].reshape(self.frames, -1)[:frames]
        room.reshape(-1)[self.channel_field(channel, "moved") :] = -1
        return room

    def unit_field(self, unit: int, name: str) -> int:
        """A field of the record of a unit."""
        return int(self.words[self.units[unit] + UNIT_FIELDS.index(name)])

    def channel_field(self, channel: int, name: str) -> int:
        """A field of the record of a channel."""
        return int(self.words[self._channels[channel] + CHANNEL_FIELDS.index(name)])

    def channel_at(self, place: int) -> int:
        """Number of the channel whose record is at ``place``."""
        return self._channels.index(place)

    def _add(self, words: Any) -> int:
        """Place of more words."""
        piece = np.asarray(words, np.int64)
        place = self._size
        self._pieces.append(piece)
        self._size += len(piece)
        return place

    def _add_channel(self, channel: Channel, design: Design) -> None:
        ring = ring_size(pushes_kept(design.units[channel.maker]))
        fields = record(
            CHANNEL_FIELDS,
            maker=int(self.units[channel.maker]),
            reader=int(self.units[channel.reader]),
            push_ring=self._add(np.full(ring, -1)),
            push_mask=ring - 1,
        )
        self._channels.append(self._add(fields))

    def _unit_record(self, unit: Unit, design: Design) -> NDArray[np.int64]:
        control = unit.control
        kind = "sink" if control is None else type(control).__name__.lower()
        outputs = [self._channels[number] for number in unit.outputs]
        flight = ring_size(pushes_kept(unit))
        return record(
            UNIT_FIELDS,
            kind=KINDS.index(kind),
            inputs=self._add([self._channels[number] for number in unit.inputs]),
            input_count=len(unit.inputs),
            output=self._add(outputs) if isinstance(control, Copies) else (*outputs, 0)[0],
            output_count=len(outputs),
            flight_ring=self._add(np.zeros(flight)),
            flight_mask=flight - 1,
            own_time=-1,
            **self._control_fields(unit, design),
        )

    def _control_fields(self, unit: Unit, design: Design) -> dict[str, int]:
        match unit.control:
            case Source():
                return {"input_beats": design.channels[unit.outputs[0]].beats}
            case Pipeline() as control:
                return {
                    "table": self._add(control.steps),
                    "period": len(control.steps),
                    "stages": control.stages,
                    "all_inputs": control.all_inputs,
                }
            case Storage() as control:
                return {
                    "table": self._add(np.concatenate([control.needs, storage_steps(control)])),
                    "period": len(control.needs),
                    "stages": control.stages,
                    "input_beats": control.input_beats,
                    **self._buffer_fields(control.depth_beats, int(control.frees.max())),
                }
            case Replay() as control:
                return {
                    "stages": control.stages,
                    "input_beats": control.vector_beats,
                    "passes": control.passes,
                    **self._buffer_fields(2 * control.vector_beats, 1),
                }
            case Converter() as control:
                return {"input_beats": control.taken, "output_groups": control.given}
            case Buffer() as control:
                return {"depth": control.depth_beats}
        return {}

    def _buffer_fields(self, depth: int, frees: int) -> dict[str, int]:
        """A memory, and when its places became free: some before their beats have come."""
        ring = ring_size(depth + frees)
        return {"depth": depth, "freed_ring": self._add(np.zeros(ring)), "freed_mask": ring - 1}


def pushes_kept(unit: Unit) -> int:
    """Pushes that somebody may still look at: of beats in a pipeline, or in a memory."""
    match unit.control:
        case Pipeline() | Storage() | Replay() as control:
            return control.stages
        case Buffer() as control:
            return control.depth_beats
    return 0


def storage_steps(control: Storage) -> NDArray[np.int64]:
    """What each read of a storage does, as one word: how much it frees, and whether it gives."""
    return control.frees << FREES_SHIFT | control.gives


def ring_size(places: int) -> int:
    """A power of two with ``places`` places and some to spare."""
    return 1 << (places + SPARE_PLACES - 1).bit_length()


def record(fields: tuple[str, ...], **values: int) -> NDArray[np.int64]:
    """The words of a record; fields that are not given are 0."""
    words = np.zeros(len(fields), np.int64)
    for name, value in values.items():
        words[fields.index(name)] = value
    return words
