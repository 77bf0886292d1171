# SPDX-License-Identifier: Apache-2.0
"""The networks of RUN folders as QONNX files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xnorflow.frontends.qonnx.exporter import export_qonnx
from xnorflow.frontends.qonnx.finn import finn_warnings
from xnorflow.rundir import RunFolder, write_file

__all__ = ["ExportResult", "export_run"]


@dataclass(frozen=True, slots=True)
class ExportResult:
    """Outcome of :func:`export_run`.

    Parameters
    ----------
    path
        The file.
    nodes
        How many nodes it has.
    size_bytes
        Its size.
    warnings
        What FINN would compute wrongly, or refuse
        (see :func:`~xnorflow.frontends.qonnx.finn.finn_warnings`).
    """

    path: Path
    nodes: int
    size_bytes: int
    warnings: tuple[str, ...]


def export_run(
    run: str | Path, output: str | Path | None = None, *, replace: bool = False
) -> ExportResult:
    """Write the network of the RUN folder ``run`` as a QONNX file.

    The same network gives the same bytes.

    Parameters
    ----------
    run
        RUN folder.
    output
        The file to make; by default ``RUN/export/model.onnx``.
    replace
        Whether an existing file may be replaced.

    Raises
    ------
    ArtifactError
        If ``run`` has no network.
    ExportError
        If the network cannot be said exactly in the format.
    OutputError
        If the file exists (without ``replace``), or cannot be written.
    ToolError
        If the package onnx is not installed.
    """
    folder = RunFolder(Path(run))
    path = Path(output) if output is not None else folder.export / "model.onnx"
    network = folder.network()
    model = export_qonnx(network)
    content = model.SerializeToString(deterministic=True)
    write_file(path, content, replace=replace)
    return ExportResult(
        path, len(model.graph.node), len(content), tuple(map(str, finn_warnings(network)))
    )
