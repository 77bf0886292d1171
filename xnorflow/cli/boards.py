# SPDX-License-Identifier: Apache-2.0
"""``xnorflow boards``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from xnorflow.cli.output import prints, text_table

if TYPE_CHECKING:
    from xnorflow.bitstreams.boards import Board

__all__ = ["command"]


def table(boards: Mapping[str, Board]) -> str:
    """A line for each board."""
    heads = (
        "board",
        "family",
        "FPGA",
        "oscillator",
        "clock",
        "LUT",
        "BRAM",
        "SPRAM",
        "DSP",
        "what it is",
    )
    rows = [
        (
            board.name,
            board.device.value,
            board.part,
            f"{board.oscillator_hz / 1e6:g} MHz",
            f"{board.default_clock_mhz:g} MHz",
            board.luts,
            board.block_rams,
            board.sprams,
            board.dsps,
            board.title,
        )
        for board in boards.values()
    ]
    return "\n".join(text_table(heads, rows, text=(0, 1, 2, 9)))


@click.command()
@prints(table, record=lambda boards: list(boards.values()))
def command() -> Mapping[str, Board]:
    """List the boards that bitstreams are made for.

    The clock is the one that `synth --board` takes unless it is told another. With --json: pins
    and where they are documented too.
    """
    from xnorflow.bitstreams.boards import BOARDS

    return BOARDS
