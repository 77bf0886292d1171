# SPDX-License-Identifier: Apache-2.0
"""A design for Gowin after place and route, in cells that have models.

nextpnr writes the cells that Apicula's ``gowin_pack`` packs: lookup tables, carry cells with a
table of 16 bits, and block RAMs by the pins of the hardware. They are taken here as they are
packed: of an ALU the table that is written, of a LUT RAM the contents of its four lookup tables, of
a block RAM its words of 9-bit bytes.

References: Apicula, doc/alu.md, chipdb.py and gowin_pack.py; nextpnr, pack_luts.cc and
pack_bsram.cc of himbaechel/uarch/gowin; Gowin, "BSRAM & SSRAM User Guide", UG285.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any

from xnorflow.errors import ToolError
from xnorflow.sim.gates.truth import reduced

__all__ = ["ALU_TABLES", "described_cells"]

Cells = dict[str, dict[str, Any]]
Pins = Mapping[str, Sequence[int]]

ALU_TABLES: Mapping[str, int] = MappingProxyType(
    {
        "0": 0b0110_0000_0110_1010,
        "1": 0b1001_0000_1001_1010,
        "2": 0b0110_0000_1001_1010,
        "hadder": 0b1111_0000_0000_0000,
        "3": 0b1001_0000_1001_1111,
        "4": 0b1001_0000_1001_1010,
        "6": 0b1010_0000_1010_0000,
        "7": 0b0101_0000_0101_1111,
        "8": 0b1010_1111_0101_1010,
        "9": 0b0111_1000_1000_1000,
        "C2L": 0,
        "ONE2C": 0b1111,
    }
)
"""The table of an ALU in each mode that can be packed."""

TABLES_OF_OLD_MODES: Mapping[str, str] = MappingProxyType({"0 ": "0011000011001100"})
"""What gowin_pack makes of a mode that nextpnr 0.9 wrote."""

CONSTANTS: Mapping[int | str, int] = MappingProxyType({"0": 0, "1": 1})
CONSTANT_CARRIES: Mapping[str, int] = MappingProxyType({"GND": 0, "VCC": 1})
TABLE_INPUTS = ("I0", "I1", "I2", "I3")
PLL_OUTPUTS = ("CLKOUT", "CLKOUTP", "CLKOUTD", "CLKOUTD3", "LOCK")
RESETS: Mapping[str, str] = MappingProxyType(
    {"": "", "R": "RESET", "S": "SET", "C": "CLEAR", "P": "PRESET"}
)
"""Letters of a flip-flop's name, and its port."""

CONTROLS = ("CLK", "CE", "OCE", "WRE", "RESET")
"""Of a port of a block RAM."""

WIDTHS_IN_NINES: Mapping[int, int] = MappingProxyType(
    {1: 1, 2: 2, 4: 4, 8: 9, 9: 9, 16: 18, 18: 18, 32: 36, 36: 36}
)
"""Bits of a block RAM's port, where bytes have 9; hardware does not know of bytes of 8."""

WIDE = 36
INIT_ROWS = 64


def described_cells(cells: Mapping[str, Mapping[str, Any]]) -> Cells:
    """The cells of a routed netlist, as ``$lut`` and as cells that have models.

    Constants are in the place of the cells that drive them. What has no use in a simulation is
    left out: filling, and lookup tables that hold the contents of a RAM. Data inputs of RAMs that
    no wire leads to are 0; Yosys leaves open what is never read.

    Parameters
    ----------
    cells
        Of the top module that nextpnr wrote.

    Raises
    ------
    ToolError
        If a cell is not described, or depends on an input that no wire leads to.
    """
    constants = {
        bit: value
        for cell in cells.values()
        for kind, port, value in (("GOWIN_GND", "G", 0), ("GOWIN_VCC", "V", 1))
        if cell["type"] == kind
        for bit in cell["connections"].get(port, ())
    } | dict(CONSTANTS)
    bits = (
        bit
        for cell in cells.values()
        for pins in cell["connections"].values()
        for bit in pins
        if isinstance(bit, int)
    )
    spare = count(max(bits, default=1) + 1)
    described: Cells = {}
    for name, cell in cells.items():
        if cell["type"] not in DESCRIPTIONS:
            raise ToolError(f"cell {name!r} is a {cell['type']}, which is not described")
        pins = {
            port: [constants.get(bit, bit if isinstance(bit, int) else None) for bit in bits]
            for port, bits in cell["connections"].items()
        }
        routed = RoutedCell(
            name, cell["type"], cell["parameters"], cell["attributes"], pins, cells, spare
        )
        described |= DESCRIPTIONS[cell["type"]](routed)
    return described


