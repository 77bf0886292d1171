# SPDX-License-Identifier: Apache-2.0
"""Runs FINN's steps on an exported model, and images through what each of them gives.

This file is run by the Python of FINN's environment, in which xnorflow is not installed::

    python stage_worker.py JOB

``JOB`` is a folder with

==================  =============================================================
``job.json``        ``part`` (FPGA), ``clock_period_ns``
``model.onnx``      the exported model
``folding.json``    its folding, by FINN's names
``frames.npy``      float32, shape ``(images, *shape of an image)``, channels first
==================  =============================================================

What happens is told on stdout, a JSON object a line (see :func:`main`); ``STAGE.npz`` in the
folder has what each stage gave: ``scores`` and ``labels``, shape ``(images, values)``. What FINN
prints goes to stderr. Nothing here needs Vivado: FINN's module that simulates with it is replaced.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["STAGES", "main"]

STAGES = (
    "QONNX",
    "FINN-ONNX",
    "tidied",
    "streamlined",
    "XNOR-popcount",
    "hardware layers",
    "dataflow partition",
    "folded",
)
"""The forms of the model that are executed, in order."""

VIVADO = "/not-installed/2022.2"
"""FINN wants to know a version of Vivado, also where it runs none."""

SIMULATION = (
    "SimEngine",
    "close_rtlsim",
    "compile_sim_obj",
    "get_simkernel_so",
    "is_available",
    "load_sim_obj",
    "locate_glbl",
    "reset_rtlsim",
    "rtlsim_multi_io",
)
"""Names that FINN imports from its module for simulation with Vivado."""

Report = Callable[..., None]


def prepare(job: Path) -> None:
    """Settings that FINN asks for when it is imported, all inside ``job``."""
    os.environ["XILINX_VIVADO"] = VIVADO
    os.environ["FINN_BUILD_DIR"] = str(job / "build")
    os.environ["FINN_SETTINGS"] = str(job / "settings.yaml")
    (job / "build").mkdir()
    simulator = types.ModuleType("finn.xsi")
    for name in SIMULATION:
        setattr(simulator, name, None)
    sys.modules["finn.xsi"] = simulator


class Flow:
    """FINN's steps with the settings of a job, and the model as far as they got.

    Parameters
    ----------
    job
        The folder.

    Attributes
    ----------
    model
        FINN's model after the last step; from the partition on, what becomes hardware.
    parent
        From the partition on, what is around it.
    """

    def __init__(self, job: Path) -> None:
        from finn.builder import build_dataflow_config, build_dataflow_steps

        settings = json.loads((job / "job.json").read_text())
        self.job, self.steps, self.part = job, build_dataflow_steps, settings["part"]
        self.model: Any = None
        self.parent: Any = None
        self.config = build_dataflow_config.DataflowBuildConfig(
            output_dir=str(job / "output"),
            synth_clk_period_ns=settings["clock_period_ns"],
            fpga_part=self.part,
            folding_config_file=job / "folding.json",
            generate_outputs=[],
        )

    def stages(self) -> Iterator[tuple[str, Callable[[], Executable]]]:
        """Each stage with what makes the model to execute; to be called in order."""
        steps = functools.partial
        makers: tuple[Callable[[], Executable], ...] = (
            self.read,
            steps(self.after, "qonnx_to_finn"),
            steps(self.after, "tidy_up"),
            self.without_xnor,
            steps(self.after, "streamline"),
            steps(self.after, "convert_to_hw", "minimize_bit_width_initial"),
            self.partitioned,
            self.folded,
        )
        return zip(STAGES, makers, strict=True)

    def read(self) -> Executable:
        """The file."""
        from qonnx.core.modelwrapper import ModelWrapper

        self.model = ModelWrapper(str(self.job / "model.onnx"))
        return Executable(self.model)

    def after(self, *names: str) -> Executable:
        """The model after FINN's steps of these names."""
        for name in names:
            self.model = self.step(name, self.model)
        return Executable(self.model)

    def step(self, name: str, model: Any) -> Any:
        """``model`` after one of FINN's steps."""
        return getattr(self.steps, f"step_{name}")(model, self.config)

    def without_xnor(self) -> Executable:
        """A copy of the model, streamlined with products of -1 and +1 left as they are."""
        from qonnx.transformation.general import RemoveUnusedTensors

        kept = self.steps.ConvertBipolarMatMulToXnorPopcount
        self.steps.ConvertBipolarMatMulToXnorPopcount = RemoveUnusedTensors
        try:
            return Executable(self.step("streamline", copy.deepcopy(self.model)))
        finally:
            self.steps.ConvertBipolarMatMulToXnorPopcount = kept

    def partitioned(self) -> Executable:
        """What becomes hardware, in what is around it."""
        from qonnx.core.modelwrapper import ModelWrapper

        self.after("create_dataflow_partition")
        folder = self.config.get_intermediate_models_directory()
        self.parent = ModelWrapper(str(folder / "dataflow_parent.onnx"))
        return Executable(self.model, self.parent, self.job)

    def folded(self) -> Executable:
        """The folded hardware, by FINN's way back to layers that Python executes."""
        from finn.util.verification import despecialize_model

        self.after("specialize_layers", "apply_folding_config", "minimize_bit_width")
        return Executable(despecialize_model(self.model), self.parent, self.job)


