# SPDX-License-Identifier: Apache-2.0
"""The integer network and the dataflow graph: the two stages between PyTorch and hardware."""

from xnorflow.ir.builder import NetworkBuilder
from xnorflow.ir.dataflow import Dataflow
from xnorflow.ir.datatype import (
    BIPOLAR,
    TERNARY,
    DataType,
    Kind,
    int_type,
    quantizer_type,
    smallest_type,
    uint_type,
)
from xnorflow.ir.device import Device
from xnorflow.ir.graph import Graph
from xnorflow.ir.movers import (
    ConcatUnit,
    Fifo,
    Fork,
    PadUnit,
    SlidingWindow,
    StreamInput,
    UpsampleUnit,
    WidthConverter,
)
from xnorflow.ir.network import Network
from xnorflow.ir.node import Node, divisors
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
from xnorflow.ir.pipelining import USUAL_PIPELINING, Pipelining
from xnorflow.ir.sparse_mvau import SparseMVAU, kept_tiles
from xnorflow.ir.spatial import Conv, Depthwise, MaxPool, Pad, SumPool, Upsample
from xnorflow.ir.store import graph_digest, load_graph, save_graph
from xnorflow.ir.streams import Folding, Layer, RamStyle, StreamType, check_divides
from xnorflow.ir.tensors import TensorType, accumulator_range
from xnorflow.ir.thresholds import ThresholdTable
from xnorflow.ir.units import (
    MVAU,
    VVAU,
    AddUnit,
    GlobalPoolUnit,
    LabelSelect,
    PoolKind,
    PoolUnit,
    ThermometerUnit,
    Thresholding,
)
from xnorflow.ir.unrolled_mvau import UnrolledMVAU
from xnorflow.ir.windows import Window

__all__ = [
    "BIPOLAR",
    "MVAU",
    "TERNARY",
    "USUAL_PIPELINING",
    "VVAU",
    "Add",
    "AddUnit",
    "ArgMax",
    "Concat",
    "ConcatUnit",
    "Conv",
    "DataType",
    "Dataflow",
    "Depthwise",
    "Device",
    "Fifo",
    "Flatten",
    "Folding",
    "Fork",
    "GlobalPoolUnit",
    "Graph",
    "Input",
    "Kind",
    "LabelSelect",
    "Layer",
    "MatMul",
    "MaxPool",
    "Network",
    "NetworkBuilder",
    "Node",
    "Pad",
    "PadUnit",
    "Pipelining",
    "PoolKind",
    "PoolUnit",
    "RamStyle",
    "SlidingWindow",
    "SparseMVAU",
    "StreamInput",
    "StreamType",
    "SumPool",
    "TensorType",
    "Thermometer",
    "ThermometerUnit",
    "Threshold",
    "ThresholdTable",
    "Thresholding",
    "UnrolledMVAU",
    "Upsample",
    "UpsampleUnit",
    "WidthConverter",
    "Window",
    "accumulator_range",
    "check_divides",
    "divisors",
    "graph_digest",
    "int_type",
    "kept_tiles",
    "load_graph",
    "quantizer_type",
    "save_graph",
    "smallest_type",
    "uint_type",
]
