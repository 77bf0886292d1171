# SPDX-License-Identifier: Apache-2.0
"""Where a carry chain of Gowin takes its first carry from logic: a table of nextpnr's set right.

A chain whose carry comes from logic begins with an ALU that nextpnr puts there. Its input CIN has
no net, but is wired to the carry of the ALU before it in the row, if there is one. nextpnr wrote a
table by which the carry that goes on is I0 or CIN, so that it depended on what was placed there;
since September 2026 it writes one by which it is I0 (nextpnr, issue 1799).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["mend_carry_heads"]

DEPENDENT = f"{0x505A:016b}"
INDEPENDENT = f"{0x000A:016b}"
TABLE = "RAW_ALU_LUT"


def mend_carry_heads(path: Path) -> None:
    """Give the heads of carry chains in the routed netlist ``path`` a table that ignores CIN.

    A netlist of a nextpnr that has been corrected stays as it is.
    """
    netlist = json.loads(path.read_text())
    cells = netlist["modules"]["top"]["cells"].values()
    heads = [cell["parameters"] for cell in cells if is_dependent_head(cell)]
    for parameters in heads:
        parameters[TABLE] = parameters[TABLE][: -len(INDEPENDENT)] + INDEPENDENT
    if heads:
        path.write_text(json.dumps(netlist))


def is_dependent_head(cell: Mapping[str, Any]) -> bool:
    """Whether a cell is the head of a chain with a carry from logic, and depends on CIN."""
    return (
        cell["type"] == "ALU"
        and cell["parameters"].get("CIN_NETTYPE") == "LOGIC"
        and not cell["connections"].get("CIN")
        and cell["parameters"].get(TABLE, "").endswith(DEPENDENT)
    )
