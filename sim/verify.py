# SPDX-License-Identifier: Apache-2.0
"""Lockstep verification: PyTorch, the integer reference and the RTL, equal on every edge.

Three comparisons, each by an engine that shares no arithmetic with the other:

* PyTorch against the integer reference, on every edge of the integer network;
* the reference against the emitted Verilog, on every stream, beats unhindered: values, and the
  interval between frames against the prediction;
* the same under random stalls at both ends: values must not depend on when beats move;
* where Icarus Verilog or Verilator is installed, a few frames through it as a second opinion on
  the emitted Verilog: values and cycles of the output as in the RTL engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ConfigError, ToolError
from xnorflow.hw.build import load_design
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.estimate.schedule import settled_after
from xnorflow.hw.passes import SelectOutput
from xnorflow.ir import Dataflow, LabelSelect, Layer, Network
from xnorflow.rundir import RunFolder
from xnorflow.sim.compare import Difference, EdgeResult, compare_edge
from xnorflow.sim.images import Images, load_images
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.rtl import RtlEngine, RtlTrace, Stalls
from xnorflow.sim.streams import expected_streams
from xnorflow.sim.verilog import PortTrace, simulate_with_iverilog, simulate_with_verilator
from xnorflow.toolchain import find_tool

if TYPE_CHECKING:
    from torch.nn import Module

    from xnorflow.quant.trace import TorchTracer

__all__ = ["Timing", "VerifyEngine", "VerifyOptions", "VerifyReport", "verify"]

CHUNK_FRAMES = 1000
"""Most frames compared at a time."""

CHUNK_VALUES = 1 << 24
"""Values of all edges that are compared at a time, about: bounds the memory."""

DEFAULT_RTL_FRAMES = 100

SECOND_OPINION_FRAMES = 3
"""Frames for the second opinion."""

INTERPRETED_CYCLES = 10_000
"""Cycles up to which Icarus Verilog is done first, which starts at once, and then runs some 100 to
1000 cycles a second. Beyond, Verilator is asked, or else Icarus for one frame."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, frames done, frames in all."""


class VerifyEngine(StrEnum):
    """Which comparisons to make."""

    REFERENCE = "reference"
    RTL = "rtl"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What to verify, and with how much data.

    Parameters
    ----------
    engine
        ``reference``: PyTorch against the reference. ``rtl``: the emitted Verilog as well.
        ``all``: as ``rtl``, with every test image through PyTorch and the reference.
    images
        Number of images; by default all of them in software and 100 in RTL.
    data
        Data set name or path; by default the test images of the data set trained on.
    stall_seed
        Seed of the stalls in the second RTL run; None leaves that run out.
    second_opinion
        Whether to ask another simulator, if one is installed.
    """

    engine: VerifyEngine = VerifyEngine.ALL
    images: int | None = None
    data: str | None = None
    stall_seed: int | None = 0
    second_opinion: bool = True

    def __post_init__(self) -> None:
        if self.images is not None and self.images < 1:
            raise ConfigError(f"images must be 1 or more, not {self.images}")


@dataclass(frozen=True, slots=True)
class Timing:
    """Cycles between frames, predicted and measured in RTL without stalls.

    Parameters
    ----------
    predicted_ii_frame
        From the layers' documented intervals.
    measured_ii_frame
        Between the last output beats of every two consecutive frames once the pipeline has
        settled (:func:`~xnorflow.hw.estimate.flow.settled_after`), or the first interval that is
        not as predicted; None where fewer than three such frames ran.
    latency_cycles
        From the first input beat accepted to the last output beat of the first frame.
    """

    predicted_ii_frame: int
    measured_ii_frame: int | None
    latency_cycles: int

    @property
    def equal(self) -> bool:
        """Whether the prediction holds to the cycle."""
        return self.measured_ii_frame in (None, self.predicted_ii_frame)


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Outcome of :func:`verify`.

    Parameters
    ----------
    dataset
        Where the images came from.
    software_images, rtl_images
        Images compared on every edge between PyTorch and the reference, and images run through
        the RTL (each once without and once with stalls).
    torch_compared
        Whether PyTorch took part; if not, ``torch_absent`` says why.
    accuracy
        Share of right classes in the reference's answers, or None without labels.
    edges
        One result for each edge and pair of engines.
    timing
        Of the RTL, or None if it did not run.
    second_opinion_images
        Images that another simulator ran.
    """

    dataset: str
    software_images: int
    rtl_images: int
    torch_compared: bool
    torch_absent: str
    accuracy: float | None
    edges: tuple[EdgeResult, ...]
    timing: Timing | None = None
    second_opinion_images: int = 0

    @property
    def mismatches(self) -> int:
        """Values that differ, over all comparisons."""
        return sum(result.mismatches for result in self.edges)

    @property
    def values(self) -> int:
        """Values compared, over all comparisons."""
        return sum(result.values for result in self.edges)

    @property
    def first(self) -> Difference | None:
        """The first difference: the earliest layer of the first comparison that found one."""
        return next((r.first for r in self.edges if r.first is not None), None)

    @property
    def passed(self) -> bool:
        """Whether nothing differs, in values and in cycles."""
        return self.mismatches == 0 and (self.timing is None or self.timing.equal)


