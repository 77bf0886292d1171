# SPDX-License-Identifier: Apache-2.0
"""Width converters only where two neighbours have different numbers of lanes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xnorflow.hw.passes.rewrite import without
from xnorflow.ir import Dataflow, Layer, WidthConverter

__all__ = ["RemoveIdleConverters"]


@dataclass(frozen=True, slots=True)
class RemoveIdleConverters:
    """Remove the converters whose two sides have the same number of lanes."""

    name: ClassVar[str] = "remove-idle-converters"

    def apply(self, dataflow: Dataflow) -> Dataflow:
        """``dataflow`` with converters only where they are needed."""

        def is_idle(layer: Layer) -> bool:
            if not isinstance(layer, WidthConverter):
                return False
            return dataflow.types[layer.inputs[0]].lanes == dataflow.types[layer.name].lanes

        return without(dataflow, is_idle)
