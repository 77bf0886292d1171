# SPDX-License-Identifier: Apache-2.0
"""Routed netlists for Gowin, in cells that have models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xnorflow.errors import ToolError
from xnorflow.readback.gowin_routed import ALU_TABLES, described_cells
from xnorflow.toolchain import require_tool

VCC: dict[str, Any] = {
    "type": "GOWIN_VCC",
    "parameters": {},
    "attributes": {},
    "connections": {"V": [90]},
}
BITS = {"I0": 2, "I1": 3, "I3": 4, "CIN": 5, "SUM": 6, "COUT": 7}
OUTPUTS = ("SUM", "COUT")
FIXED = {
    (0x303F, "I0", 1, 1),
    (0xC0CF, "I0", 1, 0),
    (0xC0C0, "I0", 0, 1),
    (0x3030, "I0", 0, 0),
    (0x505A, "I1", 1, 1),
    (0xA0AA, "I1", 1, 0),
    (0xA0AA, "I1", 0, 1),
    (0x505A, "I1", 0, 0),
}
"""Tables that nextpnr writes where an input is constant: which one, its value, and I3 (1: add)."""


def cell(kind: str, parameters: dict[str, str], **pins: list[int]) -> dict[str, Any]:
    """A cell of a routed netlist; VCC is net 90."""
    return {"type": kind, "parameters": parameters, "attributes": {}, "connections": pins}


def described(**cells: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What becomes of cells."""
    return described_cells({"VCC": VCC, **cells})


def alu(parameters: dict[str, str], ports: tuple[str, ...] = tuple(BITS)) -> dict[str, Any]:
    """An ALU with these ports, and I2 that is 1."""
    return cell("ALU", parameters, I2=[90], **{port: [BITS[port]] for port in ports})


def check_alus(folder: Path, cases: list[tuple[str, dict[str, Any]]]) -> None:
    """Prove that Yosys' ALUs, as Verilog instances, are the described cells."""
    modules, gold, script = {}, "", ["read_verilog +/gowin/cells_sim.v", "read_verilog gold.v"]
    for number, (instance, routed) in enumerate(cases):
        ports = {
            port: {"direction": "output" if port in OUTPUTS else "input", "bits": [bit]}
            for port, bit in BITS.items()
        }
        modules[f"gate{number}"] = {
            "ports": ports,
            "cells": described(alu=routed),
            "netnames": {},
        }
        gold += (
            f"module gold{number} (input I0, I1, I3, CIN, output SUM, COUT);\n"
            f"  {instance}\nendmodule\n"
        )
    for number in range(len(cases)):
        script += [
            f"miter -equiv -flatten -make_assert gold{number} gate{number} miter{number}",
            f"sat -verify -prove-asserts miter{number}",
        ]
    (folder / "gate.json").write_text(json.dumps({"modules": modules}))
    (folder / "gold.v").write_text(gold)
    script[2:2] = ["read_json gate.json", "hierarchy", "proc"]
    (folder / "prove.ys").write_text("\n".join([*script, ""]))
    result = require_tool("yosys", "prove").run("prove.ys", folder=folder)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr


def test_alus_are_those_of_yosys_in_every_mode(tmp_path: Path) -> None:
    modes = [int(mode) for mode in ALU_TABLES if mode.isdigit()]
    assert modes == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    pins = ", ".join(f".{port}({port})" for port in BITS)
    check_alus(
        tmp_path,
        [
            (f"ALU #(.ALU_MODE({mode})) alu ({pins});", alu({"ALU_MODE": f"{mode:032b}"}))
            for mode in modes
        ],
    )


def test_alus_with_a_constant_input_are_those_of_yosys(tmp_path: Path) -> None:
    cases = []
    for table, port, value, add in sorted(FIXED):
        given = {port: f"1'd{value}", "I3": f"1'd{add}"}
        pins = ", ".join(f".{name}({given.get(name, name)})" for name in BITS)
        ports = tuple(name for name in BITS if name not in given)
        parameters = {"ALU_MODE": f"{2:032b}", "RAW_ALU_LUT": f"{table:032b}"}
        cases.append((f"ALU #(.ALU_MODE(2)) alu ({pins});", alu(parameters, ports)))
    check_alus(tmp_path, cases)


