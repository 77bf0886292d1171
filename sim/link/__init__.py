# SPDX-License-Identifier: Apache-2.0
"""A board with the linked accelerator, simulated behind a pseudo-terminal or an SPI."""

from xnorflow.sim.link.board import BoardOptions, SimulatedBoard
from xnorflow.sim.link.faults import Faults
from xnorflow.sim.link.spi_board import SimulatedSpiBoard

__all__ = ["BoardOptions", "Faults", "SimulatedBoard", "SimulatedSpiBoard"]
