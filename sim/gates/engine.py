# SPDX-License-Identifier: Apache-2.0
"""The netlist of an emitted design, hundreds of images at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ConfigError, SimulationError
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.families import Device
from xnorflow.hw.passes.use_cells import check_family
from xnorflow.hw.weight_loading import load_words
from xnorflow.ir import Dataflow, StreamType, load_graph
from xnorflow.ir.beats import checked_frames, payload_words, payloads_of, values_of
from xnorflow.sim.gates.build import build_netlist_simulator
from xnorflow.sim.gates.lanes import gathered, images_of, spread
from xnorflow.sim.gates.library import NetlistSimulator, Status, aligned_zeros, open_netlist
from xnorflow.sim.rtl.cache import ObjectCache
from xnorflow.sim.rtl.run import QUIET_CYCLES, next_chunk
from xnorflow.sim.stalls import NO_STALLS, Stalls

__all__ = ["WORD_LANES", "GatesEngine", "GatesTrace", "NetlistFacts"]

WORD_LANES = 512
"""Lanes of a word: most images a second on processors with and without vectors of 512 bits."""

IMAGES_AT_ONCE = 512
FIRST_CHUNK_CYCLES = 1000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class NetlistFacts:
    """What a netlist is made of.

    Parameters
    ----------
    cells
        Count of each kind of cell after synthesis.
    gates, flip_flops
        What is evaluated after cells were replaced by what they do.
    memory_bits
        Bits of all memories.
    """

    cells: Mapping[str, int]
    gates: int
    flip_flops: int
    memory_bits: int


@dataclass(frozen=True, slots=True)
class GatesTrace:
    """What left the accelerator.

    Parameters
    ----------
    values
        Of the output stream, int64, shape ``(images, outputs)``.
    cycles
        The cycle in which each output beat moved, in all lanes: int64, shape
        ``(frames, beats_per_frame)``, with ``frames = ceil(images / lanes)``; counted as in
        :class:`~xnorflow.sim.rtl.RtlTrace`.
    cycle_count
        Cycles simulated, reset excluded.
    lanes
        Lanes in use: frame ``f`` of a lane ``l`` is image ``f * lanes + l``.
    """

    values: NDArray[np.int64] = field(repr=False)
    cycles: NDArray[np.int64] = field(repr=False)
    cycle_count: int
    lanes: int


class GatesEngine:
    """Simulates the synthesised netlist of an emitted design, one image a lane.

    The Verilog goes through Yosys and a C++ compiler once; the result is kept in ``cache``.

    Parameters
    ----------
    folder
        As :func:`xnorflow.hw.emit.write_design` wrote it.
    device
        FPGA family to synthesise for; None for generic gates.
    cache
        Where compiled netlists are kept; by default in the user's cache folder.
    word_lanes
        Lanes of a word: 64, 128, 256 or 512.

    Attributes
    ----------
    dataflow
        The graph of the design.
    facts
        What the netlist is made of.

    Raises
    ------
    ArtifactError
        If the folder is incomplete or corrupt.
    ConfigError
        If there is no such device, or no word of so many lanes.
    SimulationError
        If the netlist has a cell that is not supported.
    ToolError
        If Yosys or a C++ compiler is missing, or fails, or the design is built of another family's
        cells.
    """

    def __init__(
        self,
        folder: Path,
        device: str | None = None,
        cache: ObjectCache | None = None,
        *,
        word_lanes: int = WORD_LANES,
    ) -> None:
        if word_lanes not in (64, 128, 256, 512):
            raise ConfigError(f"word_lanes must be 64, 128, 256 or 512, not {word_lanes}")
        self._word_lanes = word_lanes
        self.dataflow = load_graph(Dataflow, folder)
        family = device_of(device)
        if family is not None:
            check_family(self.dataflow, family)
        self._library = build_netlist_simulator(
            folder,
            family,
            tuple(self.dataflow.types),
            cache or ObjectCache.default(),
            word_lanes,
        )
        with open_netlist(self._library) as simulator:
            self.facts = NetlistFacts(**simulator.facts)

    def run(
        self,
        frames: NDArray[Any],
        stalls: Stalls | None = None,
        max_cycles: int | None = None,
        progress: Progress | None = None,
        *,
        lanes: int | None = None,
    ) -> GatesTrace:
        """Send ``frames`` through the netlist, from reset until all have left it.

        Parameters
        ----------
        frames
            Shape ``(images, ...)``: values of the input stream in hardware order.
        stalls
            Pauses of source and sink, the same ones in all lanes; None for none.
        max_cycles
            Cycles after which to give up.
        progress
            Called about ten times a second with the images done, and the images in all.
        lanes
            Lanes to use; by default all, or as many as there are images. Fewer make a longer run of
            frames behind each other: with one lane all are, as in the RTL engine.

        Raises
        ------
        ConfigError
            If there are not so many lanes.
        DataError
            If the frames do not fit the input stream.
        SimulationError
            If the lanes differ in a handshake, or the design comes to a standstill, takes more than
            ``max_cycles``, or breaks a rule of its streams.
        """
        source = self.dataflow.types[self.dataflow.input.name]
        payloads = payloads_of_images(np.asarray(frames), source)
        images = len(payloads)
        lanes = self._lanes(lanes, images)
        order = images_of(images, lanes, self._word_lanes)
        with open_netlist(self._library) as simulator:
            run = Run(self.dataflow, simulator, images, lanes)
            run.start(spread(payloads, order, simulator.s_width_bits), stalls or NO_STALLS)
            run.finish(max_cycles, progress)
            return run.trace()

    def _lanes(self, lanes: int | None, images: int) -> int:
        if lanes is None:
            return max(1, min(self._word_lanes, images))
        if not 1 <= lanes <= self._word_lanes:
            raise ConfigError(f"lanes must be 1..{self._word_lanes}, not {lanes}")
        return lanes


class Run:
    """One run: ``images`` images on ``lanes`` lanes."""

    def __init__(
        self, dataflow: Dataflow, simulator: NetlistSimulator, images: int, lanes: int
    ) -> None:
        self._dataflow = dataflow
        self._simulator = simulator
        self._images = images
        self._lanes = lanes
        self._stream = dataflow.types[dataflow.output.name]
        self._payloads = aligned_zeros(0)
        self._cycles = np.zeros(0, np.int64)

    def start(self, beats: NDArray[np.uint8], stalls: Stalls) -> None:
        """Hand over the beats to send and room for those that come, and load the weights."""
        per_frame = self._stream.beats_per_frame
        count = -(-self._images // self._lanes) * per_frame
        self._cycles = np.zeros(count, np.int64)
        self._payloads = aligned_zeros(count, self._simulator.m_width_bits, beats.shape[2])
        self._simulator.start(beats, self._payloads, self._cycles, per_frame, stalls)
        self._simulator.load(load_words(self._dataflow))

    def finish(self, max_cycles: int | None, progress: Progress | None) -> None:
        """Run until every beat has moved."""
        quiet_bound = 2 * frame_interval(self._dataflow) + QUIET_CYCLES
        status = Status.RUNNING if self._images else Status.DONE
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
                progress(self._images_done(), self._images)
        self._check(status)

    def _images_done(self) -> int:
        frames = self._simulator.received // self._stream.beats_per_frame
        return min(self._images, frames * self._lanes)

    def _progress(self) -> str:
        return f"{self._images_done()} of {self._images} images have left the netlist"

    def _check(self, status: Status) -> None:
        cycle, beat = self._simulator.cycle - 1, self._simulator.received
        if status is Status.QUIET:
            raise SimulationError(
                f"standstill before cycle {cycle}, {self._progress()}: each lane has taken "
                f"{self._simulator.sent} beats and given {beat} (--engine rtl says who waits)"
            )
        if status is Status.TOO_MANY_BEATS:
            raise SimulationError(f"cycle {cycle}: more beats than the images have on m_axis")
        if status is Status.WRONG_TLAST:
            raise SimulationError(
                f"m_axis_tlast must be high on the last of {self._stream.beats_per_frame} beats of "
                f"a frame and on no other: wrong on beat {beat - 1}, cycle {cycle}"
            )
        if status is Status.LANES_DIFFER:
            raise SimulationError(
                f"handshakes must not depend on data: the images differ in s_axis_tready, "
                f"m_axis_tvalid or m_axis_tlast in cycle {cycle}"
            )

    def trace(self) -> GatesTrace:
        """What was received."""
        per_frame, width_bits = self._stream.beats_per_frame, self._stream.width_bits
        if self._payloads[:, width_bits:].any():
            raise SimulationError("m_axis_tdata must have zeros above the payload: not so")
        beats = np.ascontiguousarray(self._payloads[:, :width_bits])
        payloads = gathered(beats, self._images, self._lanes, per_frame)
        return GatesTrace(
            values=values_of(payloads, self._stream),
            cycles=self._cycles.reshape(-1, per_frame),
            cycle_count=self._simulator.cycle,
            lanes=self._lanes,
        )


def payloads_of_images(frames: NDArray[Any], source: StreamType) -> NDArray[np.uint32]:
    """The beats of each image, shape ``(images, beats_per_frame, words)``.

    Made of a few images at a time, whose values in between fit into the caches.
    """
    parts = [
        payloads_of(checked_frames(frames[start : start + IMAGES_AT_ONCE], source), source)
        for start in range(0, max(1, len(frames)), IMAGES_AT_ONCE)
    ]
    words = payload_words(source.width_bits)
    return np.concatenate(parts).reshape(-1, source.beats_per_frame, words)


def device_of(name: str | None) -> Device | None:
    """The family called ``name``."""
    if name is None:
        return None
    try:
        return Device(name)
    except ValueError:
        known = ", ".join(Device)
        raise ConfigError(f"device must be one of {known}, not {name!r}") from None