@dataclass(slots=True)
class Tally:
    """Adds up the results of chunks, edge by edge, in the order of their first appearance."""

    results: dict[tuple[str, str, str], EdgeResult] = field(default_factory=dict)

    def add(self, result: EdgeResult) -> None:
        """Count one more chunk."""
        key = (result.edge, result.expected, result.got)
        before = self.results.get(key)
        if before is not None:
            result = replace(
                result,
                values=before.values + result.values,
                mismatches=before.mismatches + result.mismatches,
                first=before.first or result.first,
            )
        self.results[key] = result


def verify(
    run: str | Path,
    options: VerifyOptions | None = None,
    progress: Progress | None = None,
    *,
    model: Module | None = None,
) -> VerifyReport:
    """Compare the engines on the RUN folder ``run``.

    Parameters
    ----------
    run
        RUN folder.
    options
        What to verify.
    progress
        Told how far it is.
    model
        The PyTorch network from which ``RUN/model`` was lowered; by default the one in
        ``RUN/model/checkpoint.pt``.

    Raises
    ------
    ArtifactError
        If the folder lacks what the chosen engine needs.
    ToolError
        If nothing can be compared: PyTorch is missing and RTL was not asked for.
    """
    options = options or VerifyOptions()
    folder = RunFolder(Path(run))
    network = folder.network()
    images = load_images(folder, network, options.data, options.images)
    with_rtl = options.engine is not VerifyEngine.REFERENCE
    rtl_images = images.first(options.images or DEFAULT_RTL_FRAMES) if with_rtl else images.first(0)
    software = rtl_images if options.engine is VerifyEngine.RTL else images
    reference = ReferenceEngine(network)
    tally = Tally()
    report = progress or (lambda *_: None)

    tracer, torch_absent = load_tracer(folder, network, model)
    if tracer is None and not with_rtl:
        raise ToolError(f"nothing to compare the reference with: {torch_absent}")
    right = compare_software(network, reference, tracer, software, tally, report)
    timing, asked = None, 0
    if with_rtl:
        timing, asked = compare_hardware(folder, network, rtl_images, tally, options, report)
    return VerifyReport(
        dataset=images.source,
        software_images=len(software),
        rtl_images=len(rtl_images),
        torch_compared=tracer is not None,
        torch_absent=torch_absent,
        accuracy=None if software.labels is None else right / max(1, len(software)),
        edges=tuple(tally.results.values()),
        timing=timing,
        second_opinion_images=asked,
    )


