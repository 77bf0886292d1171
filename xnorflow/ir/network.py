# SPDX-License-Identifier: Apache-2.0
"""Stage one, *network*: what is computed, on tensors, in exact integers.

Its edges are the definition that every other form (PyTorch, RTL, Verilog) is compared with.
"""

from __future__ import annotations

from typing import Any, ClassVar

from xnorflow.ir.graph import Graph
from xnorflow.ir.node import Node
from xnorflow.ir.operations import (
    Add,
    ArgMax,
    Concat,
    Flatten,
    Input,
    MatMul,
    Thermometer,
    Threshold,
)
from xnorflow.ir.spatial import Conv, Depthwise, MaxPool, Pad, SumPool, Upsample
from xnorflow.ir.tensors import TensorType

__all__ = ["Network"]


class Network(Graph[TensorType]):
    """The integer network."""

    stage: ClassVar[str] = "network"
    kinds: ClassVar[tuple[type[Node[Any]], ...]] = (
        Input,
        Thermometer,
        Threshold,
        MatMul,
        Conv,
        Depthwise,
        MaxPool,
        SumPool,
        Pad,
        Upsample,
        Add,
        Concat,
        Flatten,
        ArgMax,
    )
