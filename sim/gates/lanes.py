# SPDX-License-Identifier: Apache-2.0
"""Beats of many images side by side, a bit of each image in a word, and back.

Image ``i`` is frame ``i // lanes`` of lane ``i % lanes``: with ``lanes`` lanes in use, frame ``f``
holds images ``f * lanes`` to ``f * lanes + lanes - 1``, and a lane's frames follow each other
without a pause. All lanes take the same number of frames: where images run out, and in lanes that
are not in use, earlier ones are sent once more, so that every lane carries real data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir.beats import WORD_BITS, payload_words
from xnorflow.sim.gates.library import aligned_zeros

__all__ = ["gathered", "images_of", "spread"]

Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]


def images_of(images: int, lanes: int, word_lanes: int) -> NDArray[np.int64]:
    """Which image each frame of each lane carries, shape ``(frames, word_lanes)``.

    Examples
    --------
    >>> images_of(5, lanes=2, word_lanes=4).tolist()
    [[0, 1, 0, 1], [2, 3, 2, 3], [4, 0, 4, 0]]
    """
    frames = -(-images // lanes)
    lane = np.arange(word_lanes) % lanes
    return (np.arange(frames)[:, None] * lanes + lane) % max(1, images)


def spread(payloads: Words, order: NDArray[np.int64], width_bits: int) -> Octets:
    """Beats of all lanes.

    Parameters
    ----------
    payloads
        Shape ``(images, beats_per_frame, words)``.
    order
        As :func:`images_of` gives it.
    width_bits
        Bits of a beat; those that the payload lacks are 0.

    Returns
    -------
    numpy.ndarray
        Shape ``(frames * beats_per_frame, width_bits, word_lanes / 8)``.
    """
    frames, word_lanes = order.shape
    beats = payloads.shape[1]
    spread_beats = aligned_zeros(frames * beats, width_bits, word_lanes // 8)
    for frame, images in enumerate(order):
        octets = np.ascontiguousarray(payloads[images].astype("<u4")).view(np.uint8)
        bits = np.unpackbits(octets, axis=2, bitorder="little")[:, :, :width_bits]
        part = spread_beats[frame * beats : (frame + 1) * beats, : bits.shape[2]]
        part[:] = np.packbits(bits.transpose(1, 2, 0), axis=2, bitorder="little")
    return spread_beats


def gathered(beats: Octets, images: int, lanes: int, beats_per_frame: int) -> Words:
    """The payloads of each image: the inverse of :func:`spread`.

    Parameters
    ----------
    beats
        Shape ``(frames * beats_per_frame, width_bits, word_lanes / 8)``.

    Returns
    -------
    numpy.ndarray
        Shape ``(images * beats_per_frame, words)``.
    """
    width_bits = beats.shape[1]
    words = payload_words(width_bits)
    payloads = np.zeros((images, beats_per_frame, words), np.uint32)
    for frame, first in enumerate(range(0, images, lanes)):
        part = beats[frame * beats_per_frame : (frame + 1) * beats_per_frame]
        count = min(lanes, images - first)
        bits = np.zeros((count, beats_per_frame, words * WORD_BITS), np.uint8)
        unpacked = np.unpackbits(part, axis=2, bitorder="little", count=count)
        bits[:, :, :width_bits] = unpacked.transpose(2, 0, 1)
        packed = np.packbits(bits, axis=2, bitorder="little")
        payloads[first : first + count] = packed.view("<u4")
    return payloads.reshape(-1, words)
