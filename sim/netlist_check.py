# SPDX-License-Identifier: Apache-2.0
"""Reference and cycle model against the synthesised netlist, on whole test sets."""

from __future__ import annotations

from functools import partial

from xnorflow.hw.build import Design, load_design
from xnorflow.ir import Network
from xnorflow.progress import StageProgress
from xnorflow.rundir import RunFolder
from xnorflow.sim.compare import compare_edge
from xnorflow.sim.cycle import CycleEngine
from xnorflow.sim.gates import GatesEngine, GatesTrace
from xnorflow.sim.images import Images
from xnorflow.sim.lockstep import as_built, output_values
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.stalls import Stalls
from xnorflow.sim.tally import Tally, chunks
from xnorflow.sim.verify_options import VerifyOptions

__all__ = ["compare_netlist"]


def compare_netlist(
    folder: RunFolder,
    network: Network,
    images: Images,
    tally: Tally,
    options: VerifyOptions,
    report: StageProgress,
) -> None:
    """Compare the output of the netlist for ``options.device``, without and with stalls.

    Values are compared with the reference, cycles with the cycle model. All lanes take the same
    ones, which the engine checks.
    """
    design = load_design(folder, network)
    dataflow = design.dataflow
    name = f"netlist ({options.device or 'gates'})"
    report(f"synthesis, {name}", 0, 1)
    engine = GatesEngine(folder.rtl, options.device)
    report(f"synthesis, {name}", 1, 1)
    runs: list[tuple[str, Stalls | None]] = [(name, None)]
    if options.stall_seed is not None:
        runs.append((f"{name} with stalls", Stalls(seed=options.stall_seed)))
    for name, stalls in runs:
        stage = f"reference = {name}"
        frames = images.frames.reshape(len(images), -1)
        trace = engine.run(frames, stalls, progress=partial(report, stage))
        compare_values(design, as_built(network, dataflow), images, trace, name, tally)
        model = CycleEngine(dataflow).run(len(trace.cycles), stalls)
        output = dataflow.output.name
        cycles = ("cycle model", model.cycles(output))
        tally.add(compare_edge(f"cycles of {output}", cycles, (name, trace.cycles)))


def compare_values(
    design: Design,
    network: Network,
    images: Images,
    trace: GatesTrace,
    name: str,
    tally: Tally,
) -> None:
    """Count the values of the output that differ from the reference."""
    reference = ReferenceEngine(network)
    size = sum(tensor.size for tensor in network.types.values())
    for start, chunk in chunks(images, size):
        want = output_values(design, reference.edges(chunk.frames))
        got = trace.values[start : start + len(chunk)]
        node = design.dataflow.output.name
        tally.add(compare_edge(node, ("reference", want), (name, got), first_frame=start))
