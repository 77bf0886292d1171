# SPDX-License-Identifier: Apache-2.0
"""Dataflow to dataflow: layers whose weights are constants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import MVAU, Dataflow, Device, Layer, SparseMVAU, StreamType, UnrolledMVAU

__all__ = ["Unroll", "unrolled"]

MOST_INPUT_BITS = 2
"""Widest inputs that are added up bit by bit; wider ones make better adders as numbers."""
MOST_COUNTED_BITS = 8
"""The same where counters do it (xc7)."""

MOST_WEIGHTS = 1 << 17
"""Weights of the largest layer that is unrolled: more LUTs than the largest ECP5 has."""


@dataclass(frozen=True, slots=True)
class Unroll:
    """Let MVAUs that see all inputs for all neurons in every cycle do without a weight memory.

    Layers stay as they are if they have more than :data:`MOST_WEIGHTS` weights, and where flags
    for 0 come with their inputs, or these have more than :data:`MOST_INPUT_BITS` bits (on xc7
    :data:`MOST_COUNTED_BITS`). Follows :class:`~xnorflow.hw.passes.fold.Fold`.

    Parameters
    ----------
    device
        Family for whose cells they are laid out; None for plain Verilog.
    """

    name: ClassVar[str] = "unroll"

    device: Device | None

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with an UnrolledMVAU wherever there can be one."""
        return Dataflow(
            tuple(
                unrolled(layer, dataflow.input_types(layer), self.device)
                for layer in layers_of(dataflow)
            )
        )


def unrolled(layer: Layer, inputs: tuple[StreamType, ...], device: Device | None) -> Layer:
    """The UnrolledMVAU of ``layer`` if there is one, else ``layer``.

    Parameters
    ----------
    inputs
        Types of the streams that it reads.
    """
    if not isinstance(layer, MVAU) or isinstance(layer, SparseMVAU) or layer.nf * layer.sf != 1:
        return layer
    if layer.weights.size > MOST_WEIGHTS:
        return layer
    most_bits = MOST_COUNTED_BITS if device is Device.XC7 else MOST_INPUT_BITS
    if inputs[0].zero_flags or inputs[0].element.width_bits > most_bits:
        return layer
    return UnrolledMVAU.of(replace(layer, device=device))