@dataclass(frozen=True, slots=True)
class RoutedCell:
    """A cell of the netlist.

    Parameters
    ----------
    name, kind, parameters, attributes
        As they are written.
    pins
        Nets of its ports; 0 and 1 are the constants, and None is an open one.
    cells
        The netlist.
    spare
        Nets for outputs that lead nowhere.
    """

    name: str
    kind: str
    parameters: Mapping[str, str]
    attributes: Mapping[str, str]
    pins: Mapping[str, list[int | None]]
    cells: Mapping[str, Mapping[str, Any]]
    spare: Iterator[int]

    def refused(self, what: str) -> ToolError:
        """The error that says that it cannot be described."""
        return ToolError(f"cell {self.name!r} {what}, which is not described")

    def found(self, port: str) -> int | None:
        """The net of a port of one bit, if there is one."""
        return next(iter(self.pins.get(port, ())), None)

    def net(self, port: str) -> int:
        """The net of an input of one bit, which must not be open."""
        net = self.found(port)
        if net is None:
            raise ToolError(f"cell {self.name!r} has an open input {port}, which it depends on")
        return net

    def nets(self, port: str, width: int) -> list[int]:
        """The nets of the inputs ``port0``, ``port1`` and so on, which must not be open."""
        return [self.net(f"{port}{place}") for place in range(width)]

    def data(self, port: str, places: range) -> list[int]:
        """The nets of data inputs; open ones are 0."""
        return [self.found(f"{port}{place}") or 0 for place in places]

    def results(self, port: str, places: range) -> list[int]:
        """The nets of outputs."""
        found = (self.found(f"{port}{place}") for place in places)
        return [next(self.spare) if net is None else net for net in found]

    def number(self, parameter: str) -> int:
        """A parameter."""
        return int(self.parameters.get(parameter, "0"), 2)

    def choice(self, parameter: str) -> str:
        """The three bits that choose a block RAM."""
        return self.parameters.get(parameter, "0")[-3:].rjust(3, "0")

    def as_cell(self, kind: str, parameters: Mapping[str, Any], pins: Pins) -> Cells:
        """The cell that stands for it."""
        return {self.name: cell_of(kind, parameters, pins)}

    def function(self, table: int, ports: Sequence[str], output: str) -> Cells:
        """A lookup table of ``ports`` that drives ``output``, unless that is open."""
        driven = self.found(output)
        if driven is None:
            return {}
        given = [self.found(port) for port in ports]
        # Open inputs are negative.
        nets = tuple(~place if net is None else net for place, net in enumerate(given))
        table, inputs = reduced(table, nets)
        for net in inputs:
            if net < 0:
                self.net(ports[~net])
        if not inputs:
            table, inputs = table * 0b11, (0,)
        parameters = {
            "LUT": f"{table:0{1 << len(inputs)}b}",
            "WIDTH": f"{len(inputs):032b}",
        }
        return {f"{self.name}.{output}": cell_of("$lut", parameters, {"A": inputs, "Y": [driven]})}


def cell_of(kind: str, parameters: Mapping[str, Any], pins: Pins) -> dict[str, Any]:
    """A cell of a JSON netlist."""
    return {
        "type": kind,
        "parameters": dict(parameters),
        "attributes": {},
        "connections": {
            port: [str(net) if net in (0, 1) else net for net in nets]
            for port, nets in pins.items()
        },
    }


