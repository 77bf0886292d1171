# SPDX-License-Identifier: Apache-2.0
"""The FPGAs of the ECP5 family that the boards have."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ECP5_PARTS", "LVCMOS33", "PULLED_UP", "Ecp5Part"]

LVCMOS33 = {"IO_TYPE": "LVCMOS33"}
PULLED_UP = {"IO_TYPE": "LVCMOS33", "PULLMODE": "UP"}


@dataclass(frozen=True, slots=True)
class Ecp5Part:
    """What an FPGA has, as nextpnr counts it.

    Parameters
    ----------
    option
        Nextpnr's option for it.
    luts, block_rams, dsps
        TRELLIS_COMB, DP16KD and MULT18X18D.
    """

    option: str
    luts: int
    block_rams: int
    dsps: int


ECP5_PARTS = {
    "LFE5U-12F": Ecp5Part("--12k", 24288, 56, 28),
    "LFE5U-25F": Ecp5Part("--25k", 24288, 56, 28),
    "LFE5U-45F": Ecp5Part("--45k", 43848, 108, 72),
    "LFE5U-85F": Ecp5Part("--85k", 83640, 208, 156),
}
"""By name. The smallest is the die of the next one, and the open tools use all of it."""
