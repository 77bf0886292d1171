# SPDX-License-Identifier: Apache-2.0
"""Ports, and the serial ones among them."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Protocol, Self

from xnorflow.errors import DeviceError, ToolError

__all__ = ["Port", "SerialPort"]


class Port(Protocol):
    """A way for bytes to a device and back."""

    def write(self, octets: bytes) -> None:
        """Send ``octets``."""

    def read(self, timeout_s: float) -> bytes:
        """What has come; waits for the first byte at most ``timeout_s``, and gives b"" then."""

    def forget(self) -> None:
        """Throw away what has come, and what has not been sent."""


class SerialPort:
    """A serial port of this computer, opened for this program alone, by pyserial.

    Parameters
    ----------
    path
        Name of the port: ``/dev/ttyUSB1``, ``COM3``.
    baud
        Bits a second: 8 data bits, no parity, 1 stop bit, no flow control.

    Raises
    ------
    ToolError
        If pyserial is not installed.
    DeviceError
        If the port cannot be opened; later, if it goes away.
    """

    def __init__(self, path: str, baud: int) -> None:
        serial = import_serial()
        self._errors = (serial.SerialException, OSError)
        self._path = path
        try:
            self._serial: Any = serial.Serial(path, baud, exclusive=True)
        except (*self._errors, ValueError) as error:
            raise DeviceError(f"{path} cannot be opened at {baud} baud: {reason(error)}") from error

    def write(self, octets: bytes) -> None:
        """Send ``octets``."""
        try:
            self._serial.write(octets)
        except self._errors as error:
            raise self._gone(error) from error

    def read(self, timeout_s: float) -> bytes:
        """What has come; waits for the first byte at most ``timeout_s``, and gives b"" then."""
        try:
            self._serial.timeout = max(0.0, timeout_s)
            first: bytes = self._serial.read(1)
            rest: bytes = self._serial.read(self._serial.in_waiting) if first else b""
        except self._errors as error:
            raise self._gone(error) from error
        return first + rest

    def forget(self) -> None:
        """Throw away what has come, and what has not been sent."""
        try:
            self._serial.reset_input_buffer()
            self._serial.reset_output_buffer()
        except self._errors as error:
            raise self._gone(error) from error

    def close(self) -> None:
        """Close the port."""
        self._serial.close()

    def _gone(self, error: Exception) -> DeviceError:
        return DeviceError(f"the device at {self._path} went away: {reason(error)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def import_serial() -> Any:
    """The package pyserial."""
    try:
        import serial
    except ModuleNotFoundError as error:
        raise ToolError(
            "pyserial is not installed, needed to reach a board: pip install 'xnorflow[board]'"
        ) from error
    return serial


def reason(error: Exception) -> str:
    """What an error of the system says, without names and numbers."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error)
