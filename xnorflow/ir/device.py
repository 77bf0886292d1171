# SPDX-License-Identifier: Apache-2.0
"""FPGA families, as far as a graph has to know them."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Device"]


class Device(StrEnum):
    """FPGA families."""

    ICE40 = "ice40"
    ECP5 = "ecp5"
    GOWIN = "gowin"
    XC7 = "xc7"
