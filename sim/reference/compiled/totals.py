# SPDX-License-Identifier: Apache-2.0
# Numba has no types and prescribes parameters, whether they are needed or not:
# mypy: disable-error-code="misc, untyped-decorator"
# ruff: noqa: ARG001
"""Totals: what is summed for a group of neurons, for :data:`ROWS` rows of inputs at once.

A row is what a neuron sees: a vector or a window. There are four forms, told apart by the type of
the rows (``x``); ``w`` are the weights. All arrays are C-contiguous; the number of rows is a
multiple of :data:`ROWS`, which share each load of weights.

======  ======================================  ===============================================
form    x                                       w
======  ======================================  ===============================================
bits    uint64 (rows, x planes, words):         uint64 (groups, w planes, words, 8): bit planes
        bit planes, element 0 in bit 0          of 8 neurons
words   int32 (rows, pairs): two int16          int16 (groups, pairs, 32): two weights for each
        inputs, the first one lowest            of 16 neurons
taps    int16 (rows, taps, groups * 16):        int16 (groups, taps, 16): weights of 16
        channel by channel                      channels, each with its own inputs
values  int64 (rows, groups * 8)                none: the total of a channel is its value
======  ======================================  ===============================================

``form`` is ``(a, b, length, places, xnor)``, where the first three are x planes, w planes and words
of bits; 1, 1 and pairs of words; groups, 1 and taps of taps; groups, 1 and 1 of values. ``places``
and ``xnor`` are for bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from xnorflow.numba_cache import inlined
from xnorflow.sim.reference.compiled.lanes import (
    BIT_LANES,
    WORD_LANES,
    add,
    add_pair_products,
    both,
    element,
    exclusive,
    load,
    load_extended,
    multiply,
    popcount,
    shift,
    splat,
    spread,
    subtract,
)

__all__ = ["ROWS", "totals"]

ROWS = 4
"""Rows computed together: as many accumulators as fit in the registers of AVX2."""


@inlined
def popcounts(x: Any, x_at: int, step: int, w: Any, w_at: int, words: int, xnor: bool) -> Any:
    """For four rows, ``step`` words apart: ones of ``x ^ w`` (``xnor``) or ``x & w``."""
    s0 = s1 = s2 = s3 = splat(np.int64(0))
    if xnor:
        for k in range(words):
            row = load(w, w_at + BIT_LANES * k)
            s0 = add(s0, popcount(exclusive(row, spread(x, x_at + k))))
            s1 = add(s1, popcount(exclusive(row, spread(x, x_at + step + k))))
            s2 = add(s2, popcount(exclusive(row, spread(x, x_at + 2 * step + k))))
            s3 = add(s3, popcount(exclusive(row, spread(x, x_at + 3 * step + k))))
    else:
        for k in range(words):
            row = load(w, w_at + BIT_LANES * k)
            s0 = add(s0, popcount(both(row, spread(x, x_at + k))))
            s1 = add(s1, popcount(both(row, spread(x, x_at + step + k))))
            s2 = add(s2, popcount(both(row, spread(x, x_at + 2 * step + k))))
            s3 = add(s3, popcount(both(row, spread(x, x_at + 3 * step + k))))
    return s0, s1, s2, s3


def bit_totals(x: Any, first: int, w: Any, group: int, form: Any) -> Any:
    """Ones of all pairs of planes, weighted.

    The weight of a pair of planes is ``2**s`` where its element of ``places`` is ``s``, and
    ``-2**s`` where it is ``~s``; that of the first pair is 1.
    """
    x_planes, w_planes, words, places, xnor = form
    step = x_planes * words
    x_at = first * step
    w_at = group * w_planes * words * BIT_LANES
    t0, t1, t2, t3 = popcounts(x, x_at, step, w, w_at, words, xnor)
    for pair in range(1, x_planes * w_planes):
        p = pair // w_planes
        q = pair - p * w_planes
        s0, s1, s2, s3 = popcounts(
            x, x_at + p * words, step, w, w_at + q * words * BIT_LANES, words, xnor
        )
        place = element(places, pair)
        if place >= 0:
            t0 = add(t0, shift(s0, splat(place)))
            t1 = add(t1, shift(s1, splat(place)))
            t2 = add(t2, shift(s2, splat(place)))
            t3 = add(t3, shift(s3, splat(place)))
        else:
            t0 = subtract(t0, shift(s0, splat(~place)))
            t1 = subtract(t1, shift(s1, splat(~place)))
            t2 = subtract(t2, shift(s2, splat(~place)))
            t3 = subtract(t3, shift(s3, splat(~place)))
    return t0, t1, t2, t3


def word_totals(x: Any, first: int, w: Any, group: int, form: Any) -> Any:
    """``sum(x * w)``."""
    pairs = form[2]
    t0 = t1 = t2 = t3 = splat(np.int32(0))
    x_at = first * pairs
    w_at = group * pairs * 2 * WORD_LANES
    for k in range(pairs):
        row = load(w, w_at + 2 * WORD_LANES * k)
        t0 = add_pair_products(t0, spread(x, x_at + k), row)
        t1 = add_pair_products(t1, spread(x, x_at + pairs + k), row)
        t2 = add_pair_products(t2, spread(x, x_at + 2 * pairs + k), row)
        t3 = add_pair_products(t3, spread(x, x_at + 3 * pairs + k), row)
    return t0, t1, t2, t3


def tap_totals(x: Any, first: int, w: Any, group: int, form: Any) -> Any:
    """``sum(x * w)`` over the taps, in each channel by itself."""
    groups, _, taps = form[:3]
    channels = groups * WORD_LANES
    row = taps * channels
    t0 = t1 = t2 = t3 = splat(np.int32(0))
    for tap in range(taps):
        weights = load_extended(w, (group * taps + tap) * WORD_LANES)
        x_at = first * row + tap * channels + group * WORD_LANES
        t0 = add(t0, multiply(weights, load_extended(x, x_at)))
        t1 = add(t1, multiply(weights, load_extended(x, x_at + row)))
        t2 = add(t2, multiply(weights, load_extended(x, x_at + 2 * row)))
        t3 = add(t3, multiply(weights, load_extended(x, x_at + 3 * row)))
    return t0, t1, t2, t3


def value_totals(x: Any, first: int, w: Any, group: int, form: Any) -> Any:
    """The values themselves."""
    row = form[0] * BIT_LANES
    x_at = first * row + group * BIT_LANES
    return load(x, x_at), load(x, x_at + row), load(x, x_at + 2 * row), load(x, x_at + 3 * row)


def totals(x: Any, first: int, w: Any, group: int, form: Any) -> Any:
    """Totals of ``group`` for the rows from ``first`` on, as lanes; compiled code only."""
    raise NotImplementedError


FORMS = {
    types.uint64: bit_totals,
    types.int32: word_totals,
    types.int16: tap_totals,
    types.int64: value_totals,
}


@overload(totals, inline="never", jit_options={"forceinline": True})
def choose_totals(x: Any, first: int, w: Any, group: int, form: Any) -> Any:
    """The implementation of :func:`totals` for rows of the given numba type."""
    return FORMS[x.dtype]
