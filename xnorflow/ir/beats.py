# SPDX-License-Identifier: Apache-2.0
"""Values of frames as the payloads of beats, and back.

A payload is a row of 32-bit words, least significant first; lane 0 is in the least significant
bits, each lane holds the code of its value (:meth:`~xnorflow.ir.DataType.encode`). Above the last
lane are the flags for 0, if the stream has any; the bits above are 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import DataError
from xnorflow.ir.streams import StreamType

__all__ = ["WORD_BITS", "checked_frames", "payload_words", "payloads_of", "values_of"]

WORD_BITS = 32
"""Bits of a word of a payload."""

CHUNK_BITS = 1 << 23
"""Bits unpacked at a time: a byte each."""

Words = NDArray[np.uint32]


def checked_frames(frames: NDArray[Any], source: StreamType) -> NDArray[Any]:
    """``frames`` as rows, if they fit the stream ``source``."""
    frames = np.asarray(frames)
    size = source.vectors * source.channels
    if frames.ndim < 2 or math.prod(frames.shape[1:]) != size:
        raise DataError(
            f"frames must have {size} values each, shape (n, {size}), not {frames.shape}"
        )
    if not source.element.contains(frames):
        raise DataError(f"frames must hold values of {source.element}")
    return frames.reshape(len(frames), size)


def payload_words(width_bits: int) -> int:
    """Words of a payload of ``width_bits`` bits."""
    return -(-width_bits // WORD_BITS)


def payloads_of(values: NDArray[Any], stream: StreamType) -> Words:
    """The beats that carry ``values`` over ``stream``.

    Parameters
    ----------
    values
        Shape ``(n, vectors * channels)``, values of the stream's element type.

    Returns
    -------
    numpy.ndarray
        Shape ``(n * beats_per_frame, words)``.

    Raises
    ------
    GraphError
        If a value is not of the element type.
    """
    codes = stream.element.encode(values).reshape(-1, stream.lanes)
    words = payload_words(stream.width_bits)
    payloads = np.zeros((len(codes), words), np.uint32)
    step = rows_at_once(words)
    for start in range(0, len(codes), step):
        part = slice(start, start + step)
        payloads[part] = pack(codes[part], stream.element.width_bits, words)
    return payloads


def values_of(payloads: Words, stream: StreamType) -> NDArray[np.int64]:
    """The values that beats carry, 0 where a flag says so: the inverse of :func:`payloads_of`.

    Returns
    -------
    numpy.ndarray
        Shape ``(n, vectors * channels)``.
    """
    values = np.empty((len(payloads), stream.lanes), np.int64)
    step = rows_at_once(payloads.shape[1])
    for start in range(0, len(payloads), step):
        part = slice(start, start + step)
        codes = unpack(payloads[part], stream.element.width_bits, stream.lanes)
        values[part] = stream.element.decode(codes)
        if stream.zero_flags:
            values[part] *= ~zeros_of(payloads[part], stream)
    return values.reshape(-1, stream.vectors * stream.channels)


def zeros_of(payloads: Words, stream: StreamType) -> NDArray[np.bool_]:
    """Which lanes are 0 by their flag, shape ``(beats, lanes)``."""
    lane_bits = stream.lanes * stream.element.width_bits
    flags = unpack(payloads, 1, stream.width_bits)[:, lane_bits:]
    return np.repeat(flags, stream.lanes // stream.zero_flags, axis=1).astype(bool)


def rows_at_once(words: int) -> int:
    """Beats to unpack at a time."""
    return max(1, CHUNK_BITS // (words * WORD_BITS))


def pack(codes: Words, width_bits: int, words: int) -> Words:
    """Rows of codes as rows of words."""
    shifts = np.arange(width_bits, dtype=np.uint32)
    bits = ((codes[:, :, None] >> shifts) & np.uint32(1)).astype(np.uint8)
    flat = np.zeros((len(codes), words * WORD_BITS), np.uint8)
    flat[:, : codes.shape[1] * width_bits] = bits.reshape(len(codes), -1)
    return np.packbits(flat, axis=1, bitorder="little").view("<u4").astype(np.uint32)


def unpack(payloads: Words, width_bits: int, lanes: int) -> Words:
    """Rows of words as rows of codes."""
    octets = np.ascontiguousarray(payloads.astype("<u4")).view(np.uint8)
    bits = np.unpackbits(octets, axis=1, bitorder="little", count=lanes * width_bits)
    weights = np.uint32(1) << np.arange(width_bits, dtype=np.uint32)
    codes: Words = bits.reshape(len(payloads), lanes, width_bits).astype(np.uint32) @ weights
    return codes
