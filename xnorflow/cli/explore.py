# SPDX-License-Identifier: Apache-2.0
"""``xnorflow explore``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xnorflow.cli.output import prints, text_table
from xnorflow.cli.simplification import arguments, simplification_options

if TYPE_CHECKING:
    from xnorflow.hw.explore.run import Exploration

__all__ = ["command"]

HEADS = ("", "frames/s", "cycles", "LUT", "FF", "BRAM", "DSP", "slowest layer")


def summary(result: Exploration) -> str:
    """The table of points, and what was written."""
    curve = result.curve
    rows = [
        (
            number,
            round(point.throughput_fps),
            point.interval_cycles,
            round(point.resources.luts),
            round(point.resources.flip_flops),
            round(point.resources.block_rams),
            round(point.resources.dsps),
            point.slowest,
        )
        for number, point in enumerate(curve.points, start=1)
    ]
    plot = result.plot or "none: pip install 'xnorflow[plot]'"
    return "\n".join(
        [
            *text_table(HEADS, rows, text=(len(HEADS) - 1,)),
            "",
            f"estimates for {curve.device} at {curve.clock_mhz:g} MHz, before place and route",
            f"plot: {plot}",
            f"build a point: xnorflow build {result.folder.parent} "
            f"--folding {result.folder}/folding_01.json{arguments(result.without)}",
        ]
    )


def record(result: Exploration) -> dict[str, Any]:
    """The curve as in ``curve.json``, and the folder."""
    from xnorflow.hw.explore.run import document

    plot = None if result.plot is None else str(result.plot)
    return {"folder": str(result.folder), "plot": plot, **document(result.curve)}


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--device",
    type=click.Choice(["ice40", "ecp5", "gowin", "xc7"]),
    default="ecp5",
    show_default=True,
    help="FPGA family.",
)
@click.option(
    "--clock-mhz",
    type=click.FloatRange(min=0, min_open=True),
    default=100,
    show_default=True,
    help="Clock assumed for the rates.",
)
@click.option(
    "--points",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="Points to look for.",
)
@simplification_options
@click.option("--force", is_flag=True, help="Replace RUN/explore if it exists.")
@prints(summary, record=record)
def command(
    run: Path, device: str, clock_mhz: float, points: int, without: tuple[str, ...], force: bool
) -> Exploration:
    """Find what each throughput costs: a curve, and folding files to build.

    Writes RUN/explore: curve.json, a plot, and a folding file for each point, to be built as it is
    or edited.
    """
    from xnorflow.cli.progress import stage_progress
    from xnorflow.hw.explore.run import ExploreOptions, explore
    from xnorflow.hw.families import Device
    from xnorflow.hw.passes import Simplification

    options = ExploreOptions(
        Device(device), clock_mhz, points, force, Simplification.named(without)
    )
    with stage_progress() as progress:
        return explore(run, options, partial(progress, "exploring"))
