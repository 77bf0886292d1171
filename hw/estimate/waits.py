# SPDX-License-Identifier: Apache-2.0
"""All dependencies between the beats of a design: those of its layers, joined at their streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.estimate.events import Events, events_of
from xnorflow.ir import AddUnit, Dataflow, Fifo, Fork, Layer, PadUnit

__all__ = ["Wait", "Waits", "waits_of"]

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Wait:
    """Beat ``j`` of a frame waits for number ``counts[j] - 1`` of the event ``source``."""

    source: int
    counts: Times
    lag_cycles: int | Times

    @property
    def lags(self) -> Times:
        """Cycles from that to this, at least, for each beat of a frame."""
        return np.broadcast_to(np.asarray(self.lag_cycles, np.int64), self.counts.shape)

    @property
    def first(self) -> Wait:
        """The wait of the first beat of a frame."""
        return Wait(self.source, self.counts[:1], self.lags[:1])


@dataclass(slots=True, eq=False)
class Waits:
    """All dependencies of a design, by number of the event.

    First come the streams, in the order of the graph, then events that show on none:

    * the *source* has a beat for the input stream;
    * a layer that stores its input *reads* it, before an output beat leaves;
    * a padding unit takes the first beat of a frame after the padding above, but begins when that
      beat is *offered*;
    * a reader of a fork takes a beat on its *way*; the beat moves when all have.

    Parameters
    ----------
    names
        Of the streams; for another event that of the stream where it can be seen.
    beats
        Events of a frame.
    gaps
        Cycles between two of them, at least.
    makers
        What an event waits for on the side of the layer that makes it.
    readers
        What it waits for on the side of the layer that reads it.
    source
        Number of the event that the source has a beat.
    """

    names: list[str]
    beats: list[int]
    gaps: list[int]
    makers: list[list[Wait]]
    readers: list[list[Wait]]
    source: int = 0

    @classmethod
    def of_streams(cls, dataflow: Dataflow) -> Waits:
        """The streams of ``dataflow`` and their source."""
        waits = cls([], [], [], [], [])
        for name, stream in dataflow.types.items():
            waits.add_event(name, stream.beats_per_frame, [])
        waits.source = waits.add_event(waits.names[0], waits.beats[0], [])
        waits.makers[0] = [waits.same_beat(waits.source)]
        return waits

    def add_event(self, name: str, beats: int, makers: list[Wait]) -> int:
        """One more event; gives its number."""
        self.names.append(name)
        self.beats.append(beats)
        self.gaps.append(1)
        self.makers.append(makers)
        self.readers.append([])
        return len(self.names) - 1

    def same_beat(self, event: int, ahead: int = 0, lag_cycles: int = 0) -> Wait:
        """Wait for the beat of ``event`` that is ``ahead`` beats before one's own."""
        return Wait(event, np.arange(1, self.beats[event] + 1) - ahead, lag_cycles)


def waits_of(dataflow: Dataflow, *, unbounded: bool) -> Waits:
    """The dependencies of ``dataflow``.

    Parameters
    ----------
    dataflow
        The graph.
    unbounded
        Whether FIFOs hold any number of beats.
    """
    waits = Waits.of_streams(dataflow)
    numbers = {name: number for number, name in enumerate(dataflow.types)}
    ways: dict[str, list[int]] = {}
    for node in dataflow.nodes[1:]:
        layer = cast(Layer, node)
        own = numbers[layer.name]
        sources = [ways[edge].pop(0) if edge in ways else numbers[edge] for edge in layer.inputs]
        if isinstance(layer, Fork):
            ways[layer.name] = add_ways(waits, own, sources[0], layer)
            continue
        events = events_of(layer, dataflow.input_types(layer))
        done = add_needs(waits, own, sources, events)
        for source, holds in zip(sources, events.holds, strict=True):
            if not (unbounded and isinstance(layer, Fifo)):
                waits.readers[source].append(Wait(done, holds, events.lag_cycles))
        if isinstance(layer, AddUnit):
            add_meeting(waits, sources)
        if isinstance(layer, PadUnit):
            add_offer(waits, own, sources[0], events)
    return waits


def add_needs(waits: Waits, own: int, sources: list[int], events: Events) -> int:
    """What the output beats of a layer wait for; gives the event that frees places for input."""
    latency = events.read.latency_cycles if events.read else events.latency_cycles
    needs = [
        Wait(source, counts, latency) for source, counts in zip(sources, events.needs, strict=True)
    ]
    if events.read is None:
        waits.makers[own] += needs
        waits.gaps[own] = events.gap_cycles
        return own
    read = waits.add_event(waits.names[own], waits.beats[own], needs)
    waits.gaps[read] = events.gap_cycles
    waits.makers[own].append(waits.same_beat(read, 0, events.latency_cycles - latency))
    waits.readers[read].append(waits.same_beat(own, events.read.ahead, 1))
    return read


def add_ways(waits: Waits, own: int, source: int, fork: Fork) -> list[int]:
    """The ways of ``fork``: each takes a beat when it is offered and the last one has moved."""
    offered = [*waits.makers[source], waits.same_beat(source, 1, 1)]
    ways = [
        waits.add_event(waits.names[own], waits.beats[own], list(offered)) for _ in range(fork.ways)
    ]
    waits.readers[source] += [waits.same_beat(way) for way in ways]
    waits.makers[own].append(waits.same_beat(source))
    return ways


def add_meeting(waits: Waits, sources: list[int]) -> None:
    """Beats of ``sources`` move together, when all are offered."""
    offered = [wait for source in sources for wait in waits.makers[source]]
    for source in sources:
        waits.readers[source] += offered


def add_offer(waits: Waits, own: int, source: int, events: Events) -> None:
    """A frame of a padding unit begins when its first input beat is offered."""
    first = [wait.first for wait in waits.makers[source]]
    offer = waits.add_event(waits.names[source], 1, first)
    begin = np.ones(waits.beats[own], np.int64)
    waits.makers[own].append(Wait(offer, begin, events.latency_cycles))
