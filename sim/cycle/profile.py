# SPDX-License-Identifier: Apache-2.0
"""Where the cycles of a design go: what works, what waits, how full its FIFOs are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xnorflow.errors import SimulationError
from xnorflow.hw.build import load_design
from xnorflow.hw.cycle import Activity, CycleTrace, Simulation, Traffic, simulate_rhythm
from xnorflow.ir import Dataflow, Fifo
from xnorflow.rundir import RunFolder

__all__ = ["FifoLevels", "LayerActivity", "Profile", "profile", "profile_of"]

MAX_FRAMES = 1000
"""Frames to wait for a design to find its rhythm."""


@dataclass(frozen=True, slots=True)
class LayerActivity:
    """Cycles of a layer in a frame.

    Parameters
    ----------
    name, kind
        Of the layer.
    busy
        Cycles in which it took a step: fetched, read, took or gave a beat.
    starved
        Cycles in which it could have, but waited for a beat.
    blocked
        Cycles in which it stood still, since nobody took its output.
    """

    name: str
    kind: str
    busy: int
    starved: int
    blocked: int


@dataclass(frozen=True, slots=True)
class FifoLevels:
    """How full a FIFO is in a frame.

    Parameters
    ----------
    name
        Of the FIFO.
    depth_beats
        Beats that it holds.
    most
        Most beats in it at a time, from the first frame on.
    mean
        Beats in it on average.
    """

    name: str
    depth_beats: int
    most: int
    mean: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A frame of a design in its rhythm, or as many as it takes until everything repeats.

    Parameters
    ----------
    frames
        Frames that all figures are of: mostly one.
    interval_cycles
        Cycles of these frames.
    latency_cycles
        From the first input beat to the last output beat of the first frame.
    settled_frames
        Frames after which everything repeats, on all streams.
    layers
        Layers with a pipeline, in the order of the graph.
    fifos
        FIFOs, in the order of the graph.
    """

    frames: int
    interval_cycles: int
    latency_cycles: int
    settled_frames: int
    layers: tuple[LayerActivity, ...]
    fifos: tuple[FifoLevels, ...]

    @property
    def bottlenecks(self) -> tuple[str, ...]:
        """Layers that are busy in every cycle."""
        return tuple(layer.name for layer in self.layers if layer.busy == self.interval_cycles)


def profile(run: str | Path) -> Profile:
    """The profile of the hardware in the RUN folder ``run``.

    Raises
    ------
    ArtifactError
        If it was not built.
    """
    folder = RunFolder(Path(run))
    return profile_of(load_design(folder, folder.network()).dataflow)


def profile_of(dataflow: Dataflow) -> Profile:
    """The profile of ``dataflow`` with a source and a sink that never pause.

    Raises
    ------
    SimulationError
        If the design comes to a standstill, or finds no rhythm.
    """
    simulation = Simulation(dataflow, Traffic())
    trace = simulate_rhythm(simulation, MAX_FRAMES)
    if trace.standstill is not None:
        raise SimulationError(str(trace.standstill))
    if trace.simulated_frames == MAX_FRAMES:
        raise SimulationError(f"the frames do not repeat each other within {MAX_FRAMES} frames")
    before = simulation.activity()
    period = trace.period_frames
    following = simulation.trace(trace.simulated_frames + period, MAX_FRAMES)
    following = replace(following, period_frames=period)
    activity = simulation.activity()
    return Profile(
        frames=period,
        interval_cycles=following.period_cycles,
        latency_cycles=int(trace.frame_ends[0] - trace.moves[dataflow.input.name][0, 0]),
        settled_frames=trace.simulated_frames - simulation.frames_remembered - 1 - period,
        layers=tuple(
            layer_activity(name, dataflow.node(name).mnemonic, before[name], activity[name])
            for name in activity
            if not isinstance(dataflow.node(name), Fifo)
        ),
        fifos=tuple(
            fifo_levels(node, following) for node in dataflow.nodes if isinstance(node, Fifo)
        ),
    )


def layer_activity(name: str, kind: str, before: Activity, after: Activity) -> LayerActivity:
    """What a layer did in between."""
    busy = after.steps - before.steps
    moving = after.own_time - before.own_time
    return LayerActivity(name, kind, busy, moving - busy, after.pauses - before.pauses)


def fifo_levels(fifo: Fifo, trace: CycleTrace) -> FifoLevels:
    """Levels of ``fifo``; the mean is over a frame in the rhythm of the design."""
    stop = int(trace.moves[fifo.name][-1, -1]) + 1
    start = stop - trace.period_cycles
    ahead = (stop - int(trace.taken[fifo.name][0][-1, -1])) // trace.period_cycles + 1
    cycles, levels = trace.levels(fifo, trace.simulated_frames + ahead * trace.period_frames)
    inside = np.clip(np.append(cycles, cycles[-1]), start, stop)
    mean = float((np.diff(inside) * levels).sum() / (stop - start))
    return FifoLevels(fifo.name, fifo.depth_beats, int(levels.max()), mean)
