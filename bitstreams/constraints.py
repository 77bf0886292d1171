# SPDX-License-Identifier: Apache-2.0
"""Constraint files: which port of the top module is at which pin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from xnorflow.bitstreams.boards import Board
from xnorflow.hw.families import Device

__all__ = ["CONSTRAINTS", "constraints"]


def pcf(board: Board, ports: Iterable[str]) -> str:
    """For iCE40. The clock is not constrained: it is given to nextpnr as an option."""
    lines = []
    for port, pin in board.pins_for(ports).items():
        options = "".join(f" -{name} {value}" for name, value in pin.attributes.items())
        lines.append(f"set_io{options} {port} {pin.site}\n")
    return "".join(lines)


def lpf(board: Board, ports: Iterable[str]) -> str:
    """For ECP5, with the oscillator's frequency, from which nextpnr derives that of the PLL."""
    lines = []
    for port, pin in board.pins_for(ports).items():
        settings = "".join(f" {name}={value}" for name, value in pin.attributes.items())
        lines.append(f'LOCATE COMP "{port}" SITE "{pin.site}";\n')
        lines.append(f'IOBUF PORT "{port}"{settings};\n')
    return "".join(lines) + f'FREQUENCY PORT "clk_pin" {board.oscillator_hz / 1e6:g} MHZ;\n'


def cst(board: Board, ports: Iterable[str]) -> str:
    """For Gowin."""
    lines = []
    for port, pin in board.pins_for(ports).items():
        settings = "".join(f" {name}={value}" for name, value in pin.attributes.items())
        lines.append(f'IO_LOC "{port}" {pin.site};\n')
        lines.append(f'IO_PORT "{port}"{settings};\n')
    return "".join(lines)


CONSTRAINTS: Mapping[Device, tuple[str, Callable[[Board, Iterable[str]], str]]] = MappingProxyType(
    {
        Device.ICE40: ("board.pcf", pcf),
        Device.ECP5: ("board.lpf", lpf),
        Device.GOWIN: ("board.cst", cst),
    }
)
"""Name of each family's constraint file, and what writes it."""


def constraints(board: Board, ports: Iterable[str]) -> tuple[str, str]:
    """Name and text of the constraint file for a design with these ``ports`` to the host."""
    name, text = CONSTRAINTS[board.device]
    return name, text(board, ports)
