# SPDX-License-Identifier: Apache-2.0
"""How the values of an edge are held for a chunk of images, and the ways from one to another.

======  ================================  ===================================================
format  array                             element ``e`` of image ``i``
======  ================================  ===================================================
VALUES  int64 ``(n, size or more)``       ``[i, e]``
BYTES   uint8 ``(n, size or more)``       ``[i, e]``: low byte of the value (types of <= 8 bits)
BITS    uint64 ``(n, planes, words)``     bit ``e % 64`` of ``[i, plane, e // 64]``: bit
                                          ``plane`` of the code; unused bits are 0
WORDS   int32 ``(n, pairs)``              half ``e % 2`` of ``[i, e // 2]``, as int16
======  ================================  ===================================================

Elements of a frame are in row-major order. BITS and WORDS have a multiple of
:data:`~xnorflow.sim.reference.compiled.IMAGES` rows and so does what is computed from them; rows
beyond the images of the chunk hold anything.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import BIPOLAR, DataType
from xnorflow.sim.reference import compiled

__all__ = ["Format", "bits_buffer", "conversion", "padded", "threshold_packer"]

Array = NDArray[Any]


class Format(StrEnum):
    """How the values of an edge are held."""

    VALUES = "values"
    BYTES = "bytes"
    BITS = "bits"
    WORDS = "words"


def padded(count: int, multiple: int) -> int:
    """``count`` rounded up to a multiple of ``multiple``."""
    return -(-count // multiple) * multiple


def bits_buffer(images: int, planes: int, size: int) -> NDArray[np.uint64]:
    """Zeros for ``size`` elements of ``planes`` bits in format BITS."""
    shape = (padded(images, compiled.IMAGES), planes, padded(size, 64) // 64)
    return np.zeros(shape, np.uint64)


def conversion(
    source: Format, target: Format, element: DataType, size: int
) -> Callable[[Array], Array]:
    """The function that turns ``size`` elements of type ``element`` from one format to another."""
    ways: dict[tuple[Format, Format], Callable[[Array], Array]] = {
        (Format.VALUES, Format.BYTES): lambda x: x[:, :size].astype(np.uint8),
        (Format.VALUES, Format.WORDS): lambda x: words_of(x[:, :size]),
        (Format.BYTES, Format.VALUES): lambda x: values_of_bytes(x[:, :size], element),
        (Format.BYTES, Format.WORDS): lambda x: words_of(narrow(x[:, :size], element)),
        (Format.BYTES, Format.BITS): bits_packer(element, size),
        (Format.BITS, Format.VALUES): lambda x: values_of_bits(x, element, size),
    }
    if (source, target) == (Format.VALUES, Format.BITS):
        pack = bits_packer(element, size)
        return lambda x: pack(x[:, :size].astype(np.uint8))
    return ways[source, target]


def narrow(data: Array, element: DataType) -> Array:
    """Bytes as the values that they stand for."""
    return data.view(np.int8) if element.signed else data


def values_of_bytes(data: Array, element: DataType) -> Array:
    """BYTES to VALUES."""
    return narrow(data, element).astype(np.int64)


def words_of(values: Array) -> NDArray[np.int32]:
    """Values that fit int16 to WORDS."""
    n, size = values.shape
    words = np.zeros((padded(n, compiled.IMAGES), padded(size, 2)), np.int16)
    words[:n, :size] = values
    return words.view(np.int32)


def values_of_bits(bits: Array, element: DataType, size: int) -> Array:
    """BITS to VALUES."""
    octets = bits.astype("<u8", copy=False).view(np.uint8)
    planes = np.unpackbits(octets, axis=2, count=size, bitorder="little")
    place = np.arange(bits.shape[1])[:, np.newaxis]
    return element.decode(np.sum(planes.astype(np.int64) << place, axis=1))


def bits_packer(element: DataType, size: int) -> Callable[[Array], Array]:
    """BYTES of type ``element`` to BITS."""
    if element == BIPOLAR:
        return threshold_packer(np.ones(size, np.int64), np.zeros(size, bool), element)

    def pack(data: Array) -> Array:
        bits = bits_buffer(data.shape[0], element.width_bits, size)
        compiled.pack_planes(np.ascontiguousarray(data[:, :size]), bits)
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
        compiled.pack_above(
            np.ascontiguousarray(data[:, :size]), flips, levels, keep, bits[:, 0, :]
        )
        return bits

    return pack
