# SPDX-License-Identifier: Apache-2.0
"""The cycle model as an engine: timing without data, under the same traffic as the RTL engine."""

from __future__ import annotations

from xnorflow.errors import SimulationError
from xnorflow.hw.cycle import CycleTrace, Pauses, Traffic, simulate_cycles
from xnorflow.ir import Dataflow
from xnorflow.sim.stalls import NO_STALLS, Stalls

__all__ = ["CycleEngine", "traffic_of"]


class CycleEngine:
    """Finds the cycle in which every beat moves on every stream of a design.

    Control does not depend on data, so no frame is needed, only their number. The cycles are those
    of :class:`~xnorflow.sim.rtl.RtlEngine`, at thousands of times its speed.

    Parameters
    ----------
    dataflow
        The graph of the design.
    """

    def __init__(self, dataflow: Dataflow) -> None:
        self.dataflow = dataflow

    def run(self, frames: int, stalls: Stalls | None = None) -> CycleTrace:
        """Send ``frames`` frames through the design, from reset until all have left it.

        Parameters
        ----------
        frames
            Number of frames, 1 or more.
        stalls
            Pauses of source and sink; None for none.

        Raises
        ------
        SimulationError
            If the design comes to a standstill; the message says who waits for whom.
        """
        trace = simulate_cycles(self.dataflow, frames, traffic_of(stalls or NO_STALLS))
        if trace.standstill is not None:
            raise SimulationError(str(trace.standstill))
        return trace


def traffic_of(stalls: Stalls) -> Traffic:
    """``stalls`` as the cycle model takes them."""
    return Traffic(
        source=Pauses(stalls.source_key, stalls.source_probability),
        sink=Pauses(stalls.sink_key, stalls.sink_probability),
    )
