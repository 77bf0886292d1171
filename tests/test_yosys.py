# SPDX-License-Identifier: Apache-2.0
"""No netlist is taken that ABC's own comparison calls wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from amaranth.hdl import Const, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from xnorflow.errors import ToolError
from xnorflow.hw.emit.verilog import WeightStorage, component_verilog
from xnorflow.hw.families import Device, synthesis_script
from xnorflow.hw.popcount import MatchCount
from xnorflow.toolchain import Tool, require_tool
from xnorflow.yosys import ATTEMPTS, run_synthesis

RIGHT = "ABC: Networks are equivalent.  Time =     0.00 sec"
WRONG = "ABC: Networks are NOT EQUIVALENT.  Time =     0.00 sec"


def saying(folder: Path, *logs: str) -> Tool:
    """A Yosys that logs one of ``logs`` a run, and adds its script's name to ``product``."""
    for number, log in enumerate(logs, start=1):
        (folder / f"log{number}").write_text(f"before\n{log}\nbehind\n")
    program = folder / "yosys"
    program.write_text(
        '#!/bin/sh\necho "$(basename $1)" >> product\ncat log$(grep -c "" product) || exit 1\n'
    )
    program.chmod(0o755)
    return Tool("yosys", (str(program),), "0.70", str(program))


def scripts_run(yosys: Tool, folder: Path) -> list[str]:
    """Names of the scripts that it ran."""
    script = folder / "synth.ys"
    script.write_text("synth\n")
    run_synthesis(yosys, script, folder, folder / "product", Path("design.v"))
    return (folder / "product").read_text().split()


def test_a_wrong_mapping_is_made_again(tmp_path: Path) -> None:
    yosys = saying(tmp_path, WRONG, f"{RIGHT}\n{WRONG}", RIGHT, WRONG)
    assert scripts_run(yosys, tmp_path) == ["synth.ys"] * 3


def test_a_right_mapping_is_made_once(tmp_path: Path) -> None:
    assert scripts_run(saying(tmp_path, RIGHT, RIGHT), tmp_path) == ["synth.ys"]


def test_at_last_the_step_that_is_wrong_is_left_out(tmp_path: Path) -> None:
    yosys = saying(tmp_path, *[WRONG] * ATTEMPTS, RIGHT)
    *before, last = scripts_run(yosys, tmp_path)
    assert before == ["synth.ys"] * ATTEMPTS
    first, rest = (tmp_path / last).read_text().split("\n", 1)
    assert re.fullmatch(r'scratchpad -set abc9\.script "\+&scorr;.*&if .*"', first)
    assert "&mfs" not in first
    assert rest == "synth\n"


def test_a_mapping_that_is_always_wrong_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ToolError,
        match=r"^Yosys 0\.70 cannot synthesise design\.v: by ABC's own comparison its mapping was "
        r"wrong 5 times in a row$",
    ):
        scripts_run(saying(tmp_path, *[WRONG] * 9), tmp_path)
    assert len((tmp_path / "product").read_text().split()) == 5


def test_a_failure_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"^Yosys cannot synthesise design\.v: .*\(exit code 1\)$"):
        scripts_run(saying(tmp_path), tmp_path)
    assert (tmp_path / "product").read_text() == "synth.ys\n"


class Neuron(wiring.Component):
    """Whether at least 13 of 16 inputs match fixed weights: ABC maps it wrongly at times."""

    def __init__(self) -> None:
        super().__init__({"x": In(16), "y": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.count = count = MatchCount(Device.ECP5, 16, 0)
        m.d.comb += [
            count.inputs.eq(self.x),
            count.stored.eq(Const(0b1110_1010_1101_0001, 16)),
            self.y.eq(Mux(count.carry, count.sum >= 12, count.sum >= 13)),
        ]
        return m


PROOF = """
rename top cells
design -stash cells
read_verilog -formal top.v
prep -flatten -top top
rename top plain
design -stash plain
read_verilog -defer -D NO_INCLUDES +/ecp5/cells_sim.v
design -copy-from cells -as cells cells
hierarchy -top cells
proc
flatten
design -copy-from plain -as plain plain
miter -equiv -flatten -make_assert plain cells miter
tee -q -o proof.txt sat -prove-asserts -set-def-inputs miter
"""


def prove(folder: Path) -> None:
    """Synthesise a neuron, and prove what is taken by SAT against the plain body of the cells."""
    sources = component_verilog(Neuron(), "top", WeightStorage.FILES)
    (folder / "top.v").write_text(sources.verilog)
    script, proof = folder / "synth.ys", folder / "proof.txt"
    script.write_text(synthesis_script(Device.ECP5, "top.v", "top") + PROOF)
    run_synthesis(require_tool("yosys", "test"), script, folder, proof, Path("top.v"))
    assert "SAT proof finished - no model found: SUCCESS!" in proof.read_text()


@pytest.mark.parametrize("run", range(4))
def test_what_is_taken_is_right(run: int, tmp_path: Path) -> None:
    """Where the first mapping was taken, one run in two was wrong."""
    prove(tmp_path)


def test_without_the_step_it_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xnorflow.yosys.ATTEMPTS", 0)
    prove(tmp_path)
