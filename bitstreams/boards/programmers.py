# SPDX-License-Identifier: Apache-2.0
"""Tools that program boards."""

from __future__ import annotations

from xnorflow.bitstreams.boards.board import Programmer

__all__ = ["DFU_UTIL", "ECPDAP", "ICEPROG", "ICEPROG_SRAM", "open_fpga_loader"]

ICEPROG = Programmer("iceprog", (), "apt install fpga-icestorm")
"""Writes the flash of a board with an FTDI chip."""

ICEPROG_SRAM = Programmer("iceprog", ("-S",), ICEPROG.install)
"""Writes the configuration memory of an iCE40 that an FTDI chip reaches as its SPI peripheral."""

DFU_UTIL = Programmer("dfu-util", ("-a", "0", "-D"), "apt install dfu-util")
"""Sends a file to a boot loader by USB's device firmware upgrade."""

ECPDAP = Programmer("ecpdap", ("program",), "cargo install ecpdap")
"""Writes the configuration memory of an ECP5 through a CMSIS-DAP adapter."""


def open_fpga_loader(board: str) -> Programmer:
    """OpenFPGALoader, by its name for the board (its ``doc/boards.yml``)."""
    return Programmer("openFPGALoader", ("-b", board), "apt install openfpgaloader")
