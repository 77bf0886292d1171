# SPDX-License-Identifier: Apache-2.0
"""Running the cycle model: when every beat of a design moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.cycle.controls import Buffer, Pipeline, Replay, Storage
from xnorflow.hw.cycle.design import Design, Memory, Unit
from xnorflow.hw.cycle.standstill import Standstill, standstill_of
from xnorflow.ir import Dataflow, Fifo

__all__ = [
    "Activity",
    "CycleTrace",
    "Pauses",
    "Simulation",
    "Traffic",
    "simulate_cycles",
    "simulate_rhythm",
]

Cycles = NDArray[np.int64]

FIRST_FRAMES, GROWTH = 16, 4
"""Frames for which there is room at first, and how much more room is made when it is used up."""

MAX_PERIOD_FRAMES = 4
"""Frames after which a design may repeat itself and be known to."""

OUTPUT_BEATS = 2
"""Beats that an output buffer holds."""


class Pauses(NamedTuple):
    """Cycles in which one end of a design pauses.

    It pauses in cycle ``c`` if ``mix(key + c mod 2**32) >> 24 < probability``, with ``mix`` the
    finaliser of MurmurHash3.

    Parameters
    ----------
    key
        Which cycles.
    probability
        How many of them, in 1/256: 0 to 255.
    """

    key: int = 0
    probability: int = 0


NEVER = Pauses()


@dataclass(frozen=True, slots=True)
class Traffic:
    """What happens at the two ends of a design.

    Parameters
    ----------
    source, sink
        Their pauses. A source that offers a beat keeps offering it; a pause delays the next one.
    pace_cycles
        Cycles over which the source spreads the beats of a frame evenly; 0 for as fast as they
        are taken.
    """

    source: Pauses = NEVER
    sink: Pauses = NEVER
    pace_cycles: int = 0

    @property
    def is_steady(self) -> bool:
        """Whether neither end pauses."""
        return not (self.source.probability or self.sink.probability)


STEADY = Traffic()
"""Both ends always go."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What a layer has done up to its last step.

    Parameters
    ----------
    steps
        Cycles in which it took a step: it fetched, read, took or gave a beat.
    own_time
        Cycles in which its pipeline moved, less one.
    pauses
        Cycles in which it stood still, since nobody took its output.
    """

    steps: int
    own_time: int
    pauses: int


@dataclass(frozen=True, slots=True, eq=False)
class CycleTrace:
    """When the beats of every stream move.

    Parameters
    ----------
    frames
        Frames sent.
    moves
        By node: the cycle in which each beat of its output stream moves, shape
        ``(frames simulated, beats)``; -1 for beats that never move.
    taken
        By node: the same for each stream that it reads. A way of a fork is taken in other cycles
        than the stream that the fork takes.
    standstill
        Why not all frames leave the design; None if they do.
    output
        Node whose stream leaves the design.
    period_frames
        Frames after which everything repeats: mostly one.
    """

    frames: int
    moves: Mapping[str, Cycles]
    taken: Mapping[str, tuple[Cycles, ...]]
    standstill: Standstill | None
    output: str = field(repr=False)
    period_frames: int = 1

    @property
    def simulated_frames(self) -> int:
        """Frames that were simulated; those that follow repeat the last ones."""
        return len(self.moves[self.output])

    def shift(self, frames: int) -> int | None:
        """Cycles by which the last frame simulated is later than that ``frames`` before.

        None unless it is so on all streams.
        """
        if self.simulated_frames <= frames:
            return None
        ends = self.moves[self.output][:, -1]
        shift = int(ends[-1] - ends[-1 - frames])
        streams = (stream for streams in self.taken.values() for stream in streams)
        same = all(np.array_equal(stream[-1], stream[-1 - frames] + shift) for stream in streams)
        return shift if same else None

    @property
    def period_cycles(self) -> int:
        """Cycles from the last frames simulated to those that repeat them."""
        ends = self.moves[self.output][:, -1]
        return int(ends[-1] - ends[max(0, len(ends) - 1 - self.period_frames)])

    def cycles(self, name: str, start: int = 0, stop: int | None = None) -> Cycles:
        """Cycles of the beats of frames ``start`` to ``stop`` on the stream of node ``name``.

        Shape ``(frames, beats)``.
        """
        return self.repeated(self.moves[name], np.arange(self.frames)[start:stop])

    def repeated(self, moves: Cycles, numbers: Cycles) -> Cycles:
        """Frames ``numbers`` of a stream of which ``moves`` were simulated."""
        ahead = np.maximum(0, numbers - (self.simulated_frames - 1))
        periods = -(-ahead // self.period_frames)
        simulated = numbers - periods * self.period_frames
        cycles: Cycles = moves[simulated] + (periods * self.period_cycles)[:, np.newaxis]
        return cycles

    @property
    def frame_ends(self) -> Cycles:
        """Cycle of the last beat of each frame sent that leaves the design."""
        return self.repeated(self.moves[self.output], np.arange(self.frames))[:, -1]

    def levels(self, fifo: Fifo, frames: int) -> tuple[Cycles, Cycles]:
        """Beats in a FIFO over time, while ``frames`` frames pass: cycles, and numbers of beats.

        From each of these cycles on, so many beats are in the FIFO at the beginning of a cycle,
        until the next of these cycles.
        """
        numbers = np.arange(frames)
        come = self.repeated(self.taken[fifo.name][0], numbers).reshape(-1) + 1
        left = self.repeated(self.moves[fifo.name], numbers).reshape(-1) + 1
        cycles = np.unique(np.concatenate([[0], come, left]))
        levels = np.searchsorted(come, cycles, "right") - np.searchsorted(left, cycles, "right")
        return cycles, levels

    @property
    def settled_frames(self) -> int:
        """Frames that leave before the interval between frames is that of the last two."""
        intervals = np.diff(self.frame_ends)
        unsettled = np.flatnonzero(intervals != intervals[-1:])
        return int(unsettled[-1]) + 1 if unsettled.size else 0

    @property
    def cycle_count(self) -> int:
        """Cycles until the last beat of all has moved."""
        if self.standstill is not None:
            return 1 + self.standstill.cycle
        numbers = np.arange(self.frames)[-self.period_frames :]
        return 1 + max(int(self.repeated(m, numbers).max()) for m in self.moves.values())


def simulate_cycles(
    dataflow: Dataflow, frames: int, traffic: Traffic = STEADY, *, every_frame: bool = False
) -> CycleTrace:
    """When every beat of ``frames`` frames moves, to the cycle.

    Frames that repeat the one before (or that some frames before), so many cycles later, on all
    streams, for as long as any layer looks back, will do so for ever: what a layer does depends on
    nothing older. With ends that never pause the simulation stops there.

    Parameters
    ----------
    dataflow
        The graph.
    frames
        Frames to send, back to back, 1 or more.
    traffic
        What happens at the ends.
    every_frame
        Simulate all frames.
    """
    simulation = Simulation(dataflow, traffic)
    if every_frame or not traffic.is_steady:
        return simulation.trace(frames, frames)
    return simulate_rhythm(simulation, frames)


def simulate_rhythm(simulation: Simulation, frames: int) -> CycleTrace:
    """Go on until the design is in its rhythm, stands still, or ``frames`` frames have left."""
    shifts: dict[int, int | None] = {}
    repeated = dict.fromkeys(range(1, MAX_PERIOD_FRAMES + 1), 0)
    for simulated in range(1, frames + 1):
        trace = simulation.trace(simulated, frames)
        if trace.standstill:
            return trace
        for period, count in repeated.items():
            shift = simulation.repetition(trace, period)
            goes_on = shift is not None and shift == shifts.get(period)
            repeated[period], shifts[period] = count + 1 if goes_on else 0, shift
            if repeated[period] > simulation.frames_remembered:
                return replace(trace, period_frames=period)
    return trace


class Simulation:
    """A run of the machines that can be continued.

    Parameters
    ----------
    dataflow
        The graph.
    traffic
        What happens at the ends.
    """

    def __init__(self, dataflow: Dataflow, traffic: Traffic) -> None:
        self._dataflow = dataflow
        self._traffic = traffic
        self._design = Design(dataflow)
        self._memory = Memory(self._design, 0)

    @property
    def frames_remembered(self) -> int:
        """Frames between two beats of which one may wait for the other, at most."""
        return max(frames_kept(unit, self._design) for unit in self._design.units)

    def repetition(self, trace: CycleTrace, frames: int) -> int | None:
        """:meth:`CycleTrace.shift` by ``frames``; None if the source will not go on like that."""
        shift = trace.shift(frames)
        return shift if self._traffic.pace_cycles * frames in (0, shift) else None

    def activity(self) -> dict[str, Activity]:
        """What every layer with a pipeline has done so far."""
        return {
            unit.name: Activity(
                steps=self._memory.unit_field(number, "steps"),
                own_time=self._memory.unit_field(number, "own_time"),
                pauses=self._memory.unit_field(number, "step_pauses"),
            )
            for number, unit in enumerate(self._design.units)
            if isinstance(unit.control, Pipeline | Storage | Replay)
        }

    def trace(self, simulated: int, frames: int) -> CycleTrace:
        """Go on until ``simulated`` frames have left; the trace is one of ``frames`` frames."""
        from xnorflow.hw.cycle.machines import run  # numba is imported when it is first needed

        if simulated > self._memory.frames:
            room = max(simulated, GROWTH * self._memory.frames, min(frames, FIRST_FRAMES))
            self._memory.make_room(room)
        memory, traffic = self._memory, self._traffic
        beats = self._dataflow.types[self._dataflow.input.name].beats_per_frame
        ends = (tuple(traffic.source), tuple(traffic.sink))
        run(
            memory.words,
            memory.units,
            memory.queue,
            (simulated * beats, traffic.pace_cycles, *ends),
        )
        design = self._design
        channels = [memory.moves(number, simulated) for number in range(len(design.channels))]
        moves = {name: channels[number] for name, number in design.streams.items()}
        taken = {u.name: tuple(channels[number] for number in u.inputs) for u in design.units}
        output = self._dataflow.output.name
        standstill = standstill_of(design, memory, simulated)
        return CycleTrace(frames, moves, taken, standstill, output)


def frames_kept(unit: Unit, design: Design) -> int:
    """Frames that a unit holds, or begins, at most: in its pipeline, its memory and its output."""
    beats_in, beats_out = (
        [design.channels[number].beats for number in numbers] or [1]
        for numbers in (unit.inputs, unit.outputs)
    )
    match unit.control:
        case Pipeline() as control:
            stages, stored = control.stages, 0
        case Storage() as control:
            stages, stored = control.stages, control.depth_beats + int(control.frees.max())
        case Replay() as control:
            stages, stored = control.stages, 2 * control.vector_beats
        case Buffer() as control:
            stages, stored = 0, control.depth_beats
        case _:
            stages = stored = 0
    in_pipeline = stages // max(beats_in + beats_out)
    return 3 + in_pipeline + stored // min(beats_in) + OUTPUT_BEATS // min(beats_out)
