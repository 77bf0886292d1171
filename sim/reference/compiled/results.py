# SPDX-License-Identifier: Apache-2.0
# Numba has no types and prescribes parameters, whether they are needed or not:
# mypy: disable-error-code="misc, untyped-decorator"
# ruff: noqa: ARG001
"""Results: what is made of the totals of rows, by a ``rule``.

=========  ===================================  ==============================================
result     rule                                 out
=========  ===================================  ==============================================
sums       (lines,)                             int64 (rows, groups * lanes)
signs      (thresholds (groups, lanes), flips)  unsigned (rows, 1, groups or more): a bit a lane
counts     (thresholds (groups, levels,         uint8 (rows, groups * lanes): low bytes; or
           lanes), lines)                       unsigned (rows, planes, groups or more): bits
=========  ===================================  ==============================================

``lines`` holds slopes and bases, shape (groups, 2, lanes); ``flips`` holds a bit a lane, shape
(groups,). The number of lanes and the type of their integers are those of the form of ``x``.
"""

from __future__ import annotations

from typing import Any

from numba.extending import overload

from xnorflow.sim.reference.compiled.lanes import (
    add,
    add_at_least,
    at_least,
    load,
    multiply,
    plane_of,
    pointer_to,
    put,
    store,
    subtract,
)
from xnorflow.sim.reference.compiled.totals import ROWS, totals

__all__ = ["results"]


def sums(x: Any, rows: int, w: Any, form: Any, rule: Any, out: Any) -> None:
    """``out[i, m] = base + slope * total``."""
    (lines,) = rule
    groups, _, lanes = lines.shape
    line_data, out_data = pointer_to(lines), pointer_to(out)
    row = groups * lanes
    for group in range(groups):
        slope = load(line_data, 2 * group * lanes)
        base = load(line_data, (2 * group + 1) * lanes)
        for first in range(0, rows, ROWS):
            t0, t1, t2, t3 = totals(x, first, w, group, form)
            at = (first * groups + group) * lanes
            store(add(base, multiply(slope, t0)), out_data, at)
            store(add(base, multiply(slope, t1)), out_data, at + row)
            store(add(base, multiply(slope, t2)), out_data, at + 2 * row)
            store(add(base, multiply(slope, t3)), out_data, at + 3 * row)


def signs(x: Any, rows: int, w: Any, form: Any, rule: Any, out: Any) -> None:
    """Bit ``m`` of row ``i`` of ``out`` is ``(total >= threshold) ^ flip``."""
    thresholds, flips = rule
    groups, lanes = thresholds.shape
    threshold_data, out_data = pointer_to(thresholds), pointer_to(out)
    row = out.shape[2]
    for group in range(groups):
        threshold = load(threshold_data, group * lanes)
        flip = flips[group]
        for first in range(0, rows, ROWS):
            t0, t1, t2, t3 = totals(x, first, w, group, form)
            at = first * row + group
            put(at_least(t0, threshold) ^ flip, out_data, at)
            put(at_least(t1, threshold) ^ flip, out_data, at + row)
            put(at_least(t2, threshold) ^ flip, out_data, at + 2 * row)
            put(at_least(t3, threshold) ^ flip, out_data, at + 3 * row)


def put_bytes(values: Any, first: int, group: int, lanes: int, place: Any) -> None:
    """Low bytes of the values of four rows."""
    v0, v1, v2, v3 = values
    out_data, (_, row) = place
    at = first * row + group * lanes
    store(v0, out_data, at)
    store(v1, out_data, at + row)
    store(v2, out_data, at + 2 * row)
    store(v3, out_data, at + 3 * row)


def put_planes(values: Any, first: int, group: int, lanes: int, place: Any) -> None:
    """Low bits of the values of four rows, plane by plane."""
    v0, v1, v2, v3 = values
    out_data, (_, planes, step) = place
    row = planes * step
    for plane in range(planes):
        at = first * row + plane * step + group
        put(plane_of(v0, plane), out_data, at)
        put(plane_of(v1, plane), out_data, at + row)
        put(plane_of(v2, plane), out_data, at + 2 * row)
        put(plane_of(v3, plane), out_data, at + 3 * row)


def put_values(values: Any, first: int, group: int, lanes: int, place: Any) -> None:
    """Write values to ``place``, pointer and shape of an array; compiled code only."""
    raise NotImplementedError


@overload(put_values, inline="never", jit_options={"forceinline": True})
def choose_put(values: Any, first: int, group: int, lanes: int, place: Any) -> Any:
    """The implementation of :func:`put_values` for an output of so many axes."""
    return put_bytes if len(place[1]) == 2 else put_planes


def counts(x: Any, rows: int, w: Any, form: Any, rule: Any, out: Any) -> None:
    """``base + slope * #{j : total >= thresholds[m, j]}``."""
    thresholds, lines = rule
    groups, levels, lanes = thresholds.shape
    threshold_data, line_data = pointer_to(thresholds), pointer_to(lines)
    place = (pointer_to(out), out.shape)
    for group in range(groups):
        slope = load(line_data, 2 * group * lanes)
        base = load(line_data, (2 * group + 1) * lanes)
        for first in range(0, rows, ROWS):
            t0, t1, t2, t3 = totals(x, first, w, group, form)
            c0 = c1 = c2 = c3 = subtract(slope, slope)
            for level in range(levels):
                threshold = load(threshold_data, (group * levels + level) * lanes)
                c0 = add_at_least(c0, t0, threshold)
                c1 = add_at_least(c1, t1, threshold)
                c2 = add_at_least(c2, t2, threshold)
                c3 = add_at_least(c3, t3, threshold)
            values = (
                add(base, multiply(slope, c0)),
                add(base, multiply(slope, c1)),
                add(base, multiply(slope, c2)),
                add(base, multiply(slope, c3)),
            )
            put_values(values, first, group, lanes, place)


def results(x: Any, rows: int, w: Any, form: Any, rule: Any, out: Any) -> None:
    """Write the results of ``rows`` rows (a multiple of :data:`ROWS`) to ``out``.

    ``x``, ``w`` and the places in ``form`` are pointers. Compiled code only.
    """
    raise NotImplementedError


@overload(results, inline="never", jit_options={"forceinline": True})
def choose_results(x: Any, rows: int, w: Any, form: Any, rule: Any, out: Any) -> Any:
    """The implementation of :func:`results` for a rule of the given numba type."""
    if len(rule) == 1:
        return sums
    return signs if rule[0].ndim == 2 else counts
