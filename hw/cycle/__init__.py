# SPDX-License-Identifier: Apache-2.0
"""The cycle model: when every beat of a design moves, without its data, to the cycle."""

from xnorflow.hw.cycle.controls import CONTROLS
from xnorflow.hw.cycle.simulation import (
    Activity,
    CycleTrace,
    Pauses,
    Simulation,
    Traffic,
    simulate_cycles,
    simulate_rhythm,
)
from xnorflow.hw.cycle.standstill import Standstill, Wait

__all__ = [
    "CONTROLS",
    "Activity",
    "CycleTrace",
    "Pauses",
    "Simulation",
    "Standstill",
    "Traffic",
    "Wait",
    "simulate_cycles",
    "simulate_rhythm",
]
