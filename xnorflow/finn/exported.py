# SPDX-License-Identifier: Apache-2.0
"""A folder from which FINN builds the hardware of a RUN folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from xnorflow.finn.answers import answers_of, finn_input
from xnorflow.finn.design import FinnDesign, finn_design
from xnorflow.finn.folding import FinnFolding
from xnorflow.frontends.qonnx.exporter import export_qonnx
from xnorflow.frontends.qonnx.finn import finn_warnings
from xnorflow.ir import Network
from xnorflow.rundir import RunFolder, fresh_folder
from xnorflow.sim.images import random_images

__all__ = ["FinnExport", "export_finn", "write_finn"]

BOARD = "Pynq-Z1"
"""The board of FINN's own examples; the user names another one in ``config.json``."""

VERIFY_IMAGES = 2
"""Random images that FINN's simulation of the whole hardware is compared on: it is slow."""

VERIFY_STEPS = ("initial_python", "streamlined_python", "stitched_ip_rtlsim")
"""Where FINN compares its own models and its hardware with our labels, by its names."""

OUTPUTS = (
    "estimate_reports",
    "stitched_ip",
    "rtlsim_performance",
    "bitfile",
    "pynq_driver",
    "deployment_package",
)
"""What FINN makes, by its names."""


@dataclass(frozen=True, slots=True)
class FinnExport:
    """Outcome of :func:`export_finn`.

    Parameters
    ----------
    folder
        The folder: ``model.onnx``, ``folding.json``, ``config.json``, ``build.py``; ``input.npy``
        and ``expected_output.npy`` for FINN's own comparison.
    nodes
        Nodes of the model.
    folding
        Folding by FINN's names.
    changes
        Where FINN gets another network or folding than our hardware has, a sentence each.
    is_built
        Whether it is that of ``RUN/rtl``; else that of a default build.
    warnings
        What FINN would compute wrongly or refuse, a sentence each.
    """

    folder: Path
    nodes: int
    folding: FinnFolding
    changes: tuple[str, ...]
    is_built: bool
    warnings: tuple[str, ...]


def export_finn(
    run: str | Path, output: str | Path | None = None, *, replace: bool = False
) -> FinnExport:
    """Write the folder from which FINN builds the network of ``run``, folded as ours.

    Parameters
    ----------
    run
        RUN folder. Is it built, folding and clock are those of ``RUN/rtl``.
    output
        The folder to make; by default ``RUN/export/finn``.
    replace
        Whether an existing folder may be replaced.

    Raises
    ------
    ArtifactError
        If ``run`` has no network, or ``RUN/rtl`` is of another one.
    ExportError
        If the network cannot be said exactly in the format.
    OutputError
        If the folder exists (without ``replace``), or cannot be written.
    ToolError
        If the package onnx is not installed.
    """
    folder = RunFolder(Path(run))
    target = Path(output) if output is not None else folder.export / "finn"
    design = finn_design(folder)
    with fresh_folder(target, replace=replace) as partial:
        nodes = write_finn(design, partial)
        write_examples(design.network, partial)
        (partial / "config.json").write_text(json.dumps(config(design), indent=1) + "\n")
        script = files("xnorflow.finn").joinpath("build.py").read_bytes()
        (partial / "build.py").write_bytes(script)
        (partial / "build.py").chmod(0o755)  # `finn run` wants it so
    warnings = tuple(map(str, finn_warnings(design.network)))
    return FinnExport(target, nodes, design.folding, design.changes, design.is_built, warnings)


def write_finn(design: FinnDesign, folder: Path) -> int:
    """Write ``model.onnx`` and ``folding.json`` into ``folder``; gives the number of nodes."""
    model = export_qonnx(design.network)
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (folder / "folding.json").write_text(design.folding.to_json())
    return len(model.graph.node)


def write_examples(network: Network, folder: Path) -> None:
    """Write images and what they give: labels, or the output of a network without."""
    images = random_images(network, VERIFY_IMAGES)
    answers = answers_of(network, images)
    output = answers.labels if answers.labels.size else answers.scores
    np.save(folder / "input.npy", finn_input(images))
    np.save(folder / "expected_output.npy", output.astype(np.float32))


def config(design: FinnDesign) -> dict[str, Any]:
    """FINN's settings (``DataflowBuildConfig``), for FINN and finn-plus alike."""
    return {
        "output_dir": "output",
        "synth_clk_period_ns": 1000 / design.clock_mhz,
        "board": BOARD,
        "shell_flow_type": "vivado_zynq",
        "folding_config_file": "folding.json",
        "generate_outputs": list(OUTPUTS),
        "verify_steps": list(VERIFY_STEPS),
        "verify_input_npy": "input.npy",
        "verify_expected_output_npy": "expected_output.npy",
    }
