# SPDX-License-Identifier: Apache-2.0
"""Building a RUN folder's hardware: from ``RUN/model`` to ``RUN/rtl``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xnorflow.errors import ArtifactError, ConfigError, FoldingError
from xnorflow.hw.emit import WeightStorage, write_design
from xnorflow.hw.estimate.clock import design_clock
from xnorflow.hw.estimate.report import DesignReport, design_report
from xnorflow.hw.estimate.resources import design_resources
from xnorflow.hw.explore import Budget, plan_for_budget
from xnorflow.hw.families import Device
from xnorflow.hw.kept_channels import KeptChannels, check_streams
from xnorflow.hw.passes import (
    Fold,
    FoldingPlan,
    Fuse,
    ReachClock,
    Removal,
    SelectOutput,
    Simplification,
    check_clock,
    compile_network,
    default_plan,
    plan_for_target,
    read_plan,
    removals,
    simplify,
)
from xnorflow.hw.passes.folding_target import DEFAULT_DEVICE
from xnorflow.hw.passes.reduced_network import ReducedNetwork
from xnorflow.ir import (
    MVAU,
    VVAU,
    Dataflow,
    Network,
    Pipelining,
    graph_digest,
    load_graph,
)
from xnorflow.progress import StageProgress
from xnorflow.rundir import RunFolder, fresh_folder

__all__ = [
    "BuildOptions",
    "BuildResult",
    "ClockReport",
    "Design",
    "build",
    "estimate",
    "load_built",
    "load_design",
    "make_dataflow",
]

BUILD_FILE = "build.json"
FOLDING, WRITING = "folding", "writing the Verilog"
DEFAULT_CLOCK_MHZ = 100.0


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What hardware to make.

    Parameters
    ----------
    folding
        Folding file; excludes ``target_fps``. Without either the plan is
        :func:`~xnorflow.hw.passes.default_plan`.
    target_fps
        Frames a second to reach at ``clock_mhz``.
    clock_mhz
        Clock assumed for all rates.
    weights
        Weights in memory files beside the Verilog, or inside it.
    scores
        Give the raw scores instead of the label.
    top_k
        Give the best ``top_k`` labels.
    replace
        Replace an earlier build.
    device
        FPGA family for which folding is chosen, and resources are estimated; by default folding
        is chosen for :data:`~xnorflow.hw.passes.folding_target.DEFAULT_DEVICE`.
    budget
        What the design may take on ``device``. Without ``target_fps`` it is the fastest that fits.
    fifo_loss
        Share of the throughput that may be lost for shallower FIFOs.
    dense
        Let no layer skip tiles of zero weights.
    without
        Passes that are not to simplify the network; names are accepted too.
    portable
        Plain Verilog, also where ``device`` has cells of its own for a layer.
    target_mhz
        Clock to reach on ``device`` by as few registers as it takes; by default layers are
        pipelined as usual. Rates are those at ``clock_mhz`` all the same.
    """

    folding: Path | None = None
    target_fps: float | None = None
    clock_mhz: float = DEFAULT_CLOCK_MHZ
    weights: WeightStorage = WeightStorage.FILES
    scores: bool = False
    top_k: int | None = None
    replace: bool = False
    device: Device | None = None
    budget: Budget | None = None
    fifo_loss: float = 0.0
    dense: bool = False
    without: frozenset[Simplification] = frozenset()
    portable: bool = False
    target_mhz: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "without", Simplification.named(self.without))
        if self.target_mhz is not None:
            self._check_target()
        if self.folding is not None and self.target_fps is not None:
            raise ConfigError("give a folding file or a target rate, not both")
        if not self.clock_mhz > 0:
            raise ConfigError(f"clock_mhz must be positive, not {self.clock_mhz:g}")
        if self.budget is not None and self.device is None:
            raise ConfigError("a budget needs a device: which FPGA family is it of?")
        if self.budget is not None and self.device is not None:
            self.budget.check_device(self.device)
        if self.budget is not None and self.folding is not None:
            raise ConfigError("give a folding file or a budget, not both")

    def _check_target(self) -> None:
        if self.device is None:
            raise ConfigError("a target clock needs a device: on which FPGA family?")
        if not (self.target_mhz is not None and 0 < self.target_mhz < math.inf):
            raise ConfigError(f"target_mhz must be positive, not {self.target_mhz:g}")

    @property
    def reach_clock(self) -> ReachClock | None:
        """The pass that chooses registers for ``target_mhz``."""
        if self.target_mhz is None or self.device is None:
            return None
        return ReachClock(self.device, self.target_mhz)

    def plan(self, network: Network) -> FoldingPlan:
        """The folding plan that these options ask for."""
        if self.folding is not None:
            return read_plan(self.folding, network)
        device = self.device or DEFAULT_DEVICE
        dense, cells = self.dense, self.cells_of is not None
        if self.target_fps is not None:
            return plan_for_target(
                network, self.target_fps, self.clock_mhz, device, dense=dense, cells=cells
            )
        if self.budget is not None:
            return plan_for_budget(network, device, self.budget, dense=dense, cells=cells)
        return default_plan(network, device, dense=dense, cells=cells)

    @property
    def cells_of(self) -> Device | None:
        """The family whose cells are used."""
        return None if self.portable else self.device


