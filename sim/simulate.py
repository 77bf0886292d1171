# SPDX-License-Identifier: Apache-2.0
"""Running a RUN folder's network on images: in software, or as hardware cycle by cycle."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ConfigError
from xnorflow.hw.build import load_design
from xnorflow.ir import ArgMax, Network
from xnorflow.rundir import RunFolder
from xnorflow.sim.images import Images, load_images
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.rtl import RtlEngine, Stalls

__all__ = ["Engine", "SimulateOptions", "Simulation", "simulate"]

DEFAULT_RTL_FRAMES = 10


class Engine(StrEnum):
    """What computes."""

    REFERENCE = "reference"
    RTL = "rtl"


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """What to run.

    Parameters
    ----------
    engine
        ``reference``: exact integers in software. ``rtl``: the emitted Verilog.
    images
        Number of images; by default all in software and 10 in RTL.
    data
        Data set name or path; by default the test images of the data set trained on.
    stall_seed
        RTL: hold up input and output at random by this seed; None leaves them free.
    waves
        RTL: write all signals to this VCD file.
    """

    engine: Engine = Engine.REFERENCE
    images: int | None = None
    data: str | None = None
    stall_seed: int | None = None
    waves: Path | None = None

    def __post_init__(self) -> None:
        if self.images is not None and self.images < 1:
            raise ConfigError(f"images must be 1 or more, not {self.images}")
        if self.engine is Engine.REFERENCE and self.waves is not None:
            raise ConfigError("waves need the rtl engine: the reference has no signals")
        if self.engine is Engine.REFERENCE and self.stall_seed is not None:
            raise ConfigError("stalls need the rtl engine: the reference has no streams")


@dataclass(frozen=True, slots=True)
class Simulation:
    """Outcome of :func:`simulate`.

    Parameters
    ----------
    dataset
        Where the images came from.
    outputs
        Output of the network for each image, int64, shape ``(n, outputs)``.
    accuracy
        Share of right labels, or None if there are no labels or the network gives none.
    seconds
        Time of the engine alone, compilation excluded.
    cycles
        RTL: clock cycles from reset to the last output beat; None in software.
    """

    dataset: str
    outputs: NDArray[np.int64] = field(repr=False)
    accuracy: float | None
    seconds: float
    cycles: int | None = None

    @property
    def images_per_second(self) -> float:
        """Images a second of wall-clock time."""
        return len(self.outputs) / max(self.seconds, 1e-9)


def simulate(run: str | Path, options: SimulateOptions | None = None) -> Simulation:
    """Run the network in the RUN folder ``run`` on images."""
    options = options or SimulateOptions()
    folder = RunFolder(Path(run))
    network = folder.network()
    limit = options.images
    if limit is None and options.engine is Engine.RTL:
        limit = DEFAULT_RTL_FRAMES
    images = load_images(folder, network, options.data, limit)
    if options.engine is Engine.RTL:
        return simulate_rtl(folder, network, images, options)
    return simulate_reference(network, images)


def simulate_reference(network: Network, images: Images) -> Simulation:
    """All ``images`` through the reference engine."""
    engine = ReferenceEngine(network)
    engine.run(images.first(1).frames)  # compiles
    start = time.perf_counter()
    outputs = engine.run(images.frames)
    seconds = time.perf_counter() - start
    has_labels = isinstance(network.output, ArgMax)
    return Simulation(images.source, outputs, accuracy(outputs, images, has_labels), seconds)


def simulate_rtl(
    folder: RunFolder, network: Network, images: Images, options: SimulateOptions
) -> Simulation:
    """All ``images`` through the RTL."""
    dataflow = load_design(folder, network)
    engine = RtlEngine(folder.rtl)
    stalls = None if options.stall_seed is None else Stalls(seed=options.stall_seed)
    start = time.perf_counter()
    trace = engine.run(images.frames.reshape(len(images), -1), stalls=stalls, waves=options.waves)
    seconds = time.perf_counter() - start
    output = dataflow.output
    outputs = trace.values[output.name]
    has_labels = output.mnemonic == "label_select"
    return Simulation(
        images.source,
        outputs,
        accuracy(outputs, images, has_labels),
        seconds,
        int(trace.cycles[output.name][-1, -1]),
    )


def accuracy(outputs: NDArray[np.int64], images: Images, has_labels: bool) -> float | None:
    """Share of images whose best label is right."""
    if images.labels is None or not has_labels or not len(images):
        return None
    return float(np.mean(outputs[:, 0] == images.labels))
