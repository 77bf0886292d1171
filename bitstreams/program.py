# SPDX-License-Identifier: Apache-2.0
"""Bringing a bitstream into a board."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from xnorflow.bitstreams.boards import Board, find_board
from xnorflow.errors import ToolError
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

    What the programmer prints goes where this process prints.

    Raises
    ------
    ArtifactError
        If there is no bitstream.
    ToolError
        If there is no programmer, which names the commands to run and how to get them, or it fails.
    """
    board, folder = find_board(board_name), RunFolder(Path(run))
    target = folder.bitstream(board.name)
    command = f"xnorflow synth {folder.root} --board {board.name}"
    file = folder.require(target / f"{board.name}.{board.suffix}", command)
    words = installed_command(board, file)
    try:
        result = subprocess.run(words, check=False)
    except OSError as error:
        raise ToolError(f"{words[0]} cannot be run: {error}") from error
    if result.returncode:
        raise ToolError(f"{shlex.join(words)} failed (exit code {result.returncode})")
    return Programming(board.name, file, shlex.join(words))


def installed_command(board: Board, file: Path) -> tuple[str, ...]:
    """The command of the best programmer that is there."""
    for programmer in board.programmers:
        if shutil.which(programmer.executable):
            return programmer.command(str(file))
    ways = " or ".join(
        f"`{shlex.join(programmer.command(str(file)))}` ({programmer.install})"
        for programmer in board.programmers
    )
    raise ToolError(f"no programmer for {board.title} is installed: install one and run {ways}")
