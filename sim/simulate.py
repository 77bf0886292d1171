# SPDX-License-Identifier: Apache-2.0
"""Running a RUN folder's network on images: in software, or as hardware cycle by cycle."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ConfigError
from xnorflow.hw.build import load_design
from xnorflow.hw.families import Device
from xnorflow.ir import ArgMax, Network, Node, StreamType
from xnorflow.progress import StageProgress
from xnorflow.rundir import RunFolder
from xnorflow.sim.gates import GatesEngine, NetlistFacts
from xnorflow.sim.images import Images, load_images
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.rtl import RtlEngine, Stalls

__all__ = ["Engine", "SimulateOptions", "Simulation", "simulate"]

DEFAULT_RTL_FRAMES = 10


class Engine(StrEnum):
    """What computes."""

    REFERENCE = "reference"
    RTL = "rtl"
    GATES = "gates"


NO_WAVES = {
    Engine.REFERENCE: "the reference has no signals",
    Engine.GATES: "a netlist has other signals than the Verilog, of hundreds of images at once",
}
"""Why an engine has no waves."""


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """What to run.

    Parameters
    ----------
    engine
        ``reference``: exact integers in software. ``rtl``: the emitted Verilog. ``gates``: the
        netlist that Yosys makes of it, hundreds of images at a time.
    images
        Number of images; by default all, and 10 in RTL.
    data
        Data set name or path; by default the test images of the data set trained on.
    stall_seed
        RTL and gates: hold up input and output at random by this seed; None leaves them free.
    waves
        RTL: write all signals to this VCD file.
    device
        Gates: FPGA family to synthesise for; None for generic gates.
    """

    engine: Engine = Engine.REFERENCE
    images: int | None = None
    data: str | None = None
    stall_seed: int | None = None
    waves: Path | None = None
    device: Device | None = None

    def __post_init__(self) -> None:
        if self.images is not None and self.images < 1:
            raise ConfigError(f"images must be 1 or more, not {self.images}")
        if self.waves is not None and self.engine in NO_WAVES:
            raise ConfigError(f"waves need the rtl engine: {NO_WAVES[self.engine]}")
        if self.engine is Engine.REFERENCE and self.stall_seed is not None:
            raise ConfigError("stalls need the rtl or gates engine: the reference has no streams")
        if self.engine is not Engine.GATES and self.device is not None:
            raise ConfigError(
                f"a device ({self.device}) needs the gates engine: others run what is the same "
                "for all devices"
            )


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
        RTL and gates: clock cycles from reset to the last output beat; None in software.
    compile_seconds
        Time of synthesis and compilation, which is next to none when they were done before.
    lanes
        Images that went side by side.
    netlist
        Gates: what was simulated.
    """

    dataset: str
    outputs: NDArray[np.int64] = field(repr=False)
    accuracy: float | None
    seconds: float
    cycles: int | None = None
    compile_seconds: float = 0.0
    lanes: int = 1
    netlist: NetlistFacts | None = None

    @property
    def images_per_second(self) -> float:
        """Images a second of wall-clock time."""
        return len(self.outputs) / max(self.seconds, 1e-9)


def simulate(
    run: str | Path, options: SimulateOptions | None = None, progress: StageProgress | None = None
) -> Simulation:
    """Run the network in the RUN folder ``run`` on images."""
    options = options or SimulateOptions()
    report = progress or (lambda *_: None)
    folder = RunFolder(Path(run))
    network = folder.network()
    limit = options.images
    if limit is None and options.engine is Engine.RTL:
        limit = DEFAULT_RTL_FRAMES
    images = load_images(folder, network, options.data, limit)
    if options.engine is Engine.RTL:
        return simulate_rtl(folder, network, images, options, report)
    if options.engine is Engine.GATES:
        return simulate_gates(folder, network, images, options, report)
    return simulate_reference(network, images)


def simulate_reference(network: Network, images: Images) -> Simulation:
    """All ``images`` through the reference engine."""
    start = time.perf_counter()
    engine = ReferenceEngine(network)
    engine.run(images.first(1).frames)
    compiled = time.perf_counter()
    outputs = engine.run(images.frames)
    return Simulation(
        dataset=images.source,
        outputs=outputs,
        accuracy=accuracy(outputs, images, isinstance(network.output, ArgMax)),
        seconds=time.perf_counter() - compiled,
        compile_seconds=compiled - start,
    )


def simulate_rtl(
    folder: RunFolder,
    network: Network,
    images: Images,
    options: SimulateOptions,
    report: StageProgress,
) -> Simulation:
    """All ``images`` through the RTL."""
    output = load_design(folder, network).dataflow.output
    start = time.perf_counter()
    engine = RtlEngine(folder.rtl)
    compiled = time.perf_counter()
    trace = engine.run(
        rows_of(images),
        stalls=stalls_of(options),
        waves=options.waves,
        progress=partial(report, "RTL"),
    )
    outputs = trace.values[output.name]
    return Simulation(
        dataset=images.source,
        outputs=outputs,
        accuracy=accuracy(outputs, images, gives_labels(output)),
        seconds=time.perf_counter() - compiled,
        cycles=int(trace.cycles[output.name][-1, -1]),
        compile_seconds=compiled - start,
    )


def simulate_gates(
    folder: RunFolder,
    network: Network,
    images: Images,
    options: SimulateOptions,
    report: StageProgress,
) -> Simulation:
    """All ``images`` through the netlist."""
    output = load_design(folder, network).dataflow.output
    start = time.perf_counter()
    report("synthesis", 0, len(images))
    engine = GatesEngine(folder.rtl, options.device)
    compiled = time.perf_counter()
    trace = engine.run(
        rows_of(images), stalls=stalls_of(options), progress=partial(report, "netlist")
    )
    return Simulation(
        dataset=images.source,
        outputs=trace.values,
        accuracy=accuracy(trace.values, images, gives_labels(output)),
        seconds=time.perf_counter() - compiled,
        cycles=int(trace.cycles[-1, -1]),
        compile_seconds=compiled - start,
        lanes=trace.lanes,
        netlist=engine.facts,
    )


def rows_of(images: Images) -> NDArray[Any]:
    """The images as rows."""
    return images.frames.reshape(len(images), -1)


def stalls_of(options: SimulateOptions) -> Stalls | None:
    """The pauses that the options ask for."""
    return None if options.stall_seed is None else Stalls(seed=options.stall_seed)


def gives_labels(output: Node[StreamType]) -> bool:
    """Whether the last layer gives labels, not scores."""
    return output.mnemonic == "label_select"


def accuracy(outputs: NDArray[np.int64], images: Images, has_labels: bool) -> float | None:
    """Share of images whose best label is right."""
    if images.labels is None or not has_labels or not len(images):
        return None
    return float(np.mean(outputs[:, 0] == images.labels))
