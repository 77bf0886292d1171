# SPDX-License-Identifier: Apache-2.0
"""FINN's quantiser: the number of thresholds that a value reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from xnorflow.frontends.qonnx.elementwise import constant, value
from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.frontends.qonnx.quantizers import Steps, quantised
from xnorflow.frontends.qonnx.value import Array, Floats, Tensor, Value, Waiting
from xnorflow.frontends.qonnx.walk import Walk
from xnorflow.ir import BIPOLAR, DataType, quantizer_type, smallest_type

__all__ = ["binary_of", "multithreshold"]

LAYOUTS = {2: "NC", 3: "NWC", 4: "NCHW"}
"""What QONNX takes where nothing is said, by the number of axes."""


def multithreshold(
    walk: Walk, node: OnnxNode, source: Tensor, table: Tensor | None = None
) -> Value:
    """``out_scale * count + out_bias``."""
    target = value(node, source)
    thresholds = constant(node, table, 1)
    if thresholds.ndim != 2 or not thresholds.size or np.isnan(thresholds).any():
        raise node.fail("must have thresholds of shape (channels, levels)")
    target, rows = threshold_rows(walk, node, target, thresholds.astype(walk.dtype))
    levels = rows.shape[1]
    scale, bias = node.number("out_scale", 1.0), node.number("out_bias", 0.0)

    def codes(x: Floats) -> Floats:
        counts = [x >= rows[:, level] for level in range(levels)]
        return np.asarray(base + element.step * np.sum(counts, axis=0).astype(x.dtype))

    step, base, element = grid(node, scale, bias, levels)
    unit = walk.check_scale(np.array([step]), node, "out_scale")
    readers = set(reading(walk, node.outputs[0]))
    if (step, base, levels) == (1.0, 0, 1) and readers == {"XnorPopcountMatMul"}:
        base, element = -1, BIPOLAR
        bits = quantised(walk, node, target, Steps(codes, unit, element, base, 1, len(rows) > 1))
        return binary_of(bits, node)
    return quantised(walk, node, target, Steps(codes, unit, element, base, levels, len(rows) > 1))


def reading(walk: Walk, tensor: str) -> Iterator[str]:
    """Operators that read ``tensor``, and in place of windows those that read them."""
    for reader in walk.model.readers(tensor):
        if reader.op == "Im2Col" and reader.outputs:
            yield from (further.op for further in walk.model.readers(reader.outputs[0]))
        else:
            yield reader.op


def binary_of(bits: Value, node: OnnxNode) -> Value:
    """0 and 1 in place of -1 and +1."""

    def function(x: Floats) -> Floats:
        half = x.dtype.type(0.5)
        return np.asarray(half * x + half)

    return replace(bits, waiting=(Waiting(node, function),))


def grid(node: OnnxNode, scale: float, bias: float, levels: int) -> tuple[float, int, DataType]:
    """Scale, least integer and type of what the node gives."""
    if scale <= 0:
        raise node.fail("must have an out_scale above 0")
    offset = bias / scale
    if levels == 1 and bias == -scale / 2:
        return scale / 2, -1, BIPOLAR
    if offset != round(offset) or abs(offset) > 1 << 20:
        raise node.fail(f"must have an out_bias ({bias:g}) that is a multiple of its out_scale")
    base = round(offset)
    name = node.word("out_dtype", "")
    if (base, base + levels) == (-1, 1) and name in ("", "TERNARY", "INT2"):
        return scale, base, quantizer_type(2, signed=True, narrow=True)
    return scale, base, named_type(name, base, base + levels)


def named_type(name: str, low: int, high: int) -> DataType:
    """The type called ``name``, if it holds ``low .. high``; else the narrowest one."""
    known = name.replace("BINARY", "UINT1")
    if known[:3] == "INT" or known[:4] == "UINT":
        digits = known.lstrip("UINT")
        if digits.isascii() and digits.isdigit() and 1 <= int(digits[:3]) <= 32:
            least = 1 if known[0] == "U" else 2
            width = max(least, int(digits[:3]))
            element = quantizer_type(width, signed=known[0] != "U", narrow=False)
            if element.contains(np.array([low, high])):
                return element
    return smallest_type(low, high)


def threshold_rows(
    walk: Walk, node: OnnxNode, target: Value, thresholds: Array
) -> tuple[Value, Array]:
    """``thresholds`` by channel of the edge, shape ``(1 or channels, levels)``."""
    layout = node.word("data_layout", "") or LAYOUTS.get(len(target.shape), "NC")
    axis = layout.index("C") if "C" in layout else 1
    if axis >= len(target.shape):
        raise node.fail(f"must have the layout of its tensor, not {layout!a}")
    channels = target.shape[axis]
    if len(thresholds) not in (1, channels):
        raise node.fail(f"must have thresholds for 1 or {channels} channels, not {len(thresholds)}")
    if len(thresholds) == 1:
        return target, thresholds
    along = [1] * len(target.shape)
    along[axis] = channels
    target, index = walk.rows(target, np.arange(channels).reshape(along), node)
    return target, thresholds[index]
