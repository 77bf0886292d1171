# SPDX-License-Identifier: Apache-2.0
"""``xnorflow build``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xnorflow.cli.output import plain, prints
from xnorflow.cli.simplification import removal_lines, simplification_options

if TYPE_CHECKING:
    from xnorflow.hw.build import BuildResult

__all__ = ["command"]


def summary(result: BuildResult) -> str:
    """The table of layers, the rate, what was removed before, and where the Verilog is."""
    return "\n".join([str(result.report), *removal_lines(result.removed), f"wrote {result.rtl}"])


def record(result: BuildResult) -> dict[str, Any]:
    """The report, where the Verilog is, and what was removed, if anything."""
    removed = {"removed": plain(result.removed)} if result.removed else {}
    return {"rtl": result.rtl} | removed | result.report.to_document()


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
@click.option(
    "--device",
    type=click.Choice(["ice40", "ecp5", "gowin", "xc7"]),
    help="FPGA family to build for: its cells, and what the design takes of it.",
)
@click.option(
    "--portable", is_flag=True, help="With --device: plain Verilog all the same, for any family."
)
@click.option("--max-lut", type=click.IntRange(min=0), metavar="N", help="At most so many LUTs.")
@click.option(
    "--max-bram",
    type=click.IntRange(min=0),
    metavar="N",
    help="At most so many block RAMs. Without a target: the fastest design that fits --device.",
)
@click.option("--max-dsp", type=click.IntRange(min=0), metavar="N", help="At most so many DSPs.")
@click.option(
    "--fifo-loss",
    type=click.FloatRange(0, 99),
    default=0,
    show_default=True,
    metavar="PERCENT",
    help="Throughput that may be lost for shallower FIFOs.",
)
@click.option("--dense", is_flag=True, help="Let no layer skip tiles of zero weights.")
@simplification_options
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
    device: str | None,
    portable: bool,
    max_lut: int | None,
    max_bram: int | None,
    max_dsp: int | None,
    fifo_loss: float,
    dense: bool,
    without: tuple[str, ...],
    force: bool,
) -> BuildResult:
    """Make the hardware of a trained network: Verilog in RUN/rtl.

    What no output depends on is left out first: thresholds out of reach, and channels that are
    constant, unread, or equal to others. Without a target or a folding file, the folding is
    balanced and of moderate size.
    """
    from xnorflow.hw.build import BuildOptions, build
    from xnorflow.hw.emit import WeightStorage
    from xnorflow.hw.explore import Budget
    from xnorflow.hw.families import Device
    from xnorflow.hw.passes import Simplification

    limits = (max_lut, max_bram, max_dsp)
    options = BuildOptions(
        folding=folding,
        target_fps=target_fps,
        clock_mhz=clock_mhz,
        weights=WeightStorage(weights),
        scores=scores,
        top_k=top_k,
        replace=force,
        device=Device(device) if device else None,
        budget=None if limits == (None, None, None) else Budget(*limits),
        fifo_loss=fifo_loss / 100,
        dense=dense,
        without=Simplification.named(without),
        portable=portable,
    )
    return build(run, options)
