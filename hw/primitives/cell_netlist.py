# SPDX-License-Identifier: Apache-2.0
"""Modules that consist of a family's primitives, as Verilog.

They are written as text, cell by cell. Large designs have tens of thousands of cells, and nothing
has to be elaborated or optimised in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib.wiring import Flow

__all__ = ["ONE", "ZERO", "Bit", "CellNetlist", "hex_constant", "port_bits"]

Bit = str
"""Verilog of one bit: a constant, a scalar, or a bit of a vector; perhaps complemented by ``~``."""

WIRES_A_LINE = 16

ZERO: Bit = "1'h0"
ONE: Bit = "1'h1"


def hex_constant(value: int, width_bits: int) -> str:
    """A Verilog constant."""
    return f"{width_bits}'h{value:0{-(-width_bits // 4)}x}"


def port_bits(signature: Any, name: str) -> list[Bit]:
    """The bits of a port, the least significant first."""
    return vector_bits(name, Shape.cast(signature.members[name].shape).width)


def vector_bits(name: str, width_bits: int) -> list[Bit]:
    """The bits of a wire or port; one of a single bit is a scalar."""
    return [name] if width_bits == 1 else [f"{name}[{bit}]" for bit in range(width_bits)]


class CellNetlist:
    """Cells, the wires between them, and what the output ports are made of.

    Parameters
    ----------
    signature
        The ports.
    """

    def __init__(self, signature: Any) -> None:
        self._signature = signature
        self._wires: dict[int, list[str]] = {}
        self._cells: list[str] = []
        self._outputs: list[str] = []

    def wire(self, name: str, width_bits: int = 1) -> list[Bit]:
        """The bits of a new wire."""
        self._wires.setdefault(width_bits, []).append(name)
        return vector_bits(name, width_bits)

    def cell(
        self,
        kind: str,
        name: str,
        parameters: Mapping[str, str],
        pins: Mapping[str, Bit | Sequence[Bit]],
    ) -> None:
        """A new cell.

        Parameters
        ----------
        kind
            The primitive.
        name
            Name of the cell.
        parameters
            Verilog constants.
        pins
            Bits, of a vector the least significant first.
        """
        settings = f" #({connections(parameters)})" if parameters else ""
        self._cells.append(f"  {kind}{settings} {name} ({connections(pins)});\n")

    def output(self, name: str, bits: Sequence[Bit]) -> None:
        """What an output port is."""
        self._outputs.append(f"  assign {name} = {joined(bits)};\n")

    def verilog(self, name: str) -> str:
        """The module, called ``name``, in few lines: a cell a line.

        Where Yosys skips a body, it keeps an empty line for each line, and reads no more than 16 KB
        of them.
        """
        members = self._signature.members
        directions = {Flow.In: "input", Flow.Out: "output"}
        ports = [
            f"  {directions[member.flow]} {declared(port, Shape.cast(member.shape).width)};\n"
            for port, member in members.items()
        ]
        body = "".join([*ports, *self._declarations(), *self._cells, *self._outputs])
        return f"\nmodule {name}({', '.join(members)});\n{body}endmodule\n"

    def _declarations(self) -> list[str]:
        """Wires of one width together, some in a line."""
        return [
            f"  wire {declared(', '.join(names[first : first + WIRES_A_LINE]), width_bits)};\n"
            for width_bits, names in self._wires.items()
            for first in range(0, len(names), WIRES_A_LINE)
        ]


def declared(name: str, width_bits: int) -> str:
    """``name`` with its range."""
    return name if width_bits == 1 else f"[{width_bits - 1}:0] {name}"


def connections(pairs: Mapping[str, Bit | Sequence[Bit]]) -> str:
    """Named connections."""
    return ", ".join(
        f".{name}({value if isinstance(value, str) else joined(value)})"
        for name, value in pairs.items()
    )


def joined(bits: Sequence[Bit]) -> str:
    """A concatenation of ``bits``, the first one least significant."""
    return bits[0] if len(bits) == 1 else "{" + ", ".join(reversed(bits)) + "}"
