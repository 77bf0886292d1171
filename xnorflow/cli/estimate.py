# SPDX-License-Identifier: Apache-2.0
"""``xnorflow estimate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.hw.estimate.report import DesignReport

__all__ = ["command"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--clock-mhz", type=float, help="Clock for rates; by default the one of the build.")
@click.option(
    "--device",
    type=click.Choice(["ice40", "ecp5", "gowin", "xc7"]),
    help="Estimate what each layer takes on this FPGA family.",
)
@prints(str, record=lambda report: report.to_document())
def command(run: Path, clock_mhz: float | None, device: str | None) -> DesignReport:
    """Show folding, cycles and memory of each layer of RUN/rtl.

    Cycles and bits are exact; the rate assumes the clock. LUTs, flip-flops, block RAMs and DSP
    blocks are estimates; `xnorflow synth` counts them.
    """
    from xnorflow.hw.build import estimate
    from xnorflow.hw.families import Device

    return estimate(run, clock_mhz, Device(device) if device else None)
