# SPDX-License-Identifier: Apache-2.0
"""Values whose waiting nodes are turned into a table although no quantiser follows.

Of a value with few integers every one can be asked. If what comes out are whole multiples of a
power of two again, the nodes between are a table from integers to integers: ``2 * x - 1`` of bits,
or a ReLU of 4-bit values.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xnorflow.errors import LoweringError
from xnorflow.frontends.qonnx.elementwise import value
from xnorflow.frontends.qonnx.lattice import lattice_scale
from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.frontends.qonnx.quantizers import MAX_LEVELS, Steps, quantised
from xnorflow.frontends.qonnx.value import Floats, Integers, Tensor, Value
from xnorflow.frontends.qonnx.walk import Walk
from xnorflow.ir import BIPOLAR, TERNARY, DataType, Kind, smallest_type

__all__ = ["all_values", "element_of", "rises", "settled"]

MAX_POINTS = 1 << 20


def settled(walk: Walk, node: OnnxNode, source: Tensor | None, hint: str = "") -> Value:
    """``source`` as whole multiples of a scale, which ``node`` must read.

    Raises
    ------
    LoweringError
        If it is not and cannot become that.
    """
    target = value(node, source)
    if not target.waiting:
        return target
    blamed = LoweringError(
        f"node {node} must read quantised values; node {target.waiting[-1].node} gives others{hint}"
    )
    points = all_values(walk, target)
    if points is None or target.doubtful:
        raise blamed
    integers, results = points
    if not np.isfinite(results).all():
        raise blamed
    scale = lattice_scale(results)
    codes = np.rint(results.astype(np.float64) / scale)
    base, top = int(codes.min()), int(codes.max())
    if base == top or abs(base) > 1 << 23:
        raise blamed
    element = element_of(np.unique(codes).astype(np.int64))
    if not (walk.double or 2.0**-32 <= scale <= 2.0**32):
        raise blamed
    if np.array_equal(integers, codes) and element == target.element:
        return replace(target, scale=np.array([scale]), waiting=())
    if top - base > MAX_LEVELS:
        raise blamed
    steps = Steps(
        codes=lambda x: np.rint(x / x.dtype.type(scale)),
        scale=np.array([scale]),
        element=element,
        base=base,
        top=(top - base) // element.step,
    )
    return quantised(walk, node, target, steps)


def element_of(codes: Integers) -> DataType:
    """The narrowest type of the distinct ``codes``."""
    values = set(codes.tolist())
    if values == {-1, 1}:
        return BIPOLAR
    if values == {-1, 0, 1}:
        return TERNARY
    return smallest_type(min(values), max(values))


def all_values(walk: Walk, source: Value) -> tuple[Integers, Floats] | None:
    """Every integer, by channel if these differ, and what the tensor is for it.

    ``None`` where they are too many.
    """
    low, high = source.ranges()
    step = 2 if source.element is not None and source.element.kind is Kind.BIPOLAR else 1
    span = int((high - low).max()) // step + 1
    if span * len(low) > MAX_POINTS:
        return None
    integers = np.minimum(low + step * np.arange(span)[:, np.newaxis], high)
    return integers, source.ask(integers, walk.dtype)


def rises(walk: Walk, source: Value) -> bool:
    """Whether no waiting node changes the order of two integers of a channel."""
    points = all_values(walk, source)
    if points is None or source.doubtful:
        return False
    return bool(np.all(np.diff(points[1], axis=0) >= 0))