def load_tracer(
    folder: RunFolder, network: Network, model: Module | None
) -> tuple[TorchTracer | None, str]:
    """The PyTorch network, or None and the reason why it cannot be run."""
    if model is None and not (folder.model / "checkpoint.pt").exists():
        return None, f"{folder.model} has no PyTorch checkpoint"
    try:
        from xnorflow.quant.trace import TorchTracer
    except ModuleNotFoundError as error:
        return None, f"{error.name} is not installed (pip install 'xnorflow[train]')"
    return TorchTracer.load(folder.model) if model is None else TorchTracer(model, network), ""


def compare_software(
    network: Network,
    reference: ReferenceEngine,
    tracer: TorchTracer | None,
    images: Images,
    tally: Tally,
    report: Progress,
) -> int:
    """PyTorch against the reference on every edge; gives the number of right classes."""
    stage = "reference" if tracer is None else "PyTorch = reference"
    right = 0
    size = sum(tensor.size for tensor in network.types.values())
    for start, chunk in chunks(images, size):
        got = reference.edges(chunk.frames)
        if chunk.labels is not None:
            right += int(np.sum(got[network.output.name][:, 0] == chunk.labels))
        if tracer is not None:
            compare_torch(network, tracer.edges(chunk.frames), got, tally, start)
        report(stage, start + len(chunk), len(images))
    return right


def compare_torch(
    network: Network,
    want: dict[str, NDArray[np.int64]],
    got: dict[str, NDArray[np.int64]],
    tally: Tally,
    first_frame: int,
) -> None:
    """Count the differences between PyTorch's values ``want`` and ``got`` on every edge."""
    for node in network.nodes:
        tally.add(
            compare_edge(
                node.name,
                ("torch", want[node.name]),
                ("reference", got[node.name]),
                first_frame=first_frame,
                origin=node.origin,
            )
        )


def compare_hardware(
    folder: RunFolder,
    network: Network,
    images: Images,
    tally: Tally,
    options: VerifyOptions,
    report: Progress,
) -> tuple[Timing, int]:
    """All comparisons of RTL; gives its timing, and how many images another simulator ran."""
    dataflow = load_design(folder, network)
    report("compiling the Verilog", 0, 1)
    engine = RtlEngine(folder.rtl)
    report("compiling the Verilog", 1, 1)
    timing = compare_rtl(engine, network, dataflow, images, tally, options, report)
    if not options.second_opinion:
        return timing, 0
    return timing, ask_second_opinion(folder.rtl, engine, images, tally, report)


def compare_rtl(
    engine: RtlEngine,
    network: Network,
    dataflow: Dataflow,
    images: Images,
    tally: Tally,
    options: VerifyOptions,
    report: Progress,
) -> Timing:
    """Reference against RTL on every stream, without and with stalls."""
    network = as_built(network, dataflow)
    runs: list[tuple[str, Stalls | None]] = [("rtl", None)]
    if options.stall_seed is not None:
        runs.append(("rtl with stalls", Stalls(seed=options.stall_seed)))
    timing = None
    for name, stalls in runs:
        stage = f"reference = {name}"
        report(stage, 0, len(images))
        trace = engine.run(
            images.frames.reshape(len(images), -1),
            stalls=stalls,
            progress=partial(report, stage),
        )
        compare_streams(dataflow, network, images, trace, name, tally)
        timing = timing or measure(dataflow, trace)
        report(stage, len(images), len(images))
    assert timing is not None, "the run without stalls comes first"
    return timing


def as_built(network: Network, dataflow: Dataflow) -> Network:
    """``network`` with the output that ``dataflow`` was built to give."""
    last = dataflow.output
    if isinstance(last, LabelSelect):
        return SelectOutput(top_k=last.k).apply(network)
    return SelectOutput(scores=True).apply(network)


