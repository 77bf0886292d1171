# SPDX-License-Identifier: Apache-2.0
"""``xnorflow program``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints

if TYPE_CHECKING:
    from xnorflow.bitstreams.program import Programming

__all__ = ["command"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--board", required=True, metavar="BOARD", help="The board (see `boards`).")
@prints(lambda result: f"{result.board} has {result.file} (by `{result.command}`)")
def command(run: Path, board: str) -> Programming:
    """Bring RUN/bitstream/BOARD into the board.

    By openFPGALoader, iceprog, ecpdap or dfu-util, whichever suits the board and is installed; else
    it says which command to run.
    """
    from xnorflow.bitstreams.program import program

    return program(run, board)
