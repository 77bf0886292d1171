# SPDX-License-Identifier: Apache-2.0
"""What becomes of each kind of node."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from xnorflow.frontends.qonnx.elementwise import batch_norm, binary, clip, dropout, skip, unary
from xnorflow.frontends.qonnx.joins import add, concat
from xnorflow.frontends.qonnx.layout import (
    cast,
    constant_node,
    flatten,
    gather,
    pad,
    reshape,
    resize,
    shape_of,
    slice_of,
    squeeze,
    transpose,
    unsqueeze,
)
from xnorflow.frontends.qonnx.multithreshold import multithreshold
from xnorflow.frontends.qonnx.pools import (
    average_pool,
    global_average_pool,
    global_max_pool,
    max_pool,
    reduce_mean,
)
from xnorflow.frontends.qonnx.products import conv, gemm, im2col, matmul, xnor_popcount_matmul
from xnorflow.frontends.qonnx.quantizers import bipolar_quant, quant, trunc
from xnorflow.frontends.qonnx.scores import argmax, softmax, top_k
from xnorflow.frontends.qonnx.value import Array
from xnorflow.frontends.qonnx.walk import Kinds

__all__ = ["KINDS"]


def relu(x: Array) -> Array:
    """Values below 0 become 0."""
    return np.asarray(np.maximum(x, x.dtype.type(0)))


def divide(x: Array, y: Array) -> Array:
    """The quotient; of whole numbers without its fraction, as ONNX has it."""
    if x.dtype.kind in "iu":
        return np.trunc(np.divide(x, y)).astype(x.dtype)
    return np.asarray(np.divide(x, y))


STANDARD: dict[str, Callable[..., Any]] = {
    "Identity": skip,
    "Dropout": dropout,
    **{name: unary(f) for name, f in (("Neg", np.negative), ("Abs", np.abs), ("Sign", np.sign))},
    **{name: unary(f) for name, f in (("Floor", np.floor), ("Ceil", np.ceil))},
    **{name: unary(f) for name, f in (("Round", np.rint), ("Sqrt", np.sqrt), ("Relu", relu))},
    "Reciprocal": unary(np.reciprocal),
    "Add": binary(np.add, add),
    "Sub": binary(np.subtract),
    "Mul": binary(np.multiply),
    "Div": binary(divide),
    "Max": binary(np.maximum),
    "Min": binary(np.minimum),
    "Pow": binary(np.power),
    "Clip": clip,
    "BatchNormalization": batch_norm,
    "MatMul": matmul,
    "Gemm": gemm,
    "Conv": conv,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "GlobalMaxPool": global_max_pool,
    "ReduceMean": reduce_mean,
    "Concat": concat,
    "Reshape": reshape,
    "Flatten": flatten,
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Pad": pad,
    **dict.fromkeys(("Upsample", "Resize"), resize),
    "Cast": cast,
    "Shape": shape_of,
    "Gather": gather,
    "Slice": slice_of,
    "Constant": constant_node,
    "ArgMax": argmax,
    "TopK": top_k,
    **dict.fromkeys(("Softmax", "LogSoftmax"), softmax),
}
"""Operators of ONNX."""

QUANTIZED: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("Quant", "IntQuant"), quant),
    **dict.fromkeys(("BipolarQuant", "BinaryQuant"), bipolar_quant),
    "Trunc": trunc,
    "MultiThreshold": multithreshold,
    "XnorPopcountMatMul": xnor_popcount_matmul,
    "MaxPoolNHWC": max_pool,
    "Im2Col": im2col,
}
"""Operators of QONNX and FINN."""

KINDS: Kinds = MappingProxyType(
    {("", name): kind for name, kind in STANDARD.items()}
    | {("qonnx", name): kind for name, kind in QUANTIZED.items()}
)
"""By domain and operator."""
