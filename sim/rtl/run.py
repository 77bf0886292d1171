# SPDX-License-Identifier: Apache-2.0
"""One run of a compiled simulator: buffers for its streams, time in chunks, checks at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import OutputError, SimulationError
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.weight_loading import load_words
from xnorflow.ir import Dataflow
from xnorflow.ir.beats import payload_words
from xnorflow.sim.rtl.library import Simulator, Status
from xnorflow.sim.rtl.standstill import standstill_message
from xnorflow.sim.rtl.trace import RtlTrace, StreamValues
from xnorflow.sim.stalls import Stalls

__all__ = ["Progress", "Run"]

Progress = Callable[[int, int], None]
"""Called with the frames that have left the accelerator, and the frames in all."""

FIRST_CHUNK_CYCLES = 1000
CHUNK_SECONDS = 0.1
"""Time between two looks for Ctrl-C and calls of the progress function."""

QUIET_CYCLES = 10_000
"""Longest silence to expect from pauses of the two ends: at 255/256 one in e**39 is longer."""


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats of a stream, noted by the simulator: payloads ``(beats, words)``, their cycles."""

    payloads: NDArray[np.uint32]
    cycles: NDArray[np.int64]

    @classmethod
    def room_for(cls, count: int, width_bits: int) -> Beats:
        """Room for ``count`` beats."""
        words = payload_words(width_bits)
        return cls(np.zeros((count, words), np.uint32), np.zeros(count, np.int64))


class Run:
    """A simulation of ``frames`` frames.

    Parameters
    ----------
    dataflow
        The graph of the design.
    simulator
        A fresh simulation of it, whose streams are the graph's nodes in order, then ``m_axis``.
    frames
        Number of frames.
    noted
        Nodes whose beats to note.
    """

    def __init__(
        self, dataflow: Dataflow, simulator: Simulator, frames: int, noted: frozenset[str]
    ) -> None:
        self._dataflow = dataflow
        self._simulator = simulator
        self._frames = frames
        self._names = tuple(dataflow.types)
        self._output = dataflow.types[dataflow.output.name]
        self._beats = {
            name: Beats.room_for(frames * stream.beats_per_frame, stream.width_bits)
            for name, stream in dataflow.types.items()
            if name in noted
        }
        self._port = Beats.room_for(
            frames * self._output.beats_per_frame, simulator.width_bits(len(self._names))
        )

    def start(self, payloads: NDArray[np.uint32], stalls: Stalls, waves: Path | None) -> None:
        """Load the weights, and hand over buffers, the beats to send, and the pauses."""
        for tap, (name, stream) in enumerate(self._dataflow.types.items()):
            width_bits = self._simulator.width_bits(tap)
            if width_bits != stream.width_bits:
                raise SimulationError(
                    f"wire {name}_payload must have the {stream.width_bits} bits of its stream, "
                    f"not {width_bits}: the Verilog does not belong to the dataflow graph"
                )
            self._expect(tap, self._frames * stream.beats_per_frame, self._beats.get(name))
        self._expect(len(self._names), len(self._port.cycles), self._port)
        self._simulator.load(load_words(self._dataflow))
        self._simulator.send(payloads, self._output.beats_per_frame)
        self._simulator.stall(stalls)
        if waves is not None:
            self._simulator.open_waves(waves)

    def _expect(self, tap: int, count: int, beats: Beats | None) -> None:
        payloads, cycles = (None, None) if beats is None else (beats.payloads, beats.cycles)
        self._simulator.expect(tap, count, payloads, cycles)

    def finish(self, max_cycles: int | None, progress: Progress | None) -> None:
        """Run until every beat has moved, and check what can be checked without the values."""
        quiet_bound = 2 * frame_interval(self._dataflow) + QUIET_CYCLES
        status = Status.RUNNING if self._frames else Status.DONE
        chunk = FIRST_CHUNK_CYCLES
        while status is Status.RUNNING:
            left = chunk if max_cycles is None else min(chunk, max_cycles - self._simulator.cycle)
            if left <= 0:
                raise SimulationError(
                    f"{self._progress()} after max_cycles={max_cycles}: allow more cycles"
                )
            start = time.perf_counter()
            status = self._simulator.run(left, quiet_bound)
            chunk = next_chunk(chunk, time.perf_counter() - start)
            if progress is not None:
                progress(self._frames_done(), self._frames)
        self._check(status)

    def _frames_done(self) -> int:
        beats = self._simulator.count(len(self._names))
        return beats // self._output.beats_per_frame

    def _progress(self) -> str:
        return f"{self._frames_done()} of {self._frames} frames have left the accelerator"

    def _check(self, status: Status) -> None:
        cycle = self._simulator.cycle - 1
        if status is Status.QUIET:
            self._simulator.one_free_cycle()
            raise SimulationError(
                f"standstill before cycle {cycle}, {self._progress()}: "
                + standstill_message(self._dataflow, self._simulator)
            )
        if status is Status.TOO_MANY_BEATS:
            tap = self._simulator.overrun_tap
            name = (*self._names, "m_axis")[tap]
            raise SimulationError(
                f"cycle {cycle}: more beats than {self._frames} frames have on {name}"
            )
        if status is Status.WRONG_TLAST:
            beat = self._simulator.count(len(self._names)) - 1
            raise SimulationError(
                f"m_axis_tlast must be high on the last of {self._output.beats_per_frame} beats of "
                f"a frame and on no other: wrong on beat {beat}, cycle {cycle}"
            )
        if self._simulator.waves_failed:
            raise OutputError("the waves could not be written completely: is the disk full?")

    def trace(self) -> RtlTrace:
        """What was noted."""
        self._check_port()
        types = self._dataflow.types
        return RtlTrace(
            values=StreamValues({name: b.payloads for name, b in self._beats.items()}, types),
            cycles={
                name: beats.cycles.reshape(self._frames, types[name].beats_per_frame)
                for name, beats in self._beats.items()
            },
            cycle_count=self._simulator.cycle,
        )

    def _check_port(self) -> None:
        name = self._dataflow.output.name
        if name not in self._beats:
            return
        inside = self._beats[name].payloads
        outside = self._port.payloads
        wrong = (outside[:, : inside.shape[1]] != inside).any(axis=1)
        wrong |= outside[:, inside.shape[1] :].any(axis=1)
        if wrong.any():
            beat = int(np.argmax(wrong))
            raise SimulationError(
                f"m_axis_tdata must be {name}_payload with zeros above it: "
                f"not so on beat {beat}, cycle {self._port.cycles[beat]}"
            )


def next_chunk(cycles: int, seconds: float) -> int:
    """Cycles to run next, so that they take about :data:`CHUNK_SECONDS`."""
    return max(FIRST_CHUNK_CYCLES, min(10 * cycles, int(cycles * CHUNK_SECONDS / (seconds + 1e-9))))
