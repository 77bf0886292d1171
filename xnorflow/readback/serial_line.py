# SPDX-License-Identifier: Apache-2.0
"""A configured FPGA, compiled, and spoken to over its serial line."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_char_p, c_int, c_int64, c_void_p
from importlib.resources import files
from pathlib import Path
from typing import Any

from xnorflow.bitstreams.boards import Board
from xnorflow.errors import SimulationError, ToolError
from xnorflow.hw.link import Frame, FrameDecoder, encode_frame
from xnorflow.readback.configured import CONFIGURED_NAME, prepare_reading
from xnorflow.sim.rtl.cache import ObjectCache, content_key
from xnorflow.sim.rtl.simulator import (
    COMPILER_FLAGS,
    LIBRARY_SUFFIX,
    rewrite,
    runtime_headers,
)
from xnorflow.toolchain import Tool, failure_line, require_tool

__all__ = ["SerialLine", "build_board_simulator", "open_line"]

DESIGN = "design.cc"
HARNESS = "harness.cc"
PURPOSE = "simulate bitstreams"

SCRIPT = f"""\
hierarchy -check -top {CONFIGURED_NAME}
proc
flatten -noscopeinfo
opt_expr
opt_clean
memory -nomap
memory_nordff
opt_expr
opt_merge
opt_dff
opt_clean -purge
splitnets
setundef -zero -undriven
opt_expr
opt_clean -purge
setattr -unset src */* */*:*
write_cxxrtl -O6 -g0 {DESIGN}
"""

SIGNATURES: dict[str, tuple[Any, ...]] = {
    "open": (c_void_p, c_int64),
    "close": (None, c_void_p),
    "send": (None, c_void_p, c_char_p, c_int64),
    "take": (c_int, c_void_p, c_int64),
    "cycles": (c_int64, c_void_p),
}
"""Result and argument types of each function ``xnorflow_NAME``."""


def build_board_simulator(board: Board, source: Path, cache: ObjectCache) -> Path:
    """The shared library that simulates the FPGA of ``board`` with the bitstream in ``source``.

    It is made unless ``cache`` has one that was made from the same files by the same tools.

    Raises
    ------
    ToolError
        If a tool is missing or fails, or the bitstream cannot be read back.
    """
    yosys, compiler = require_tool("yosys", PURPOSE), require_tool("c++", PURPOSE)
    with tempfile.TemporaryDirectory(prefix="xnorflow-") as folder:
        scratch = Path(folder)
        script = prepare_reading(board, source, scratch) + SCRIPT
        harness = (files("xnorflow.readback") / HARNESS).read_text()
        inputs = sorted(path for path in scratch.iterdir() if path.name != "read.bin")
        key = content_key(
            [
                *(part for path in inputs for part in (path.name, path.read_bytes())),
                *(script, harness, *COMPILER_FLAGS),
                *(*yosys.command, yosys.version, *compiler.command, compiler.version),
            ]
        )

        def make(making: Path) -> Path:
            (scratch / "design.ys").write_text(script)
            (scratch / HARNESS).write_text(harness)
            return compiled(yosys, compiler, scratch, making)

        return cache.get(f"{key}{LIBRARY_SUFFIX}", make)


def compiled(yosys: Tool, compiler: Tool, scratch: Path, making: Path) -> Path:
    """Translate and compile what is in ``scratch``; gives a library in ``making``."""
    result = yosys.run("design.ys", folder=scratch)
    if result.returncode or not (scratch / DESIGN).exists():
        raise ToolError(f"Yosys cannot translate the bitstream: {failure_line(result)}")
    rewrite(scratch)
    library = making / f"board{LIBRARY_SUFFIX}"
    result = compiler.run(
        *COMPILER_FLAGS, f"-I{runtime_headers(yosys)}", HARNESS, "-o", str(library), folder=scratch
    )
    if result.returncode or not library.exists():
        raise ToolError(
            f"the C++ compiler ({compiler.origin}) cannot compile the simulator: "
            f"{failure_line(result)}"
        )
    return library


class SerialLine:
    """The host's end of a simulated board's serial line.

    Parameters
    ----------
    library, handle
        The loaded library, and the board in it.
    key
        Key of the design's link.
    """

    def __init__(self, library: ctypes.CDLL, handle: int, key: int) -> None:
        self._library, self._handle, self._key = library, handle, key
        self._decoder = FrameDecoder(key)

    @property
    def damaged(self) -> int:
        """Number of damaged frames that came."""
        return self._decoder.damaged

    @property
    def cycles(self) -> int:
        """Clock cycles so far."""
        return int(self._library.xnorflow_cycles(self._handle))

    def rest(self, cycles: int) -> None:
        """Let ``cycles`` pass, in which nothing may come.

        Raises
        ------
        SimulationError
            If something comes.
        """
        if (byte := self._library.xnorflow_take(self._handle, cycles)) >= 0:
            raise SimulationError(
                f"the board must be silent until it is spoken to, not {byte:#04x}"
            )

    def ask(self, request: Frame, limit_cycles: int) -> Frame:
        """Send ``request`` and give the next frame that comes.

        Raises
        ------
        SimulationError
            If no byte comes for ``limit_cycles``.
        """
        octets = encode_frame(request, self._key)
        self._library.xnorflow_send(self._handle, octets, len(octets))
        while True:
            byte = self._library.xnorflow_take(self._handle, limit_cycles)
            if byte < 0:
                raise SimulationError(
                    f"the board must answer within {limit_cycles:,} cycles (request "
                    f"{request.type.name}, number {request.sequence})"
                )
            for frame in self._decoder.feed(bytes((byte,))):
                return frame


@contextmanager
def open_line(library: Path, cycles_per_bit: int, key: int) -> Iterator[SerialLine]:
    """The line to the board that ``library`` simulates, from its configuration on."""
    loaded = ctypes.CDLL(str(library))
    for name, (result, *arguments) in SIGNATURES.items():
        function = getattr(loaded, f"xnorflow_{name}")
        function.restype, function.argtypes = result, arguments
    handle = loaded.xnorflow_open(cycles_per_bit)
    try:
        yield SerialLine(loaded, handle, key)
    finally:
        loaded.xnorflow_close(handle)
