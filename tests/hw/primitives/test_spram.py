# SPDX-License-Identifier: Apache-2.0
"""The SPRAM of UltraPlus: plain body, cell, and the package's model, each against Yosys' model.

Yosys' model is run by Icarus Verilog; the others by Icarus Verilog or Amaranth.
"""

from __future__ import annotations

import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out
from amaranth.sim import Simulator

from xnorflow.hw.emit.verilog import WeightStorage, component_verilog
from xnorflow.hw.primitives import Spram, spram_cells
from xnorflow.toolchain import require_tool

MODEL = files("xnorflow.sim.gates") / "models" / "ice40_spram.v"
STEPS = 400

BENCH = """\
module bench;
  reg clk = 0, enable, write;
  reg [13:0] address;
  reg [15:0] data;
  wire [15:0] word;
  reg [31:0] steps [0:{last}];
  integer n;
  spram_0 dut(.clk(clk), .enable(enable), .write(write), .address(address), .data(data),
              .word(word));
  initial begin
    $readmemh("steps.hex", steps);
    for (n = 0; n <= {last}; n = n + 1) begin
      {{enable, write, address, data}} = steps[n];
      #1 clk = 1;
      #1 $display("%h", word);
      clk = 0;
    end
    $finish;
  end
endmodule
"""


class Around(wiring.Component):
    """An SPRAM in a module of its own."""

    def __init__(self) -> None:
        super().__init__(Spram().signature)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ram = ram = Spram()
        for name, member in ram.signature.members.items():
            mine, its = getattr(self, name), getattr(ram, name)
            m.d.comb += mine.eq(its) if member.flow is Out else its.eq(mine)
        return m


def random_steps() -> list[tuple[int, int, int, int]]:
    """Enable, write, address, data; addresses are few, so that they meet."""
    rng = np.random.default_rng(5)
    places = rng.integers(0, 1 << 14, 6)
    rows = rng.integers(0, (4, 2, 6, 1 << 16), (STEPS, 4)).tolist()
    return [(int(e > 0), w, int(places[a]), d) for e, w, a, d in rows]


def expected(steps: list[tuple[int, int, int, int]]) -> list[int | None]:
    """What is read after each step; None where it is unknown."""
    stored: dict[int, int] = {}
    read: int | None = None
    words = []
    for enable, write, address, data in steps:
        if enable and write:
            stored[address], read = data, None
        elif enable:
            read = stored.get(address)
        words.append(read)
    return words


def by_iverilog(folder: Path, *sources: str | Path, defines: tuple[str, ...] = ()) -> list[str]:
    """What Icarus Verilog reads after each step, as hexadecimal digits."""
    steps = random_steps()
    codes = [e << 31 | w << 30 | a << 16 | d for e, w, a, d in steps]
    (folder / "steps.hex").write_text("".join(f"{code:08x}\n" for code in codes))
    (folder / "bench.v").write_text(BENCH.format(last=len(steps) - 1))
    iverilog = require_tool("iverilog", "run models")
    result = iverilog.run(
        "-g2005", *defines, "-o", "bench.vvp", "bench.v", *map(str, sources), folder=folder
    )
    assert result.returncode == 0, result.stderr
    ran = subprocess.run(
        ["vvp", "-n", "bench.vvp"], cwd=folder, capture_output=True, text=True, check=True
    )
    return ran.stdout.split()


def check(words: list[str], wanted: list[int | None]) -> None:
    assert len(words) == len(wanted)
    known = [(word, want) for word, want in zip(words, wanted, strict=True) if want is not None]
    assert len(known) > STEPS // 4
    assert [int(word, 16) for word, _ in known] == [want for _, want in known]


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """The module that is emitted, with both bodies."""
    path = tmp_path / "spram.v"
    path.write_text(component_verilog(Around(), "top", WeightStorage.INLINE).verilog)
    return path


def test_cell_with_the_model_of_yosys(cell: Path, tmp_path: Path) -> None:
    models = require_tool("yosys", "run models").data
    assert models is not None
    words = by_iverilog(
        tmp_path,
        cell,
        models / "ice40" / "cells_sim.v",
        defines=("-DSYNTHESIS", "-DNO_ICE40_DEFAULT_ASSIGNMENTS"),
    )
    check(words, expected(random_steps()))
    pairs = zip(words, expected(random_steps()), strict=True)
    assert all("x" in word for word, want in pairs if want is None)


def test_cell_with_the_model_of_the_package(cell: Path, tmp_path: Path) -> None:
    words = by_iverilog(tmp_path, cell, Path(str(MODEL)), defines=("-DSYNTHESIS",))
    check(words, expected(random_steps()))


def test_plain_body(cell: Path, tmp_path: Path) -> None:
    check(by_iverilog(tmp_path, cell), expected(random_steps()))


def test_in_the_simulator_of_amaranth() -> None:
    ram, words = Spram(), []

    async def run(ctx: Any) -> None:
        for enable, write, address, data in random_steps():
            ctx.set(ram.enable, enable)
            ctx.set(ram.write, write)
            ctx.set(ram.address, address)
            ctx.set(ram.data, data)
            await ctx.tick()
            words.append(f"{ctx.get(ram.word):04x}")

    simulator = Simulator(ram)
    simulator.add_clock(1e-6)
    simulator.add_testbench(run)
    simulator.run()
    check(words, expected(random_steps()))


@pytest.mark.parametrize(
    ("words", "width_bits", "cells"),
    [(2, 1, 1), (16384, 16, 1), (16384, 17, 2), (16385, 16, 2), (40000, 33, 9)],
)
def test_cells_of_a_memory(words: int, width_bits: int, cells: int) -> None:
    assert spram_cells(words, width_bits) == cells
