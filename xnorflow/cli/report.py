# SPDX-License-Identifier: Apache-2.0
"""``xnorflow report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints
from xnorflow.cli.sweep import record, summary

if TYPE_CHECKING:
    from xnorflow.sweep.run import SweepResult

__all__ = ["command"]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@prints(summary, record=record)
def command(folder: Path) -> SweepResult:
    """Write the tables, figures and page of a sweep anew, as far as it is finished.

    DIR is the folder of `xnorflow sweep`, which may still run.
    """
    from xnorflow.sweep.run import report_sweep

    return report_sweep(folder)
