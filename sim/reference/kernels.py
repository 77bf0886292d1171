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

from xnorflow.ir import ArgMax, Flatten, Input, MatMul, Node, TensorType, Threshold
from xnorflow.sim.reference import scans
from xnorflow.sim.reference.formats import Format, conversion
from xnorflow.sim.reference.products import make_product

__all__ = ["KERNELS", "Kernel", "make_kernel"]

Array = NDArray[Any]
Kernel = Callable[..., Array]
Types = tuple[TensorType, ...]


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
    """The compiled product where there is one, else numpy's."""
    (source,) = inputs
    product = make_product(node, source, output)
    if product is None:
        transposed = node.weights.astype(np.int64).T
        return lambda x: np.matmul(x[:, : node.mw], transposed)
    convert = conversion(Format.VALUES, product.format, source.element, source.size)
    sums = product.sums()
    return lambda x: sums(convert(x))


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


KERNELS: Mapping[type[Node[Any]], Callable[[Any, Types, TensorType], Kernel]] = {
    Input: pass_kernel,
    Flatten: pass_kernel,
    MatMul: matmul_kernel,
    Threshold: threshold_kernel,
    ArgMax: argmax_kernel,
}
