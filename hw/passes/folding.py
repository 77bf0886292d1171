# SPDX-License-Identifier: Apache-2.0
"""Folding plans: how far each layer is time-multiplexed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from xnorflow.hw.passes.rewrite import is_feeder, layers_of
from xnorflow.ir import (
    MVAU,
    VVAU,
    Dataflow,
    Fifo,
    Folding,
    Fork,
    Layer,
    PoolUnit,
    RamStyle,
    SlidingWindow,
    Thresholding,
    WidthConverter,
)

__all__ = [
    "FoldedLayer",
    "FoldingPlan",
    "folding_of",
    "is_folded",
    "lanes_into",
    "plan_of",
    "window_unit",
]

FoldedLayer: TypeAlias = MVAU | VVAU | Thresholding | PoolUnit
"""Layers that hold their folding; that of all others is the lanes of their streams."""


@dataclass(frozen=True, slots=True)
class FoldingPlan:
    """Folding of every layer of a dataflow graph, by the layer's name.

    ====================  =================================  ===========================
    layer                 ``pe``                             ``simd``
    ====================  =================================  ===========================
    MVAU                  neurons in parallel                inputs a cycle
    VVAU, PoolUnit        channels in parallel               taps of a window a cycle
    Thresholding          channels in parallel               1
    StreamInput           lanes of the accelerator's input   1
    all others            lanes that they take               1
    ====================  =================================  ===========================

    Parameters
    ----------
    layers
        Folding by name, in the order of the graph.
    fifo_depths
        Depth in beats of the FIFO before each input of a layer, by the layer's name; those of
        the other layers are computed.
    """

    layers: Mapping[str, Folding]
    fifo_depths: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def to_json(self) -> str:
        """The plan as a folding file, with FINN's keys; what it leaves out has its default.

        Examples
        --------
        >>> print(FoldingPlan({"fc1": Folding(pe=4, simd=8)}).to_json(), end="")
        {
         "Defaults": {},
         "fc1": {"PE": 4, "SIMD": 8}
        }
        """
        rows: dict[str, dict[str, Any]] = {"Defaults": {}}
        for name, folding in self.layers.items():
            rows[name] = entry(folding)
            if name in self.fifo_depths:
                rows[name]["inFIFODepths"] = list(self.fifo_depths[name])
        lines = [f" {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"


def entry(folding: Folding) -> dict[str, Any]:
    """``folding`` under FINN's keys, without what has its default value."""
    row: dict[str, Any] = {"PE": folding.pe}
    if folding.simd != 1:
        row["SIMD"] = folding.simd
    if folding.ram_style is not RamStyle.AUTO:
        row["ram_style"] = folding.ram_style.value
    return row


def is_folded(layer: Layer) -> bool:
    """Whether a plan has an entry for ``layer``: unless it takes the lanes that come."""
    return not (isinstance(layer, WidthConverter | Fifo | Fork) or is_feeder(layer))


def window_unit(layer: Layer, dataflow: Dataflow) -> SlidingWindow | None:
    """The sliding-window unit that feeds ``layer``, if one does."""
    if len(layer.inputs) != 1:
        return None
    maker = dataflow.node(layer.inputs[0])
    return maker if isinstance(maker, SlidingWindow) else None


def lanes_into(layer: Layer, folding: Folding, dataflow: Dataflow) -> int:
    """Lanes in which the elements for ``layer`` come, before padding and windows are made.

    An MVAU behind windows takes ``simd`` elements of as many channels as ``simd`` and the pixel
    have in common.
    """
    if not isinstance(layer, MVAU):
        return folding.pe
    windows = window_unit(layer, dataflow)
    return math.gcd(folding.simd, windows.shape[2]) if windows else folding.simd


def plan_of(dataflow: Dataflow) -> FoldingPlan:
    """The plan by which ``dataflow`` is folded, without depths of FIFOs: they are computed anew."""
    folded = (layer for layer in layers_of(dataflow) if is_folded(layer))
    return FoldingPlan({layer.name: folding_of(layer, dataflow) for layer in folded})


def folding_of(layer: Layer, dataflow: Dataflow) -> Folding:
    """Folding of one layer."""
    if isinstance(layer, FoldedLayer):
        return layer.folding
    stream = (dataflow.input_types(layer) or (dataflow.types[layer.name],))[0]
    return Folding(pe=stream.lanes)
