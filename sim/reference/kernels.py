# SPDX-License-Identifier: Apache-2.0
"""What each kind of node computes, on int64 values: the table that a new kind is added to.

A kernel takes one array for each input of its node and gives the output, all of them in format
VALUES, shape ``(images, size or more)``. :data:`KERNELS` makes it from a node, the types of its
inputs and the type of its output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import (
    Add,
    ArgMax,
    Concat,
    Conv,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Node,
    Pad,
    SumPool,
    TensorType,
    Thermometer,
    Threshold,
    Upsample,
)
from xnorflow.sim.reference import spatial
from xnorflow.sim.reference.compiled import scans
from xnorflow.sim.reference.rows import exact_product
from xnorflow.sim.reference.spatial import Kernel, Types

__all__ = ["KERNELS", "Kernel", "make_kernel"]

Array = NDArray[Any]


def make_kernel(node: Node[TensorType], inputs: Types, output: TensorType) -> Kernel:
    """The kernel of ``node``.

    Raises
    ------
    NotImplementedError
        If the kind of node has no entry in :data:`KERNELS`.
    """
    if type(node) not in KERNELS:
        raise NotImplementedError(f"the reference has no kernel for {node.mnemonic}")
    return KERNELS[type(node)](node, inputs, output)


def pass_kernel(_node: Node[TensorType], _inputs: Types, _output: TensorType) -> Kernel:
    """Values as they are: frames are held in row-major order whatever their shape."""
    return lambda x: x


def matmul_kernel(node: MatMul, inputs: Types, output: TensorType) -> Kernel:
    """A product, never by packed bits."""
    product = exact_product(node.weights, inputs[0].element, output.element)
    return lambda x: product(x[:, : node.mw])


def threshold_kernel(node: Threshold, inputs: Types, _output: TensorType) -> Kernel:
    """Counts by binary search."""
    (source,) = inputs
    table = node.table

    def apply(x: Array) -> Array:
        counts = np.empty((x.shape[0], source.size), np.int64)
        values = np.ascontiguousarray(x[:, : source.size])
        scans.count_thresholds(values, table.values, table.descending, counts)
        return table.base + table.output_type.step * counts

    return apply


def argmax_kernel(node: ArgMax, inputs: Types, _output: TensorType) -> Kernel:
    """Indices of the largest values; one of them by a scan, more by a stable sort."""
    (source,) = inputs

    def largest(x: Array) -> Array:
        index = np.empty((x.shape[0], 1), np.int64)
        scans.first_maximum(x, source.size, index)
        return index

    def sorted_down(x: Array) -> Array:
        return np.argsort(-x[:, : source.size], axis=1, kind="stable")[:, : node.k]

    return largest if node.k == 1 else sorted_down


def thermometer_kernel(node: Thermometer, inputs: Types, _output: TensorType) -> Kernel:
    """A comparison with each level."""
    (source,) = inputs

    def apply(x: Array) -> Array:
        bits = x[:, : source.size, np.newaxis] >= node.levels
        return 2 * bits.reshape(len(x), -1).astype(np.int64) - 1

    return apply


def add_kernel(node: Add, _inputs: Types, output: TensorType) -> Kernel:
    """The sum of two shifted arrays; one of them may have rows beyond the images."""
    first, second = node.shifts

    def apply(a: Array, b: Array) -> Array:
        n = min(len(a), len(b))
        return (a[:n, : output.size] << first) + (b[:n, : output.size] << second)

    return apply


def concat_kernel(_node: Concat, inputs: Types, output: TensorType) -> Kernel:
    """Channels side by side; some arrays may have rows beyond the images."""

    def apply(*arrays: Array) -> Array:
        n = min(map(len, arrays))
        parts = [spatial.frames(x[:n], kind) for x, kind in zip(arrays, inputs, strict=True)]
        return np.concatenate(parts, axis=-1).reshape(n, output.size)

    return apply


KERNELS: Mapping[type[Node[Any]], Callable[[Any, Types, TensorType], Kernel]] = {
    Input: pass_kernel,
    Thermometer: thermometer_kernel,
    Threshold: threshold_kernel,
    MatMul: matmul_kernel,
    Conv: spatial.conv_kernel,
    Depthwise: spatial.depthwise_kernel,
    MaxPool: spatial.max_pool_kernel,
    SumPool: spatial.sum_pool_kernel,
    Pad: spatial.pad_kernel,
    Upsample: spatial.upsample_kernel,
    Add: add_kernel,
    Concat: concat_kernel,
    Flatten: pass_kernel,
    ArgMax: argmax_kernel,
}
