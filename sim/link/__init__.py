# SPDX-License-Identifier: Apache-2.0
"""A board with the linked accelerator, simulated behind a pseudo-terminal."""

from xnorflow.sim.link.board import BoardOptions, SimulatedBoard
from xnorflow.sim.link.faults import Faults

__all__ = ["BoardOptions", "Faults", "SimulatedBoard"]