@dataclass(frozen=True, slots=True)
class ClockReport:
    """What was done for a target clock.

    Parameters
    ----------
    target_mhz
        The clock asked for.
    expected_mhz, layer
        The clock expected, and the layer that bounds it.
    pipelining
        Of each layer with weights, by its name.
    """

    target_mhz: float
    expected_mhz: float
    layer: str
    pipelining: Mapping[str, Pipelining]


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What was built.

    Parameters
    ----------
    rtl
        The folder written (see :func:`~xnorflow.hw.emit.write_design`).
    report
        Folding, cycles and memory of each layer.
    removed
        What simplification removed of the network.
    clock
        What a target clock led to; None without one.
    """

    rtl: Path
    report: DesignReport
    removed: tuple[Removal, ...] = ()
    clock: ClockReport | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """Hardware, and what it has of its network.

    Parameters
    ----------
    dataflow
        The dataflow graph.
    kept
        Which channels of the network's edges its streams carry.
    """

    dataflow: Dataflow
    kept: KeptChannels


def build(
    run: str | Path, options: BuildOptions | None = None, progress: StageProgress | None = None
) -> BuildResult:
    """Make the dataflow graph and its Verilog for the network in ``run``.

    ``RUN/rtl`` appears when it is complete, or not at all.

    Parameters
    ----------
    run
        The run directory.
    options
        What to build.
    progress
        Called with the name of a stage, 0 when it starts and 1 when it is done, and 1.

    Raises
    ------
    ArtifactError
        If ``run`` holds no integer network.
    FoldingError
        If the folding is illegal, a target out of reach, or the budget too small.
    OutputError
        If ``RUN/rtl`` exists and is not to be replaced, or cannot be written.
    """
    options = options or BuildOptions()
    folder = RunFolder(Path(run))
    model = folder.network()
    report = progress or (lambda *_: None)
    with fresh_folder(folder.rtl, replace=options.replace) as rtl:
        report(FOLDING, 0, 1)
        reduced = simplified(model, options)
        dataflow = compiled(reduced, options)
        report(FOLDING, 1, 1)
        report(WRITING, 0, 1)
        write_design(dataflow, rtl, weights=options.weights)
        report(WRITING, 1, 1)
        document = provenance(model, reduced, options)
        (rtl / BUILD_FILE).write_text(json.dumps(document, indent=1) + "\n")
    facts = design_report(dataflow, options.clock_mhz, options.device)
    return BuildResult(folder.rtl, facts, removals(reduced), clock_report(dataflow, options))


def clock_report(dataflow: Dataflow, options: BuildOptions) -> ClockReport | None:
    """What was done for the target clock, if there is one."""
    if options.target_mhz is None or options.device is None:
        return None
    clock = design_clock(dataflow, options.device)
    pipelining = {
        node.name: node.pipelining for node in dataflow.nodes if isinstance(node, MVAU | VVAU)
    }
    return ClockReport(options.target_mhz, clock.expected_mhz, clock.layer, pipelining)


def make_dataflow(model: Network, options: BuildOptions) -> Dataflow:
    """The dataflow graph for ``model``, of which :func:`build` writes the Verilog.

    Raises
    ------
    FoldingError
        If the folding is illegal, the target out of reach, or the budget too small.
    """
    return compiled(simplified(model, options), options)


def simplified(model: Network, options: BuildOptions) -> ReducedNetwork:
    """What is to be built of ``model``."""
    selected = SelectOutput(scores=options.scores, top_k=options.top_k).apply(model)
    return simplify(selected, options.without)


def compiled(reduced: ReducedNetwork, options: BuildOptions) -> Dataflow:
    """The dataflow graph for what is left of a network."""
    network = reduced.network
    plan = options.plan(network) if options.folding is None else file_plan(options.folding, reduced)
    dataflow = dataflow_by(plan, network, options)
    placed = plan if options.budget is None else options.budget.place(plan, dataflow)
    if placed != plan:
        dataflow = dataflow_by(placed, network, options)
    if options.target_mhz is not None and options.device is not None:
        check_clock(dataflow, options.device, options.target_mhz)
    check_budget(dataflow, options)
    return dataflow


def dataflow_by(plan: FoldingPlan, network: Network, options: BuildOptions) -> Dataflow:
    """The dataflow graph for ``network``, folded by ``plan``."""
    return compile_network(
        network,
        plan,
        fifo_loss=options.fifo_loss,
        dense=options.dense,
        device=options.cells_of,
        clock=options.reach_clock,
    )


def file_plan(path: Path, reduced: ReducedNetwork) -> FoldingPlan:
    """The plan in a folding file; an error says so if it would fit the whole network."""
    try:
        return fitting_plan(path, reduced.network)
    except FoldingError as error:
        if not reduced.kept:
            raise
        try:
            fitting_plan(path, reduced.original)
        except FoldingError:
            raise error from None
        raise FoldingError(
            f"{error}: {path} fits the network before its simplification; change it, or build "
            "with --no-simplify"
        ) from error


def fitting_plan(path: Path, network: Network) -> FoldingPlan:
    """The plan in the folding file ``path``, which must divide the layers of ``network``."""
    plan = read_plan(path, network)
    Fold(plan).apply(Fuse().apply(network))
    return plan


def check_budget(dataflow: Dataflow, options: BuildOptions) -> None:
    """Refuse a design that takes more than its budget."""
    if options.budget is None or options.device is None:
        return
    if excess := options.budget.excess(design_resources(dataflow, options.device)):
        raise FoldingError(
            f"the design for {options.target_fps:g} frames/s at {options.clock_mhz:g} MHz does "
            f"not fit: it takes {', '.join(excess)} on {options.device}"
        )


def provenance(model: Network, reduced: ReducedNetwork, options: BuildOptions) -> dict[str, Any]:
    """What ``RUN/rtl`` was made from, by what; the same for the same inputs."""
    return {
        "model_sha256": graph_digest(model),
        "clock_mhz": options.clock_mhz,
        **({} if options.target_mhz is None else {"target_mhz": options.target_mhz}),
        "weights": options.weights.value,
        "simplified_without": [name.value for name in Simplification if name in options.without],
        "kept_channels": KeptChannels(reduced.kept).to_document(),
        "versions": {name: version(name) for name in ("xnorflow", "amaranth", "numpy")},
    }


def load_design(folder: RunFolder, model: Network) -> Design:
    """The design in ``RUN/rtl``, which must have been built from ``model``.

    Raises
    ------
    ArtifactError
        If it is missing, cannot be read, or was built from another network.
    """
    return load_built(folder, model)[0]


def load_built(folder: RunFolder, model: Network) -> tuple[Design, dict[str, Any]]:
    """The design in ``RUN/rtl`` (see :func:`load_design`), and what its ``build.json`` holds."""
    command = f"xnorflow build {folder.root}"
    path = folder.require(folder.rtl, command) / BUILD_FILE
    try:
        built = json.loads(path.read_text())
        digest = built["model_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}") from error
    if digest != graph_digest(model):
        raise ArtifactError(
            f"{folder.rtl} was built from another network than {folder.model} holds: "
            f"run `{command} --force`"
        )
    dataflow = load_graph(Dataflow, folder.rtl)
    try:
        # A folder that was built before any channels were removed has all of them.
        kept = KeptChannels.from_document(built.get("kept_channels", {}), model)
        check_streams(kept, dataflow, model)
    except ArtifactError as error:
        raise ArtifactError(f"{path} does not fit {folder.rtl}: {error}") from error
    return Design(dataflow, kept), built


def estimate(
    run: str | Path, clock_mhz: float | None = None, device: Device | None = None
) -> DesignReport:
    """Folding, cycles and memory of the hardware in ``run``.

    Parameters
    ----------
    clock_mhz
        Clock for the rates; by default the one given to the build.
    device
        FPGA family whose LUTs, flip-flops, block RAMs and DSP blocks are estimated too.
    """
    folder = RunFolder(Path(run))
    model = folder.network()
    design, built = load_built(folder, model)
    return design_report(design.dataflow, clock_mhz or built["clock_mhz"], device)
