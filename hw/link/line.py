# SPDX-License-Identifier: Apache-2.0
"""The lines between host and device."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from amaranth.lib.wiring import In, Member, Out

from xnorflow.hw.link.baud import DEFAULT_BAUD

__all__ = ["Line", "LineKind", "Spi", "Uart"]


class LineKind(StrEnum):
    """A kind of line."""

    UART = "uart"
    SPI = "spi"


@dataclass(frozen=True, slots=True)
class Uart:
    """An asynchronous serial line: 8 data bits, no parity, 1 stop bit (``xnorflow.hw.link.uart``).

    Parameters
    ----------
    baud
        Bits a second.
    """

    baud: int = DEFAULT_BAUD

    @property
    def ports(self) -> dict[str, Member]:
        """Ports of a design at this line."""
        return {"rx": In(1, init=1), "tx": Out(1, init=1)}


@dataclass(frozen=True, slots=True)
class Spi:
    """A synchronous line whose controller is the host (``xnorflow.hw.link.spi``)."""

    @property
    def ports(self) -> dict[str, Member]:
        """Ports of a design at this line."""
        return {"sck": In(1), "cs_n": In(1, init=1), "copi": In(1), "cipo": Out(1)}


Line: TypeAlias = Uart | Spi
