# SPDX-License-Identifier: Apache-2.0
"""SPI as a port, with controllers that are played."""

from __future__ import annotations

import sys
import time
from types import ModuleType
from typing import Any

import pytest

from xnorflow.bitstreams.link import LinkOptions, RemoteAccelerator, SpiPort
from xnorflow.bitstreams.link.spi_port import FtdiController, sck_below
from xnorflow.errors import DeviceError, ToolError
from xnorflow.hw.passes import compile_network, plan_for_interval

URL = "ftdi://ftdi:2232h/1"


class Controller:
    """One whose device says ``says``, a part in each transfer."""

    def __init__(self, *says: bytes) -> None:
        self.says, self.sent = list(says), b""

    def exchange(self, octets: bytes) -> bytes:
        self.sent += octets
        came = self.says.pop(0) if self.says else b""
        return came.ljust(len(octets), b"\xff")

    def close(self) -> None:
        self.closed = True


def test_what_comes_while_something_is_sent_is_kept() -> None:
    controller = Controller(b"\xff\x01\xff\x7d\xff\xdf")
    port = SpiPort(controller)
    port.write(b"request")
    assert port.read(0.0) == b"\x01\x7d\xdf"
    assert controller.sent == b"request"


def test_reading_sends_flags_until_something_comes() -> None:
    controller = Controller(b"", b"", b"\xff\x42")
    assert SpiPort(controller).read(5.0) == b"\x42"
    assert set(controller.sent) == {0x7E}


def test_reading_ends() -> None:
    start = time.monotonic()
    assert SpiPort(Controller()).read(0.05) == b""
    assert 0.05 <= time.monotonic() - start < 1


def test_what_came_is_forgotten() -> None:
    port = SpiPort(Controller(b"\x01"))
    port.write(b"x")
    port.forget()
    assert port.read(0.0) == b""


class Pyftdi:
    """Stands in for pyftdi: a channel whose device sends back what it gets, complemented."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.transfers: list[int] = []
        self.error: Exception | None = None
        self.missing = 0

    class UsbToolsError(Exception):
        pass

    def SpiController(self, **options: Any) -> Pyftdi:
        self.calls.append(("controller", options))
        return self

    def configure(self, url: str, **options: Any) -> None:
        self.calls.append(("configure", url, options))
        if self.error:
            raise self.error

    def get_port(self, **options: Any) -> Pyftdi:
        self.calls.append(("port", options))
        return self

    def exchange(self, octets: bytes, *, duplex: bool) -> bytearray:
        assert duplex
        if self.error:
            raise self.error
        self.transfers.append(len(octets))
        return bytearray(octet ^ 0xFF for octet in octets)[: len(octets) - self.missing]

    def close(self) -> None:
        self.calls.append(("close",))


@pytest.fixture
def pyftdi(monkeypatch: pytest.MonkeyPatch) -> Pyftdi:
    played = Pyftdi()
    modules = {name: ModuleType(name) for name in ("pyftdi", "pyftdi.spi", "pyftdi.usbtools")}
    modules["pyftdi"].spi = modules["pyftdi.spi"]  # type: ignore[attr-defined]
    modules["pyftdi.spi"].SpiController = played.SpiController  # type: ignore[attr-defined]
    modules["pyftdi.usbtools"].UsbToolsError = Pyftdi.UsbToolsError  # type: ignore[attr-defined]
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return played


def test_the_channel_is_opened_as_icebreaker_needs_it(pyftdi: Pyftdi) -> None:
    """Chip select is ADBUS4, the second that pyftdi knows; SCK is not above what was asked for."""
    controller = FtdiController(URL, 4e6)
    controller.close()
    assert pyftdi.calls == [
        ("controller", {"cs_count": 2}),
        ("configure", URL, {"frequency": 3.75e6}),
        ("port", {"cs": 1, "freq": 3.75e6, "mode": 0}),
        ("close",),
    ]


@pytest.mark.parametrize(("sck_hz", "most"), [(6e6, 2048), (1e6, 1250), (1e5, 125)])
def test_transfers_are_short_enough_for_the_chip(pyftdi: Pyftdi, sck_hz: float, most: int) -> None:
    octets = bytes(range(256)) * 20
    assert FtdiController(URL, sck_hz).exchange(octets) == bytes(o ^ 0xFF for o in octets)
    assert sum(pyftdi.transfers) == len(octets)
    assert max(pyftdi.transfers) == most


@pytest.mark.parametrize(
    ("sck_hz", "sck"), [(6e6, 6e6), (3e6, 3e6), (4.03125e6, 3.75e6), (1, 30e6 / 65536), (1e9, 30e6)]
)
def test_rates_of_the_chip(sck_hz: float, sck: float) -> None:
    assert sck_below(sck_hz) == pytest.approx(sck)


def test_a_channel_that_cannot_be_opened(pyftdi: Pyftdi) -> None:
    pyftdi.error = Pyftdi.UsbToolsError("No USB device matches URL ftdi://ftdi:2232h/1")
    with pytest.raises(DeviceError, match=rf"^{URL} cannot be opened: No USB device matches "):
        FtdiController(URL, 1e6)


def test_a_chip_that_goes_away(pyftdi: Pyftdi) -> None:
    controller = FtdiController(URL, 1e6)
    pyftdi.missing = 1
    with pytest.raises(DeviceError, match=rf"^the device at {URL} went away: 2 bytes of 3 came$"):
        controller.exchange(b"abc")
    pyftdi.error = OSError(19, "gone")
    with pytest.raises(DeviceError, match=rf"^the device at {URL} went away: No such device$"):
        controller.exchange(b"abc")


def test_without_pyftdi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyftdi", None)
    with pytest.raises(
        ToolError, match=r"^pyftdi is not installed, .* pip install 'xnorflow\[spi\]'$"
    ):
        FtdiController(URL, 1e6)


def test_a_name_of_a_channel_is_a_port(lab: Any, pyftdi: Pyftdi) -> None:
    """The played device makes no frames: flags come back as 81."""
    network = lab.Mlp().network()
    dataflow = compile_network(network, plan_for_interval(network, 60))
    with pytest.raises(
        DeviceError,
        match=rf"^no device answers at {URL} with 3000000 baud: is the board on, its bitstream "
        r"loaded, and built for SPI, the rate at most a quarter of its clock\?$",
    ):
        RemoteAccelerator(dataflow, URL, LinkOptions(baud=3_000_000, patience_s=0.01))
    assert pyftdi.calls[-1] == ("close",)
