# SPDX-License-Identifier: Apache-2.0
"""Apply a folding plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from xnorflow.errors import FoldingError
from xnorflow.hw.passes.folding import FoldingPlan, is_folded
from xnorflow.hw.passes.rewrite import consumer, layers_of
from xnorflow.ir import (
    MVAU,
    Dataflow,
    Layer,
    StreamInput,
    Thresholding,
    WidthConverter,
    check_divides,
)

__all__ = ["Fold"]


@dataclass(frozen=True, slots=True)
class Fold:
    """Give each layer its folding, and each width converter the lanes that its reader takes.

    Needs a converter before every layer (:class:`InsertWidthConverters`).

    Parameters
    ----------
    plan
        Folding of every layer of the graph, and of no other.

    Raises
    ------
    FoldingError
        If the plan misses a layer, names one that is not there, or PE or SIMD does not divide.
    """

    name: ClassVar[str] = "fold"

    plan: FoldingPlan

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` folded as planned."""
        self._check_names(dataflow)
        return Dataflow(tuple(self._folded(layer, dataflow) for layer in layers_of(dataflow)))

    def _check_names(self, dataflow: Dataflow) -> None:
        wanted = [layer.name for layer in layers_of(dataflow) if is_folded(layer)]
        if missing := [name for name in wanted if name not in self.plan.layers]:
            raise FoldingError(
                f"a folding plan must fold every layer, not leave out {missing[0]!r}"
            )
        if extra := [name for name in self.plan.layers if name not in wanted]:
            raise FoldingError(
                f"a folding plan names layer {extra[0]!r}, which is not there "
                f"(layers: {', '.join(wanted)})"
            )

    def _folded(self, layer: Layer, dataflow: Dataflow) -> Layer:
        if isinstance(layer, WidthConverter):
            return replace(layer, lanes=self._lanes_into(consumer(layer, dataflow)))
        if isinstance(layer, MVAU | Thresholding):
            return replace(layer, folding=self.plan.layers[layer.name])
        (stream,) = dataflow.input_types(layer) or (dataflow.types[layer.name],)
        lanes = self.plan.layers[layer.name].pe
        check_divides("pe", lanes, "channels", stream.channels, layer.name)
        if isinstance(layer, StreamInput):
            return replace(layer, type=replace(layer.type, lanes=lanes))
        return layer

    def _lanes_into(self, layer: Layer) -> int:
        folding = self.plan.layers[layer.name]
        return folding.simd if isinstance(layer, MVAU) else folding.pe
