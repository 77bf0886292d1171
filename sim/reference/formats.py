# SPDX-License-Identifier: Apache-2.0
"""How the values of an edge are held for a chunk of images, and the ways from one to another.

======  ======================================  ================================================
format  array                                   element ``e`` of image ``i``
======  ======================================  ================================================
VALUES  int64 ``(n, size or more)``             ``[i, e]``
BYTES   uint8 ``(n, size or more)``             ``[i, e]``: low byte of the value (types of
                                                <= 8 bits)
BITS    uint64 ``(n, planes, words)``           bit ``e % 64`` of ``[i, plane, e // 64]``: bit
                                                ``plane`` of the code; unused bits are 0
PIXELS  uint8 ``(n, planes, pixels, bytes)``    for channel ``c`` of pixel ``p``, bit ``c % 8`` of
                                                ``[i, plane, p, c // 8]``; unused bits are 0
WORDS   int32 ``(n, pairs)``                    half ``e % 2`` of ``[i, e // 2]``, as int16
======  ======================================  ================================================

Elements of a frame are in row-major order; a vector is one pixel. BITS and WORDS have a multiple of
:data:`~xnorflow.sim.reference.compiled.totals.ROWS` rows and so does what is computed from them;
rows beyond the images of the chunk hold anything.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import BIPOLAR, DataType
from xnorflow.sim.reference.compiled import packing
from xnorflow.sim.reference.compiled.totals import ROWS

__all__ = [
    "Format",
    "bits_buffer",
    "conversion",
    "frame_bytes",
    "narrow",
    "padded",
    "pixel_bytes",
    "threshold_packer",
    "words_of",
]

Array = NDArray[Any]
Layout = tuple[int, int]
"""Pixels and channels of an edge."""


class Format(StrEnum):
    """How the values of an edge are held."""

    VALUES = "values"
    BYTES = "bytes"
    BITS = "bits"
    PIXELS = "pixels"
    WORDS = "words"


def padded(count: int, multiple: int) -> int:
    """``count`` rounded up to a multiple of ``multiple``."""
    return -(-count // multiple) * multiple


def pixel_bytes(channels: int) -> int:
    """Bytes of a pixel in format PIXELS: 2, 4 or a multiple of 8, to be copied in few pieces."""
    least = -(-channels // 8)
    return padded(least, 8) if least > 4 else max(2, 1 << (least - 1).bit_length())


def frame_bytes(held: Format, element: DataType, layout: Layout) -> int:
    """Bytes that a frame of an edge takes in format ``held``."""
    pixels, channels = layout
    size, planes = pixels * channels, element.width_bits
    return {
        Format.VALUES: 8 * size,
        Format.BYTES: size,
        Format.BITS: planes * padded(size, 64) // 8,
        Format.PIXELS: planes * pixels * pixel_bytes(channels),
        Format.WORDS: 2 * size,
    }[held]


def bits_buffer(images: int, planes: int, size: int) -> NDArray[np.uint64]:
    """Zeros for ``size`` elements of ``planes`` bits in format BITS."""
    return np.zeros((padded(images, ROWS), planes, padded(size, 64) // 64), np.uint64)


def conversion(
    source: Format, target: Format, element: DataType, layout: Layout
) -> Callable[[Array], Array]:
    """The function that turns an edge of type ``element`` from one format to another.

    Parameters
    ----------
    layout
        Pixels and channels of the edge.
    """
    size = layout[0] * layout[1]
    ways: dict[tuple[Format, Format], Callable[[Array], Array]] = {
        (Format.VALUES, Format.BYTES): lambda x: x[:, :size].astype(np.uint8),
        (Format.VALUES, Format.WORDS): lambda x: words_of(x[:, :size]),
        (Format.BYTES, Format.VALUES): lambda x: narrow(x[:, :size], element).astype(np.int64),
        (Format.BYTES, Format.WORDS): lambda x: words_of(narrow(x[:, :size], element)),
        (Format.BYTES, Format.BITS): bits_packer(element, size),
        (Format.BYTES, Format.PIXELS): lambda x: pixels_of_bytes(x[:, :size], element, layout),
        (Format.BITS, Format.BYTES): lambda x: bytes_of_bits(x, element, size),
        (Format.PIXELS, Format.BYTES): lambda x: bytes_of_pixels(x, element, layout),
    }
    if (source, target) in ways:
        return ways[source, target]
    first, second = ways[source, Format.BYTES], ways[Format.BYTES, target]
    return lambda x: second(first(x))


def narrow(data: Array, element: DataType) -> Array:
    """Bytes as the values that they stand for."""
    return data.view(np.int8) if element.signed else data


def words_of(values: Array) -> NDArray[np.int32]:
    """Values that fit int16 to WORDS."""
    n, size = values.shape
    words = np.zeros((padded(n, ROWS), padded(size, 2)), np.int16)
    words[:n, :size] = values
    return words.view(np.int32)


def bytes_of_bits(bits: Array, element: DataType, size: int) -> Array:
    """BITS to BYTES."""
    octets = bits.astype("<u8", copy=False).view(np.uint8)
    return bytes_of_pixels(octets[:, :, np.newaxis], element, (1, size))


def bytes_of_pixels(data: Array, element: DataType, layout: Layout) -> Array:
    """PIXELS to BYTES."""
    planes = np.unpackbits(data, axis=3, count=layout[1], bitorder="little")
    if element == BIPOLAR:
        codes = 2 * planes[:, 0] - 1
    else:
        codes = -planes[:, -1] if element.signed else planes[:, -1]
        for plane in range(data.shape[1] - 2, -1, -1):
            codes = 2 * codes + planes[:, plane]
    return codes.reshape(len(data), -1)


def pixels_of_bytes(data: Array, element: DataType, layout: Layout) -> Array:
    """BYTES to PIXELS."""
    pixels, channels = layout
    values = data.reshape(-1, pixels, channels)
    out = np.zeros((len(data), element.width_bits, pixels, pixel_bytes(channels)), np.uint8)
    for plane in range(element.width_bits):
        bits = values == 1 if element == BIPOLAR else values >> plane & 1
        out[:, plane, :, : -(-channels // 8)] = np.packbits(bits, axis=2, bitorder="little")
    return out


def bits_packer(element: DataType, size: int) -> Callable[[Array], Array]:
    """BYTES of type ``element`` to BITS."""
    if element == BIPOLAR:
        return threshold_packer(np.ones(size, np.int64), np.zeros(size, bool), element)

    def pack(data: Array) -> Array:
        bits = bits_buffer(data.shape[0], element.width_bits, size)
        packing.pack_planes(np.ascontiguousarray(data[:, :size]), bits)
        return bits

    return pack


def threshold_packer(
    thresholds: NDArray[np.int64], descending: NDArray[np.bool_], element: DataType
) -> Callable[[Array], Array]:
    """BYTES of type ``element`` to one plane of BITS by one threshold for each element.

    The kernel compares signed bytes after an exclusive or, which turns unsigned into signed and
    descending into ascending: ``u - 128`` is ``u ^ 0x80``, and ``b <= t`` is ``~b >= ~t``.
    """
    size = thresholds.size
    offset = 0 if element.signed else 128
    signed = np.clip(thresholds, offset - 129, offset + 128) - offset
    signed = np.where(descending, ~signed, signed)
    flips, levels = np.zeros(padded(size, 64), np.uint8), np.zeros(padded(size, 64), np.int8)
    flips[:size] = np.where(descending, 0xFF, 0) ^ offset
    levels[:size] = np.clip(signed, -128, 127)
    keep = bits_buffer(1, 1, size)[0, 0]
    keep.view(np.uint8)[: padded(size, 8) // 8] = np.packbits(signed <= 127, bitorder="little")

    def pack(data: Array) -> Array:
        bits = bits_buffer(data.shape[0], 1, size)
        packing.pack_above(np.ascontiguousarray(data[:, :size]), flips, levels, keep, bits[:, 0, :])
        return bits

    return pack
