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
@prints(str, record=lambda report: report.to_document())
def command(run: Path, clock_mhz: float | None) -> DesignReport:
    """Show folding, cycles and memory of each layer of RUN/rtl.

    Cycles and bits are exact; the rate assumes the clock.
    """
    from xnorflow.hw.build import estimate

    return estimate(run, clock_mhz)
