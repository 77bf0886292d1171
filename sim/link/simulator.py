# SPDX-License-Identifier: Apache-2.0
"""The compiled simulator of a linked accelerator and the host's end of its line (``board.cc``)."""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_double, c_int, c_int64, c_void_p
from importlib.resources import files
from pathlib import Path
from typing import Any

from xnorflow.hw.emit import VerilogSources
from xnorflow.hw.link import LINKED_TOP_NAME, LineKind
from xnorflow.sim.rtl.cache import ObjectCache
from xnorflow.sim.rtl.simulator import (
    FAST,
    LIBRARY_SUFFIX,
    PURPOSE,
    compile_harness,
    rewrite,
    simulator_key,
    translate,
)
from xnorflow.toolchain import require_tool

__all__ = ["BoardSimulator", "build_board"]

VERILOG = f"{LINKED_TOP_NAME}.v"
LINE = "line.h"
ROOM_BYTES = 4096

READ = f"""\
read_verilog -formal {VERILOG}
hierarchy -check -top {LINKED_TOP_NAME}
"""

SIGNATURES: dict[str, tuple[Any, ...]] = {
    "open": (c_void_p, c_double),
    "close": (None, c_void_p),
    "reset": (None, c_void_p),
    "send": (None, c_void_p, c_char_p, c_int64),
    "sending": (c_int, c_void_p),
    "run": (c_int, c_void_p, c_int64),
    "take": (c_int64, c_void_p, c_char_p, c_int64),
    "cycle": (c_int64, c_void_p),
}
"""Result and argument types of each function ``board_NAME``."""


def build_board(sources: VerilogSources, kind: LineKind, cache: ObjectCache | None = None) -> Path:
    """The shared library that simulates a linked accelerator.

    Parameters
    ----------
    sources
        As :func:`~xnorflow.hw.link.host_link_verilog` gives them.
    kind
        Its line.
    cache
        Where compiled simulators are kept; by default in the user's cache folder.

    Raises
    ------
    ToolError
        If Yosys or a C++ compiler is missing, or fails.
    """
    yosys, compiler = require_tool("yosys", PURPOSE), require_tool("c++", PURPOSE)
    folder = files("xnorflow.sim.link")
    harness = (folder / "board.cc").read_text()
    line = (folder / f"{kind}_line.h").read_text()
    script = READ + FAST
    texts = {VERILOG: sources.verilog, **sources.memories}
    contents = {name: text.encode() for name, text in texts.items()}

    def make(scratch: Path) -> Path:
        translate(yosys, contents, script, scratch)
        rewrite(scratch)
        (scratch / LINE).write_text(line)
        return compile_harness(yosys, compiler, harness, (f'XNORFLOW_LINE="{LINE}"',), scratch)

    key = simulator_key(yosys, compiler, contents, (script, harness, line))
    return (cache or ObjectCache.default()).get(f"{key}{LIBRARY_SUFFIX}", make)


class BoardSimulator:
    """One simulated board, after its reset.

    Parameters
    ----------
    path
        The library.
    cycles_per_bit
        Clock cycles of a bit on the line, as the host has it.
    """

    def __init__(self, path: Path, cycles_per_bit: float) -> None:
        self._library = ctypes.CDLL(str(path))
        for name, (result, *arguments) in SIGNATURES.items():
            function = getattr(self._library, f"board_{name}")
            function.restype, function.argtypes = result, arguments
        self._handle = self._library.board_open(cycles_per_bit)

    def close(self) -> None:
        """Free its memory."""
        self._library.board_close(self._handle)

    def reset(self) -> None:
        """Reset the device, whatever it is doing."""
        self._library.board_reset(self._handle)

    def send(self, octets: bytes) -> None:
        """Let the host send ``octets`` to the device, after those that it has still to send."""
        self._library.board_send(self._handle, octets, len(octets))

    @property
    def sending(self) -> bool:
        """Whether the host has bytes left to send."""
        return bool(self._library.board_sending(self._handle))

    def run(self, cycles: int) -> bool:
        """Run for at most so many cycles; gives whether nothing is under way any more."""
        return bool(self._library.board_run(self._handle, cycles))

    def take(self) -> bytes:
        """What the host has received since the last call."""
        room = ctypes.create_string_buffer(ROOM_BYTES)
        taken = b""
        while count := self._library.board_take(self._handle, room, ROOM_BYTES):
            taken += room.raw[:count]
        return taken

    @property
    def cycle(self) -> int:
        """Cycles since the start, without those in which the board was at rest."""
        return int(self._library.board_cycle(self._handle))
