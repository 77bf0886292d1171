# SPDX-License-Identifier: Apache-2.0
"""Dataflow to dataflow: layers in the cells of an FPGA family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

from xnorflow.errors import ToolError
from xnorflow.hw.layers.product_unit import can_use_cells
from xnorflow.hw.layers.weight_memory import is_loaded
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import MVAU, VVAU, Dataflow, Device, Layer, Pipelining, StreamType

__all__ = ["UseCells", "check_family", "in_cells"]

CELL_PIPELINING: Mapping[Device, Pipelining] = MappingProxyType(
    {
        # Block RAM is slow but for its output register, carry chains cost no more registers than
        # there are cells anyway.
        Device.ECP5: Pipelining(operands=True, levels=1),
    }
)
"""Of layers in the cells of a family, unless a clock is asked for; others are as usual."""


@dataclass(frozen=True, slots=True)
class UseCells:
    """Let MVAUs and VVAUs of 1-bit weights and inputs count their matches in a family's cells.

    Layers stay as they are where flags for 0 come with their inputs, or their weights are
    constants. Follows the passes that decide on folding.

    Parameters
    ----------
    device
        The family.
    """

    name: ClassVar[str] = "use-cells"

    device: Device

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with the family's cells wherever there are some for it."""
        return Dataflow(
            tuple(
                in_cells(layer, dataflow.input_types(layer), self.device)
                for layer in layers_of(dataflow)
            )
        )


def check_family(dataflow: Dataflow, device: Device) -> None:
    """Refuse to synthesise for ``device`` what was built of another family's cells.

    Raises
    ------
    ToolError
        If it was.
    """
    for layer in layers_of(dataflow):
        built_for = family_of(layer)
        if built_for not in (None, device):
            raise ToolError(
                f"the design is built for {built_for}, not {device}: build it with "
                f"--device {device} or --portable"
            )


def family_of(layer: Layer) -> Device | None:
    """The family that ``layer`` is built for; None if it is plain Verilog."""
    if not isinstance(layer, MVAU | VVAU):
        return None
    return Device.ICE40 if is_loaded(layer) else layer.device


def in_cells(layer: Layer, inputs: tuple[StreamType, ...], device: Device) -> Layer:
    """``layer`` in the cells of ``device`` if it can be, else as it is.

    Parameters
    ----------
    inputs
        Types of the streams that it reads.
    """
    if isinstance(layer, MVAU | VVAU) and can_use_cells(layer, inputs[0]):
        pipelining = CELL_PIPELINING.get(device, layer.pipelining)
        return replace(layer, device=device, pipelining=pipelining)
    return layer
