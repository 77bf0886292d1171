# SPDX-License-Identifier: Apache-2.0
"""Sums and concatenations of several values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xnorflow.frontends.qonnx.elementwise import check_elements
from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.frontends.qonnx.settle import settled
from xnorflow.frontends.qonnx.value import Array, Constant, Tensor, Value
from xnorflow.frontends.qonnx.walk import Walk
from xnorflow.ir import Add, Concat

__all__ = ["add", "concat"]


def add(walk: Walk, node: OnnxNode, first: Value, second: Value) -> Value:
    """The sum of two values: the one of the larger scale is shifted up to that of the other."""
    first, second = (
        settled(walk, node, source, ": quantise both addends first") for source in (first, second)
    )
    if first.shape != second.shape:
        raise node.fail(f"must add values of one shape, not {first.shape} and {second.shape}")
    if first.edge_shape != second.edge_shape:
        first, second = walk.flattened(first, node), walk.flattened(second, node)
    if first.edge_shape != second.edge_shape or not np.array_equal(first.place, second.place):
        raise node.fail("must add values whose elements are in one order")
    shifts = shifts_between(first, second, node)
    walk.check_exact(
        (first.largest << shifts[0]) + (second.largest << shifts[1]),
        node,
        "use scales that are closer, or fewer bits",
    )
    made = Add(
        name=walk.numbered("add"),
        inputs=(first.edge, second.edge),
        origin=node.origin,
        shifts=shifts,
    )
    total = walk.append(made)
    quantised = first.element is not None and second.element is not None
    return replace(
        first,
        edge=made.name,
        low=(first.low << shifts[0]) + (second.low << shifts[1]),
        high=(first.high << shifts[0]) + (second.high << shifts[1]),
        scale=np.minimum(first.scale, second.scale),
        element=total.element if quantised else None,
        activation=f"{made.name}_act",
    )


def shifts_between(first: Value, second: Value, node: OnnxNode) -> tuple[int, int]:
    """Places by which the integers of each value are shifted to have one scale."""
    exponents = np.unique(np.log2(first.scale / second.scale))
    if len(exponents) > 1 or exponents[0] != round(float(exponents[0])):
        raise node.fail("must add values whose scales differ by one power of two")
    exponent = int(exponents[0])
    return max(exponent, 0), max(-exponent, 0)


def concat(walk: Walk, node: OnnxNode, *sources: Tensor) -> Tensor:
    """The channels of several values, which must have one scale and type."""
    axis = node.integer("axis", 1)
    constants = [source for source in sources if isinstance(source, Constant)]
    if sources and len(constants) == len(sources):
        check_elements(node, sum(source.array.size for source in constants))
        return Constant(np.concatenate([source.array for source in constants], axis))
    values = [settled(walk, node, source, ": quantise all parts first") for source in sources]
    if len(values) == 1:
        return values[0]
    check_alike(walk, node, values)
    edges = tuple(source.edge for source in values)
    made = Concat(name=walk.numbered("concat"), inputs=edges, origin=node.origin)
    total = walk.append(made)
    quantised = all(source.element is not None for source in values)
    return Value(
        edge=made.name,
        edge_shape=total.shape,
        place=joined_places(values, total.shape[-1], axis),
        low=np.concatenate([spread(source.low, source) for source in values]),
        high=np.concatenate([spread(source.high, source) for source in values]),
        scale=values[0].scale[:1],
        element=total.element if quantised else None,
        activation=f"{made.name}_act",
    )


def check_alike(walk: Walk, node: OnnxNode, values: list[Value]) -> None:
    """Refuse parts of several types or scales."""
    types = [walk.types[source.edge].element for source in values]
    scales = np.concatenate([source.scale for source in values])
    if any(element != types[0] for element in types) or np.unique(scales).size > 1:
        kinds = ", ".join(
            f"{element} times {source.scale.max():g}"
            for source, element in zip(values, types, strict=True)
        )
        raise node.fail(
            f"must join values of one type and scale, not {kinds}: quantise them alike first"
        )


def joined_places(values: list[Value], channels: int, axis: int) -> Array:
    """Where each element of the joined tensor is: channels lie behind each other on the edge."""
    places, offset = [], 0
    for source in values:
        pixel, channel = np.divmod(source.place, source.channels)
        places.append(pixel * channels + channel + offset)
        offset += source.channels
    return np.concatenate(places, axis).astype(np.int32)


def spread(bounds: Array, source: Value) -> Array:
    """``bounds`` of a value, one for each channel."""
    return np.broadcast_to(bounds, source.edge_shape[-1:])
