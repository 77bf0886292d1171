# SPDX-License-Identifier: Apache-2.0
"""What came of a bitstream's making: resources, clock, and what to do if it came to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xnorflow.bitstreams.clocking import ClockPlan
from xnorflow.bitstreams.timing import TimingResult
from xnorflow.bitstreams.usage import Usage
from xnorflow.hw.link import LineKind

__all__ = ["BitstreamReport", "ClockFacts"]


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """A board's clock.

    Parameters
    ----------
    oscillator_mhz, requested_mhz, mhz
        The oscillator, what was asked for, and what the design runs at.
    pll
        Dividers of the PLL; None without one.
    pfd_mhz, vco_mhz
        Of the PLL.
    """

    oscillator_mhz: float
    requested_mhz: float
    mhz: float
    pll: Mapping[str, int] | None
    pfd_mhz: float | None
    vco_mhz: float | None

    @classmethod
    def of(cls, plan: ClockPlan) -> ClockFacts:
        """The facts of ``plan``."""
        pll = plan.pll
        return cls(
            oscillator_mhz=plan.oscillator_hz / 1e6,
            requested_mhz=float(plan.requested_hz / 1_000_000),
            mhz=plan.mhz,
            pll=None if pll is None else pll.dividers,
            pfd_mhz=None if pll is None else float(pll.pfd_hz / 1_000_000),
            vco_mhz=None if pll is None else float(pll.vco_hz / 1_000_000),
        )


@dataclass(frozen=True, slots=True)
class BitstreamReport:
    """What came of it.

    Parameters
    ----------
    board, part
        The board and its FPGA.
    link
        The link to the host; None if the accelerator was measured alone.
    baud
        Its rate, if it is a UART.
    max_sck_mhz
        Its highest SCK, if it is SPI.
    clock
        The clock.
    usage
        Cells used and available, as nextpnr counts them.
    layers
        Cells of each layer after synthesis, by resource; "" is everything else.
    timing
        The clock that is reached; None if the design does not fit.
    frames_per_second
        Of the accelerator at this clock, whatever the link brings.
    seed
        Of the placement.
    tools
        Version of each tool, by name.
    model_sha256
        Digest of the network.
    file
        The bitstream; None if there is none.
    sha256
        Its digest.
    advice
        Commands that would help, and why, if there is none.
    seconds
        Time that each step took.
    """

    board: str
    part: str
    link: LineKind | None
    baud: int | None
    max_sck_mhz: float | None
    clock: ClockFacts
    usage: tuple[Usage, ...]
    layers: Mapping[str, Mapping[str, int]]
    timing: TimingResult | None
    frames_per_second: float
    seed: int
    tools: Mapping[str, str]
    model_sha256: str
    seconds: Mapping[str, float]
    file: Path | None = None
    sha256: str | None = None
    advice: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the board's FPGA is large enough."""
        return self.timing is not None

    @property
    def passed(self) -> bool:
        """Whether it fits and meets its clock."""
        return self.timing is not None and self.timing.met

    def to_document(self) -> dict[str, Any]:
        """All that is the same for the same inputs and tools."""
        document = asdict(self)
        for name in ("seconds", "advice"):
            del document[name]
        return document | {"file": None if self.file is None else self.file.name}
