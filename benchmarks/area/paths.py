# SPDX-License-Identifier: Apache-2.0
"""The longest combinational path of a synthesised netlist, in cells and in levels of LUTs.

A path runs from a port or a register to a port or a register. Flip-flops, block RAMs and DSP
blocks end it, and it begins anew at their outputs; LUT RAM is read without a clock, so it is a cell
on the path from its read address.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from xnorflow.errors import ToolError
from xnorflow.hw.families import Device, resource_of

__all__ = ["PathLength", "longest_path"]

CARRY_INPUTS: Mapping[str, str] = MappingProxyType(
    {"SB_CARRY": "CI", "CCU2C": "CIN", "ALU": "CIN", "CARRY4": "CI"}
)
"""Carry cells, and the port by which each goes on with a chain."""

LUT_RAM = re.compile(r"TRELLIS_DPR|RAM\d|SRL")
READ_ADDRESS = re.compile(r"RAD|ADDR[A-H]|A\d*|DPRA\d*")
"""Ports of LUT RAM, of all families, that its outputs follow in the same cycle."""

Pin = tuple[str, int]
"""A port and the number of a bit of it."""


@dataclass(frozen=True, slots=True)
class PathLength:
    """Length of the longest path.

    Parameters
    ----------
    depth
        Cells: each LUT, carry cell, multiplexer and inverter.
    levels
        LUTs and runs of carry cells along a chain, where a whole run is one; multiplexers behind
        LUTs and inverters are none.
    """

    depth: int
    levels: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Outputs of a cell that depend on the same inputs.

    Parameters
    ----------
    level
        Levels that the cell adds.
    sources
        Nets that the outputs depend on, and whether each goes on with a carry chain.
    """

    level: int
    sources: tuple[tuple[int, bool], ...]


def longest_path(device: Device, module: Mapping[str, Any]) -> PathLength:
    """Length of the longest path of ``module``, flat, from Yosys' JSON for ``device``.

    Every output of a cell is taken to depend on each of its inputs, as Yosys' ``ltp`` does, but
    for the low bits of ``CARRY4`` and ``CCU2C``, which do not depend on the bits above them, and
    for ``LUT6_2``, whose two tables are looked into: a chain of such cells would be no chain
    otherwise, or a loop.

    Raises
    ------
    ToolError
        If there is a combinational loop, or a cell of an unknown kind.
    """
    stages: list[Stage] = []
    drivers: dict[int, int] = {}
    carries: set[int] = set()
    for cell in module["cells"].values():
        for outputs, stage in cell_stages(device, cell):
            drivers.update(dict.fromkeys(outputs, len(stages)))
            stages.append(stage)
            if cell["type"] in CARRY_INPUTS:
                carries.update(outputs)
    before = [{drivers[net] for net, _ in s.sources if net in drivers} for s in stages]
    try:
        order = tuple(graphlib.TopologicalSorter(dict(enumerate(before))).static_order())
    except graphlib.CycleError as error:
        raise ToolError("the netlist has a combinational loop") from error
    depths, levels = [0] * len(stages), [0] * len(stages)
    for index in order:
        stage = stages[index]
        depths[index] = 1 + max((depths[i] for i in before[index]), default=0)
        levels[index] = max(
            (
                levels[drivers[net]] + (0 if chain and net in carries else stage.level)
                for net, chain in stage.sources
                if net in drivers
            ),
            default=stage.level,
        )
    return PathLength(max(depths, default=0), max(levels, default=0))


def cell_stages(device: Device, cell: Mapping[str, Any]) -> Iterator[tuple[list[int], Stage]]:
    """The outputs of a cell, as nets, and what they depend on; none for what ends paths."""
    kind, pins = cell["type"], cell["connections"]
    resource, _ = resource_of(device, kind)
    if resource in ("FF", "BRAM", "DSP"):
        return
    carry_input = CARRY_INPUTS.get(kind)
    for outputs, inputs in dependencies(cell):
        sources = tuple(
            (net, port == carry_input)
            for port, index in inputs
            if isinstance(net := pins[port][index], int)
        )
        nets = [net for port, index in outputs if isinstance(net := pins[port][index], int)]
        yield nets, Stage(int(bool(resource)), sources)


def dependencies(cell: Mapping[str, Any]) -> Iterator[tuple[list[Pin], list[Pin]]]:
    """Outputs of a cell with the inputs that they depend on."""
    kind = cell["type"]
    if kind == "CARRY4":
        start: list[Pin] = [("CI", 0), ("CYINIT", 0)]
        for bit in range(4):
            select: list[Pin] = [("S", i) for i in range(bit + 1)]
            below: list[Pin] = [("DI", i) for i in range(bit)]
            yield [("O", bit)], [*start, *select, *below]
            yield [("CO", bit)], [*start, *select, *below, ("DI", bit)]
    elif kind == "CCU2C":
        low: list[Pin] = [(port, 0) for port in ("CIN", "A0", "B0", "C0", "D0")]
        high: list[Pin] = [(port, 0) for port in ("A1", "B1", "C1", "D1")]
        yield [("S0", 0)], low
        yield [("S1", 0), ("COUT", 0)], [*low, *high]
    elif kind == "LUT6_2":
        yield [("O6", 0)], used_inputs(cell, 6)
        yield [("O5", 0)], used_inputs(cell, 5)
    else:
        yield cell_pins(cell, "output"), combinational_inputs(cell)


def cell_pins(cell: Mapping[str, Any], direction: str) -> list[Pin]:
    """All pins of a direction."""
    return [
        (port, index)
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] == direction
        for index in range(len(bits))
    ]


def combinational_inputs(cell: Mapping[str, Any]) -> list[Pin]:
    """The inputs that outputs follow without a clock: those of LUT RAM are its read addresses."""
    inputs = cell_pins(cell, "input")
    if LUT_RAM.match(cell["type"]):
        return [pin for pin in inputs if READ_ADDRESS.fullmatch(pin[0])]
    return inputs


def used_inputs(cell: Mapping[str, Any], count: int) -> list[Pin]:
    """Those of the first ``count`` inputs of a ``LUT6_2`` on which its table depends."""
    text = cell["parameters"]["INIT"].rjust(64, "0")
    pins = [cell["connections"].get(f"I{i}", ["0"])[0] for i in range(count)]
    # Axis i is input i: the last bit of the text is entry 0, input 0 is the lowest of its index.
    table = np.array([bit == "1" for bit in reversed(text)])[: 1 << count]
    table = table.reshape((2,) * count).transpose()
    for axis, net in enumerate(pins):
        if not isinstance(net, int):
            table = np.repeat(np.take(table, [int(net == "1")], axis), 2, axis)
    return [
        (f"I{axis}", 0)
        for axis in range(count)
        if not np.array_equal(np.take(table, 0, axis), np.take(table, 1, axis))
    ]
