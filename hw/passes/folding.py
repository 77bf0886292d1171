# SPDX-License-Identifier: Apache-2.0
"""Folding plans: how far each layer is time-multiplexed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import (
    MVAU,
    Dataflow,
    Folding,
    LabelSelect,
    Layer,
    RamStyle,
    StreamInput,
    Thresholding,
)

__all__ = ["FoldingPlan", "is_folded", "plan_of"]


@dataclass(frozen=True, slots=True)
class FoldingPlan:
    """Folding of every layer of a dataflow graph, by the layer's name.

    ==============  =================================  =====================
    layer           ``pe``                             ``simd``
    ==============  =================================  =====================
    MVAU            neurons in parallel                inputs a cycle
    Thresholding    channels in parallel               1
    StreamInput     lanes of the accelerator's input   1
    LabelSelect     lanes that it takes                1
    ==============  =================================  =====================

    Parameters
    ----------
    layers
        Folding by name, in the order of the graph.
    """

    layers: Mapping[str, Folding]

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
        rows |= {name: entry(folding) for name, folding in self.layers.items()}
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
    """Whether a plan has an entry for ``layer``."""
    return isinstance(layer, StreamInput | MVAU | Thresholding | LabelSelect)


def plan_of(dataflow: Dataflow) -> FoldingPlan:
    """The plan by which ``dataflow`` is folded."""
    return FoldingPlan(
        {
            layer.name: folding_of(layer, dataflow)
            for layer in layers_of(dataflow)
            if is_folded(layer)
        }
    )


def folding_of(layer: Layer, dataflow: Dataflow) -> Folding:
    """Folding of one layer."""
    if isinstance(layer, MVAU | Thresholding):
        return layer.folding
    (stream,) = dataflow.input_types(layer) or (dataflow.types[layer.name],)
    return Folding(pe=stream.lanes)
