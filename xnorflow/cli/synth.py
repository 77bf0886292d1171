# SPDX-License-Identifier: Apache-2.0
"""``xnorflow synth``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.bitstreams.synthesis import Utilisation

__all__ = ["command"]


def summary(result: Utilisation) -> str:
    """The counts in one line."""
    counts = {
        "LUT": result.luts,
        "FF": result.flip_flops,
        "BRAM": result.block_rams,
        "DSP": result.dsps,
        "carry": result.carries,
    }
    listed = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    return f"{result.device}: {listed} ({result.tool}, before place and route)"


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--device",
    type=click.Choice(["ice40", "ecp5", "gowin", "xc7"]),
    default="ecp5",
    show_default=True,
    help="FPGA family.",
)
@prints(summary)
def command(run: Path, device: str) -> Utilisation:
    """Synthesise RUN/rtl for an FPGA family and count what it takes.

    Yosys synthesises; the counts are those before place and route.
    """
    from xnorflow.bitstreams.synthesis import Device, synthesise

    return synthesise(run, Device(device))
