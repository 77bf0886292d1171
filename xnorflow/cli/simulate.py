# SPDX-License-Identifier: Apache-2.0
"""``xnorflow simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.sim.simulate import Simulation

__all__ = ["command"]


def summary(result: Simulation) -> str:
    """Images, accuracy, rate, cycles."""
    lines = [f"images: {len(result.outputs):,} of {result.dataset}"]
    if result.accuracy is not None:
        lines.append(f"accuracy: {100 * result.accuracy:.2f} %")
    if result.cycles is not None:
        lines.append(
            f"cycles: {result.cycles:,} ({result.cycles / result.seconds:,.0f} simulated a second)"
        )
    lines.append(f"simulated: {result.images_per_second:,.0f} images/s")
    return "\n".join(lines)


def record(result: Simulation) -> dict[str, Any]:
    """All fields, with the rate."""
    from xnorflow.cli.output import plain

    fields: dict[str, Any] = plain(result)
    return fields | {"images_per_second": result.images_per_second}


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--engine",
    type=click.Choice(["reference", "rtl"]),
    default="reference",
    show_default=True,
    help="reference: exact integers in software. rtl: the emitted Verilog, cycle by cycle.",
)
@click.option(
    "--images",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of images; by default all in software and 10 in RTL.",
)
@click.option("--data", metavar="NAME|PATH", help="Images; by default the test images trained for.")
@click.option(
    "--stall-seed",
    type=click.IntRange(min=0),
    help="RTL: hold up input and output at random, by this seed.",
)
@click.option(
    "--waves",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.vcd",
    help="RTL: write all signals to this file.",
)
@prints(summary, record=record)
def command(
    run: Path,
    engine: str,
    images: int | None,
    data: str | None,
    stall_seed: int | None,
    waves: Path | None,
) -> Simulation:
    """Run the network on test images, in software or as hardware."""
    from xnorflow.sim.simulate import Engine, SimulateOptions, simulate

    return simulate(run, SimulateOptions(Engine(engine), images, data, stall_seed, waves))
