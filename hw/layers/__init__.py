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
from xnorflow.hw.layers.add import AddUnit
from xnorflow.hw.layers.concat import ConcatUnit
from xnorflow.hw.layers.fifo import Fifo
from xnorflow.hw.layers.fork import Fork
from xnorflow.hw.layers.global_pool import GlobalPoolUnit
from xnorflow.hw.layers.label_select import LabelSelect
from xnorflow.hw.layers.mvau import Mvau
from xnorflow.hw.layers.pad import PadUnit
from xnorflow.hw.layers.pool import PoolUnit
from xnorflow.hw.layers.sliding_window import SlidingWindow
from xnorflow.hw.layers.sparse_mvau import SparseMvau
from xnorflow.hw.layers.thermometer import ThermometerUnit
from xnorflow.hw.layers.thresholding import Thresholding
from xnorflow.hw.layers.unrolled_mvau import UnrolledMvau
from xnorflow.hw.layers.upsample import UpsampleUnit
from xnorflow.hw.layers.vvau import Vvau
from xnorflow.hw.layers.width_converter import WidthConverter

__all__ = [
    "COMPONENTS",
    "AddUnit",
    "ConcatUnit",
    "Fifo",
    "Fork",
    "GlobalPoolUnit",
    "LabelSelect",
    "Mvau",
    "PadUnit",
    "PoolUnit",
    "SlidingWindow",
    "SparseMvau",
    "ThermometerUnit",
    "Thresholding",
    "UpsampleUnit",
    "Vvau",
    "WidthConverter",
    "make_component",
]

COMPONENTS: Mapping[type[ir.Layer], type[Component]] = MappingProxyType(
    {
        ir.MVAU: Mvau,
        ir.SparseMVAU: SparseMvau,
        ir.UnrolledMVAU: UnrolledMvau,
        ir.VVAU: Vvau,
        ir.PoolUnit: PoolUnit,
        ir.GlobalPoolUnit: GlobalPoolUnit,
        ir.ThermometerUnit: ThermometerUnit,
        ir.Fork: Fork,
        ir.AddUnit: AddUnit,
        ir.ConcatUnit: ConcatUnit,
        ir.Thresholding: Thresholding,
        ir.PadUnit: PadUnit,
        ir.SlidingWindow: SlidingWindow,
        ir.UpsampleUnit: UpsampleUnit,
        ir.WidthConverter: WidthConverter,
        ir.Fifo: Fifo,
        ir.LabelSelect: LabelSelect,
    }
)
"""Component of each layer kind; it is made from the node and the type of each input stream.

:class:`~xnorflow.ir.StreamInput` has none: the accelerator's top is its component.
"""


def make_component(node: ir.Layer, inputs: tuple[ir.StreamType, ...]) -> Component:
    """The component of ``node``, in domain ``sync``, with streams ``i`` and ``o`` as members.

    Where there are several they are ``i_0``, ``i_1``, ... in the order of ``node.inputs``, and
    ``o_0``, ``o_1``, ....

    Raises
    ------
    GraphError
        If the kind of ``node`` has no component, or the node cannot read such streams.
    """
    if type(node) not in COMPONENTS:
        known = ", ".join(kind.mnemonic for kind in COMPONENTS)
        raise node.fail(f"a layer must be one of {known} to have a component, not {node.mnemonic}")
    return COMPONENTS[type(node)](node, *inputs)
