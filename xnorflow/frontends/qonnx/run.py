# SPDX-License-Identifier: Apache-2.0
"""Imported networks as RUN folders."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xnorflow.errors import ArtifactError, ToolError, XnorflowError
from xnorflow.frontends.qonnx.executor import Executor
from xnorflow.frontends.qonnx.importer import ImportedNetwork, import_model, import_qonnx
from xnorflow.frontends.qonnx.model_file import read_model
from xnorflow.frontends.qonnx.value import Waiting
from xnorflow.ir import Network, graph_digest, load_graph, save_graph
from xnorflow.rundir import RunFolder, fresh_folder

__all__ = ["MODEL_FILE", "ImportResult", "import_run", "load_import"]

MODEL_FILE = "model.onnx"
RECORD_FILE = "import.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class ImportResult:
    """Outcome of :func:`import_run`.

    Parameters
    ----------
    run
        The RUN folder.
    imported
        The network and its file.
    executor
        Whether QONNX's executor is installed, by which ``verify`` runs the file; else why not.
    """

    run: RunFolder
    imported: ImportedNetwork
    executor: str


def import_run(
    path: str | Path,
    run: str | Path,
    input_type: str | None = None,
    *,
    double: bool = False,
    replace: bool = False,
) -> ImportResult:
    """Import the QONNX file ``path`` into the RUN folder ``run``, ready to be built.

    Parameters
    ----------
    path, input_type, double
        As in :func:`~xnorflow.frontends.qonnx.importer.import_qonnx`.
    run
        RUN folder to make.
    replace
        Whether an existing folder may be replaced.

    Raises
    ------
    OutputError
        If the folder exists, or cannot be written.
    XnorflowError
        If the file cannot be imported.
    """
    folder = RunFolder(Path(run))
    with fresh_folder(folder.root, replace=replace) as root:
        imported = import_qonnx(path, input_type, double=double)
        (root / folder.model.name).mkdir()
        save_import(imported, root / folder.model.name, Path(path).name)
    try:
        Executor(imported)
    except ToolError as error:
        return ImportResult(folder, imported, str(error))
    return ImportResult(folder, imported, "")


def save_import(imported: ImportedNetwork, folder: Path, source: str) -> None:
    """Write the network, the file, and how it was imported into ``folder``."""
    save_graph(imported.network, folder)
    (folder / MODEL_FILE).write_bytes(imported.model.content)
    (folder / RECORD_FILE).write_text(json.dumps(record(imported, source), indent=1) + "\n")


def record(imported: ImportedNetwork, source: str) -> dict[str, Any]:
    """How a network was imported, as JSON values."""
    scores = imported.ending.scores
    return {
        "schema_version": SCHEMA_VERSION,
        "source": source,
        "model_sha256": hashlib.sha256(imported.model.content).hexdigest(),
        "opset": imported.model.opset,
        "input_type": str(imported.input_type),
        "float64": imported.double,
        "input": {
            "tensor": imported.model.input,
            "shape": [1, *imported.model.input_shape[1:]],
            "image": list(imported.layout.shape),
        },
        "edges": {edge: name for edge, (name, _) in imported.tensors.items()},
        "scores": {
            "tensor": imported.ending.tensor,
            "edge": scores.edge,
            "scale": scores.scale.tolist(),
            "steps": [step_record(step) for step in scores.waiting],
        },
        "left_out": [str(node) for node in imported.ending.dropped],
    }


def step_record(step: Waiting) -> dict[str, Any]:
    """A node between the integers and the scores, as JSON values."""
    constants = [np.asarray(array, np.float64).tolist() for array in step.constants]
    return {"node": step.node.name, "operator": step.node.op, "constants": constants}


def load_import(folder: Path) -> ImportedNetwork:
    """What was imported into ``folder`` (``RUN/model``), from the file that is kept there.

    Raises
    ------
    ArtifactError
        If something is missing, corrupt, or does not belong together.
    """
    document = read_record(folder / RECORD_FILE)
    try:
        model = read_model(folder / MODEL_FILE)
        imported = import_model(model, document["input_type"], double=document["float64"])
    except ToolError:
        raise
    except XnorflowError as error:
        raise ArtifactError(f"{folder / MODEL_FILE} cannot be imported again: {error}") from error
    if hashlib.sha256(model.content).hexdigest() != document["model_sha256"]:
        raise ArtifactError(f"{folder / MODEL_FILE} is not the file that was imported")
    if graph_digest(imported.network) != graph_digest(load_graph(Network, folder)):
        raise ArtifactError(f"{folder} has another network than its {MODEL_FILE}: import it again")
    return imported


def read_record(path: Path) -> dict[str, Any]:
    """How a network was imported, from ``path``."""
    try:
        document: dict[str, Any] = json.loads(path.read_text())
        version = document["schema_version"]
        known = {"model_sha256": str, "input_type": str, "float64": bool}
        complete = all(isinstance(document[key], kind) for key, kind in known.items())
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ArtifactError(f"{path} is missing or corrupt") from error
    if version != SCHEMA_VERSION or not complete:
        raise ArtifactError(
            f"{path} has schema version {version!r}, this xnorflow reads {SCHEMA_VERSION}"
        )
    return document
