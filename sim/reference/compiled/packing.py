# SPDX-License-Identifier: Apache-2.0
# Numba has no types:
# mypy: disable-error-code="misc, untyped-decorator"
"""From bytes to packed bits, 64 elements at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from xnorflow.numba_cache import compile_cached
from xnorflow.sim.reference.compiled.lanes import at_least, exclusive, load, plane_of, pointer_to

__all__ = ["pack_above", "pack_planes"]


@compile_cached
def pack_above(data: Any, flips: Any, thresholds: Any, keep: Any, out: Any) -> None:
    """Bit ``e`` of row ``i`` of ``out`` is ``int8(data[i, e] ^ flips[e]) >= thresholds[e]``.

    ``data`` and ``flips`` are uint8, ``thresholds`` int8, ``out`` is uint64 of shape
    (n or more, words); bits not set in ``keep``, shape (words,), become 0.
    """
    n, size = data.shape
    whole = size // 64
    bytes_, flip_data, threshold_data = pointer_to(data), pointer_to(flips), pointer_to(thresholds)
    for i in range(n):
        for k in range(whole):
            flipped = exclusive(load(bytes_, i * size + 64 * k), load(flip_data, 64 * k))
            bits = at_least(flipped, load(threshold_data, 64 * k))
            out[i, k] = bits & keep[k]
        if size % 64:
            tail = np.uint64(0)
            for e in range(64 * whole, size):
                above = np.int8(data[i, e] ^ flips[e]) >= thresholds[e]
                tail |= np.uint64(above) << np.uint64(e % 64)
            out[i, whole] = tail & keep[whole]


@compile_cached
def pack_planes(data: Any, out: Any) -> None:
    """Bit ``e`` of plane ``p`` of row ``i`` of ``out`` is bit ``p`` of ``data[i, e]``.

    ``data`` is uint8; ``out`` is uint64 of shape (n or more, planes, words).
    """
    n, size = data.shape
    whole = size // 64
    bytes_ = pointer_to(data)
    for i in range(n):
        for p in range(out.shape[1]):
            for k in range(whole):
                out[i, p, k] = plane_of(load(bytes_, i * size + 64 * k), p)
            if size % 64:
                tail = np.uint64(0)
                for e in range(64 * whole, size):
                    bit = (data[i, e] >> np.uint8(p)) & np.uint8(1)
                    tail |= np.uint64(bit) << np.uint64(e % 64)
                out[i, p, whole] = tail
