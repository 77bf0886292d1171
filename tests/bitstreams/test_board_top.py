# SPDX-License-Identifier: Apache-2.0
"""The top module on a board, as Yosys reads it with the family's own descriptions of its cells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xnorflow.bitstreams.board_top import BOARD_NAME, BoardTop
from xnorflow.bitstreams.boards import BOARDS
from xnorflow.bitstreams.clocking import plan_clock
from xnorflow.bitstreams.constraints import constraints
from xnorflow.hw.emit import WeightStorage, component_verilog
from xnorflow.hw.families import Device
from xnorflow.hw.link import Line, Spi, Uart
from xnorflow.toolchain import failure_line, require_tool

LIBRARIES = {
    Device.ICE40: "+/ice40/cells_sim.v",
    Device.ECP5: "+/ecp5/cells_bb.v",
    Device.GOWIN: "+/gowin/cells_sim.v",
}
CORE = "module core_of_test(input clk, rst, rx, output tx, busy);\nendmodule\n"
SPI_CORE = "module core_of_test(input clk, rst, sck, cs_n, copi, output cipo, busy);\nendmodule\n"
UART = Uart()


def board_verilog(board: str, mhz: float, line: Line = UART) -> str:
    top = BoardTop(BOARDS[board], plan_clock(BOARDS[board], mhz), "core_of_test", line)
    return component_verilog(top, BOARD_NAME, WeightStorage.INLINE).verilog


@pytest.mark.parametrize(
    ("board", "mhz", "pll"),
    [
        ("icebreaker", 12, None),
        ("icebreaker", 24, "SB_PLL40_PAD"),
        ("ice40hx8k-evb", 50, "SB_PLL40_CORE"),
        ("ulx3s-85f", 60, "EHXPLLL"),
        ("orangecrab-25f", 48, None),
        ("tang-nano-9k", 27, None),
        ("tang-nano-9k", 36, "rPLL"),
    ],
)
def test_the_familys_cells_are_used_as_they_are(
    tmp_path: Path, board: str, mhz: float, pll: str | None
) -> None:
    """Yosys refuses parameters and ports that the cells do not have."""
    verilog = board_verilog(board, mhz)
    known = ("SB_PLL40_PAD", "SB_PLL40_CORE", "EHXPLLL", "rPLL")
    assert [name for name in known if name in verilog] == ([] if pll is None else [pll])
    check_hierarchy(tmp_path, verilog + CORE, LIBRARIES[BOARDS[board].device])


def test_a_design_with_spi(tmp_path: Path) -> None:
    verilog = board_verilog("icebreaker", 24, Spi())
    check_hierarchy(tmp_path, verilog + SPI_CORE, LIBRARIES[Device.ICE40])
    ports = {f"{name}_pin" for name in ("clk", "sck", "cs_n", "copi", "cipo", "led")}
    assert set(re.findall(r"^  (?:in|out)put (\w+_pin);", verilog, re.M)) == ports


def check_hierarchy(tmp_path: Path, verilog: str, library: str) -> None:
    (tmp_path / "board.v").write_text(verilog)
    (tmp_path / "check.ys").write_text(
        f"read_verilog -lib {library}\nread_verilog board.v\n"
        f"hierarchy -check -top {BOARD_NAME}\nwrite_rtlil checked.il\n"
    )
    result = require_tool("yosys", "test").run("check.ys", folder=tmp_path)
    assert result.returncode == 0, failure_line(result)
    assert (tmp_path / "checked.il").exists()


def test_the_led_and_what_is_held_high() -> None:
    assert "assign led_pin = ~" in board_verilog("icebreaker", 12)
    assert "assign led_pin = ~" not in board_verilog("ulx3s-25f", 25)
    assert "assign wifi_gpio0_pin = 1'h1;" in board_verilog("ulx3s-25f", 25)


@pytest.mark.parametrize(
    ("board", "name", "lines"),
    [
        (
            "icebreaker",
            "board.pcf",
            [
                "set_io clk_pin 35",
                "set_io -pullup yes rx_pin 6",
                "set_io tx_pin 9",
                "set_io led_pin 37",
            ],
        ),
        (
            "colorlight-i5",
            "board.lpf",
            [
                'LOCATE COMP "clk_pin" SITE "P3";',
                'IOBUF PORT "clk_pin" IO_TYPE=LVCMOS33;',
                'LOCATE COMP "rx_pin" SITE "H18";',
                'IOBUF PORT "rx_pin" IO_TYPE=LVCMOS33 PULLMODE=UP;',
                'LOCATE COMP "tx_pin" SITE "J17";',
                'IOBUF PORT "tx_pin" IO_TYPE=LVCMOS33;',
                'LOCATE COMP "led_pin" SITE "U16";',
                'IOBUF PORT "led_pin" IO_TYPE=LVCMOS33;',
                'FREQUENCY PORT "clk_pin" 25 MHZ;',
            ],
        ),
        (
            "tang-nano-9k",
            "board.cst",
            [
                'IO_LOC "clk_pin" 52;',
                'IO_PORT "clk_pin" IO_TYPE=LVCMOS33;',
                'IO_LOC "rx_pin" 18;',
                'IO_PORT "rx_pin" IO_TYPE=LVCMOS33 PULL_MODE=UP;',
                'IO_LOC "tx_pin" 17;',
                'IO_PORT "tx_pin" IO_TYPE=LVCMOS33 PULL_MODE=UP;',
                'IO_LOC "led_pin" 10;',
                'IO_PORT "led_pin" IO_TYPE=LVCMOS18;',
            ],
        ),
    ],
)
def test_constraints(board: str, name: str, lines: list[str]) -> None:
    assert constraints(BOARDS[board], Uart().ports) == (
        name,
        "".join(f"{line}\n" for line in lines),
    )


def test_constraints_with_spi() -> None:
    name, text = constraints(BOARDS["icebreaker"], Spi().ports)
    assert (name, text.splitlines()) == (
        "board.pcf",
        [
            "set_io clk_pin 35",
            "set_io sck_pin 15",
            "set_io -pullup yes cs_n_pin 16",
            "set_io copi_pin 17",
            "set_io cipo_pin 14",
            "set_io led_pin 37",
        ],
    )
