# SPDX-License-Identifier: Apache-2.0
"""Reference, cycle model and emitted Verilog in lockstep: every value and every cycle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.build import Design, load_design
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.passes import SelectOutput
from xnorflow.ir import Dataflow, LabelSelect, Layer, Network
from xnorflow.progress import StageProgress
from xnorflow.rundir import RunFolder
from xnorflow.sim.compare import compare_edge
from xnorflow.sim.cycle import CycleEngine
from xnorflow.sim.images import Images
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.rtl import RtlEngine, RtlTrace, Stalls
from xnorflow.sim.streams import expected_streams, stream_channels
from xnorflow.sim.tally import Tally, chunks
from xnorflow.sim.verify_options import VerifyOptions
from xnorflow.sim.verilog import PortTrace, simulate_with_iverilog, simulate_with_verilator
from xnorflow.toolchain import find_tool

__all__ = ["Timing", "as_built", "compare_hardware", "output_values"]

SETTLING_FRAMES = 8
"""Frames after which a design that is not in its rhythm will not be in a few more."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Cycles between frames, predicted and measured in RTL without stalls.

    Parameters
    ----------
    predicted_ii_frame
        From the layers' documented intervals.
    measured_ii_frame
        Between the last output beats of every two consecutive frames once the design has settled
        (:attr:`~xnorflow.hw.cycle.CycleTrace.settled_frames`), or the first interval that is not as
        predicted; None where fewer than three such frames ran.
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


SECOND_OPINION_FRAMES = 3
"""Frames for the second opinion."""

INTERPRETED_CYCLES = 10_000
"""Cycles up to which Icarus Verilog is done first, which starts at once, and then runs some 100 to
1000 cycles a second. Beyond, Verilator is asked, or else Icarus for one frame."""


def compare_hardware(
    folder: RunFolder,
    network: Network,
    images: Images,
    tally: Tally,
    options: VerifyOptions,
    report: StageProgress,
) -> tuple[Timing, int]:
    """All comparisons of RTL; gives its timing, and how many images another simulator ran."""
    design = load_design(folder, network)
    report("compiling the Verilog", 0, 1)
    engine = RtlEngine(folder.rtl)
    report("compiling the Verilog", 1, 1)
    timing = compare_rtl(engine, network, design, images, tally, options.stall_seed, report)
    if not options.second_opinion:
        return timing, 0
    return timing, ask_second_opinion(folder.rtl, engine, images, tally, report)


def compare_rtl(
    engine: RtlEngine,
    network: Network,
    design: Design,
    images: Images,
    tally: Tally,
    stall_seed: int | None,
    report: StageProgress,
) -> Timing:
    """Reference and cycle model against RTL on every stream, without and with stalls."""
    dataflow = design.dataflow
    network = as_built(network, dataflow)
    runs: list[tuple[str, Stalls | None]] = [("rtl", None)]
    if stall_seed is not None:
        runs.append(("rtl with stalls", Stalls(seed=stall_seed)))
    timing = None
    for name, stalls in runs:
        stage = f"reference = {name}"
        report(stage, 0, len(images))
        trace = engine.run(
            images.frames.reshape(len(images), -1),
            stalls=stalls,
            progress=partial(report, stage),
        )
        compare_streams(design, network, images, trace, name, tally)
        compare_cycles(dataflow, stalls, trace, name, tally)
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
    design: Design,
    network: Network,
    images: Images,
    trace: RtlTrace,
    name: str,
    tally: Tally,
) -> None:
    """Count the differences of one RTL run, stream by stream, frame by frame.

    The reference computes the whole network; what the design has of an edge is compared.
    """
    dataflow = design.dataflow
    channels = stream_channels(dataflow, network, design.kept)
    reference = ReferenceEngine(network)
    size = sum(tensor.size for tensor in network.types.values())
    size += 2 * max(stream.size for stream in dataflow.types.values())
    for start, chunk in chunks(images, size):
        stop = start + len(chunk)
        edges = design.kept.of(reference.edges(chunk.frames))
        for node, want in expected_streams(dataflow, edges):
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
                    channels=channels.get(node),
                )
            )


def compare_cycles(
    dataflow: Dataflow, stalls: Stalls | None, trace: RtlTrace, name: str, tally: Tally
) -> None:
    """Count the beats of one RTL run that moved in other cycles than the cycle model says."""
    frames = len(trace.cycles[dataflow.output.name])
    model = CycleEngine(dataflow).run(frames, stalls)
    for node in dataflow.types:
        cycles = ("cycle model", model.cycles(node))
        tally.add(compare_edge(f"cycles of {node}", cycles, (name, trace.cycles[node])))


def output_values(design: Design, edges: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """What leaves ``design`` for these values of the network's edges, a row a frame."""
    output = cast(Layer, design.dataflow.output)
    values = design.kept.of({output.edge: edges[output.edge]})[output.edge]
    return values.reshape(len(values), -1)


def ask_second_opinion(
    rtl: Path, engine: RtlEngine, images: Images, tally: Tally, report: StageProgress
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
    settled = CycleEngine(dataflow).run(SETTLING_FRAMES).settled_frames
    return Timing(
        predicted_ii_frame=predicted,
        measured_ii_frame=frame_interval_of(ends[settled:], predicted),
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
