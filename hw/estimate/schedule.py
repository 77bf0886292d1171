# SPDX-License-Identifier: Apache-2.0
# Numba has no types: mypy: disable-error-code="untyped-decorator"
"""When every beat of a design moves: the earliest times that all dependencies allow.

Each beat on each stream is an event that happens as soon as those that it waits for have happened
(:mod:`xnorflow.hw.estimate.events`). Since none of them depends on data, and an event that happens
earlier makes none later, these are the times of the design with a source and a sink that never
pause, but for bubbles in pipelines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.estimate.waits import Waits, waits_of
from xnorflow.ir import Dataflow

__all__ = ["Schedule", "schedule", "settled_after"]

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """When the beats of every stream move.

    Parameters
    ----------
    times
        By node: the cycle of each beat of its output stream, shape ``(frames, beats)``; -1 for
        beats that never move.
    waits
        Where the design comes to a standstill: for every stream that stands still, which other
        it waits for.
    """

    times: Mapping[str, Times]
    waits: Mapping[str, str]

    def frame_ends(self, name: str) -> Times:
        """Cycle of the last beat of each frame on the stream of node ``name``."""
        return self.times[name][:, -1]


def schedule(
    dataflow: Dataflow,
    frames: int,
    *,
    unbounded: bool = False,
    pace_cycles: int | None = None,
) -> Schedule:
    """The earliest times of all beats of ``frames`` frames.

    Parameters
    ----------
    dataflow
        The graph.
    frames
        Number of frames, back to back.
    unbounded
        Whether FIFOs hold any number of beats.
    pace_cycles
        Cycles over which the source spreads the beats of a frame evenly; by default it never
        pauses.
    """
    waits = waits_of(dataflow, unbounded=unbounded)
    release = np.zeros(frames * waits.beats[0], np.int64)
    if pace_cycles is not None:
        release = np.arange(frames * waits.beats[0]) * pace_cycles // waits.beats[0]
    times, done, stuck = run(waits, frames, release)
    names = list(dataflow.types)
    return Schedule(
        {name: times[number].reshape(frames, -1) for number, name in enumerate(names)},
        {
            name: waits.names[stuck[number]]
            for number, name in enumerate(names)
            if done[number] < frames * waits.beats[number]
        },
    )


def settled_after(dataflow: Dataflow, frames: int = 8) -> int:
    """Frames that leave before the interval between frames is that of the slowest layer.

    Parameters
    ----------
    dataflow
        The graph, with the depths of its FIFOs.
    frames
        Number of frames to look at.
    """
    ends = schedule(dataflow, frames).frame_ends(dataflow.output.name)
    intervals = np.diff(ends)
    unsettled = np.flatnonzero(intervals != intervals[-1])
    return int(unsettled[-1]) + 1 if unsettled.size else 0


def run(waits: Waits, frames: int, release: Times) -> tuple[list[Times], Times, Times]:
    """Times of all events, how many happened, and for each the one that it waited for last."""
    every = [made + read for made, read in zip(waits.makers, waits.readers, strict=True)]
    flat = [wait for event in every for wait in event]
    counts = [wait.counts for wait in flat]
    beats = np.array(waits.beats)
    places = np.cumsum([0, *(frames * beats)])
    times = np.full(int(places[-1]), -1, np.int64)
    done, stuck = np.zeros((2, len(beats)), np.int64)
    compiled_settle()(
        beats,
        frames,
        places,
        np.cumsum([0, *map(len, every)]),
        np.array([wait.source for wait in flat], np.int64),
        np.cumsum([0, *map(len, counts)]),
        joined(counts),
        joined([wait.lags for wait in flat]),
        np.array(waits.gaps),
        waits.source,
        release,
        times,
        done,
        stuck,
    )
    return [times[start:stop] for start, stop in pairwise(places)], done, stuck


def joined(tables: list[Times]) -> Times:
    """All ``tables`` one after the other."""
    return np.concatenate([np.empty(0, np.int64), *tables]).astype(np.int64)


@cache
def compiled_settle() -> Callable[..., None]:
    """The inner loop, compiled; numba is imported when it is first needed."""
    from numba import njit

    return cast(Callable[..., None], njit(cache=True)(settle))


def settle(
    beats: Any,
    frames: Any,
    places: Any,
    firsts: Any,
    sources: Any,
    starts: Any,
    counts: Any,
    lags: Any,
    gaps: Any,
    source: Any,
    release: Any,
    times: Any,
    done: Any,
    stuck: Any,
) -> None:
    """Give every beat its time, stream by stream as far as each one goes, until none goes on.

    Beat ``j`` of stream ``s`` has its time at ``times[places[s] + j]``. What stream ``s`` waits for
    is numbered ``firsts[s]`` to ``firsts[s + 1] - 1``; wait ``w`` is for stream ``sources[w]``, its
    counts and lags are at ``starts[w]`` and on.
    """
    progress = True
    while progress:
        progress = False
        for stream in range(len(beats)):
            while done[stream] < frames * beats[stream]:
                beat = done[stream]
                frame, place = beat // beats[stream], beat % beats[stream]
                time = release[beat] if stream == source else 0
                if beat > 0:
                    time = max(time, times[places[stream] + beat - 1] + gaps[stream])
                ready = True
                for wait in range(firsts[stream], firsts[stream + 1]):
                    other = sources[wait]
                    event = frame * beats[other] + counts[starts[wait] + place] - 1
                    if event < 0:
                        continue
                    if event >= done[other]:
                        stuck[stream] = other
                        ready = False
                        break
                    time = max(time, times[places[other] + event] + lags[starts[wait] + place])
                if not ready:
                    break
                times[places[stream] + beat] = time
                done[stream] += 1
                progress = True
