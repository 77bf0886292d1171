# SPDX-License-Identifier: Apache-2.0
"""The boards that bitstreams are made for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xnorflow.bitstreams.boards.board import Board, Pin, Programmer
from xnorflow.bitstreams.boards.colorlight_i5 import COLORLIGHT_I5
from xnorflow.bitstreams.boards.hx8k_evb import HX8K_EVB
from xnorflow.bitstreams.boards.icebreaker import ICEBREAKER
from xnorflow.bitstreams.boards.orangecrab import ORANGECRAB
from xnorflow.bitstreams.boards.tang_nano_9k import TANG_NANO_9K
from xnorflow.bitstreams.boards.ulx3s import ULX3S
from xnorflow.errors import ConfigError

__all__ = ["BOARDS", "Board", "Pin", "Programmer", "find_board"]

BOARDS: Mapping[str, Board] = MappingProxyType(
    {
        board.name: board
        for board in (ICEBREAKER, HX8K_EVB, *ULX3S, *ORANGECRAB, COLORLIGHT_I5, TANG_NANO_9K)
    }
)
"""All boards by name."""


def find_board(name: str) -> Board:
    """The board called ``name``.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if name not in BOARDS:
        raise ConfigError(f"unknown board {name!r} (known: {', '.join(BOARDS)})")
    return BOARDS[name]
