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
    if result.netlist is not None:
        lines.append(
            f"netlist: {sum(result.netlist.cells.values()):,} cells; {result.netlist.gates:,} "
            f"gates, {result.netlist.flip_flops:,} flip-flops, {result.netlist.memory_bits:,} bits "
            "of memory to simulate"
        )
    if result.cycles is not None:
        beside = f" in each of {result.lanes} lanes" if result.lanes > 1 else ""
        rate = result.cycles * result.lanes / result.seconds
        lines.append(f"cycles: {result.cycles:,}{beside} ({rate:,.0f} simulated a second)")
        lines.append(f"compiled: {result.compile_seconds:.1f} s (kept for the next time)")
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
    type=click.Choice(["reference", "rtl", "gates"]),
    default="reference",
    show_default=True,
    help="reference: exact integers in software. rtl: the emitted Verilog, cycle by cycle. gates: "
    "the netlist that Yosys makes of it, cycle by cycle and 512 images at a time.",
)
@click.option(
    "--images",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of images; by default all, and 10 in RTL.",
)
@click.option("--data", metavar="NAME|PATH", help="Images; by default the test images trained for.")
@click.option(
    "--stall-seed",
    type=click.IntRange(min=0),
    help="RTL and gates: hold up input and output at random, by this seed.",
)
@click.option(
    "--waves",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.vcd",
    help="RTL: write all signals to this file.",
)
@click.option(
    "--device",
    type=click.Choice(["ice40", "ecp5", "gowin", "xc7"]),
    help="Gates: the FPGA family to synthesise for; by default generic gates.",
)
@prints(summary, record=record)
def command(
    run: Path,
    engine: str,
    images: int | None,
    data: str | None,
    stall_seed: int | None,
    waves: Path | None,
    device: str | None,
) -> Simulation:
    """Run the network on test images, in software or as hardware."""
    from xnorflow.cli.progress import stage_progress
    from xnorflow.hw.families import Device
    from xnorflow.sim.simulate import Engine, SimulateOptions, simulate

    options = SimulateOptions(
        engine=Engine(engine),
        images=images,
        data=data,
        stall_seed=stall_seed,
        waves=waves,
        device=None if device is None else Device(device),
    )
    with stage_progress() as progress:
        return simulate(run, options, progress)
