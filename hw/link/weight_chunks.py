# SPDX-License-Identifier: Apache-2.0
"""Weights as the link carries them: in chunks that fit into the buffer of images."""

from __future__ import annotations

from xnorflow.errors import GraphError
from xnorflow.hw.link.identity import frame_bytes
from xnorflow.hw.link.protocol import CHUNK_NUMBER_BYTES
from xnorflow.hw.weight_loading import load_words
from xnorflow.ir import Dataflow

__all__ = ["weight_chunks"]

WORD_BYTES = 2
MOST_CHUNKS = (1 << 8 * CHUNK_NUMBER_BYTES) - 1


def weight_chunks(dataflow: Dataflow) -> tuple[bytes, ...]:
    """The payload of each frame ``LOAD`` that loads the accelerator for ``dataflow``.

    Each has the length of an image: the chunk's number, counted from 0, then words of
    :func:`~xnorflow.hw.weight_loading.load_words`, low byte first, as many as there is room for;
    the last one is filled up with zeros.

    Returns
    -------
    tuple of bytes
        Empty if nothing is to be loaded.

    Raises
    ------
    GraphError
        If images are so short that there is no room for a word, or chunks are more than numbers.
    """
    octets = load_words(dataflow).astype("<u2").tobytes()
    length = frame_bytes(dataflow.types[dataflow.input.name])
    room = (length - CHUNK_NUMBER_BYTES) // WORD_BYTES * WORD_BYTES
    if octets and (room <= 0 or len(octets) > MOST_CHUNKS * room):
        raise GraphError(
            f"the link loads weights in at most {MOST_CHUNKS:,} chunks of an image's size, which "
            f"{length} bytes are too short for"
        )
    starts = range(0, len(octets), room) if octets else ()
    return tuple(
        (number.to_bytes(CHUNK_NUMBER_BYTES, "little") + octets[start : start + room]).ljust(
            length, b"\0"
        )
        for number, start in enumerate(starts)
    )
