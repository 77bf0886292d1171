# SPDX-License-Identifier: Apache-2.0
"""What a simulated board answered."""

from __future__ import annotations

from dataclasses import dataclass

from xnorflow.sim.compare import EdgeResult

__all__ = ["ReadbackReport"]


@dataclass(frozen=True, slots=True)
class ReadbackReport:
    """What a simulated board answered.

    Parameters
    ----------
    board
        The board.
    subject
        What was simulated: the bitstream itself, or the netlist that it was made of.
    dataset, images
        Where the images came from, and how many were sent.
    output
        The comparison of all outputs with the reference.
    latency_cycles
        From the first beat of an image to the first beat of its result, as the board says.
    cycles
        Clock cycles that were simulated.
    seconds
        Time that took, without reading the bitstream back.
    """

    board: str
    subject: str
    dataset: str
    images: int
    output: EdgeResult
    latency_cycles: int
    cycles: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return self.output.mismatches == 0
