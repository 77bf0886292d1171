# SPDX-License-Identifier: Apache-2.0
"""SPI as a port: bytes go both ways at once, and only when the host has its clock run."""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

from xnorflow.bitstreams.link.port import reason
from xnorflow.errors import DeviceError, ToolError
from xnorflow.hw.link.protocol import FLAG
from xnorflow.hw.link.spi import FILLER

__all__ = ["FtdiController", "SpiController", "SpiPort"]

POLL_BYTES = 64
"""Sent to hear whether the device has something to say."""

CHIP_SELECT = 1
"""ADBUS4 of the FTDI chip, as iceprog has it on boards with an iCE40. 0 is ADBUS3."""

FTDI_CLOCK_HZ = 30e6
"""Of FT2232H, FT4232H and FT232H: SCK is a whole fraction of it."""

MAX_DIVIDER = 1 << 16

TRANSFER_BYTES = 2048
"""At most in one transfer: half of the FTDI chip's buffer, which holds what has not been read."""

TRANSFER_S = 0.01
"""Longest time of a transfer: pyftdi does not wait long for its end."""


class SpiController(Protocol):
    """The controller of an SPI: mode 0, 8 bits, most significant bit first."""

    def exchange(self, octets: bytes) -> bytes:
        """Send ``octets``; gives what came meanwhile, as many."""

    def close(self) -> None:
        """Leave the device alone."""


class SpiPort:
    """A port over SPI.

    The device sends :data:`~xnorflow.hw.link.spi.FILLER` where it has nothing to say: these are
    left out. Where the host has nothing to say it sends flags, which are empty frames.

    Parameters
    ----------
    controller
        The host's end.
    """

    def __init__(self, controller: SpiController) -> None:
        self._controller = controller
        self._came = bytearray()

    def write(self, octets: bytes) -> None:
        """Send ``octets``."""
        came = self._controller.exchange(octets)
        self._came += came.replace(bytes((FILLER,)), b"")

    def read(self, timeout_s: float) -> bytes:
        """What has come; waits for the first byte at most ``timeout_s``, and gives b"" then."""
        deadline = time.monotonic() + timeout_s
        while not self._came:
            self.write(bytes((FLAG,)) * POLL_BYTES)
            if time.monotonic() >= deadline:
                break
        came = bytes(self._came)
        self._came.clear()
        return came

    def forget(self) -> None:
        """Throw away what has come."""
        self._came.clear()

    def close(self) -> None:
        """Close the controller."""
        self._controller.close()


class FtdiController:
    """The controller in an FTDI chip with MPSSE, by pyftdi.

    Parameters
    ----------
    url
        Name of the chip's channel as pyftdi has it: ``ftdi://ftdi:2232h/1``.
    sck_hz
        SCK; the next lower one that the chip makes is taken.

    Raises
    ------
    ToolError
        If pyftdi is not installed.
    DeviceError
        If the channel cannot be opened; later, if it goes away.
    """

    def __init__(self, url: str, sck_hz: float) -> None:
        spi, url_error = import_pyftdi()
        self._url = url
        frequency = sck_below(sck_hz)
        self._most_bytes = max(1, min(TRANSFER_BYTES, int(frequency / 8 * TRANSFER_S)))
        self._controller: Any = spi.SpiController(cs_count=CHIP_SELECT + 1)
        try:
            self._controller.configure(url, frequency=frequency)
            self._port = self._controller.get_port(cs=CHIP_SELECT, freq=frequency, mode=0)
        except (OSError, ValueError, url_error) as error:
            raise DeviceError(f"{url} cannot be opened: {reason(error)}") from error

    def exchange(self, octets: bytes) -> bytes:
        """Send ``octets``; gives what came meanwhile, as many."""
        parts = range(0, len(octets), self._most_bytes)
        return b"".join(self._transfer(octets[n : n + self._most_bytes]) for n in parts)

    def _transfer(self, octets: bytes) -> bytes:
        try:
            came = bytes(self._port.exchange(octets, duplex=True))
        except OSError as error:
            raise DeviceError(f"the device at {self._url} went away: {reason(error)}") from error
        if len(came) != len(octets):
            raise DeviceError(
                f"the device at {self._url} went away: {len(came)} bytes of {len(octets)} came"
            )
        return came

    def close(self) -> None:
        """Close the channel."""
        self._controller.close()


def sck_below(sck_hz: float) -> float:
    """The highest SCK of an FTDI chip that is not above ``sck_hz``, or its lowest.

    Examples
    --------
    >>> sck_below(4e6)
    3750000.0
    """
    return FTDI_CLOCK_HZ / min(MAX_DIVIDER, math.ceil(FTDI_CLOCK_HZ / sck_hz))


def import_pyftdi() -> tuple[Any, type[Exception]]:
    """Pyftdi's module for SPI, and its error for a URL."""
    try:
        from pyftdi import spi
        from pyftdi.usbtools import UsbToolsError
    except ModuleNotFoundError as error:
        raise ToolError(
            "pyftdi is not installed, needed to reach a board by SPI: pip install 'xnorflow[spi]'"
        ) from error
    return spi, UsbToolsError
