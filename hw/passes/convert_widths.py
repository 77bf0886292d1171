# SPDX-License-Identifier: Apache-2.0
"""Width converters where two neighbours have different numbers of lanes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xnorflow.hw.passes.rewrite import insert_before, without
from xnorflow.ir import Dataflow, Layer, WidthConverter

__all__ = ["InsertWidthConverters", "RemoveIdleConverters"]


@dataclass(frozen=True, slots=True)
class InsertWidthConverters:
    """Put a converter, ``dwc_NAME``, before every layer NAME; none of them does anything yet.

    The layers on both sides of a converter can then be folded independently.
    """

    name: ClassVar[str] = "insert-width-converters"

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with a converter on each edge."""

        def converter(maker: Layer, reader: Layer) -> Layer:
            return WidthConverter(
                name=f"dwc_{reader.name}",
                inputs=(maker.name,),
                edge=maker.edge,
                lanes=dataflow.types[maker.name].lanes,
            )

        return insert_before(dataflow, converter)


@dataclass(frozen=True, slots=True)
class RemoveIdleConverters:
    """Remove the converters whose two sides have the same number of lanes."""

    name: ClassVar[str] = "remove-idle-converters"

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with converters only where they are needed."""

        def is_idle(layer: Layer) -> bool:
            if not isinstance(layer, WidthConverter):
                return False
            return dataflow.types[layer.inputs[0]] == dataflow.types[layer.name]

        return without(dataflow, is_idle)
