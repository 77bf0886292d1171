# SPDX-License-Identifier: Apache-2.0
"""Building a RUN folder's hardware: from ``RUN/model`` to ``RUN/rtl``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xnorflow.errors import ArtifactError, ConfigError, FoldingError
from xnorflow.hw.emit import WeightStorage, write_design
from xnorflow.hw.estimate.report import DesignReport, design_report
from xnorflow.hw.estimate.resources import design_resources
from xnorflow.hw.explore import Budget, plan_for_budget
from xnorflow.hw.families import Device
from xnorflow.hw.passes import (
    FoldingPlan,
    SelectOutput,
    compile_network,
    default_plan,
    plan_for_target,
    read_plan,
)
from xnorflow.hw.passes.folding_target import DEFAULT_DEVICE
from xnorflow.ir import Dataflow, Network, graph_digest, load_graph
from xnorflow.rundir import RunFolder, fresh_folder

__all__ = ["BuildOptions", "BuildResult", "build", "estimate", "load_design", "make_dataflow"]

BUILD_FILE = "build.json"
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

    def __post_init__(self) -> None:
        if self.folding is not None and self.target_fps is not None:
            raise ConfigError("give a folding file or a target rate, not both")
        if not self.clock_mhz > 0:
            raise ConfigError(f"clock_mhz must be positive, not {self.clock_mhz:g}")
        if self.budget is not None and self.device is None:
            raise ConfigError("a budget needs a device: which FPGA family is it of?")
        if self.budget is not None and self.folding is not None:
            raise ConfigError("give a folding file or a budget, not both")

    def plan(self, network: Network) -> FoldingPlan:
        """The folding plan that these options ask for."""
        if self.folding is not None:
            return read_plan(self.folding, network)
        device, dense = self.device or DEFAULT_DEVICE, self.dense
        if self.target_fps is not None:
            return plan_for_target(network, self.target_fps, self.clock_mhz, device, dense=dense)
        if self.budget is not None:
            return plan_for_budget(network, device, self.budget, dense=dense)
        return default_plan(network, device, dense=dense)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What was built.

    Parameters
    ----------
    rtl
        The folder written (see :func:`~xnorflow.hw.emit.write_design`).
    report
        Folding, cycles and memory of each layer.
    """

    rtl: Path
    report: DesignReport


def build(run: str | Path, options: BuildOptions | None = None) -> BuildResult:
    """Make the dataflow graph and its Verilog for the network in ``run``.

    ``RUN/rtl`` appears when it is complete, or not at all.

    Raises
    ------
    ArtifactError
        If ``run`` holds no integer network.
    FoldingError
        If the folding is illegal, the target out of reach, or the budget too small.
    OutputError
        If ``RUN/rtl`` exists and is not to be replaced, or cannot be written.
    """
    options = options or BuildOptions()
    folder = RunFolder(Path(run))
    model = folder.network()
    with fresh_folder(folder.rtl, replace=options.replace) as rtl:
        dataflow = make_dataflow(model, options)
        write_design(dataflow, rtl, weights=options.weights)
        (rtl / BUILD_FILE).write_text(json.dumps(provenance(model, options), indent=1) + "\n")
    return BuildResult(folder.rtl, design_report(dataflow, options.clock_mhz, options.device))


def make_dataflow(model: Network, options: BuildOptions) -> Dataflow:
    """The dataflow graph for ``model``, of which :func:`build` writes the Verilog.

    Raises
    ------
    FoldingError
        If the folding is illegal, the target out of reach, or the budget too small.
    """
    network = SelectOutput(scores=options.scores, top_k=options.top_k).apply(model)
    plan = options.plan(network)
    dataflow = compile_network(network, plan, fifo_loss=options.fifo_loss, dense=options.dense)
    check_budget(dataflow, options)
    return dataflow


def check_budget(dataflow: Dataflow, options: BuildOptions) -> None:
    """Refuse a design that takes more than its budget."""
    if options.budget is None or options.device is None:
        return
    if excess := options.budget.excess(design_resources(dataflow, options.device)):
        raise FoldingError(
            f"the design for {options.target_fps:g} frames/s at {options.clock_mhz:g} MHz does "
            f"not fit: it takes {', '.join(excess)} on {options.device}"
        )


def provenance(model: Network, options: BuildOptions) -> dict[str, Any]:
    """What ``RUN/rtl`` was made from, by what; the same for the same inputs."""
    return {
        "model_sha256": graph_digest(model),
        "clock_mhz": options.clock_mhz,
        "weights": options.weights.value,
        "versions": {name: version(name) for name in ("xnorflow", "amaranth", "numpy")},
    }


def load_design(folder: RunFolder, model: Network) -> Dataflow:
    """The dataflow graph in ``RUN/rtl``, which must have been built from ``model``.

    Raises
    ------
    ArtifactError
        If it is missing, or was built from another network.
    """
    return load_built(folder, model)[0]


def load_built(folder: RunFolder, model: Network) -> tuple[Dataflow, dict[str, Any]]:
    """The dataflow graph in ``RUN/rtl`` and its provenance."""
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
    return load_graph(Dataflow, folder.rtl), built


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
    dataflow, built = load_built(folder, model)
    return design_report(dataflow, clock_mhz or built["clock_mhz"], device)