def packed_bits(text: str) -> str:
    """Bits of contents; what is undefined is packed as 1."""
    return "".join("0" if bit == "0" else "1" for bit in text)


def packed_table(text: str) -> int:
    """A table of 16 bits, of which only a part may be written."""
    return int((packed_bits(text) * 16)[:16] if len(text) < 16 else packed_bits(text)[-16:], 2)


def left_out(_: RoutedCell) -> Cells:
    """Nothing: constants, and what configuration only needs."""
    return {}


def lookup_table(cell: RoutedCell) -> Cells:
    """LUT1 to LUT4; what drives nothing holds the contents of a RAM."""
    return cell.function(packed_table(cell.parameters["INIT"]), TABLE_INPUTS, "F")


def carry_cell(cell: RoutedCell) -> Cells:
    """ALU: the sum is the table's bit or its inverse, by the carry.

    The carry that goes on is the one that came where the table says 1, else its lowest four bits
    say it.
    """
    table = alu_table(cell)
    total = carry = 0
    for index in range(32):
        place, came = index & 15, index >> 4
        bit = table >> place & 1
        total |= (bit ^ came) << index
        carry |= (came if bit else table >> (place & 3) & 1) << index
    given = CONSTANT_CARRIES.get(cell.parameters.get("CIN_NETTYPE", ""))
    if given is not None:
        total, carry = (word >> 16 * given & 0xFFFF for word in (total, carry))
    ports = TABLE_INPUTS if given is not None else (*TABLE_INPUTS, "CIN")
    return cell.function(total, ports, "SUM") | cell.function(carry, ports, "COUT")


def alu_table(cell: RoutedCell) -> int:
    """The table of a carry cell."""
    mode = cell.parameters.get("ALU_MODE", "")
    written = TABLES_OF_OLD_MODES.get(mode, cell.parameters.get("RAW_ALU_LUT"))
    if written is not None:
        return packed_table(written)
    if mode not in ALU_TABLES and mode and set(mode) <= {"0", "1"}:
        mode = str(int(mode, 2))
    if mode not in ALU_TABLES:
        raise cell.refused(f"is an ALU in the mode {mode!r}")
    return ALU_TABLES[mode]


def kept(*inputs: str, output: str) -> Callable[[RoutedCell], Cells]:
    """A cell that has a model; its ports are of one bit, and its parameters do not matter."""

    def described(cell: RoutedCell) -> Cells:
        if "LATCH" in cell.attributes:
            raise cell.refused("is a latch")
        driven = cell.found(output)
        if driven is None:
            return {}
        pins = {port: [cell.net(port)] for port in inputs} | {output: [driven]}
        return cell.as_cell(cell.kind, {}, pins)

    return described


def pll(cell: RoutedCell) -> Cells:
    """A wire."""
    pins = {port: [cell.net(port)] for port in ("CLKIN", "RESET", "RESET_P")}
    found = {port: cell.found(port) for port in PLL_OUTPUTS}
    pins |= {port: [net] for port, net in found.items() if net is not None}
    return cell.as_cell(cell.kind, {}, pins)


def lut_ram(cell: RoutedCell) -> Cells:
    """RAM16SDP4: its contents are those of the lookup tables that it is placed on."""
    if cell.net("CE") != 1:
        raise cell.refused("has a clock enable")
    parameters = {f"INIT_{place}": stored(cell, place) for place in range(4)}
    pins: dict[str, Sequence[int]] = {port: [cell.net(port)] for port in ("WRE", "CLK")}
    for port in ("WAD", "RAD"):
        address = [net for net in cell.pins[port] if net is not None]
        if len(address) != 4:
            raise cell.refused(f"has an open input {port}")
        pins[port] = address
    pins["DI"] = [net or 0 for net in cell.pins["DI"]]
    pins["DO"] = [next(cell.spare) if net is None else net for net in cell.pins["DO"]]
    return cell.as_cell(cell.kind, parameters, pins)