def compare_streams(
    dataflow: Dataflow,
    network: Network,
    images: Images,
    trace: RtlTrace,
    name: str,
    tally: Tally,
) -> None:
    """Count the differences of one RTL run, stream by stream, frame by frame."""
    reference = ReferenceEngine(network)
    size = sum(tensor.size for tensor in network.types.values())
    size += 2 * max(stream.size for stream in dataflow.types.values())
    for start, chunk in chunks(images, size):
        stop = start + len(chunk)
        for node, want in expected_streams(dataflow, reference.edges(chunk.frames)):
            layer = cast(Layer, dataflow.node(node))
            tally.add(
                compare_edge(
                    node,
                    ("reference", want),
                    (name, trace.values.of_frames(node, start, stop)),
                    first_frame=start,
                    origin=network.node(layer.edge).origin,
                    lanes=dataflow.types[node].lanes,
                    cycles=trace.cycles[node][start:stop],
                )
            )


def ask_second_opinion(
    rtl: Path, engine: RtlEngine, images: Images, tally: Tally, report: Progress
) -> int:
    """Compare a few frames with another simulator, with stalls; gives how many it ran."""
    tool, count = whom_to_ask(engine.dataflow)
    if tool is None:
        return 0
    few = images.first(count)
    report(f"rtl = {tool}", 0, len(few))
    frames, stalls = few.frames.reshape(len(few), -1), Stalls(seed=1)
    port = SECOND_OPINIONS[tool](rtl, frames, stalls)
    trace = engine.run(frames, stalls=stalls)
    output = engine.dataflow.output.name
    tally.add(compare_edge(output, ("rtl", trace.values[output]), (tool, port.values)))
    cycles = f"cycles of {output}"
    tally.add(compare_edge(cycles, ("rtl", trace.cycles[output]), (tool, port.cycles)))
    report(f"rtl = {tool}", len(few), len(few))
    return len(few)


def whom_to_ask(dataflow: Dataflow) -> tuple[str | None, int]:
    """The simulator that is installed and is done first, or None, and the frames for it."""
    is_long = SECOND_OPINION_FRAMES * frame_interval(dataflow) > INTERPRETED_CYCLES
    tools = sorted(SECOND_OPINIONS, reverse=is_long)  # iverilog before verilator, or behind
    tool = next((name for name in tools if find_tool(name) is not None), None)
    return tool, 1 if is_long and tool == "iverilog" else SECOND_OPINION_FRAMES


SECOND_OPINIONS: Mapping[str, Callable[[Path, NDArray[Any], Stalls], PortTrace]] = {
    "iverilog": simulate_with_iverilog,
    "verilator": simulate_with_verilator,
}
"""Other simulators."""


def measure(dataflow: Dataflow, trace: RtlTrace) -> Timing:
    """Timing of a run without stalls."""
    predicted = frame_interval(dataflow)
    ends = trace.cycles[dataflow.output.name][:, -1]
    return Timing(
        predicted_ii_frame=predicted,
        measured_ii_frame=frame_interval_of(ends[settled_after(dataflow) :], predicted),
        latency_cycles=int(ends[0] - trace.cycles[dataflow.input.name][0, 0]),
    )


def frame_interval_of(ends: NDArray[np.int64], predicted: int) -> int | None:
    """Cycles between frames that end in cycles ``ends``: ``predicted`` if all are, else another.

    Examples
    --------
    >>> frame_interval_of(np.array([50, 60, 70]), 10), frame_interval_of(np.array([50, 60, 69]), 10)
    (10, 9)
    """
    intervals = np.diff(ends)
    if len(intervals) < 2:
        return None
    others = intervals[intervals != predicted]
    return int(others[0]) if len(others) else predicted


def chunks(images: Images, values_per_frame: int) -> Iterator[tuple[int, Images]]:
    """``images`` in pieces of bounded size, each with the number of its first frame."""
    frames = max(1, min(CHUNK_FRAMES, CHUNK_VALUES // values_per_frame))
    for start in range(0, len(images), frames):
        yield start, images.slice(start, start + frames)