def test_a_proof_of_a_wrong_table_fails(tmp_path: Path) -> None:
    pins = ", ".join(f".{port}({port})" for port in BITS)
    wrong = alu({"RAW_ALU_LUT": f"{ALU_TABLES['2'] ^ 1:016b}"})
    with pytest.raises(AssertionError, match="proof did fail"):
        check_alus(tmp_path, [(f"ALU #(.ALU_MODE(2)) alu ({pins});", wrong)])


@pytest.mark.parametrize(("mode", "carry"), [("C2L", "00"), ("ONE2C", "11")])
def test_heads_of_carry_chains_need_no_carry(mode: str, carry: str) -> None:
    head = described(head=alu({"ALU_MODE": mode}, ("COUT",)))["head.COUT"]
    assert head["parameters"]["LUT"] == carry
    assert head["connections"]["Y"] == [BITS["COUT"]]


def test_a_carry_from_logic() -> None:
    """The table that nextpnr wrote until September 2026 depends on what is placed beside it."""
    parameters = {"CIN_NETTYPE": "LOGIC", "RAW_ALU_LUT": f"{0x000A:032b}"}
    head = described(head=alu(parameters, ("I0", "COUT")))["head.COUT"]
    assert head["parameters"]["LUT"] == "10"
    assert head["connections"] == {"A": [BITS["I0"]], "Y": [BITS["COUT"]]}
    parameters["RAW_ALU_LUT"] = f"{0x505A:032b}"
    with pytest.raises(ToolError, match=r"^cell 'head' has an open input CIN, which it depends"):
        described(head=alu(parameters, ("I0", "COUT")))


@pytest.mark.parametrize(("net", "value"), [("GND", "0"), ("VCC", "1")])
def test_a_carry_that_is_constant(net: str, value: str) -> None:
    parameters = {"CIN_NETTYPE": net, "ALU_MODE": f"{2:032b}"}
    result = described(alu=alu(parameters, ("I0", "I1", "I3", "SUM")))["alu.SUM"]
    # I0 + I1, or I0 - I1 - 1, and the carry
    total = sum(
        (i0 ^ i1 ^ (not i3) ^ int(value)) << (i0 | i1 << 1 | i3 << 2)
        for i0 in (0, 1)
        for i1 in (0, 1)
        for i3 in (0, 1)
    )
    assert int(result["parameters"]["LUT"], 2) == total


def test_filling_is_left_out() -> None:
    assert described(filling=cell("ALU", {"ALU_MODE": "C2L"})) == {}


def test_the_mode_that_an_old_nextpnr_writes() -> None:
    """As gowin_pack takes it: I1 + I3."""
    result = described(alu=alu({"ALU_MODE": "0 "}))
    assert result["alu.COUT"]["connections"]["A"] == [BITS["I1"], BITS["I3"], BITS["CIN"]]
    assert result["alu.COUT"]["parameters"]["LUT"] == f"{0b11101000:08b}"


def test_an_open_input_that_matters() -> None:
    ports = ("I0", "I3", "CIN", "SUM", "COUT")
    with pytest.raises(ToolError, match=r"^cell 'alu' has an open input I1, which it depends on$"):
        described(alu=alu({"ALU_MODE": f"{2:032b}"}, ports))
    with pytest.raises(ToolError, match=r"^cell 'lut' has an open input I1, which it depends on$"):
        described(lut=cell("LUT2", {"INIT": "1000"}, I0=[2], F=[6]))
    with pytest.raises(ToolError, match=r"^cell 'ff' has an open input D, which it depends on$"):
        described(ff=cell("DFF", {}, CLK=[2], D=[], Q=[6]))


