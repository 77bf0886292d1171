# SPDX-License-Identifier: Apache-2.0
"""Lockstep verification: PyTorch or QONNX, the integer reference and the RTL, equal on every edge.

Comparisons, each of engines that share no arithmetic:

* PyTorch against the integer reference, on every edge of the integer network; of a network that
  was imported, QONNX's executor, on every edge whose integers a tensor of the file has;
* the reference against the emitted Verilog, on every stream, beats unhindered: values; and the
  cycle model against it: the cycle of every beat;
* the same under random stalls at both ends;
* on request, instead of the emitted Verilog, the netlist that Yosys makes of it, on all test
  images: values and cycles of its output;
* where Icarus Verilog or Verilator is installed, a few frames through it as a second opinion on
  the emitted Verilog: values and cycles of the output as in the RTL engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import ToolError
from xnorflow.ir import Network
from xnorflow.progress import StageProgress
from xnorflow.rundir import RunFolder
from xnorflow.sim.compare import Difference, EdgeResult, compare_edge
from xnorflow.sim.images import Images, load_images
from xnorflow.sim.lockstep import Timing, compare_hardware
from xnorflow.sim.netlist_check import compare_netlist
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.tally import Tally, chunks
from xnorflow.sim.verify_options import VerifyEngine, VerifyOptions

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["Timing", "VerifyEngine", "VerifyOptions", "VerifyReport", "verify"]

DEFAULT_RTL_FRAMES = 100

DEFAULT_QONNX_FRAMES = 100
"""QONNX's executor takes them one by one, each in tens of milliseconds or more."""


class Tracer(Protocol):
    """A network in floating point."""

    def edges(self, images: NDArray[np.uint8], /) -> dict[str, NDArray[np.int64]]:
        """Integers on edges of the integer network, shape ``(n, ...)``, by name."""


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
    netlist_images
        Images run through the netlist (each once without and once with stalls).
    qonnx_compared
        Whether QONNX's executor took part, for an imported network; if not, ``qonnx_absent`` says
        why.
    float32_edges
        Of a network whose definition is float64: where QONNX's executor, in float32, differs. Not
        counted as mismatches.
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
    netlist_images: int = 0
    qonnx_compared: bool = False
    qonnx_absent: str = ""
    float32_edges: tuple[EdgeResult, ...] = ()

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


def verify(
    run: str | Path,
    options: VerifyOptions | None = None,
    progress: StageProgress | None = None,
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
        If nothing can be compared: PyTorch is missing and no hardware was asked for.
    """
    options = options or VerifyOptions()
    folder = RunFolder(Path(run))
    network = folder.network()
    imported = model is None and (folder.model / "import.json").exists()
    images = load_images(folder, network, options.data, options.images)
    rtl_images = images.first(options.images or DEFAULT_RTL_FRAMES if options.with_rtl else 0)
    software = rtl_images if options.engine is VerifyEngine.RTL else images
    tally, float32 = Tally(), Tally()
    report = progress or (lambda *_: None)

    double = False
    if imported:
        tracer, absent, double = load_executor(folder)
    else:
        tracer, absent = load_tracer(folder, network, model)
    if tracer is None and options.engine is VerifyEngine.REFERENCE:
        raise ToolError(f"nothing to compare the reference with: {absent}")
    if imported and options.images is None:
        software = software.first(DEFAULT_QONNX_FRAMES)
    right = compare_software(
        network,
        ReferenceEngine(network),
        Software("qonnx" if imported else "torch", tracer, float32 if double else tally),
        software,
        report,
    )
    timing, asked = None, 0
    if options.with_rtl:
        timing, asked = compare_hardware(folder, network, rtl_images, tally, options, report)
    if options.with_netlist:
        compare_netlist(folder, network, images, tally, options, report)
    return VerifyReport(
        dataset=images.source,
        software_images=len(software),
        rtl_images=len(rtl_images),
        torch_compared=tracer is not None and not imported,
        torch_absent="" if imported else absent,
        accuracy=None if software.labels is None else right / max(1, len(software)),
        edges=tuple(tally.results.values()),
        timing=timing,
        second_opinion_images=asked,
        netlist_images=len(images) if options.with_netlist else 0,
        qonnx_compared=tracer is not None and imported,
        qonnx_absent=absent if imported else "",
        float32_edges=tuple(float32.results.values()),
    )


@dataclass(frozen=True, slots=True)
class Software:
    """What the reference is compared with.

    Parameters
    ----------
    name
        Of the engine.
    tracer
        The engine, if it is there.
    tally
        Where differences are counted.
    """

    name: str
    tracer: Tracer | None
    tally: Tally


def load_tracer(
    folder: RunFolder, network: Network, model: Module | None
) -> tuple[Tracer | None, str]:
    """The PyTorch network, or None and the reason why it cannot be run."""
    if model is None and not (folder.model / "checkpoint.pt").exists():
        return None, f"{folder.model} has no PyTorch checkpoint"
    try:
        from xnorflow.quant.trace import TorchTracer
    except ModuleNotFoundError as error:
        return None, f"{error.name} is not installed (pip install 'xnorflow[train]')"
    return TorchTracer.load(folder.model) if model is None else TorchTracer(model, network), ""


def load_executor(folder: RunFolder) -> tuple[Tracer | None, str, bool]:
    """The imported file in QONNX's executor, or None and the reason; whether float64 defines it."""
    from xnorflow.frontends.qonnx.executor import Executor
    from xnorflow.frontends.qonnx.run import load_import

    try:
        imported = load_import(folder.model)
        return Executor(imported), "", imported.double
    except ToolError as error:
        return None, str(error), False


def compare_software(
    network: Network,
    reference: ReferenceEngine,
    software: Software,
    images: Images,
    report: StageProgress,
) -> int:
    """A network in floating point against the reference; gives the number of right classes."""
    names = {"torch": "PyTorch = reference", "qonnx": "QONNX = reference"}
    stage = "reference" if software.tracer is None else names[software.name]
    right = 0
    size = sum(tensor.size for tensor in network.types.values())
    for start, chunk in chunks(images, size):
        got = reference.edges(chunk.frames)
        if chunk.labels is not None:
            right += int(np.sum(got[network.output.name][:, 0] == chunk.labels))
        if software.tracer is not None:
            compare_edges(network, software, software.tracer.edges(chunk.frames), got, start)
        report(stage, start + len(chunk), len(images))
    return right


def compare_edges(
    network: Network,
    software: Software,
    want: dict[str, NDArray[np.int64]],
    got: dict[str, NDArray[np.int64]],
    first_frame: int,
) -> None:
    """Count the differences between the values ``want`` and ``got`` on every edge of ``want``."""
    for node in network.nodes:
        if node.name not in want:
            continue
        software.tally.add(
            compare_edge(
                node.name,
                (software.name, want[node.name]),
                ("reference", got[node.name]),
                first_frame=first_frame,
                origin=node.origin,
            )
        )
