# SPDX-License-Identifier: Apache-2.0
"""Images and results as the link carries them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.link.identity import frame_bytes
from xnorflow.hw.top import padded_width_bits
from xnorflow.ir import StreamType
from xnorflow.ir.beats import WORD_BITS, payload_words, payloads_of, values_of

__all__ = ["Octets", "frame_octets", "frame_values"]

Octets: TypeAlias = NDArray[np.uint8]


def frame_octets(frames: NDArray[Any], stream: StreamType) -> Octets:
    """Frames as the link carries them, shape ``(n, bytes of a frame)``."""
    words = payloads_of(frames, stream)
    octets = words.astype("<u4").view(np.uint8)
    return octets[:, : padded_width_bits(stream) // 8].reshape(len(frames), frame_bytes(stream))


def frame_values(octets: Octets, stream: StreamType) -> NDArray[np.int64]:
    """The values in frames as the link carries them: the inverse of :func:`frame_octets`."""
    beats = octets.reshape(-1, padded_width_bits(stream) // 8)
    padded = np.zeros((len(beats), payload_words(stream.width_bits) * WORD_BITS // 8), np.uint8)
    padded[:, : beats.shape[1]] = beats
    return values_of(padded.view("<u4").astype(np.uint32), stream)
