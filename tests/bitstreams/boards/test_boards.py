# SPDX-License-Identifier: Apache-2.0
"""Boards, against amaranth-boards where it knows them."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from xnorflow.bitstreams.boards import BOARDS, Board, find_board
from xnorflow.cli import main
from xnorflow.errors import ConfigError
from xnorflow.hw.families import Device
from xnorflow.hw.link import Spi

PLATFORMS = {
    "icebreaker": ("icebreaker", "ICEBreakerPlatform", ("led_g", 0)),
    "ulx3s-12f": ("ulx3s", "ULX3S_12F_Platform", ("led", 0)),
    "ulx3s-25f": ("ulx3s", "ULX3S_25F_Platform", ("led", 0)),
    "ulx3s-45f": ("ulx3s", "ULX3S_45F_Platform", ("led", 0)),
    "ulx3s-85f": ("ulx3s", "ULX3S_85F_Platform", ("led", 0)),
    "orangecrab-25f": ("orangecrab_r0_2", "OrangeCrabR0_2_25FPlatform", ("rgb_led", 0)),
    "orangecrab-85f": ("orangecrab_r0_2", "OrangeCrabR0_2_85FPlatform", ("rgb_led", 0)),
    "tang-nano-9k": ("tang_nano_9k", "TangNano9kPlatform", ("led", 0)),
}
"""Module, class and LED of each in amaranth-boards."""


def platform_of(board: str) -> Any:
    module, name, _ = PLATFORMS[board]
    pytest.importorskip("amaranth_boards")
    return getattr(importlib.import_module(f"amaranth_boards.{module}"), name)


def resource(platform: Any, name: str, number: int = 0) -> Any:
    return next(r for r in platform.resources if (r.name, r.number) == (name, number))


def part_of(found: Any, name: str) -> Any:
    """Pins of a resource, or of its part ``name`` if it has parts."""
    parts = [io for io in found.ios if getattr(io, "name", None) == name]
    return (parts[0] if parts else found).ios[0]


@pytest.mark.parametrize("name", PLATFORMS)
def test_clock_and_led_are_those_of_amaranth_boards(name: str) -> None:
    platform, board = platform_of(name), BOARDS[name]
    clock = resource(platform, platform.default_clk)
    assert clock.ios[0].names == [board.clock.site]
    assert round(clock.clock.frequency) == board.oscillator_hz
    led = part_of(resource(platform, *PLATFORMS[name][2]), "g")
    assert (led.names, led.invert) == ([board.led.site], board.led.inverted)


@pytest.mark.parametrize("name", [name for name in PLATFORMS if "orangecrab" not in name])
def test_the_uart_is_that_of_amaranth_boards(name: str) -> None:
    platform, board = platform_of(name), BOARDS[name]
    uart = resource(platform, "uart")
    assert part_of(uart, "rx").names == [board.rx.site]
    assert part_of(uart, "tx").names == [board.tx.site]
    assert (part_of(uart, "rx").dir, part_of(uart, "tx").dir) == ("i", "o")


@pytest.mark.parametrize("name", ["orangecrab-25f", "orangecrab-85f"])
def test_the_uart_of_orangecrab_is_on_pins_0_and_1_of_its_connector(name: str) -> None:
    board = BOARDS[name]
    (connector,) = platform_of(name).connectors
    assert connector.mapping["0"] == board.rx.site
    assert connector.mapping["1"] == board.tx.site


def test_the_spi_of_icebreaker_is_that_of_configuration() -> None:
    """amaranth-boards has it as the controller of the flash: data the other way round."""
    flash = resource(platform_of("icebreaker"), "spi_flash_1x")
    spi = BOARDS["icebreaker"].spi
    assert part_of(flash, "clk").names == [spi["sck"].site]
    assert part_of(flash, "cs").names == [spi["cs_n"].site]
    assert part_of(flash, "copi").names == [spi["cipo"].site]
    assert part_of(flash, "cipo").names == [spi["copi"].site]


@pytest.mark.parametrize("name", [name for name in PLATFORMS if "ulx3s" in name])
def test_the_pin_that_keeps_ulx3s_running(name: str) -> None:
    esp32 = resource(platform_of(name), "esp32")
    assert part_of(esp32, "gpio0").names == [BOARDS[name].held_high["wifi_gpio0"].site]


@pytest.mark.parametrize("name", [name for name in PLATFORMS if "tang" not in name])
def test_the_part_is_that_of_amaranth_boards(name: str) -> None:
    platform, board = platform_of(name), BOARDS[name]
    assert board.part.startswith(platform.device)
    assert platform.package in board.part
    if board.device is Device.ECP5:
        assert board.nextpnr[-2:] == ("--speed", platform.speed)
        assert f"-{platform.speed}" in board.part


def test_the_part_of_tang_nano_9k() -> None:
    assert platform_of("tang-nano-9k").part == BOARDS["tang-nano-9k"].part


def test_olimex_pins_are_those_of_its_schematic() -> None:
    """From HARDWARE/REV-B1/iCE40HX8K-EVB_Rev_B1.net of OLIMEX/iCE40HX8K-EVB: nets of U4."""
    board = BOARDS["ice40hx8k-evb"]
    nets = {"SYSCLK": "J3", "LED1": "M12", "RxD": "L11", "TxD": "T16"}
    assert [pin.site for pin in board.pins.values()] == [
        nets[net] for net in ("SYSCLK", "RxD", "TxD", "LED1")
    ]
    assert not board.led.inverted  # from the FPGA through the LED and a resistor to ground


def test_colorlight_pins_are_those_of_its_examples() -> None:
    """From src/i5/uart_tx/top.lpf and src/i5/common/io.lpf of wuxx/Colorlight-FPGA-Projects."""
    board = BOARDS["colorlight-i5"]
    sites = {"clk_pin": "P3", "rx_pin": "H18", "tx_pin": "J17", "led_pin": "U16"}
    assert {port: pin.site for port, pin in board.pins.items()} == sites


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_every_board_says_what_is_needed(board: Board) -> None:
    assert find_board(board.name) is board
    assert board.source
    assert len({pin.site for pin in board.pins.values()}) == len(board.pins)
    assert set(board.spi) in (set(), set(Spi().ports))
    assert bool(board.spi) == bool(board.spi_programmers)
    assert all(programmer.install for programmer in board.programmers)
    assert (board.dfu is not None) == (board.suffix == "dfu")


def test_an_unknown_board_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"^unknown board 'icebraker' \(known: icebreaker, "):
        find_board("icebraker")


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["board", *BOARDS]
    assert main(["boards", "--json"]) == 0
    assert '"site": "35"' in capsys.readouterr().out
