# SPDX-License-Identifier: Apache-2.0
"""The comparison of areas: paths, proofs, the frame, and a small measurement from end to end."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.area import placement
from benchmarks.area.bounds import adder_bound, pin_bound
from benchmarks.area.circuit import TOP, Circuit, Contender, NotAvailableError, Port, netlist_proof
from benchmarks.area.measure import Selection, circuit_rows
from benchmarks.area.netlist import NETLIST_FILE, plain_sources, synthesise_sources, yosys_json
from benchmarks.area.paths import PathLength, longest_path
from benchmarks.area.placement import PARTS, frame_cells, place
from benchmarks.area.popcounts import CONTENDERS, Popcount, popcount_contenders
from benchmarks.area.rows import AreaRow, table_lines
from benchmarks.area.unrolled import Unrolled, adder_trees, plain_loop
from benchmarks.area.wrapper import Boundary
from xnorflow.errors import ToolError
from xnorflow.hw.emit import VERILOG_FILE
from xnorflow.hw.families import Device, synthesis_script
from xnorflow.toolchain import require_tool

ADDER = f"module {TOP} (input [7:0] a, b, output [8:0] y); assign y = a + b; endmodule\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XNORFLOW_CACHE_DIR", str(tmp_path / "cache"))


def cell(kind: str, inputs: dict[str, Any], outputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A cell as Yosys' JSON has it."""
    directions = dict.fromkeys(inputs, "input") | dict.fromkeys(outputs, "output")
    return {"type": kind, "port_directions": directions, "connections": inputs | outputs} | more


def module(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"cells": {str(index): cell for index, cell in enumerate(cells)}}


def carry(a: int, c: int, o: int) -> dict[str, Any]:
    return cell("SB_CARRY", {"I0": [a], "I1": ["0"], "CI": [c]}, {"CO": [o]})


def lut(a: int, o: int) -> dict[str, Any]:
    return cell("SB_LUT4", {"I0": [a]}, {"O": [o]})


def test_a_run_of_carries_is_one_level() -> None:
    chain = module(lut(2, 3), carry(3, 4, 5), carry(4, 5, 6), carry(4, 6, 7), lut(7, 8))
    assert longest_path(Device.ICE40, chain) == PathLength(depth=5, levels=3)


def test_a_carry_that_becomes_an_operand_starts_a_run_of_its_own() -> None:
    chain = module(carry(2, 3, 4), carry(4, 5, 6))
    assert longest_path(Device.ICE40, chain) == PathLength(depth=2, levels=2)


def test_registers_and_block_rams_end_paths() -> None:
    flip_flop = cell("SB_DFF", {"D": [3], "C": [9]}, {"Q": [4]})
    ram = cell("SB_RAM40_4K", {"RADDR": [5]}, {"RDATA": [6]})
    loop = module(lut(7, 2), lut(2, 3), flip_flop, lut(4, 5), ram, lut(6, 7))
    assert longest_path(Device.ICE40, loop) == PathLength(depth=3, levels=3)


def test_lut_ram_is_read_without_a_clock() -> None:
    ram = cell("TRELLIS_DPR16X4", {"RAD": [2], "WAD": [3], "DI": [4]}, {"DO": [5]})
    before = cell("LUT4", {"A": [5]}, {"Z": [3]})
    assert longest_path(Device.ECP5, module(ram, before)) == PathLength(depth=2, levels=2)


def test_loops_are_refused() -> None:
    with pytest.raises(ToolError, match=r"^the netlist has a combinational loop$"):
        longest_path(Device.ICE40, module(lut(2, 3), lut(3, 2)))


def lut6_2(inputs: list[int | str], outputs: tuple[int, int], table: int) -> dict[str, Any]:
    pins = {f"I{index}": [net] for index, net in enumerate(inputs)}
    parameters = {"INIT": f"{table:064b}"}
    return cell("LUT6_2", pins, {"O6": [outputs[0]], "O5": [outputs[1]]}, parameters=parameters)


def table(upper: Any, lower: Any) -> int:
    """INIT of a LUT6_2: functions of five bits for O6 (where I5 is 1) and for O5."""
    bits = [[(code >> i) & 1 for i in range(5)] for code in range(32)]
    halves = [sum(int(half(*b)) << code for code, b in enumerate(bits)) for half in (lower, upper)]
    return halves[0] | halves[1] << 32


def test_outputs_of_fractured_luts_depend_on_what_their_tables_do() -> None:
    """Ternary adders: O5 is the majority of three bits, which the LUT before it does not touch."""
    ternary = table(lambda a, b, c, d, _: a ^ b ^ c ^ d, lambda a, b, c, *_: a + b + c > 1)
    first = lut6_2([2, 3, 4, "0", "0", "1"], (10, 11), ternary)
    second = lut6_2([5, 6, 7, 11, "0", "1"], (12, 13), ternary)
    third = lut6_2([5, 6, 7, 13, "0", "1"], (14, 15), ternary)
    assert longest_path(Device.XC7, module(first, second, third)) == PathLength(2, 2)


def test_low_bits_of_a_carry_cell_do_not_wait_for_high_ones() -> None:
    """The first sum of a CARRY4 may select its third bit: no loop."""
    pins = {"CI": ["0"], "CYINIT": ["0"], "DI": [2, 2, 2, 2], "S": [3, 4, 20, 5]}
    adder = cell("CARRY4", pins, {"O": [10, 11, 12, 13], "CO": [14, 15, 16, 17]})
    feedback = cell("LUT1", {"I0": [10]}, {"O": [20]})
    assert longest_path(Device.XC7, module(adder, feedback)) == PathLength(3, 3)