def stored(cell: RoutedCell, place: int) -> str:
    """What a column of a LUT RAM holds at first."""
    name = f"{cell.name}_LUT{place}"
    if name not in cell.cells:
        raise cell.refused(f"is without a lookup table {name!r}")
    return packed_bits(cell.cells[name]["parameters"]["INIT"])[-16:]


def contents(cell: RoutedCell) -> dict[str, str]:
    """What a block RAM holds at first, in bytes of 9 bits; zeros unless its first row is given."""
    given = cell.parameters if "INIT_RAM_00" in cell.parameters else {}
    nines = cell.attributes.get("BSRAM_SUBTYPE", "").strip() == "X9"
    width = 288 if nines else 256
    result = {}
    for row in range(INIT_ROWS):
        name = f"INIT_RAM_{row:02X}"
        bits = packed_bits(given.get(name, "0"))[-width:].rjust(width, "0")
        if not nines:
            bits = "".join(f"0{bits[place : place + 8]}" for place in range(0, width, 8))
        result[name] = bits
    return result


def block_ram(cell: RoutedCell, kind: str, settings: Mapping[str, int | str], pins: Pins) -> Cells:
    """A block RAM of ``kind`` with bytes of 9 bits."""
    reset = {"RESET_MODE": cell.parameters.get("RESET_MODE", "SYNC").strip()}
    return cell.as_cell(kind, contents(cell) | reset | dict(settings), pins)


def port_pins(
    cell: RoutedCell, names: Sequence[str], suffix: str = "", to: str = ""
) -> dict[str, Sequence[int]]:
    """Control inputs of a port of a block RAM: their names end in ``suffix``, then in ``to``."""
    pins: dict[str, Sequence[int]] = {
        f"{name}{to}": [cell.net(f"{name}{suffix}")] for name in names
    }
    pins[f"BLKSEL{to}"] = cell.nets(f"BLKSEL{suffix}", 3)
    pins[f"AD{to}"] = cell.nets(f"AD{suffix}", 14)
    return pins


