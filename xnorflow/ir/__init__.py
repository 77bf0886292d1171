# SPDX-License-Identifier: Apache-2.0
"""The integer network and the dataflow graph: the two stages between PyTorch and hardware."""

from xnorflow.ir.dataflow import (
    MVAU,
    Dataflow,
    Fifo,
    Folding,
    LabelSelect,
    Layer,
    RamStyle,
    StreamInput,
    StreamType,
    Thresholding,
    WidthConverter,
)
from xnorflow.ir.datatype import (
    BIPOLAR,
    TERNARY,
    DataType,
    Kind,
    int_type,
    smallest_type,
    uint_type,
)
from xnorflow.ir.graph import Graph
from xnorflow.ir.network import (
    ArgMax,
    Flatten,
    Input,
    MatMul,
    Network,
    TensorType,
    Threshold,
    accumulator_range,
)
from xnorflow.ir.node import Node, divisors
from xnorflow.ir.store import graph_digest, load_graph, save_graph
from xnorflow.ir.thresholds import ThresholdTable

__all__ = [
    "BIPOLAR",
    "MVAU",
    "TERNARY",
    "ArgMax",
    "DataType",
    "Dataflow",
    "Fifo",
    "Flatten",
    "Folding",
    "Graph",
    "Input",
    "Kind",
    "LabelSelect",
    "Layer",
    "MatMul",
    "Network",
    "Node",
    "RamStyle",
    "StreamInput",
    "StreamType",
    "TensorType",
    "Threshold",
    "ThresholdTable",
    "Thresholding",
    "WidthConverter",
    "accumulator_range",
    "divisors",
    "graph_digest",
    "int_type",
    "load_graph",
    "save_graph",
    "smallest_type",
    "uint_type",
]
