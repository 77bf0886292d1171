# SPDX-License-Identifier: Apache-2.0
"""Lint messages that Verilator has to expect from the emitted Verilog."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["WAIVERS", "waiver_file"]

WAIVERS: Mapping[str, str] = {
    "CASEOVERLAP": "the choices of a multiplexer exclude each other, which no lint can see",
    "DECLFILENAME": "all modules of a design are in one file",
    "UNOPTFLAT": "some bits of a vector depend on others of it; no bit depends on itself",
    "UNUSEDSIGNAL": "carries out of sums, and padding of s_axis_tdata, are dropped on purpose",
    "WIDTH": "Yosys writes operands no wider than needed; Verilog extends them with zeros",
}
"""Why each of Verilator's rules is waived."""


def waiver_file() -> str:
    """A Verilator configuration file that waives :data:`WAIVERS`."""
    rows = (f"// {reason}\nlint_off -rule {rule}\n" for rule, reason in WAIVERS.items())
    return "`verilator_config\n\n" + "\n".join(rows)