def single_port_ram(cell: RoutedCell) -> Cells:
    """SP; where a word takes both ports of the hardware, each has a half of it."""
    width = WIDTHS_IN_NINES[cell.number("BIT_WIDTH")]
    modes = {mode: cell.number(mode) for mode in ("READ_MODE", "WRITE_MODE")}
    chosen = cell.choice("BLK_SEL")
    if width < WIDE:
        pins = {
            **port_pins(cell, CONTROLS),
            "DI": cell.data("DI", range(WIDE)),
            "DO": cell.results("DO", range(WIDE)),
        }
        return block_ram(cell, "SPX9", {**modes, "BIT_WIDTH": width, "BLK_SEL": chosen}, pins)
    pins = {}
    settings: dict[str, int | str] = {}
    for number, (side, suffix) in enumerate((("A", ""), ("B", "B"))):
        places = range(WIDE // 2 * number, WIDE // 2 * (number + 1))
        pins |= port_pins(cell, CONTROLS, suffix, side)
        pins[f"DI{side}"] = cell.data("DI", places)
        pins[f"DO{side}"] = cell.results("DO", places)
        settings |= {f"{mode}{number}": value for mode, value in modes.items()}
        settings |= {f"BIT_WIDTH_{number}": WIDE // 2, f"BLK_SEL_{number}": chosen}
    return block_ram(cell, "DPX9B", settings, pins)


def simple_dual_port_ram(cell: RoutedCell) -> Cells:
    """SDP; a port of less than a whole word reads the upper half of the pins."""
    written, read = (WIDTHS_IN_NINES[cell.number(f"BIT_WIDTH_{side}")] for side in (0, 1))
    for port, value in (("WREA", 1), ("WREB", int(read == WIDE))):
        if cell.net(port) != value:
            raise cell.refused(f"has an input {port}")
    places = range(0 if read == WIDE else WIDE // 2, WIDE)
    pins = {
        **port_pins(cell, ("CLK", "CE", "RESET"), "A", "A"),
        **port_pins(cell, ("CLK", "CE", "RESET"), "B", "B"),
        "OCE": [cell.net("OCE")],
        "DI": cell.data("DI", range(WIDE)),
        "DO": cell.results("DO", places),
    }
    if read < WIDE:
        pins["DO"] = [*pins["DO"], *(next(cell.spare) for _ in range(WIDE // 2))]
    settings: dict[str, int | str] = {
        "READ_MODE": cell.number("READ_MODE"),
        "BIT_WIDTH_0": written,
        "BIT_WIDTH_1": read,
        **{name: cell.choice(name) for name in ("BLK_SEL_0", "BLK_SEL_1")},
    }
    return block_ram(cell, "SDPX9B", settings, pins)


def dual_port_ram(cell: RoutedCell) -> Cells:
    """DP."""
    pins: dict[str, Sequence[int]] = {}
    settings: dict[str, int | str] = {}
    for number, side in enumerate("AB"):
        pins |= port_pins(cell, CONTROLS, side, side)
        pins[f"DI{side}"] = cell.data(f"DI{side}", range(WIDE // 2))
        pins[f"DO{side}"] = cell.results(f"DO{side}", range(WIDE // 2))
        settings |= {
            f"READ_MODE{number}": cell.number(f"READ_MODE{number}"),
            f"WRITE_MODE{number}": cell.number(f"WRITE_MODE{number}"),
            f"BIT_WIDTH_{number}": WIDTHS_IN_NINES[cell.number(f"BIT_WIDTH_{number}")],
            f"BLK_SEL_{number}": cell.choice(f"BLK_SEL_{number}"),
        }
    return block_ram(cell, "DPX9B", settings, pins)


def multiplier(width: int) -> Callable[[RoutedCell], Cells]:
    """A multiplier of two factors of ``width`` bits, without cascades or registers."""

    def described(cell: RoutedCell) -> Cells:
        for port in ("ASEL", "BSEL"):
            if cell.net(port) != 0:
                raise cell.refused(f"has an input {port}")
        if any(cell.number(name) for name in cell.parameters if name.endswith("REG")):
            raise cell.refused("has registers")
        pins = {
            **{port: cell.nets(port, width) for port in "AB"},
            **{port: [cell.net(port)] for port in ("ASIGN", "BSIGN")},
            "DOUT": cell.results("DOUT", range(2 * width)),
        }
        return cell.as_cell(cell.kind, {}, pins)

    return described


def flip_flops() -> dict[str, Callable[[RoutedCell], Cells]]:
    """All kinds of flip-flops."""
    return {
        f"DFF{edge}{reset}{enable}": kept(
            "CLK", "D", *(["CE"] if enable else []), *([port] if port else []), output="Q"
        )
        for edge in ("", "N")
        for reset, port in RESETS.items()
        for enable in ("", "E")
    }


DESCRIPTIONS: Mapping[str, Callable[[RoutedCell], Cells]] = MappingProxyType(
    {
        "GOWIN_GND": left_out,
        "GOWIN_VCC": left_out,
        "GSR": left_out,
        **dict.fromkeys(("LUT1", "LUT2", "LUT3", "LUT4"), lookup_table),
        **{f"MUX2_LUT{inputs}": kept("I0", "I1", "S0", output="O") for inputs in (5, 6, 7, 8)},
        **flip_flops(),
        "ALU": carry_cell,
        "IBUF": kept("I", output="O"),
        "OBUF": kept("I", output="O"),
        "RAM16SDP4": lut_ram,
        "SP": single_port_ram,
        "SDP": simple_dual_port_ram,
        "DP": dual_port_ram,
        "rPLL": pll,
        "MULT9X9": multiplier(9),
        "MULT18X18": multiplier(18),
        "DUMMY_CELL": left_out,
    }
)
"""What becomes of each kind of cell."""
