# SPDX-License-Identifier: Apache-2.0
"""``xnorflow build``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.hw.build import BuildResult

__all__ = ["command"]


def summary(result: BuildResult) -> str:
    """The table of layers, the rate, and where the Verilog is."""
    return f"{result.report}\nwrote {result.rtl}"


def record(result: BuildResult) -> dict[str, Any]:
    """The report, and where the Verilog is."""
    return {"rtl": result.rtl} | result.report.to_document()


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--target-fps", type=float, help="Frames a second to reach, as cheaply as possible.")
@click.option(
    "--clock-mhz", type=float, default=100.0, show_default=True, help="Clock assumed for rates."
)
@click.option(
    "--folding",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="Folding of each layer, by FINN's keys; RUN/rtl/folding.json is one to start from.",
)
@click.option(
    "--weights",
    type=click.Choice(["files", "inline"]),
    default="files",
    show_default=True,
    help="Weights and thresholds in memory files beside the Verilog, or inside it.",
)
@click.option("--scores", is_flag=True, help="Give the raw scores of all classes, not the label.")
@click.option("--top-k", type=click.IntRange(min=1), metavar="K", help="Give the best K labels.")
@click.option("--force", is_flag=True, help="Replace RUN/rtl if it exists.")
@prints(summary, record=record)
def command(
    run: Path,
    target_fps: float | None,
    clock_mhz: float,
    folding: Path | None,
    weights: str,
    scores: bool,
    top_k: int | None,
    force: bool,
) -> BuildResult:
    """Make the hardware of a trained network: Verilog in RUN/rtl.

    Without a target or a folding file, the folding is balanced and of moderate size.
    """
    from xnorflow.hw.build import BuildOptions, build
    from xnorflow.hw.emit import WeightStorage

    options = BuildOptions(
        folding=folding,
        target_fps=target_fps,
        clock_mhz=clock_mhz,
        weights=WeightStorage(weights),
        scores=scores,
        top_k=top_k,
        replace=force,
    )
    return build(run, options)
