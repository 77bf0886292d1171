# SPDX-License-Identifier: Apache-2.0
"""Bringing a bitstream into a board."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from xnorflow.bitstreams.boards import Board, Programmer, find_board
from xnorflow.bitstreams.flow import REPORT_FILE
from xnorflow.errors import ArtifactError, ToolError
from xnorflow.hw.link import LineKind
from xnorflow.rundir import RunFolder

__all__ = ["Programming", "program"]


@dataclass(frozen=True, slots=True)
class Programming:
    """What was done.

    Parameters
    ----------
    board
        The board.
    file
        The bitstream.
    command
        The command, as a shell takes it.
    """

    board: str
    file: Path
    command: str


def program(run: str | Path, board_name: str) -> Programming:
    """Bring ``RUN/bitstream/BOARD`` into the board, by the first of its programmers on the PATH.

    A bitstream with SPI goes into the configuration memory: while a board is wired for it, its
    flash is out of reach. What the programmer prints goes where this process prints.

    Raises
    ------
    ArtifactError
        If there is no bitstream, or no report of it.
    ToolError
        If there is no programmer, which names the commands to run and how to get them, or it fails.
    """
    board, folder = find_board(board_name), RunFolder(Path(run))
    target = folder.bitstream(board.name)
    command = f"xnorflow synth {folder.root} --board {board.name}"
    file = folder.require(target / f"{board.name}.{board.suffix}", command)
    words = installed_command(board, file, programmers_for(board, target))
    try:
        result = subprocess.run(words, check=False)
    except OSError as error:
        raise ToolError(f"{words[0]} cannot be run: {error}") from error
    if result.returncode:
        raise ToolError(f"{shlex.join(words)} failed (exit code {result.returncode})")
    return Programming(board.name, file, shlex.join(words))


def programmers_for(board: Board, target: Path) -> tuple[Programmer, ...]:
    """The programmers for the bitstream in ``target``, by its report."""
    try:
        link = json.loads((target / REPORT_FILE).read_text()).get("link")
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{target / REPORT_FILE} cannot be read: {error}") from error
    return board.spi_programmers if link == LineKind.SPI else board.programmers


def installed_command(
    board: Board, file: Path, programmers: tuple[Programmer, ...]
) -> tuple[str, ...]:
    """The command of the best programmer that is there."""
    for programmer in programmers:
        if shutil.which(programmer.executable):
            return programmer.command(str(file))
    ways = " or ".join(
        f"`{shlex.join(programmer.command(str(file)))}` ({programmer.install})"
        for programmer in programmers
    )
    raise ToolError(f"no programmer for {board.title} is installed: install one and run {ways}")
