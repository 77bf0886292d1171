# SPDX-License-Identifier: Apache-2.0
"""Sums and concatenations of several values."""

from __future__ import annotations

import numpy as np

from xnorflow.errors import LoweringError
from xnorflow.ir import Add, Concat
from xnorflow.quant.lowering.record import Step
from xnorflow.quant.lowering.value import Integers, Value, check_exact
from xnorflow.quant.lowering.walk import Walk, settled

__all__ = ["add", "concat"]


def add(walk: Walk, step: Step, first: Value, second: Value) -> Value:
    """The sum of two values: the one of the larger scale is shifted up to that of the other."""
    for source in (first, second):
        settled(source, step, ": quantise both addends first")
    if first.shape != second.shape:
        raise LoweringError(
            f"layer {step} must add values of one shape, not {first.shape} and {second.shape}"
        )
    if not same_columns(first, second):
        raise LoweringError(f"layer {step} must add values that are flattened alike")
    shifts = shifts_between(first, second, step)
    reach = (first.largest << shifts[0]) + (second.largest << shifts[1])
    check_exact(reach, f"the sums of layer {step}", "use scales that are closer, or fewer bits")
    name = walk.numbered("add")
    node = Add(name=name, inputs=(first.edge, second.edge), origin=step.path, shifts=shifts)
    total = walk.append(node)
    quantised = first.element is not None and second.element is not None
    return Value(
        edge=name,
        shape=first.shape,
        low=(first.low << shifts[0]) + (second.low << shifts[1]),
        high=(first.high << shifts[0]) + (second.high << shifts[1]),
        scale=np.minimum(first.scale, second.scale),
        element=total.element if quantised else None,
        activation=f"{name}_act",
        columns=first.columns,
    )


def shifts_between(first: Value, second: Value, step: Step) -> tuple[int, int]:
    """Places by which the integers of each value are shifted to have one scale."""
    exponents = np.unique(np.log2(first.scale / second.scale))  # exact: both are powers of two
    if len(exponents) > 1:
        raise LoweringError(
            f"layer {step} must add values whose scales have the same ratio in every channel"
        )
    exponent = int(exponents[0])
    return max(exponent, 0), max(-exponent, 0)


def same_columns(first: Value, second: Value) -> bool:
    """Whether the elements of two values are in the same order."""
    if first.columns is None or second.columns is None:
        return first.columns is second.columns
    return np.array_equal(first.columns, second.columns)


def concat(walk: Walk, step: Step, *sources: Value) -> Value:
    """The channels of several values, which must have one scale and type."""
    for source in sources:
        settled(source, step, ": quantise all parts first")
    first = sources[0]
    if len(sources) == 1:
        return first
    types = [walk.types[source.edge].element for source in sources]
    scales = [source.scale for source in sources]
    if any(element != types[0] for element in types) or np.unique(np.concatenate(scales)).size > 1:
        kinds = ", ".join(
            f"{source.edge!r} has {element} times {source.scale.max():g}"
            for source, element in zip(sources, types, strict=True)
        )
        raise LoweringError(
            f"layer {step} must join values of one type and scale: {kinds}; "
            "quantise them alike first"
        )
    if any(source.columns is not None for source in sources):
        raise LoweringError(f"layer {step} must stand before the images are flattened")
    name = walk.numbered("concat")
    node = Concat(name=name, inputs=tuple(source.edge for source in sources), origin=step.path)
    quantised = all(source.element is not None for source in sources)
    return Value(
        edge=name,
        shape=walk.append(node).shape,
        low=np.concatenate([spread(source.low, source) for source in sources]),
        high=np.concatenate([spread(source.high, source) for source in sources]),
        scale=first.scale[:1],
        element=types[0] if quantised else None,
        activation=f"{name}_act",
    )


def spread(bounds: Integers, source: Value) -> Integers:
    """``bounds`` of a value, one for each channel."""
    return np.broadcast_to(bounds, source.shape[-1:])
