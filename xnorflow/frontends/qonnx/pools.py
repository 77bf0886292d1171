# SPDX-License-Identifier: Apache-2.0
"""Max pools, and average pools: a sum, then a division."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from xnorflow.frontends.qonnx.elementwise import value
from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.frontends.qonnx.products import check_size
from xnorflow.frontends.qonnx.settle import rises, settled
from xnorflow.frontends.qonnx.value import Constant, Tensor, Value, Waiting
from xnorflow.frontends.qonnx.walk import Walk, image_place
from xnorflow.frontends.qonnx.windows import pool_window
from xnorflow.ir import MaxPool, SumPool, Window
from xnorflow.ir.exact import EXACT_BELOW, is_dyadic

__all__ = ["average_pool", "global_average_pool", "global_max_pool", "max_pool", "reduce_mean"]

HINT = ": pool before the batch normalisation, or behind the quantiser"


def max_pool(walk: Walk, node: OnnxNode, source: Tensor) -> Value:
    """The largest value of each window, with channels second, or last in QONNX's own pool."""
    last = node.op == "MaxPoolNHWC"
    target = walk.image(value(node, source), node, last=last)
    if len(node.outputs) > 1 and node.outputs[1]:
        raise node.fail("must give values, not their indices")
    return pooled(walk, node, target, pool_window(node, target.edge_shape[:2]), last)


def global_max_pool(walk: Walk, node: OnnxNode, source: Tensor) -> Value:
    """The largest value of each channel."""
    target = walk.image(value(node, source), node)
    return pooled(walk, node, target, whole_image(target), last=False)


def whole_image(target: Value) -> Window:
    """One window over everything."""
    height, width = target.edge_shape[:2]
    return Window(kernel=(height, width), stride=(height, width))


def pooled(walk: Walk, node: OnnxNode, target: Value, window: Window, last: bool) -> Value:
    """The maxima; nodes that wait and keep the order go on waiting."""
    if target.waiting and not rises(walk, target):
        target = settled(walk, node, target, HINT)
    place = output_place(node, target, window, last)
    made = MaxPool(
        name=walk.numbered("pool"), inputs=(target.edge,), origin=node.origin, window=window
    )
    return replace(target, edge=made.name, edge_shape=walk.append(made).shape, place=place)


def output_place(node: OnnxNode, target: Value, window: Window, last: bool) -> Any:
    """Where each element of the result is."""
    rows, columns = window.output_shape(target.edge_shape[:2])  # type: ignore[arg-type]
    shape = (rows, columns, target.channels)
    check_size(node, shape)
    sides = shape[:2] if len(target.shape) == 4 else shape[1:2]
    tensor = (1, *sides, target.channels) if last else (1, target.channels, *sides)
    return image_place(shape, tensor, last)


def average_pool(walk: Walk, node: OnnxNode, source: Tensor) -> Value:
    """The mean of each window, all of which have the same number of pixels."""
    target = walk.image(value(node, source), node)
    window = pool_window(node, target.edge_shape[:2])
    stated = without_ceil_mode(node, target)
    if any(window.padding) and not node.integer("count_include_pad", 0):
        raise node.fail("must have no padding, or count it: means at the edge are of fewer pixels")
    if window != stated:
        raise node.fail("must have no windows over the edge: their means are of fewer pixels")
    return averaged(walk, node, target, window, last=False)


def without_ceil_mode(node: OnnxNode, target: Value) -> Window:
    """The windows as they are without ``ceil_mode``."""
    attributes = {name: v for name, v in node.attributes.items() if name != "ceil_mode"}
    return pool_window(replace(node, attributes=attributes), target.edge_shape[:2])


def global_average_pool(walk: Walk, node: OnnxNode, source: Tensor) -> Value:
    """The mean of each channel."""
    target = walk.image(value(node, source), node)
    return averaged(walk, node, target, whole_image(target), last=False)


def reduce_mean(walk: Walk, node: OnnxNode, source: Tensor, axes: Tensor | None = None) -> Value:
    """The mean over all pixels, channels being the second or the last axis."""
    target = value(node, source)
    given = node.integers("axes")
    if isinstance(axes, Constant):
        given = tuple(int(axis) for axis in axes.array.reshape(-1))
    rank = len(target.shape)
    over = {axis % rank for axis in given if -rank <= axis < rank}
    last = over == set(range(1, rank - 1))
    if len(over) != len(given) or not (last or over == set(range(2, rank))):
        raise node.fail(f"must go over the height and width of images, not over {given}")
    target = walk.image(target, node, last=last)
    result = averaged(walk, node, target, whole_image(target), last)
    if node.integer("keepdims", 1):
        return result
    return result.moved(lambda array: array.reshape(1, target.channels))


def averaged(walk: Walk, node: OnnxNode, source: Value, window: Window, last: bool) -> Value:
    """Sums; the division waits, or changes the scale if that is exact."""
    target = settled(walk, node, source, HINT)
    scale = target.scale / window.taps
    exact = walk.double or bool(is_dyadic(scale).all())
    walk.check_exact(
        window.taps * target.largest,
        node,
        "pool smaller windows, or values of fewer bits",
        below=EXACT_BELOW if exact else EXACT_BELOW // 2,
    )
    place = output_place(node, target, window, last)
    made = SumPool(
        name=walk.numbered("pool"), inputs=(target.edge,), origin=node.origin, window=window
    )
    total = walk.append(made)
    taps = np.array([window.taps], walk.dtype)
    return replace(
        target,
        edge=made.name,
        edge_shape=total.shape,
        place=place,
        low=np.minimum(target.low, 0) * window.taps,
        high=np.maximum(target.high, 0) * window.taps,
        scale=scale if exact else target.scale,
        element=None if target.element is None else total.element,
        waiting=() if exact else (Waiting(node, np.divide, (taps,)),),
    )
