# SPDX-License-Identifier: Apache-2.0
"""``xnorflow import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.frontends.qonnx.run import ImportResult

__all__ = ["command"]


def summary(result: ImportResult) -> str:
    """What was taken for what, what was left out, and where the RUN folder is."""
    imported = result.imported
    lines = [
        f"input: {imported.input_type} as images of {imported.layout.shape}",
        f"network: {len(imported.network.nodes)} nodes, output {imported.network.output.name} "
        f"{imported.network.types[imported.network.output.name]}",
    ]
    if imported.ending.dropped:
        nodes = ", ".join(map(str, imported.ending.dropped))
        lines.append(f"left out, for the order of the scores is the same: {nodes}")
    if imported.ending.ranked:
        lines.append("scores differ by class: the label is that of other integers in their order")
    lines.append(precision(imported.double))
    if result.executor:
        lines.append(f"not to be compared with the file: {result.executor}")
    lines.append(f"wrote {result.run.root}")
    return "\n".join(lines)


def precision(double: bool) -> str:
    """What the network is equal to."""
    if double:
        return "exact in float64, by definition: `verify` counts how often float32 differs"
    return "exact in float32: equal bit for bit to the file"


def record(result: ImportResult) -> dict[str, Any]:
    """The same as values."""
    imported = result.imported
    return {
        "run": result.run.root,
        "input_type": str(imported.input_type),
        "image_shape": imported.layout.shape,
        "float64": imported.double,
        "nodes": len(imported.network.nodes),
        "left_out": [str(node) for node in imported.ending.dropped],
        "ranked": imported.ending.ranked,
        "executor_absent": result.executor,
    }


@click.command()
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.onnx")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="RUN",
    help="RUN folder to make.",
)
@click.option(
    "--input-type",
    metavar="TYPE[/N]",
    help="What the model's input is: integers (uint8, int8, bipolar, ...), perhaps divided by N; "
    "by default what the file says, else uint8/255: pixels from 0 to 1.",
)
@click.option(
    "--float64",
    "double",
    is_flag=True,
    help="Take scales that are no powers of two: the definition is float64, no longer the file's "
    "float32.",
)
@click.option("--force", is_flag=True, help="Replace RUN if it exists.")
@prints(summary, record=record)
def command(
    model: Path, output: Path, input_type: str | None, double: bool, force: bool
) -> ImportResult:
    """Import a network from a QONNX file, as Brevitas, QKeras, HGQ or FINN write it.

    The integer network in RUN is equal to the file, bit for bit, or the file is refused with the
    node and the reason.
    """
    from xnorflow.frontends.qonnx.run import import_run

    return import_run(model, output, input_type, double=double, replace=force)