def test_lookup_tables() -> None:
    """As written; by a constant; by what nextpnr writes to route through; that of a RAM."""
    cells = described(
        both=cell("LUT2", {"INIT": "0110"}, I0=[2], I1=[3], F=[6]),
        one=cell("LUT2", {"INIT": "0110"}, I0=[2], I1=[90], F=[7]),
        through=cell("LUT4", {"INIT": f"{0xFF00:032b}"}, I3=[4], F=[8]),
        always=cell("LUT4", {"INIT": f"{0xFFFF:032b}"}, F=[9]),
        storage=cell("LUT4", {"INIT": f"{1:016b}"}, I0=[2], I1=[3], I2=[4], I3=[5]),
    )
    tables = {name: lut["parameters"]["LUT"] for name, lut in cells.items()}
    assert tables == {"both.F": "0110", "one.F": "01", "through.F": "10", "always.F": "11"}
    assert cells["one.F"]["connections"] == {"A": [2], "Y": [7]}
    assert cells["always.F"]["connections"] == {"A": ["0"], "Y": [9]}


@pytest.mark.parametrize(
    ("routed", "message"),
    [
        (alu({"ALU_MODE": f"{5:032b}"}), "is an ALU in the mode '5', which is not described"),
        (cell("OSC", {}), "is a OSC, which is not described"),
        (
            cell("DFF", {}, CLK=[2], D=[3], Q=[6]) | {"attributes": {"LATCH": "1"}},
            "is a latch, which is not described",
        ),
        (cell("RAM16SDP4", {}, CE=[2]), "has a clock enable, which is not described"),
        (
            cell("RAM16SDP4", {}, CE=[90]),
            "is without a lookup table 'it_LUT0', which is not described",
        ),
    ],
)
def test_cells_that_are_not_described(routed: dict[str, Any], message: str) -> None:
    with pytest.raises(ToolError, match=rf"^cell 'it' {message}$"):
        described(it=routed)


def test_a_lut_ram_holds_what_its_lookup_tables_hold() -> None:
    pins: dict[str, list[int]] = {
        "WAD": [10, 11, 12, 13],
        "RAD": [14, 15, 16, 17],
        "DI": [18, 19, 20, 21],
        "DO": [22, 23, 24, 25],
    }
    ram = cell("RAM16SDP4", {"INIT_0": "0" * 16}, CE=[90], WRE=[3], CLK=[4], **pins)
    luts = {f"ram_LUT{place}": cell("LUT4", {"INIT": f"{1 << place:016b}"}) for place in range(4)}
    result = described(ram=ram, **luts)
    assert list(result) == ["ram"]
    assert result["ram"]["connections"] == {"WRE": [3], "CLK": [4], **pins}
    assert result["ram"]["parameters"] == {
        f"INIT_{place}": f"{1 << place:016b}" for place in range(4)
    }


def bus(port: str, width: int, first: int) -> dict[str, list[int]]:
    """Pins of a port of a block RAM."""
    return {f"{port}{place}": [first + place] for place in range(width)}


def controls(names: tuple[str, ...], suffix: str, first: int) -> dict[str, list[int]]:
    """Control pins of a block RAM."""
    pins = {f"{name}{suffix}": [first + place] for place, name in enumerate(names)}
    return pins | bus(f"BLKSEL{suffix}", 3, first + 10) | bus(f"AD{suffix}", 14, first + 20)


ALL = ("CLK", "CE", "OCE", "WRE", "RESET")


def test_a_word_that_takes_both_ports_of_a_block_ram() -> None:
    parameters = {
        "BIT_WIDTH": f"{36:032b}",
        "READ_MODE": "0",
        "WRITE_MODE": f"{2:032b}",
        "BLK_SEL": "010",
        "RESET_MODE": "ASYNC",
        "INIT_RAM_00": "0" * 288,
        "INIT_RAM_3F": "x" + "0" * 286 + "1",
    }
    pins = controls(ALL, "", 100) | controls(ALL, "B", 200)
    routed = cell("SP", parameters, **pins, **bus("DO", 36, 300), DI20=[400])
    routed["attributes"] = {"BSRAM_SUBTYPE": "X9"}
    ram = described(ram=routed)["ram"]
    assert ram["type"] == "DPX9B"
    found = ram["connections"]
    assert (found["CLKA"], found["RESETB"], found["BLKSELB"]) == ([100], [204], [210, 211, 212])
    assert (found["ADA"], found["ADB"]) == ([*range(120, 134)], [*range(220, 234)])
    assert (found["DOA"], found["DOB"]) == ([*range(300, 318)], [*range(318, 336)])
    assert found["DIB"] == ["0", "0", 400, *["0"] * 15]
    settings = ram["parameters"]
    assert settings.pop("INIT_RAM_3F") == "1" + "0" * 286 + "1"
    assert {bits for name, bits in settings.items() if "INIT" in name} == {"0" * 288}
    assert {name: value for name, value in settings.items() if "INIT" not in name} == {
        "RESET_MODE": "ASYNC",
        **{f"{name}{side}": value for name, value in MODES.items() for side in (0, 1)},
    }


