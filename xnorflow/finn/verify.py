# SPDX-License-Identifier: Apache-2.0
"""FINN against the reference: the same images through each of its forms of the model."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xnorflow.finn.answers import Answers, answers_of, compared, finn_input, load_answers
from xnorflow.finn.design import FAMILY, FinnDesign, finn_design
from xnorflow.finn.environment import FinnEnvironment, find_finn
from xnorflow.finn.exported import write_finn
from xnorflow.finn.report import FinnReport, LayerPair, StageFailure, StageResult
from xnorflow.frontends.qonnx.finn import finn_warnings
from xnorflow.hw.estimate.report import LayerReport, design_report
from xnorflow.progress import StageProgress
from xnorflow.rundir import RunFolder, write_file
from xnorflow.sim.images import Images, load_images
from xnorflow.sim.lockstep import as_built

__all__ = ["verify_finn"]

DEFAULT_IMAGES = 32
"""FINN takes them one by one, eight times, each in tens of milliseconds or more."""

PART = "xc7z020clg400-1"
"""The FPGA of FINN's own examples (Pynq-Z1)."""

REPORT_FILE, LOG_FILE = "verify.json", "log.txt"

FOLDING, STARTING = "folding", "starting FINN"


@dataclass(slots=True)
class Progress:
    """What FINN did so far."""

    stages: list[StageResult] = field(default_factory=list)
    not_executed: list[StageFailure] = field(default_factory=list)
    failure: StageFailure | None = None
    estimates: list[dict[str, Any]] = field(default_factory=list)


def verify_finn(
    run: str | Path,
    environment: str | Path,
    images: int | None = None,
    data: str | None = None,
    progress: StageProgress | None = None,
    *,
    plain: bool = False,
) -> FinnReport:
    """Compare FINN, from the exported model to folded hardware layers, with the reference.

    The report is written to ``RUN/finn/verify.json`` too, and what FINN prints to
    ``RUN/finn/log.txt``.

    Parameters
    ----------
    run
        RUN folder.
    environment
        A virtual environment with finn-plus, or its Python.
    images
        Number of images; by default 32, or all if there are fewer.
    data
        Data set; by default the one trained for.
    progress
        Told how far it is.
    plain
        Whether FINN gets the network as ``export --to qonnx`` writes it, not in the form of
        :func:`~xnorflow.finn.form.finn_form`.

    Raises
    ------
    ArtifactError
        If there is no network, or ``RUN/rtl`` is of another one.
    ExportError
        If the network cannot be exported exactly.
    DataError
        If there are no such images.
    OutputError
        If the report cannot be written.
    ToolError
        If ``environment`` has no finn-plus, or onnx is not installed here.
    """
    folder, report = RunFolder(Path(run)), progress or no_progress
    network = folder.network()
    finn = find_finn(environment)
    report(FOLDING, 0, 1)
    design = finn_design(folder, plain=plain)
    report(FOLDING, 1, 1)
    model = as_built(network, design.dataflow)
    frames = load_images(folder, model, data, images)
    frames = frames if images is not None else frames.first(DEFAULT_IMAGES)
    with tempfile.TemporaryDirectory(prefix="xnorflow-finn-") as job:
        write_job(design, frames, Path(job))
        done = run_job(finn, Path(job), answers_of(model, frames), report)
        write_file(folder.finn / LOG_FILE, (Path(job) / LOG_FILE).read_bytes(), replace=True)
    layers, unknown = paired(design, done.estimates)
    result = FinnReport(
        version=finn.version,
        dataset=frames.source,
        images=len(frames),
        part=PART,
        is_built=design.is_built,
        warnings=finn_warnings(design.network),
        changes=design.changes,
        stages=tuple(done.stages),
        not_executed=tuple(done.not_executed),
        failure=done.failure,
        layers=layers,
        unknown=unknown,
    )
    document = json.dumps({"passed": result.passed} | asdict(result), indent=1) + "\n"
    write_file(folder.finn / REPORT_FILE, document.encode(), replace=True)
    return result


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody how far it is."""


def write_job(design: FinnDesign, images: Images, job: Path) -> None:
    """Write what the worker needs (see :mod:`xnorflow.finn.stage_worker`)."""
    write_finn(design, job)
    settings = {"part": PART, "clock_period_ns": 1000 / design.clock_mhz}
    (job / "job.json").write_text(json.dumps(settings))
    np.save(job / "frames.npy", finn_input(images))


def run_job(finn: FinnEnvironment, job: Path, want: Answers, report: StageProgress) -> Progress:
    """Run FINN, and compare what it gives stage by stage."""
    done, stage, images = Progress(), STARTING, len(want.scores)
    report(STARTING, 0, 1)
    for event in finn.run_stages(job, job / LOG_FILE):
        stage = event.get("stage", stage)
        match event["event"]:
            case "started":
                report(STARTING, 1, 1)
            case "stage":
                report(stage, 0, images)
            case "image":
                report(stage, event["done"], images)
            case "executed":
                got = load_answers(job / event["file"])
                done.stages.append(compared(stage, want, got, event["seconds"]))
            case "not executed":
                done.not_executed.append(StageFailure(stage, event["reason"]))
            case "failed":
                done.failure = StageFailure(stage, event["reason"])
            case "layers":
                done.estimates = event["layers"]
    return done


def paired(
    design: FinnDesign, estimates: list[dict[str, Any]]
) -> tuple[tuple[LayerPair, ...], tuple[str, ...]]:
    """FINN's layers beside ours, and names in the folding that FINN does not have."""
    if not estimates:
        return (), ()
    named = {layer.name: layer.layer for layer in design.folding.layers}
    ours = {row.name: row for row in design_report(design.dataflow, 1.0, FAMILY).layers}
    pairs = tuple(pair(row, named.get(row["name"], ""), ours) for row in estimates)
    there = {row["name"] for row in estimates}
    return pairs, tuple(name for name in named if name not in there)


def pair(finn: dict[str, Any], name: str, ours: dict[str, LayerReport]) -> LayerPair:
    """A layer of FINN beside the one of ours called ``name``, if there is one."""
    row = ours.get(name)
    taken = row.resources if row else None
    return LayerPair(
        finn=finn["name"],
        layer=name if row else "",
        finn_cycles=finn["cycles"],
        finn_luts=finn["luts"],
        finn_block_rams=finn["block_rams"],
        cycles=row.cycles if row else None,
        luts=round(taken.luts) if taken else None,
        block_rams=round(taken.block_rams) if taken else None,
    )
