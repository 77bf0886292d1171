# SPDX-License-Identifier: Apache-2.0
"""Layer components: one for each kind of layer that has hardware of its own.

The kinds, their components and their timing stand in two tables: :data:`COMPONENTS` here and
:data:`xnorflow.hw.estimate.cycles.TIMINGS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from amaranth.lib.wiring import Component

from xnorflow import ir
from xnorflow.hw.layers.fifo import Fifo
from xnorflow.hw.layers.label_select import LabelSelect
from xnorflow.hw.layers.mvau import Mvau
from xnorflow.hw.layers.thresholding import Thresholding
from xnorflow.hw.layers.width_converter import WidthConverter

__all__ = [
    "COMPONENTS",
    "Fifo",
    "LabelSelect",
    "Mvau",
    "Thresholding",
    "WidthConverter",
    "make_component",
]

COMPONENTS: Mapping[type[ir.Layer], type[Component]] = MappingProxyType(
    {
        ir.MVAU: Mvau,
        ir.Thresholding: Thresholding,
        ir.WidthConverter: WidthConverter,
        ir.Fifo: Fifo,
        ir.LabelSelect: LabelSelect,
    }
)
"""Component of each layer kind; it is made from the node and the type of each input stream.

:class:`~xnorflow.ir.StreamInput` has none: the accelerator's top is its component.
"""


def make_component(node: ir.Layer, inputs: tuple[ir.StreamType, ...]) -> Component:
    """The component of ``node``, with members ``i`` and ``o`` in domain ``sync``.

    Raises
    ------
    GraphError
        If the kind of ``node`` has no component, or the node cannot read such streams.
    """
    if type(node) not in COMPONENTS:
        known = ", ".join(kind.mnemonic for kind in COMPONENTS)
        raise node.fail(f"a layer must be one of {known} to have a component, not {node.mnemonic}")
    return COMPONENTS[type(node)](node, *inputs)