MODES = {"READ_MODE": 0, "WRITE_MODE": 2, "BIT_WIDTH_": 18, "BLK_SEL_": "010"}


def test_contents_without_their_first_row_are_not_packed() -> None:
    parameters = {"BIT_WIDTH": f"{8:032b}", "INIT_RAM_01": "1" * 256}
    pins = controls(ALL, "", 100) | bus("DO", 8, 300)
    ram = described(ram=cell("SP", parameters, **pins))["ram"]
    assert ram["parameters"]["INIT_RAM_01"] == "0" * 288


def test_bytes_of_eight_bits_become_bytes_of_nine() -> None:
    parameters = {"BIT_WIDTH": f"{8:032b}", "INIT_RAM_00": "10000001" * 32}
    pins = controls(ALL, "", 100) | bus("DO", 8, 300)
    ram = described(ram=cell("SP", parameters, **pins))["ram"]
    assert ram["type"] == "SPX9"
    assert ram["parameters"]["BIT_WIDTH"] == 9
    assert ram["parameters"]["INIT_RAM_00"] == "010000001" * 32
    assert ram["connections"]["DO"][:8] == [*range(300, 308)]
    assert len(set(ram["connections"]["DO"])) == 36


def test_a_narrow_port_reads_the_upper_half_of_the_pins() -> None:
    parameters = {"BIT_WIDTH_0": f"{36:032b}", "BIT_WIDTH_1": f"{18:032b}"}
    some = ("CLK", "CE", "RESET")
    pins = controls(some, "A", 100) | controls(some, "B", 200)
    routed = cell("SDP", parameters, **pins, **bus("DO", 36, 300), WREA=[90], WREB=[91], OCE=[90])
    ground = cell("GOWIN_GND", {}, G=[91])
    ram = described(ground=ground, ram=routed)["ram"]
    assert ram["type"] == "SDPX9B"
    assert ram["connections"]["DO"][:18] == [*range(318, 336)]
    assert (ram["parameters"]["BIT_WIDTH_0"], ram["parameters"]["BIT_WIDTH_1"]) == (36, 18)
    routed["connections"]["WREA"] = [5]
    with pytest.raises(ToolError, match=r"^cell 'ram' has an input WREA, which is not described$"):
        described(ground=ground, ram=routed)


def test_multipliers_in_a_cascade_or_with_registers_are_not_described() -> None:
    pins = {"ASEL": [91], "BSEL": [5], "ASIGN": [90], "BSIGN": [91]}
    parts = bus("A", 9, 100) | bus("B", 9, 110) | bus("DOUT", 18, 120)
    routed = cell("MULT9X9", {}, **pins, **parts)
    ground = cell("GOWIN_GND", {}, G=[91])
    with pytest.raises(ToolError, match=r"^cell 'it' has an input BSEL, which is not described$"):
        described(ground=ground, it=routed)
    routed["connections"]["BSEL"] = [91]
    found = described(ground=ground, it=routed)["it"]["connections"]
    assert (found["ASIGN"], found["BSIGN"]) == (["1"], ["0"])
    assert (found["A"], found["DOUT"]) == ([*range(100, 109)], [*range(120, 138)])
    routed["parameters"]["OUT_REG"] = "1"
    with pytest.raises(ToolError, match=r"^cell 'it' has registers, which is not described$"):
        described(ground=ground, it=routed)
