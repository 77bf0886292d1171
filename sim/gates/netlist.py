# SPDX-License-Identifier: Apache-2.0
"""A netlist of gates, flip-flops and memories on one clock, read from Yosys' JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from xnorflow.errors import SimulationError
from xnorflow.sim.gates.truth import reduced

__all__ = ["ONE", "ZERO", "FlipFlop", "Gate", "Memory", "Netlist", "ReadPort", "WritePort"]

ZERO, ONE = 0, 1
"""The nets that never change."""

Nets = tuple[int, ...]

GATES: Mapping[str, tuple[str, int]] = {
    "$_BUF_": ("A", 0b10),
    "$_NOT_": ("A", 0b01),
    "$_AND_": ("AB", 0b1000),
    "$_NAND_": ("AB", 0b0111),
    "$_OR_": ("AB", 0b1110),
    "$_NOR_": ("AB", 0b0001),
    "$_XOR_": ("AB", 0b0110),
    "$_XNOR_": ("AB", 0b1001),
    "$_ANDNOT_": ("AB", 0b0010),
    "$_ORNOT_": ("AB", 0b1011),
    "$_MUX_": ("ABS", 0xCA),
    "$_NMUX_": ("ABS", 0x35),
    "$_AOI3_": ("ABC", 0x07),
    "$_OAI3_": ("ABC", 0x1F),
    "$_AOI4_": ("ABCD", 0x0777),
    "$_OAI4_": ("ABCD", 0x111F),
}
"""Yosys' gates: their inputs, the first one being the least significant bit of the index into the
truth table, and that table."""

FLIP_FLOPS = {"$_DFF_P_": None, "$_DFFE_PP_": "E"}
"""The flip-flops to which Yosys is asked to reduce all others, and their enable."""


@dataclass(frozen=True, slots=True)
class Gate:
    """``output`` is bit ``inputs`` of ``table`` (see :mod:`~xnorflow.sim.gates.truth`)."""

    output: int
    table: int
    inputs: Nets


@dataclass(frozen=True, slots=True)
class FlipFlop:
    """``output`` takes on ``data`` at the clock edge where ``enable`` is high; ``init`` before."""

    output: int
    data: int
    enable: int
    init: bool


@dataclass(frozen=True, slots=True)
class ReadPort:
    """``data`` is the row at ``address``, in the same cycle; bits least significant first."""

    address: Nets
    data: Nets


@dataclass(frozen=True, slots=True)
class WritePort:
    """At the clock edge ``data`` replace the row at ``address``, where ``enable`` is high."""

    address: Nets
    data: Nets
    enable: Nets


@dataclass(frozen=True, slots=True)
class Memory:
    """Rows of ``width`` bits at addresses from ``offset`` on.

    Parameters
    ----------
    name
        Of the cell.
    init
        The first rows' bits, row after row, least significant first: characters 0 and 1.
    reads, writes
        Its ports; a later write port wins.
    """

    name: str
    size: int
    width: int
    offset: int
    init: str
    reads: tuple[ReadPort, ...]
    writes: tuple[WritePort, ...]


@dataclass(frozen=True, slots=True)
class Netlist:
    """A design on one clock.

    Parameters
    ----------
    gates, flip_flops, memories
        Its parts; each net is driven by one of them, or is an input or a constant.
    inputs, outputs
        Nets of each port, least significant first; the clock is left out.
    """

    gates: tuple[Gate, ...]
    flip_flops: tuple[FlipFlop, ...]
    memories: tuple[Memory, ...]
    inputs: Mapping[str, Nets]
    outputs: Mapping[str, Nets]

    @classmethod
    def from_yosys(cls, module: Mapping[str, Any], clock: str, layers: Iterable[str]) -> Netlist:
        """The module of a JSON netlist.

        Parameters
        ----------
        module
            With :data:`GATES`, ``$lut``, ``$_DFF_P_``, ``$_DFFE_PP_``, and ``$mem_v2`` that read
            without a clock.
        clock
            Port that all flip-flops must be clocked by.
        layers
            Names that cells begin with, to say where one is.

        Raises
        ------
        SimulationError
            If there is any other cell, or another clock.
        """
        return Reader(module, clock, layers).netlist()


class Reader:
    """Reads one module."""

    def __init__(self, module: Mapping[str, Any], clock: str, layers: Iterable[str]) -> None:
        self.module = module
        self.layers = tuple(layers)
        (self.clock,) = nets(module["ports"][clock]["bits"])
        self.clock_name = clock
        self.init = initial_values(module)
        self.gates: list[Gate] = []
        self.flip_flops: list[FlipFlop] = []
        self.memories: list[Memory] = []

    def netlist(self) -> Netlist:
        """Everything in the module."""
        for name, cell in self.module["cells"].items():
            self.add(name, cell)
        return Netlist(
            tuple(self.gates),
            tuple(self.flip_flops),
            tuple(self.memories),
            self.ports("input"),
            self.ports("output"),
        )

    def ports(self, direction: str) -> dict[str, Nets]:
        """The ports of a direction, without the clock."""
        return {
            name: nets(port["bits"])
            for name, port in self.module["ports"].items()
            if port["direction"] == direction and name != self.clock_name
        }

    def add(self, name: str, cell: Mapping[str, Any]) -> None:
        """Add a cell."""
        kind, pins = cell["type"], cell["connections"]
        if kind in GATES:
            letters, table = GATES[kind]
            inputs = tuple(net for letter in letters for net in nets(pins[letter]))
            self.gates.append(Gate(nets(pins["Y"])[0], *reduced(table, inputs)))
        elif kind == "$lut":
            table = int(cell["parameters"]["LUT"].replace("x", "0"), 2)
            self.gates.append(Gate(nets(pins["Y"])[0], *reduced(table, nets(pins["A"]))))
        elif kind in FLIP_FLOPS:
            self.check_clock(name, kind, pins["C"])
            enable = nets(pins["E"])[0] if FLIP_FLOPS[kind] else ONE
            (output,), (data,) = nets(pins["Q"]), nets(pins["D"])
            self.flip_flops.append(FlipFlop(output, data, enable, self.init.get(output, False)))
        elif kind == "$mem_v2":
            self.memories.append(self.memory(name, cell["parameters"], pins))
        else:
            raise SimulationError(
                f"cell {kind.lstrip(chr(92))!r} is not supported by the gates engine "
                f"({self.place_of(name)})"
            )

    def place_of(self, cell: str) -> str:
        """Where ``cell`` is, for messages."""
        layer = next((name for name in self.layers if cell.partition(".")[0] == name), None)
        where = "the top module" if layer is None else f"layer {layer!r}"
        return f"{where}, cell {cell}"

    def check_clock(self, name: str, kind: str, pin: list[int | str]) -> None:
        """Refuse another clock than the one there is."""
        if nets(pin) != (self.clock,):
            raise SimulationError(
                f"every cell must be clocked by the rising edge of {self.clock_name}: "
                f"{kind!r} is not ({self.place_of(name)})"
            )

    def memory(self, name: str, parameters: Mapping[str, Any], pins: Mapping[str, Any]) -> Memory:
        """A ``$mem_v2``."""
        size, width, bits, reads, writes, offset = (
            number(parameters[key])
            for key in ("SIZE", "WIDTH", "ABITS", "RD_PORTS", "WR_PORTS", "OFFSET")
        )
        if reads and "1" in parameters["RD_CLK_ENABLE"]:
            raise SimulationError(f"memory reads must not be clocked ({self.place_of(name)})")
        for port in range(writes):
            self.check_clock(name, "$mem_v2", [pins["WR_CLK"][port]])
        addresses, data = parts(pins["RD_ADDR"], reads, bits), parts(pins["RD_DATA"], reads, width)
        write_addresses = parts(pins["WR_ADDR"], writes, bits)
        write_data, enables = (parts(pins[pin], writes, width) for pin in ("WR_DATA", "WR_EN"))
        return Memory(
            name,
            size,
            width,
            offset,
            parameters["INIT"][::-1].replace("x", "0")[: size * width],
            tuple(map(ReadPort, addresses, data)),
            tuple(map(WritePort, write_addresses, write_data, enables)),
        )


def nets(bits: Iterable[int | str]) -> Nets:
    """Nets of a connection; undefined ones are 0."""
    return tuple(bit if isinstance(bit, int) else ONE if bit == "1" else ZERO for bit in bits)


def parts(bits: list[int | str], count: int, width: int) -> list[Nets]:
    """The nets of each of ``count`` ports."""
    return [nets(bits[port * width : (port + 1) * width]) for port in range(count)]


def number(parameter: str | int) -> int:
    """An integer parameter."""
    return parameter if isinstance(parameter, int) else int(parameter, 2)


def initial_values(module: Mapping[str, Any]) -> dict[int, bool]:
    """The nets that a wire gives an initial value."""
    values: dict[int, bool] = {}
    for wire in module["netnames"].values():
        text = wire["attributes"].get("init", "")
        for net, bit in zip(nets(wire["bits"]), reversed(text), strict=False):
            if bit in "01":
                values[net] = bit == "1"
    return values
