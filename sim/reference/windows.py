# SPDX-License-Identifier: Apache-2.0
"""Products of the windows over images: where windows lie, what they read, where results go.

Images are padded with code 0, so a window never leaves them. In BIPOLAR inputs that code is -1 and
not the 0 that padding counts as: there, windows are parted by which of their pixels are padding,
and each part has thresholds of its own. A 3x3 convolution with padding 1 has nine parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import TensorType, Window
from xnorflow.sim.reference.compiled import products as compiled
from xnorflow.sim.reference.compiled.totals import ROWS
from xnorflow.sim.reference.formats import Format, narrow, padded, pixel_bytes
from xnorflow.sim.reference.products import Form, Product
from xnorflow.sim.reference.rules import Rule, mask_type
from xnorflow.sim.reference.spatial import surround

__all__ = ["Scene", "window_function"]

Array = NDArray[Any]

BLOCK_BYTES = 1 << 14
"""Size of the buffer of windows: half the first-level cache, the rest is for weights."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The windows over an image.

    Parameters
    ----------
    source
        Type of the image.
    window
        Where the windows lie.
    border
        What padding adds to the constants of a product, shape ``(mh, taps)``; None if nothing.
    """

    source: TensorType
    window: Window
    border: NDArray[np.int64] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image."""
        return self.source.shape[0], self.source.shape[1]

    @property
    def grid(self) -> tuple[int, int]:
        """Number of windows in height and width."""
        return self.window.output_shape(self.size)

    @property
    def pixels(self) -> int:
        """Number of windows."""
        return self.grid[0] * self.grid[1]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Windows that share a rule: where they start, which pixel they make, and the rule."""

    starts: NDArray[np.int64]
    places: NDArray[np.int64]
    rule: Rule


def window_function(
    scene: Scene, product: Product, make_rule: Callable[[Product], Rule]
) -> tuple[Callable[[Array], Array], Format]:
    """The function from an edge to the results of ``product`` in all windows over it, their format.

    It takes PIXELS for a product of bits, else BYTES or VALUES.
    """
    to_bytes, tap_bytes = reader(scene, product.form)
    unit = unit_type(tap_bytes, np.uint16)
    parts = [*window_parts(scene, product, make_rule, tap_bytes // unit.itemsize)]
    runs, run_units = window_runs(scene, tap_bytes // unit.itemsize)
    planes, length = product.row_bytes
    native = parts[0].rule.format

    def apply(x: Array) -> Array:
        image = to_bytes(x).view(unit)
        count = block_rows(planes * length, len(x) * scene.pixels)
        units = np.zeros((count, planes, length // unit.itemsize), unit)
        out, target = output(parts[0].rule, product, len(x), scene.pixels)
        block = block_buffer(parts[0].rule, product, count, target.dtype)
        for part in parts:
            compiled.window_products(
                (image, part.starts, runs, run_units),
                (units.view(product.row_type), units),
                product.compiled,
                part.rule.arrays,
                block,
                (target, part.places),
            )
        return out

    def apply_to_rows(x: Array) -> Array:
        rows = to_bytes(x).view(product.row_type).reshape(len(x) * scene.pixels, 1, -1)
        return rows_in_place(rows, product, parts[0].rule, len(x))

    in_place = planes * parts[0].rule.planes == 1 and lie_in_rows(scene, tap_bytes, length)
    function = apply_to_rows if in_place else apply
    return function, Format.PIXELS if native is Format.BITS else native


def lie_in_rows(scene: Scene, tap_bytes: int, row_bytes: int) -> bool:
    """Whether the windows lie in the image one after the other, as rows do."""
    window = scene.window
    one_pixel = window.kernel == (1, 1) and window.stride == (1, 1)
    all_pixels = window.kernel == scene.size and window.dilation == (1, 1)
    return (
        not any(window.padding)
        and (one_pixel or all_pixels)
        and row_bytes == window.taps * tap_bytes
    )


def rows_in_place(rows: Array, product: Product, rule: Rule, n: int) -> Array:
    """Results of windows that lie in ``rows``, those of ``n`` images, as the format has it."""
    count = len(rows)
    whole = rows
    if count % ROWS:
        whole = np.zeros((padded(count, ROWS), *rows.shape[1:]), rows.dtype)
        whole[:count] = rows
    block, octets = block_buffer(rule, product, len(whole), np.uint8)
    compiled.row_products(whole, product.compiled, rule.arrays, block)
    if rule.format is Format.BITS:
        return octets[:count].reshape(n, 1, count // n, -1)
    return block[:count, : product.mh].reshape(n, -1)


def block_rows(row_bytes: int, windows: int) -> int:
    """Rows of the buffer of windows."""
    most = max(ROWS, BLOCK_BYTES // row_bytes // ROWS * ROWS)
    return min(most, padded(windows, ROWS))


def unit_type(size: int, other: type[np.unsignedinteger[Any]]) -> np.dtype[Any]:
    """Units that ``size`` bytes are copied in: 64 bits, else ``other``."""
    return np.dtype(other if size % 8 else np.uint64)


def reader(scene: Scene, form: Form) -> tuple[Callable[[Array], Array], int]:
    """The function from an edge to padded planes of bytes, and the bytes of a pixel in them."""
    height, width, channels = scene.source.shape
    padding = scene.window.padding

    def pixels(x: Array) -> Array:
        images = x.reshape(-1, height, width, x.shape[3])
        return surround(images, padding, 0).reshape(*x.shape[:2], -1)

    def numbers(x: Array) -> Array:
        values = narrow(x, scene.source.element) if x.dtype == np.uint8 else x
        images = values[:, : scene.source.size].reshape(-1, height, width, channels)
        padded_images = widened(images, padding, step, kind)
        return padded_images.reshape(len(x), 1, -1)

    if form is Form.BITS:
        return pixels, pixel_bytes(channels)
    kind = np.dtype(np.int64 if form is Form.VALUES else np.int16)
    step = padded(channels, 16) if form is Form.TAPS else channels
    return numbers, step * kind.itemsize


def widened(images: Array, padding: tuple[int, int, int, int], step: int, kind: Any) -> Array:
    """``images`` (n, height, width, channels) as ``kind``, padded, with ``step`` channels."""
    top, left, bottom, right = padding
    n, height, width, channels = images.shape
    out = np.zeros((n, top + height + bottom, left + width + right, step), kind)
    out[:, top : top + height, left : left + width, :channels] = images
    return out


def window_runs(scene: Scene, tap: int) -> tuple[NDArray[np.int64], int]:
    """Where, from the start of a window, its runs of neighbouring units start; their length.

    Parameters
    ----------
    tap
        Units of a pixel.
    """
    window = scene.window
    row = padded_width(scene) * tap
    if window.dilation[1] > 1:
        across = np.arange(window.kernel[1]) * window.dilation[1] * tap
        run = tap
    else:
        across, run = np.zeros(1, np.int64), window.kernel[1] * tap
    down = np.arange(window.kernel[0]) * window.dilation[0] * row
    runs = np.add.outer(down, across).reshape(-1)
    if np.all(np.diff(runs) == run):
        return runs[:1], run * runs.size
    return runs, run


def padded_width(scene: Scene) -> int:
    """Width of the image with its padding."""
    _, left, _, right = scene.window.padding
    return left + scene.size[1] + right


def window_parts(
    scene: Scene, product: Product, make_rule: Callable[[Product], Rule], tap: int
) -> Iterator[Part]:
    """All windows, parted by what lies outside the image where that matters."""
    window, row = scene.window, padded_width(scene) * tap
    height, width = scene.grid
    down = np.arange(height) * window.stride[0] * row
    across = np.arange(width) * window.stride[1] * tap
    starts = np.add.outer(down, across).reshape(-1)
    if scene.border is None:
        yield Part(starts, np.arange(starts.size), make_rule(product))
        return
    outside = outside_taps(scene)
    patterns, part_of = np.unique(outside, axis=0, return_inverse=True)
    for index, pattern in enumerate(patterns):
        places = np.flatnonzero(part_of == index)
        constants = product.constants + scene.border[:, pattern].sum(axis=1)
        yield Part(starts[places], places, make_rule(replace(product, constants=constants)))


def outside_taps(scene: Scene) -> NDArray[np.bool_]:
    """Which taps of each window are padding, shape ``(windows, taps)``."""
    inside = []
    shape = scene.grid
    for axis in (0, 1):
        starts = np.arange(shape[axis]) * scene.window.stride[axis] - scene.window.padding[axis]
        steps = np.arange(scene.window.kernel[axis]) * scene.window.dilation[axis]
        at = np.add.outer(starts, steps)
        inside.append((at >= 0) & (at < scene.size[axis]))
    both = inside[0][:, np.newaxis, :, np.newaxis] & inside[1][np.newaxis, :, np.newaxis, :]
    return ~both.reshape(shape[0] * shape[1], scene.window.taps)


def output(rule: Rule, product: Product, n: int, pixels: int) -> tuple[Array, Array]:
    """An output for ``n`` images, as the format has it and as units (n, planes, pixels, units)."""
    if rule.format is Format.BITS:
        size = pixel_bytes(product.mh)
        out = np.empty((n, rule.planes, pixels, size), np.uint8)
        return out, out.view(unit_type(size, np.uint8))
    kind = np.dtype(np.int64 if rule.format is Format.VALUES else np.uint8)
    out = np.empty((n, pixels * product.mh), kind)
    unit = unit_type(product.mh * kind.itemsize, np.uint8)
    return out, out.reshape(n, 1, pixels, product.mh).view(unit)


def block_buffer(rule: Rule, product: Product, rows: int, unit: Any) -> tuple[Array, Array]:
    """A buffer for the results of ``rows`` rows, as the compiled loops write it and as units."""
    if rule.format is Format.BITS:
        data = np.zeros((rows, rule.planes, pixel_bytes(product.mh)), np.uint8)
        return data.view(mask_type(product)), data.view(unit)
    kind = np.int64 if rule.format is Format.VALUES else np.uint8
    numbers = np.zeros((rows, product.width), kind)
    return numbers, numbers[:, np.newaxis].view(unit)
