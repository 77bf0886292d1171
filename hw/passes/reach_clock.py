# SPDX-License-Identifier: Apache-2.0
"""Dataflow to dataflow: as many registers as a clock asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from xnorflow.errors import FoldingError
from xnorflow.hw.estimate.clock import design_clock, layer_clock_mhz
from xnorflow.hw.estimate.resources import layer_resources
from xnorflow.hw.families import Device
from xnorflow.hw.passes.folding_choices import Prices
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import MVAU, VVAU, Dataflow, Layer, Pipelining, StreamType, UnrolledMVAU

__all__ = ["PIPELININGS", "ReachClock", "check_clock"]

PIPELININGS = (
    Pipelining(operands=False, levels=2),
    Pipelining(operands=False, levels=1),
    Pipelining(operands=True, levels=2),
    Pipelining(operands=True, levels=1),
)
"""What there is to choose from; of equal costs, the first."""

UNROLLED_PIPELININGS = tuple(Pipelining(operands=False, levels=levels) for levels in (4, 3, 2, 1))
"""The same for unrolled layers."""


@dataclass(frozen=True, slots=True)
class ReachClock:
    """Give layers with weights the cheapest pipelining that is expected to reach a clock.

    Where none is, a layer gets the cheapest of the fastest. Follows
    :class:`~xnorflow.hw.passes.use_cells.UseCells`.

    Parameters
    ----------
    device
        The family.
    target_mhz
        The clock.
    """

    name: ClassVar[str] = "reach-clock"

    device: Device
    target_mhz: float

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with the registers that the clock takes."""
        return Dataflow(
            tuple(self._piped(layer, dataflow.input_types(layer)) for layer in layers_of(dataflow))
        )

    def _piped(self, layer: Layer, inputs: tuple[StreamType, ...]) -> Layer:
        if not isinstance(layer, MVAU | VVAU):
            return layer
        pipelinings = UNROLLED_PIPELININGS if isinstance(layer, UnrolledMVAU) else PIPELININGS
        choices = [replace(layer, pipelining=pipelining) for pipelining in pipelinings]
        clocks = [layer_clock_mhz(choice, inputs, self.device) for choice in choices]
        wanted = min(self.target_mhz, max(clocks))
        reaching = [choice for choice, mhz in zip(choices, clocks, strict=True) if mhz >= wanted]
        return min(
            reaching,
            key=lambda choice: Prices().cost(layer_resources(choice, inputs, self.device)),
        )


def check_clock(dataflow: Dataflow, device: Device, target_mhz: float) -> None:
    """Refuse a design that is not expected to reach a clock, though pipelined for it.

    Raises
    ------
    FoldingError
        If it is not; says what the best expected clock is, and which layer bounds it.
    """
    clock = design_clock(dataflow, device)
    if clock.expected_mhz < target_mhz:
        raise FoldingError(
            f"{target_mhz:g} MHz is out of reach on {device}: the best expected is "
            f"{int(clock.expected_mhz)} MHz, which layer {clock.layer!r} bounds"
        )
