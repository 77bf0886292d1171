# SPDX-License-Identifier: Apache-2.0
"""ROMs in block RAM with its output register: both bodies, in values and cycles.

The two bodies are proved equal over a few cycles by Yosys' SAT solver, with the package's model of
the block RAM; the plain body is compared with a list of Python's.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import ClockSignal, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from xnorflow.hw.emit.verilog import WeightStorage, component_verilog
from xnorflow.hw.primitives import RegisteredRom
from xnorflow.toolchain import failure_line, require_tool

SHAPES = [(3, 5), (16, 70)]

SCRIPT = """\
read_verilog -formal top.v
prep -flatten -top top
memory
rename top plain
design -stash plain
read_verilog top.v
read_verilog -defer {models}/ram.v
read_verilog -defer {models}/ecp5_cells.v
prep -flatten -top top
memory
rename top cells
select -assert-none t:DP16KD*
design -stash cells
design -copy-from plain -as plain plain
design -copy-from cells -as cells cells
miter -equiv -flatten -make_assert plain cells miter
async2sync
setundef -undriven -zero
sat -verify -seq 4 -prove-asserts -set-def-inputs -set-init-zero miter
"""


class Around(wiring.Component):
    """A ROM whose clock is that of the module."""

    def __init__(self, words: list[int], width_bits: int) -> None:
        self._rom = RegisteredRom(words, width_bits)
        self._words = len(words)
        super().__init__(
            {"enable": In(1), "address": In(range(len(words))), "word": Out(width_bits)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.rom = rom = self._rom
        m.d.comb += [
            rom.clk.eq(ClockSignal()),
            rom.enable.eq(self.enable),
            rom.address.eq(Mux(self.address < self._words, self.address, 0)),
            self.word.eq(rom.word),
        ]
        return m


def random_words(count: int, width_bits: int) -> list[int]:
    rng = np.random.default_rng(count)
    return [int.from_bytes(rng.bytes(16), "big") % (1 << width_bits) for _ in range(count)]


@pytest.mark.parametrize(("words", "width_bits"), SHAPES)
def test_cells_are_the_plain_rom(words: int, width_bits: int, tmp_path: Path) -> None:
    rom = Around(random_words(words, width_bits), width_bits)
    sources = component_verilog(rom, "top", WeightStorage.FILES)
    assert "DP16KD" in sources.verilog
    (tmp_path / "top.v").write_text(sources.verilog)
    models = files("xnorflow.sim.gates") / "models"
    (tmp_path / "prove.ys").write_text(SCRIPT.format(models=models))
    result = require_tool("yosys", "prove cells").run("prove.ys", folder=tmp_path)
    assert result.returncode == 0, failure_line(result)
    assert "SAT proof finished - no model found: SUCCESS!" in result.stdout


def test_plain_rom() -> None:
    words = random_words(7, 9)
    rom = Around(words, 9)
    rng = np.random.default_rng(1)
    steps = [(int(enable), int(address)) for enable, address in rng.integers(0, (2, 7), (60, 2))]
    taken: list[int] = []

    async def run(ctx: Any) -> None:
        for enable, address in steps:
            ctx.set(rom.enable, enable)
            ctx.set(rom.address, address)
            await ctx.tick()
            if enable:
                taken.append(words[address])
            if len(taken) > 1:
                assert ctx.get(rom.word) == taken[-2]

    simulator = Simulator(rom)
    simulator.add_clock(1e-6)
    simulator.add_testbench(run)
    simulator.run()
    assert len(taken) > 20
