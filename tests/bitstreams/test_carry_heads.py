# SPDX-License-Identifier: Apache-2.0
"""Heads of Gowin's carry chains that depend on what is placed beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xnorflow.bitstreams.carry_heads import mend_carry_heads

DEPENDENT, INDEPENDENT = f"{0x505A:032b}", f"{0x000A:032b}"


def alu(parameters: dict[str, str], **pins: list[int]) -> dict[str, Any]:
    """A carry cell."""
    return {"type": "ALU", "parameters": parameters, "connections": pins}


def mended(path: Path, **cells: dict[str, Any]) -> dict[str, str]:
    """The tables of cells afterwards."""
    path.write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    mend_carry_heads(path)
    found = json.loads(path.read_text())["modules"]["top"]["cells"]
    return {name: cell["parameters"]["RAW_ALU_LUT"] for name, cell in found.items()}


def test_only_heads_with_a_carry_from_logic_are_mended(tmp_path: Path) -> None:
    logic = {"CIN_NETTYPE": "LOGIC", "RAW_ALU_LUT": DEPENDENT}
    tables = mended(
        tmp_path / "routed.json",
        head=alu(logic, I0=[2], COUT=[3]),
        open=alu(logic, I0=[2], COUT=[3], CIN=[]),
        inner=alu({"RAW_ALU_LUT": DEPENDENT}, I0=[2], COUT=[3], CIN=[4]),
        carried=alu(logic, I0=[2], COUT=[3], CIN=[4]),
    )
    assert tables == {
        "head": INDEPENDENT,
        "open": INDEPENDENT,
        "inner": DEPENDENT,
        "carried": DEPENDENT,
    }


def test_the_netlist_of_a_corrected_nextpnr_stays(tmp_path: Path) -> None:
    path = tmp_path / "routed.json"
    head = alu({"CIN_NETTYPE": "LOGIC", "RAW_ALU_LUT": INDEPENDENT}, I0=[2], COUT=[3])
    text = json.dumps({"modules": {"top": {"cells": {"head": head}}}}, indent=1)
    path.write_text(text)
    mend_carry_heads(path)
    assert path.read_text() == text
