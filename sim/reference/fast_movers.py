# SPDX-License-Identifier: Apache-2.0
"""Fast forms of the nodes that move or select values, on packed bits and on bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import (
    BIPOLAR,
    Concat,
    Flatten,
    MaxPool,
    Pad,
    TensorType,
    Thermometer,
    Upsample,
    Window,
)
from xnorflow.sim.reference.formats import Format, narrow, pixel_bytes
from xnorflow.sim.reference.planner import Planner, plan_kernel
from xnorflow.sim.reference.spatial import surround, tap_views

__all__ = [
    "plan_concat",
    "plan_flatten",
    "plan_max_pool",
    "plan_pad",
    "plan_thermometer",
    "plan_upsample",
]

Array = NDArray[Any]


def plan_flatten(planner: Planner, node: Flatten) -> None:
    """Nothing moves: every format holds a frame in row-major order, or by its layout."""
    (edge,) = node.inputs
    native = planner.native(edge)
    planner.add(node.name, native, (f"{edge}.{native}",), lambda x: x, layout=planner.layouts[edge])


def image_function(
    source: TensorType, native: Format, change: Callable[[Array], Array]
) -> Callable[[Array], Array]:
    """``change``, made for images (n, height, width, ...), on an edge in any format with pixels.

    Each plane of PIXELS is an image whose pixels consist of words, as wide as fit.
    """
    height, width, _ = source.shape

    def apply_to_planes(x: Array) -> Array:
        n, planes, _, size = x.shape
        unit = np.dtype(f"u{min(size, 8)}")
        images = x.view(unit).reshape(n * planes, height, width, -1)
        return np.ascontiguousarray(change(images)).view(np.uint8).reshape(n, planes, -1, size)

    def apply(x: Array) -> Array:
        images = x[:, : source.size].reshape(len(x), *source.shape)
        return np.ascontiguousarray(change(images)).reshape(len(x), -1)

    return apply_to_planes if native is Format.PIXELS else apply


def plan_max_pool(planner: Planner, node: MaxPool) -> None:
    """Codes compared plane by plane, or bytes; else the kernel."""
    (edge,) = node.inputs
    source, native = planner.type_of(edge), planner.native(edge)
    if native is Format.PIXELS:
        pool = partial(largest_codes, window=node.window, source=source)
    elif native is Format.BYTES:
        pool = partial(largest_bytes, window=node.window, source=source)
    else:
        plan_kernel(planner, node)
        return
    planner.add(node.name, native, (f"{edge}.{native}",), image_function(source, native, pool))


def largest_bytes(images: Array, window: Window, source: TensorType) -> Array:
    """The largest bytes of windows; padding is the least value."""
    padded = surround(narrow(images, source.element), window.padding, source.element.min)
    return reduce(np.maximum, tap_views(padded, window)).view(np.uint8)


def largest_codes(images: Array, window: Window, source: TensorType) -> Array:
    """The largest codes of windows over planes of bits, shape (n * planes, height, width, words).

    Codes of two's complement are in order once their highest bit is inverted; then 0 is the least
    one, and padding.
    """
    planes = source.element.width_bits
    inverted = np.zeros((planes, 1, 1, 1), images.dtype)
    if planes > 1 and source.element.signed:
        inverted[-1] = np.iinfo(images.dtype).max
    codes = images.reshape(-1, planes, *images.shape[1:]) ^ inverted
    padded = surround(codes.reshape(images.shape), window.padding, 0)
    views = (view.reshape(-1, planes, *view.shape[1:]) for view in tap_views(padded, window))
    largest = reduce(larger_codes, views) ^ inverted
    return largest.reshape(-1, *largest.shape[2:])


def larger_codes(a: Array, b: Array) -> Array:
    """The larger of two unsigned codes, bit by bit; planes on axis 1, the lowest first."""
    planes = a.shape[1]
    if planes == 1:
        return a | b
    greater = a[:, 0] & ~b[:, 0]
    for p in range(1, planes):
        greater = (a[:, p] & ~b[:, p]) | (greater & ~(a[:, p] ^ b[:, p]))
    return b ^ ((a ^ b) & greater[:, np.newaxis])


def plan_pad(planner: Planner, node: Pad) -> None:
    """Zeros around; from BIPOLAR to TERNARY by bytes."""
    (edge,) = node.inputs
    source = planner.type_of(edge)
    if source.element == BIPOLAR:
        planner.held(edge, Format.BYTES)
    native = Format.BYTES if source.element == BIPOLAR else planner.native(edge)
    pad = image_function(source, native, lambda x: surround(x, node.padding, 0))
    planner.add(node.name, native, (f"{edge}.{native}",), pad)


def plan_upsample(planner: Planner, node: Upsample) -> None:
    """Pixels repeated."""
    (edge,) = node.inputs
    source, native = planner.type_of(edge), planner.native(edge)
    rows, columns = node.factor

    def repeat(images: Array) -> Array:
        return np.repeat(np.repeat(images, rows, axis=1), columns, axis=2)

    planner.add(node.name, native, (f"{edge}.{native}",), image_function(source, native, repeat))


def plan_concat(planner: Planner, node: Concat) -> None:
    """Bytes of pixels side by side, of packed bits where no byte is shared; else the kernel."""
    kind = planner.type_of(node.name)
    pixels = kind.size // kind.channels
    layouts = [planner.layouts[edge] for edge in node.inputs]
    natives = {planner.native(edge) for edge in node.inputs}
    whole_bytes = all(p == pixels and c % 8 == 0 for p, c in layouts)
    if natives == {Format.PIXELS} and whole_bytes:
        native, function = Format.PIXELS, partial(beside, widths=[c // 8 for _, c in layouts])
    elif Format.VALUES not in natives:
        channels = [planner.type_of(edge).channels for edge in node.inputs]
        native, function = Format.BYTES, partial(beside_in_rows, pixels=pixels, widths=channels)
    else:
        plan_kernel(planner, node)
        return
    inputs = tuple(planner.held(edge, native) for edge in node.inputs)
    planner.add(node.name, native, inputs, function)


def beside(*arrays: Array, widths: Sequence[int]) -> Array:
    """PIXELS with the first bytes of the pixels of all ``arrays``."""
    n = min(map(len, arrays))
    _, planes, pixels, _ = arrays[0].shape
    out = np.zeros((n, planes, pixels, pixel_bytes(8 * sum(widths))), np.uint8)
    parts = [x[:n, :, :, :width] for x, width in zip(arrays, widths, strict=True)]
    out[..., : sum(widths)] = np.concatenate(parts, axis=-1)
    return out


def beside_in_rows(*arrays: Array, pixels: int, widths: Sequence[int]) -> Array:
    """BYTES with so many bytes of each pixel of all ``arrays``."""
    n = min(map(len, arrays))
    parts = [
        x[:n, : pixels * width].reshape(n, pixels, width)
        for x, width in zip(arrays, widths, strict=True)
    ]
    return np.concatenate(parts, axis=2).reshape(n, -1)


def plan_thermometer(planner: Planner, node: Thermometer) -> None:
    """A comparison with each level, packed."""
    (edge,) = node.inputs
    source = planner.type_of(edge)
    pixels = source.size // source.channels
    # Levels beyond all values keep their sense, and numpy compares narrow integers faster.
    kind: type[np.signedinteger[Any]] = np.int16 if source.element.width_bits <= 8 else np.int64
    limits = np.iinfo(kind)
    levels: Array = np.clip(node.levels, limits.min, limits.max).astype(kind)
    size = pixel_bytes(source.channels * levels.size)

    def apply(x: Array) -> Array:
        values = narrow(x, source.element) if x.dtype == np.uint8 else x
        above = np.greater_equal(values[:, : source.size, np.newaxis].astype(kind), levels)
        bits = np.packbits(above.reshape(len(x), pixels, -1), axis=2, bitorder="little")
        out = np.zeros((len(x), 1, pixels, size), np.uint8)
        out[:, 0, :, : bits.shape[2]] = bits
        return out

    planner.add(node.name, Format.PIXELS, (planner.held_as_numbers(edge),), apply)
