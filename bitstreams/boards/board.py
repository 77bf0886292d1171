# SPDX-License-Identifier: Apache-2.0
"""What is known of a board: its FPGA, and the pins that a design on it uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from xnorflow.hw.families import Device

__all__ = ["Board", "Pin", "Programmer"]


@dataclass(frozen=True, slots=True)
class Pin:
    """A pin of the FPGA's package.

    Parameters
    ----------
    site
        Its name on the package.
    attributes
        Electrical settings by the names of the family's constraint file.
    inverted
        Whether 0 stands for what the name says: a LED that is lit by 0.
    """

    site: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Programmer:
    """A tool that brings a bitstream into a board.

    Parameters
    ----------
    executable
        Name of the program.
    arguments
        What follows it; the file comes last.
    install
        How to get it.
    """

    executable: str
    arguments: tuple[str, ...]
    install: str

    def command(self, file: str) -> tuple[str, ...]:
        """The words of the command line for ``file``."""
        return (self.executable, *self.arguments, file)


@dataclass(frozen=True, slots=True)
class Board:
    """A board.

    Parameters
    ----------
    name
        What it is called on the command line.
    title
        What people call it.
    device
        Its FPGA's family.
    part
        Its FPGA.
    nextpnr
        Options of nextpnr that choose the FPGA, its package and its speed grade.
    packer
        Options of the tool that packs the bitstream.
    suffix
        Ending of the bitstream's file.
    oscillator_hz
        Clock that comes in at ``clock``.
    default_clock_mhz
        Clock of a design if none is asked for: one that a usual design meets.
    luts, block_rams, dsps, sprams
        What the FPGA has of the cells that :data:`~xnorflow.hw.families.FAMILIES` counts.
    clock, led, rx, tx
        Pins: oscillator, LED, and the UART as the FPGA sees it, ``rx`` an input.
    programmers
        Tools that program it, the best first.
    source
        Where these facts come from.
    pll_at_pad
        Whether the oscillator's pin is the PLL's own, which then cannot be an input (iCE40).
    held_high
        Pins that must be 1 for the board to work, and why, by their names in the design.
    spi
        Pins of an SPI whose controller is the host, by the ports of
        :class:`~xnorflow.hw.link.line.Spi`; empty if there is none.
    spi_programmers
        Tools that program the board while it is wired for it, the best first.
    dfu
        USB vendor and product of its boot loader, if that takes files with a DFU suffix.
    """

    name: str
    title: str
    device: Device
    part: str
    nextpnr: tuple[str, ...]
    packer: tuple[str, ...]
    suffix: str
    oscillator_hz: int
    default_clock_mhz: float
    luts: int
    block_rams: int
    dsps: int
    clock: Pin
    led: Pin
    rx: Pin
    tx: Pin
    programmers: tuple[Programmer, ...]
    source: str
    pll_at_pad: bool = False
    held_high: Mapping[str, Pin] = field(default_factory=dict)
    spi: Mapping[str, Pin] = field(default_factory=dict)
    spi_programmers: tuple[Programmer, ...] = ()
    dfu: tuple[int, int] | None = None
    sprams: int = 0

    @property
    def pins(self) -> dict[str, Pin]:
        """All pins by the names of the ports of a design with a UART."""
        return self.pins_for(("rx", "tx"))

    def pins_for(self, ports: Iterable[str]) -> dict[str, Pin]:
        """All pins by the names of the ports of a design with these ``ports`` to the host."""
        line = {"rx": self.rx, "tx": self.tx, **self.spi}
        named = {
            "clk": self.clock,
            **{port: line[port] for port in ports},
            "led": self.led,
            **self.held_high,
        }
        return {f"{name}_pin": pin for name, pin in named.items()}
