# SPDX-License-Identifier: Apache-2.0
"""What to verify."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from xnorflow.errors import ConfigError
from xnorflow.hw.families import Device

__all__ = ["VerifyEngine", "VerifyOptions"]


class VerifyEngine(StrEnum):
    """Which comparisons to make."""

    REFERENCE = "reference"
    RTL = "rtl"
    GATES = "gates"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What to verify, and with how much data.

    Parameters
    ----------
    engine
        ``reference``: PyTorch against the reference. ``rtl``: the emitted Verilog as well.
        ``all``: as ``rtl``, with every test image through PyTorch and the reference. ``gates``: as
        ``reference``, and the synthesised netlist as well.
    images
        Number of images; by default all of them, and 100 in RTL.
    data
        Data set name or path; by default the test images of the data set trained on.
    stall_seed
        Seed of the stalls in the second run of hardware; None leaves that run out.
    second_opinion
        Whether to ask another simulator, if one is installed.
    device
        Family whose netlist is made; None for generic gates. Only for ``gates``.
    """

    engine: VerifyEngine = VerifyEngine.ALL
    images: int | None = None
    data: str | None = None
    stall_seed: int | None = 0
    second_opinion: bool = True
    device: Device | None = None

    def __post_init__(self) -> None:
        if self.images is not None and self.images < 1:
            raise ConfigError(f"images must be 1 or more, not {self.images}")
        if self.device is not None and self.engine is not VerifyEngine.GATES:
            raise ConfigError(f"a device ({self.device}) needs the gates engine")

    @property
    def with_rtl(self) -> bool:
        """Whether the emitted Verilog is run."""
        return self.engine in (VerifyEngine.RTL, VerifyEngine.ALL)

    @property
    def with_netlist(self) -> bool:
        """Whether the netlist is run."""
        return self.engine is VerifyEngine.GATES
