# SPDX-License-Identifier: Apache-2.0
"""``xnorflow export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.frontends.qonnx.exported import ExportResult

__all__ = ["command"]


def summary(result: ExportResult) -> str:
    """Where the file is, and what FINN gets wrong."""
    return "\n".join(
        [
            *(f"warning: {warning}" for warning in result.warnings),
            f"wrote {result.path}: {result.nodes} nodes, {result.size_bytes:,} bytes",
        ]
    )


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--to",
    type=click.Choice(["qonnx"]),
    required=True,
    expose_value=False,
    help="Format: qonnx is an ONNX file in the dialect of QONNX and FINN.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE.onnx",
    help="File to make; by default RUN/export/model.onnx.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@prints(summary)
def command(run: Path, output: Path | None, force: bool) -> ExportResult:
    """Write a network in the format of other tools: a QONNX file, as FINN reads it.

    QONNX's executor computes the same integers on every edge of the network, and the same labels;
    what the format cannot say is refused with the node and the reason. A warning says what FINN is
    known to compute wrongly.
    """
    from xnorflow.frontends.qonnx.exported import export_run

    return export_run(run, output, replace=force)
