# SPDX-License-Identifier: Apache-2.0
"""Kernels of the operations on images, in numpy on int64 values; see ``KERNELS``.

Written tap by tap, as the definitions in :mod:`xnorflow.ir.spatial` have it, and without packed
bits, so each of the two ways through a network is a check of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import Conv, Depthwise, MaxPool, Pad, SumPool, TensorType, Upsample, Window
from xnorflow.sim.reference.rows import exact_product

__all__ = [
    "Kernel",
    "Types",
    "conv_kernel",
    "depthwise_kernel",
    "frames",
    "max_pool_kernel",
    "pad_kernel",
    "sum_pool_kernel",
    "surround",
    "tap_views",
    "upsample_kernel",
]

Array = NDArray[Any]
Kernel = Callable[..., Array]
Types = tuple[TensorType, ...]


def frames(x: Array, kind: TensorType) -> Array:
    """VALUES as an array of shape ``(images, *shape)``."""
    return x[:, : kind.size].reshape(len(x), *kind.shape)


def surround(images: Array, padding: tuple[int, int, int, int], value: int) -> Array:
    """Images ``(n, height, width, ...)`` with rows and columns of ``value`` around each."""
    if not any(padding):
        return images
    top, left, bottom, right = padding
    n, height, width, *rest = images.shape
    shape = (n, top + height + bottom, left + width + right, *rest)
    padded = np.full(shape, value, images.dtype)
    padded[:, top : top + height, left : left + width] = images
    return padded


def tap_views(padded: Array, window: Window) -> Iterator[Array]:
    """For each pixel of the kernel, row by row, what it sees in all windows.

    Parameters
    ----------
    padded
        Images with their padding, shape ``(n, height, width, ...)``.

    Yields
    ------
    ndarray
        Views of shape ``(n, windows in height, windows in width, ...)``.
    """
    rows, columns = window.extent
    last_row = padded.shape[1] - rows
    last_column = padded.shape[2] - columns
    for ky in range(0, rows, window.dilation[0]):
        for kx in range(0, columns, window.dilation[1]):
            yield padded[
                :,
                ky : ky + last_row + 1 : window.stride[0],
                kx : kx + last_column + 1 : window.stride[1],
            ]


def conv_kernel(node: Conv, inputs: Types, output: TensorType) -> Kernel:
    """A product of rows that hold what the windows see."""
    (source,) = inputs
    product = exact_product(node.matrix, source.element, output.element)
    narrow = source.element.width_bits <= 16 and source.element.max < 1 << 15

    def apply(x: Array) -> Array:
        images = frames(x, source).astype(np.int16 if narrow else np.int64)
        padded = surround(images, node.window.padding, 0)
        seen = np.stack([*tap_views(padded, node.window)], axis=3).reshape(-1, node.mw)
        return product(seen).reshape(len(x), output.size)

    return apply


def depthwise_kernel(node: Depthwise, inputs: Types, output: TensorType) -> Kernel:
    """A multiplication for each pixel of the kernel."""
    (source,) = inputs
    taps = node.matrix.T.astype(np.int64)

    def apply(x: Array) -> Array:
        padded = surround(frames(x, source), node.window.padding, 0)
        sums = np.zeros((len(x), *output.shape), np.int64)
        for view, weights in zip(tap_views(padded, node.window), taps, strict=True):
            sums += view * weights
        return sums.reshape(len(x), output.size)

    return apply


def max_pool_kernel(node: MaxPool, inputs: Types, output: TensorType) -> Kernel:
    """Padding holds the least value of the type, so no value is below it."""
    (source,) = inputs

    def apply(x: Array) -> Array:
        padded = surround(frames(x, source), node.window.padding, source.element.min)
        largest = np.full((len(x), *output.shape), source.element.min, np.int64)
        for view in tap_views(padded, node.window):
            np.maximum(largest, view, out=largest)
        return largest.reshape(len(x), output.size)

    return apply


def sum_pool_kernel(node: SumPool, inputs: Types, output: TensorType) -> Kernel:
    """An addition for each pixel of the window."""
    (source,) = inputs

    def apply(x: Array) -> Array:
        padded = surround(frames(x, source), node.window.padding, 0)
        sums = np.zeros((len(x), *output.shape), np.int64)
        for view in tap_views(padded, node.window):
            sums += view
        return sums.reshape(len(x), output.size)

    return apply


def pad_kernel(node: Pad, inputs: Types, output: TensorType) -> Kernel:
    """Zeros around each image."""
    (source,) = inputs
    return lambda x: surround(frames(x, source), node.padding, 0).reshape(len(x), output.size)


def upsample_kernel(node: Upsample, inputs: Types, output: TensorType) -> Kernel:
    """Each row, then each column, so many times."""
    (source,) = inputs

    def apply(x: Array) -> Array:
        tall = np.repeat(frames(x, source), node.factor[0], axis=1)
        return np.repeat(tall, node.factor[1], axis=2).reshape(len(x), output.size)

    return apply
