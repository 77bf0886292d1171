# SPDX-License-Identifier: Apache-2.0
"""``xnorflow export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.finn.exported import FinnExport
    from xnorflow.frontends.qonnx.exported import ExportResult

__all__ = ["command"]


def summary(result: ExportResult | FinnExport) -> str:
    """Where it is, and what FINN does with it."""
    from xnorflow.finn.exported import FinnExport

    warnings = [f"warning: {warning}" for warning in result.warnings]
    if isinstance(result, FinnExport):
        return "\n".join([*warnings, *folder_lines(result)])
    size = f"{result.nodes} nodes, {result.size_bytes:,} bytes"
    return "\n".join([*warnings, f"wrote {result.path}: {size}"])


def folder_lines(result: FinnExport) -> list[str]:
    """The folding, where it is another one for FINN, and the folder."""
    source = "RUN/rtl" if result.is_built else "a default build, as there is no RUN/rtl"
    return [
        f"folding of {len(result.folding.layers)} layers, as in {source}",
        *(f"changed for FINN: {change}" for change in result.changes),
        f"wrote {result.folder}: build.py, config.json, folding.json, model.onnx "
        f"({result.nodes} nodes), images",
    ]


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--to",
    "form",
    type=click.Choice(["qonnx", "finn"]),
    required=True,
    help="Format: qonnx is an ONNX file in the dialect of QONNX and FINN. finn is a folder with "
    "such a file, the folding by FINN's names, and a script that builds it with Vivado.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="File or folder to make; by default RUN/export/model.onnx or RUN/export/finn.",
)
@click.option("--force", is_flag=True, help="Replace it if it exists.")
@prints(summary)
def command(run: Path, form: str, output: Path | None, force: bool) -> ExportResult | FinnExport:
    """Write a network for other tools: a QONNX file, or a folder that FINN builds.

    QONNX's executor computes the same integers on every edge of the network, and the same labels;
    what the format cannot say is refused with the node and the reason. A warning says what FINN is
    known to compute wrongly, or to refuse.
    """
    if form == "finn":
        from xnorflow.finn.exported import export_finn

        return export_finn(run, output, replace=force)
    from xnorflow.frontends.qonnx.exported import export_run

    return export_run(run, output, replace=force)