@pytest.mark.parametrize("device", [Device.ICE40, Device.ECP5, Device.GOWIN])
def test_depth_is_that_of_yosys(device: Device, tmp_path: Path) -> None:
    sources = plain_sources(CONTENDERS["adder tree"].verilog(Popcount(24, constant=False), device))
    script = synthesis_script(device, VERILOG_FILE, TOP)
    script += f"write_json {NETLIST_FILE}\ntee -q -o ltp.txt ltp\n"
    netlist = yosys_json(sources, script, tmp_path)["modules"][TOP]
    said = re.search(r"length=(\d+)", (tmp_path / "ltp.txt").read_text())
    assert said is not None
    assert longest_path(device, netlist).depth == int(said[1]) > 4


def adder_circuit() -> Circuit:
    def compute(bits: np.ndarray) -> np.ndarray:
        places = 1 << np.arange(9)
        total = bits[:, :8] @ places[:8] + bits[:, 8:] @ places[:8]
        return (total[:, None] & places) > 0

    return Circuit("sum", (Port("a", 8), Port("b", 8)), (Port("y", 9),), 8, compute)


def test_a_contender_that_computes_something_else_is_not_counted() -> None:
    right = Contender("right", lambda _: ADDER)
    wrong = replace(right, name="wrong", verilog=lambda _: ADDER.replace("+", "-"))
    for contender in (right, wrong):
        proof = netlist_proof(adder_circuit(), contender, Device.ECP5)
        sources = plain_sources(contender.verilog(Device.ECP5))
        if contender is right:
            assert synthesise_sources(sources, Device.ECP5, TOP, proof).utilisation.luts >= 8
        else:
            with pytest.raises(AssertionError, match=r"^wrong on ecp5, sum: \d+ of 256 random"):
                synthesise_sources(sources, Device.ECP5, TOP, proof)


def test_what_is_missing_is_a_note() -> None:
    def missing(_: Device) -> str:
        raise NotAvailableError("it is not here")

    rows = list(
        circuit_rows(
            adder_circuit(),
            [Contender("right", lambda _: ADDER), Contender("missing", missing)],
            Selection(devices=(Device.XC7,)),
            placing=True,
        )
    )
    assert [row.luts is None for row in rows] == [False, True]
    assert [row.note for row in rows] == [
        "no open tool places and routes designs for xc7 here",
        "it is not here",
    ]


def test_a_popcount_from_end_to_end() -> None:
    popcount = Popcount(12, constant=False)
    selection = Selection(devices=(Device.ICE40,))
    rows = list(
        circuit_rows(popcount.circuit(), popcount_contenders(popcount), selection, placing=False)
    )
    assert [row.contender for row in rows] == list(CONTENDERS)
    least = max(adder_bound(12, Device.ICE40), pin_bound(12, False, Device.ICE40))
    for row in rows:
        assert row.note == ""
        assert row.luts is not None
        assert row.luts >= least
        assert row.luts_per_operation == row.luts / 12
        assert row.flip_flops == 0


def test_thresholds_on_sums_and_on_matches_are_the_same() -> None:
    """Both ways to build a network, whose sums are of even and of odd numbers of inputs."""
    unrolled = Unrolled((7, 6, 3))
    contenders = [
        Contender("loop", lambda device: plain_loop(unrolled, device)),
        Contender("trees", lambda device: adder_trees(unrolled, device)),
    ]
    selection = Selection(devices=(Device.ICE40,))
    rows = list(circuit_rows(unrolled.circuit(), contenders, selection, placing=False))
    assert all(row.luts for row in rows)


def test_cells_of_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """A design of one LUT for each output takes so many cells beside the frame."""
    require_tool(PARTS[Device.ICE40].tool, "place and route")
    monkeypatch.setattr(placement, "SEEDS", (1,))
    text = f"module {TOP} (input [7:0] a, output [3:0] y); assign y = a[3:0] ^ a[7:4]; endmodule\n"
    boundary = Boundary(TOP, (Port("a", 8),), (Port("y", 4),))
    placed = place(plain_sources(text), boundary, Device.ICE40)
    assert placed.cells == 4
    assert placed.fmax_mhz > 100
    assert frame_cells(boundary, PARTS[Device.ICE40]) == 8 + 4 + 2
    assert frame_cells(boundary, PARTS[Device.ECP5]) == 3 + 1


def test_tables_fit_in_100_columns() -> None:
    row = AreaRow("ecp5", "a subject", "ours, in the family's cells", 1234567.0, 12.345, 100000)
    full = replace(row, flip_flops=1, block_rams=2, depth=3, levels=4, part="P", cells=5)
    lines = list(table_lines("title", [replace(full, fmax_mhz=123.4, note="x " * 90), row]))
    assert all(len(line) <= 100 for line in lines)
    assert "ecp5: cells and MHz on P" in lines
    assert any(line.startswith("  ours, in the family's cells (1)") for line in lines)
    assert any(line.endswith("123") for line in lines)


def test_bounds() -> None:
    assert adder_bound(7, Device.ICE40) == 4
    assert adder_bound(784, Device.XC7) == (784 - 10) / 2
    assert pin_bound(784, True, Device.ICE40) == 196
    assert pin_bound(784, False, Device.ICE40) == 392