class Executable:
    """A model that gives scores and labels.

    Parameters
    ----------
    model
        The model, or of a partitioned one the part that becomes hardware.
    parent
        Of a partitioned model: what is around that part.
    folder
        Where the part is written for its parent.
    """

    def __init__(self, model: Any, parent: Any = None, folder: Path | None = None) -> None:
        self.whole, self.prefix = parent or model, ""
        if parent is not None and folder is not None:
            from qonnx.custom_op.registry import getCustomOp

            path = folder / "part.onnx"
            model.save(str(path))
            (node,) = parent.get_nodes_by_op_type("StreamingDataflowPartition")
            getCustomOp(node).set_nodeattr("model", str(path))
            getCustomOp(node).set_nodeattr("return_full_exec_context", 1)
            self.prefix = f"{node.name}_"
        last = model.graph.node[-1]
        self.has_labels = last.op_type.split("_")[0] in ("TopK", "LabelSelect")
        self.scores = last.input[0]

    def run(self, frame: np.ndarray[Any, Any]) -> tuple[Any, Any]:
        """Scores and labels of one frame, flat; without labels, the outputs as scores."""
        from finn.core.onnx_exec import execute_onnx

        source = self.whole.get_first_global_in()
        given = frame.reshape(self.whole.get_tensor_shape(source))
        values = execute_onnx(self.whole, {source: given}, True)
        output = values[self.whole.get_first_global_out()].reshape(-1)
        if not self.has_labels:
            return output, output[:0]
        return values[self.prefix + self.scores].reshape(-1), output


def run_stages(flow: Flow, frames: np.ndarray[Any, Any], report: Report) -> bool:
    """Run all frames through all stages that can be executed; gives whether all could be made."""
    for stage, make in flow.stages():
        start = time.monotonic()
        report("stage", stage=stage)
        try:
            model = make()
        except (Exception, SystemExit) as error:
            report("failed", stage=stage, reason=reason_of(error))
            return False
        try:
            name = execute(flow, stage, model, frames, report)
        except Exception as error:
            report("not executed", stage=stage, reason=reason_of(error))
            continue
        seconds = round(time.monotonic() - start, 2)
        report("executed", stage=stage, file=name, seconds=seconds)
    return True


def execute(
    flow: Flow, stage: str, model: Executable, frames: np.ndarray[Any, Any], report: Report
) -> str:
    """Write what ``model`` gives for all frames to a file, and give its name."""
    answers = []
    for number, frame in enumerate(frames, 1):
        answers.append(model.run(frame))
        report("image", stage=stage, done=number)
    scores, labels = zip(*answers, strict=True)
    name = f"{stage.replace(' ', '_')}.npz"
    np.savez(flow.job / name, scores=np.array(scores), labels=np.array(labels))
    return name


def reason_of(error: BaseException) -> str:
    """``error`` in a line, by its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def layer_facts(flow: Flow) -> list[dict[str, Any]]:
    """Name, cycles and resources of each layer, as FINN estimates them."""
    from finn.analysis.fpgadataflow.exp_cycles_per_layer import exp_cycles_per_layer
    from finn.analysis.fpgadataflow.res_estimation import res_estimation

    cycles = flow.model.analysis(exp_cycles_per_layer)
    resources = flow.model.analysis(functools.partial(res_estimation, fpgapart=flow.part))
    return [
        {
            "name": node.name,
            "cycles": int(cycles[node.name]),
            "luts": int(resources[node.name]["LUT"]),
            "block_rams": int(resources[node.name]["BRAM_18K"]),
        }
        for node in flow.model.graph.node
        if node.name in cycles and node.name in resources
    ]


def main(folder: str) -> int:
    """Run the job in ``folder``.

    Lines on stdout, by their ``event``:

    ================  ==================================================================
    ``started``       ``version`` of finn-plus
    ``stage``         ``stage`` begins
    ``image``         ``stage``, images ``done``
    ``executed``      ``stage``, ``file`` in the folder, ``seconds``
    ``not executed``  ``stage`` was made and cannot be executed, for a ``reason``
    ``failed``        ``stage`` cannot be made, for a ``reason``; no other one follows
    ``layers``        ``layers``: see :func:`layer_facts`
    ``ended``         all stages could be made
    ================  ==================================================================

    Returns
    -------
    int
        Exit code: 0 if all stages could be made.
    """
    from importlib.metadata import version

    job = Path(folder).resolve()
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def report(event: str, **facts: Any) -> None:
        events.write(json.dumps({"event": event, **facts}) + "\n")
        events.flush()

    prepare(job)
    os.chdir(job)
    flow = Flow(job)
    report("started", version=version("finn-plus"))
    if not run_stages(flow, np.load(job / "frames.npy"), report):
        return 1
    try:
        report("layers", layers=layer_facts(flow))
    except Exception as error:
        report("failed", stage="estimates", reason=reason_of(error))
        return 1
    report("ended")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
