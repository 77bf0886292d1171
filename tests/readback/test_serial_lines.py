# SPDX-License-Identifier: Apache-2.0
"""Serial lines of many boards at once, which here are a wire each."""

from __future__ import annotations

from pathlib import Path

import pytest

from xnorflow.errors import SimulationError
from xnorflow.hw.link import Frame, FrameType
from xnorflow.readback.serial_lines import open_lines
from xnorflow.readback.simulator import lanes_for, wired_library
from xnorflow.sim.gates.build import Compiler
from xnorflow.sim.gates.netlist import ONE, ZERO, FlipFlop, Netlist
from xnorflow.sim.rtl import ObjectCache
from xnorflow.toolchain import require_tool

BIT_CYCLES = 5
KEY = 0x1234ABCD
RX, REGISTERED = 2, 3


def library(folder: Path, answer: int) -> Path:
    """Boards whose output is ``answer``: a constant, or the input of the cycle before."""
    late = FlipFlop(REGISTERED, RX, ONE, init=True)
    netlist = Netlist((), (late,), (), {"rx_pin": (RX,)}, {"tx_pin": (answer,)})
    compiler = Compiler(require_tool("c++", "test"), 64)
    return wired_library(compiler, netlist, folder, ObjectCache(folder / "cache"))


def test_each_board_hears_what_was_sent_to_it(tmp_path: Path) -> None:
    """Frames of all lengths, with bytes that are escaped in some and not in others."""
    requests = [
        Frame(FrameType.INFER, number, bytes((0x7D + number % 3,)) * (number + 1))
        for number in range(64)
    ]
    with open_lines(library(tmp_path, REGISTERED), BIT_CYCLES, KEY) as lines:
        lines.rest(1000)
        heard = [answers for answers in lines.ask(requests, 10_000) if answers]
        assert lines.waiting == 0
        assert heard == [dict(enumerate(requests))]  # they end at the same time
        more = [answers for answers in lines.ask(requests[:1], 10_000) if answers]
        assert more == [{0: requests[0]}]
        octets = 2 * 64 + 9 + 64 * 2 + 10  # of the longest frame, at most, and of the shortest
        assert 1000 < lines.cycles < 1000 + (octets + 40) * 10 * BIT_CYCLES


def test_a_board_that_is_silent(tmp_path: Path) -> None:
    with open_lines(library(tmp_path, ONE), BIT_CYCLES, KEY) as lines:
        lines.rest(1000)
        asking = lines.ask([Frame(FrameType.IDENTIFY, 7)], 5000)
        with pytest.raises(
            SimulationError, match=r"^the board must answer within 5,000 cycles \(.* number 7\)$"
        ):
            list(asking)


def test_a_board_that_speaks_unasked(tmp_path: Path) -> None:
    with (
        open_lines(library(tmp_path, ZERO), BIT_CYCLES, KEY) as lines,
        pytest.raises(SimulationError, match=r"^the board must be silent until it is spoken to"),
    ):
        lines.rest(1000)


def test_boards_for_so_many_images() -> None:
    assert [lanes_for(count) for count in (1, 64, 65, 500, 5000)] == [64, 64, 128, 512, 512]
