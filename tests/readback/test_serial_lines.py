# SPDX-License-Identifier: Apache-2.0
"""Serial lines of many boards at once, which here are a wire each."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from xnorflow.errors import SimulationError
from xnorflow.hw.link import Frame, FrameType, LineKind
from xnorflow.readback.serial_lines import LineTiming, open_lines
from xnorflow.readback.simulator import lanes_for, wired_library
from xnorflow.sim.gates.build import Compiler
from xnorflow.sim.gates.netlist import ONE, ZERO, FlipFlop, Gate, Netlist
from xnorflow.sim.rtl import ObjectCache
from xnorflow.toolchain import require_tool

BIT_CYCLES = 5
TIMING = LineTiming(BIT_CYCLES, 10)
KEY = 0x1234ABCD
RX, REGISTERED = 2, 3


def library(folder: Path, answer: int) -> Path:
    """Boards whose output is ``answer``: a constant, or the input of the cycle before."""
    late = FlipFlop(REGISTERED, RX, ONE, init=True)
    netlist = Netlist((), (late,), (), {"rx_pin": (RX,)}, {"tx_pin": (answer,)})
    compiler = Compiler(require_tool("c++", "test"), 64)
    return wired_library(compiler, netlist, LineKind.UART, folder, ObjectCache(folder / "cache"))


def test_each_board_hears_what_was_sent_to_it(tmp_path: Path) -> None:
    """Frames of all lengths, with bytes that are escaped in some and not in others."""
    requests = [
        Frame(FrameType.INFER, number, bytes((0x7D + number % 3,)) * (number + 1))
        for number in range(64)
    ]
    with open_lines(library(tmp_path, REGISTERED), TIMING, KEY) as lines:
        lines.rest(1000)
        heard = [answers for answers in lines.ask(requests, 10_000) if answers]
        assert lines.waiting == 0
        assert heard == [dict(enumerate(requests))]  # they end at the same time
        more = [answers for answers in lines.ask(requests[:1], 10_000) if answers]
        assert more == [{0: requests[0]}]
        octets = 2 * 64 + 9 + 64 * 2 + 10  # of the longest frame, at most, and of the shortest
        assert 1000 < lines.cycles < 1000 + (octets + 40) * 10 * BIT_CYCLES


def test_boards_at_an_spi(tmp_path: Path) -> None:
    """Each answers with what it hears: frames, and flags between them. Fillers are left out."""
    wires = {"sck_pin": (3,), "cs_n_pin": (4,), "copi_pin": (RX,)}
    netlist = Netlist((), (), (), wires, {"cipo_pin": (RX,)})
    compiler = Compiler(require_tool("c++", "test"), 64)
    cache = ObjectCache(tmp_path / "cache")
    path = wired_library(compiler, netlist, LineKind.SPI, tmp_path, cache)
    requests = [Frame(FrameType.INFER, number, bytes((number,)) * number) for number in range(40)]
    with open_lines(path, LineTiming(4, 8), KEY) as lines:
        lines.rest(1000)
        heard = [answers for answers in lines.ask(requests, 10_000) if answers]
        assert heard == [dict(enumerate(requests))]
        assert lines.waiting == 0
        filled = Frame(FrameType.INFER, 1, b"\x01\xff\x02")
        asking = lines.ask([filled], 10_000)
        assert [next(asking) for _ in range(30)] == [{}] * 30  # a byte short, it is no frame


def test_an_spi_has_a_clock_only_when_spoken_to(tmp_path: Path) -> None:
    """Its edges, counted by the board in place of an answer: a flip-flop that each one turns."""
    turned, before = 5, 6
    gates = (Gate(7, 0b0010, (3, before)), Gate(8, 0b0110, (turned, 7)))  # a rising edge; turned
    flip_flops = (FlipFlop(before, 3, ONE, init=False), FlipFlop(turned, 8, ONE, init=False))
    wires = {"sck_pin": (3,), "cs_n_pin": (4,), "copi_pin": (RX,)}
    netlist = Netlist(gates, flip_flops, (), wires, {"cipo_pin": (turned,)})
    compiler = Compiler(require_tool("c++", "test"), 64)
    path = wired_library(compiler, netlist, LineKind.SPI, tmp_path, ObjectCache(tmp_path / "cache"))
    library = ctypes.CDLL(str(path))
    library.xnorflow_start(ctypes.c_int64(4))
    assert library.xnorflow_rest(ctypes.c_int64(1001)) == 0
    assert library.xnorflow_run(ctypes.c_int64(32)) == 64
    assert library.xnorflow_take(0) == 0b01010101


def test_a_board_that_is_silent(tmp_path: Path) -> None:
    with open_lines(library(tmp_path, ONE), TIMING, KEY) as lines:
        lines.rest(1000)
        asking = lines.ask([Frame(FrameType.IDENTIFY, 7)], 5000)
        with pytest.raises(
            SimulationError, match=r"^the board must answer within 5,000 cycles \(.* number 7\)$"
        ):
            list(asking)


def test_a_board_that_speaks_unasked(tmp_path: Path) -> None:
    with (
        open_lines(library(tmp_path, ZERO), TIMING, KEY) as lines,
        pytest.raises(SimulationError, match=r"^the board must be silent until it is spoken to"),
    ):
        lines.rest(1000)


def test_boards_for_so_many_images() -> None:
    assert [lanes_for(count) for count in (1, 64, 65, 500, 5000)] == [64, 64, 128, 512, 512]
