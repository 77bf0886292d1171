# SPDX-License-Identifier: Apache-2.0
"""Nodes that move elements, and those that compute shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from xnorflow.frontends.qonnx.elementwise import check_elements, constant, folded, value
from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.frontends.qonnx.products import check_size
from xnorflow.frontends.qonnx.settle import settled
from xnorflow.frontends.qonnx.tensors import TYPES
from xnorflow.frontends.qonnx.value import Array, Constant, Tensor, Value
from xnorflow.frontends.qonnx.walk import Walk, image_place
from xnorflow.ir import Pad, Upsample

__all__ = [
    "cast",
    "constant_node",
    "flatten",
    "gather",
    "pad",
    "reshape",
    "resize",
    "shape_of",
    "slice_of",
    "squeeze",
    "transpose",
    "unsqueeze",
]

FLOAT32 = 1
"""ONNX's number of float32."""


def moved(node: OnnxNode, tensor: Tensor | None, function: Callable[[Array], Array]) -> Tensor:
    """``tensor`` with its elements moved by ``function``; indices stay as they are."""
    if not isinstance(tensor, Constant | Value):
        raise node.fail("must read values, not labels or nothing")
    return tensor.moved(function)


def numbers(node: OnnxNode, tensor: Tensor | None, position: int, name: str) -> tuple[int, ...]:
    """Whole numbers that are an input, or in older versions an attribute."""
    if tensor is None:
        return node.integers(name)
    array = constant(node, tensor, position)
    if array.dtype.kind not in "iu" or array.size > 64:
        raise node.fail(f"must have whole numbers as its input {position + 1}")
    return tuple(int(item) for item in array.reshape(-1))


def reshape(walk: Walk, node: OnnxNode, source: Tensor, shape: Tensor | None = None) -> Tensor:
    """Another shape; a batch that the file fixes is 1 here."""
    wanted = list(numbers(node, shape, 1, "shape"))
    if not isinstance(source, Constant | Value):
        raise node.fail("must read values, not labels")
    before = source.array.shape if isinstance(source, Constant) else source.shape
    if not node.integer("allowzero", 0):
        if any(n == 0 and axis >= len(before) for axis, n in enumerate(wanted)):
            raise node.fail(f"cannot keep an axis that {before} has not")
        wanted = [before[axis] if n == 0 else n for axis, n in enumerate(wanted)]
    batch = walk.model.input_shape[0]
    if isinstance(source, Value) and wanted and wanted[0] == batch > 1:
        wanted[0] = 1
    return moved(node, source, lambda array: array.reshape(tuple(wanted)))


def flatten(walk: Walk, node: OnnxNode, source: Tensor) -> Tensor:
    """Two axes."""
    axis = node.integer("axis", 1)

    def function(array: Array) -> Array:
        return array.reshape(int(np.prod(array.shape[:axis])), -1)

    return moved(node, source, function)


def transpose(walk: Walk, node: OnnxNode, source: Tensor) -> Tensor:
    """Axes in another order."""
    order = node.integers("perm")
    return moved(node, source, lambda array: np.transpose(array, order or None))


def squeeze(walk: Walk, node: OnnxNode, source: Tensor, axes: Tensor | None = None) -> Tensor:
    """Without axes of size 1; of labels, too, which have no axes here."""
    if not isinstance(source, Constant | Value):
        return source
    given = numbers(node, axes, 1, "axes")
    return moved(node, source, lambda array: np.squeeze(array, given or None))


def unsqueeze(walk: Walk, node: OnnxNode, source: Tensor, axes: Tensor | None = None) -> Tensor:
    """With more axes of size 1."""
    given = numbers(node, axes, 1, "axes")
    return moved(node, source, lambda array: np.expand_dims(array, given))


def cast(walk: Walk, node: OnnxNode, source: Tensor) -> Tensor:
    """Another type: of constants, or of labels; values stay in float32."""
    number = node.integer("to", 0)
    if isinstance(source, Constant):
        if number not in TYPES:
            raise node.fail(f"must give a type of numbers, not {number}")
        dtype = np.dtype(TYPES[number][0])
        if dtype == source.array.dtype:
            return source
        return Constant(folded(node, lambda array: array.astype(dtype), source.array))
    if isinstance(source, Value) and number != FLOAT32:
        raise node.fail("must keep values in float32: other types round otherwise")
    return source


def shape_of(walk: Walk, node: OnnxNode, source: Tensor) -> Constant:
    """The shape, which is known, with a batch of 1."""
    if not isinstance(source, Constant | Value):
        raise node.fail("must read values, not labels")
    shape = source.array.shape if isinstance(source, Constant) else source.shape
    start, end = node.integer("start", 0), node.integer("end", len(shape))
    return Constant(np.array(shape[start:end], np.int64))


def gather(walk: Walk, node: OnnxNode, source: Tensor, index: Tensor) -> Constant:
    """Some of a constant's elements."""
    array, positions = constant(node, source, 0), constant(node, index, 1)
    axis = node.integer("axis", 0)
    check_elements(node, array.size * max(1, positions.size))
    return Constant(np.asarray(np.take(array, positions.astype(np.int64), axis)))


def slice_of(walk: Walk, node: OnnxNode, source: Tensor, *rest: Tensor | None) -> Constant:
    """A part of a constant."""
    array = constant(node, source, 0)
    names = ("starts", "ends", "axes", "steps")
    given = [
        numbers(node, rest[i] if i < len(rest) else None, i + 1, name)
        for i, name in enumerate(names)
    ]
    starts, ends = given[:2]
    axes, steps = given[2] or tuple(range(len(starts))), given[3] or (1,) * len(starts)
    cuts = [slice(None)] * array.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        stop = None if step < 0 and end < -array.shape[axis] else end
        cuts[axis] = slice(start, stop, step)
    return Constant(array[tuple(cuts)])


def constant_node(walk: Walk, node: OnnxNode) -> Constant:
    """A constant in the graph."""
    attributes = node.attributes
    if isinstance(attributes.get("value"), np.ndarray):
        return Constant(attributes["value"])
    for name, dtype in (("value_float", np.float32), ("value_int", np.int64)):
        for key in (name, f"{name}s"):
            if key in attributes:
                return Constant(np.array(attributes[key], dtype))
    raise node.fail("must hold numbers")


def pad(
    walk: Walk,
    node: OnnxNode,
    source: Tensor,
    pads: Tensor | None = None,
    fill: Tensor | None = None,
    axes: Tensor | None = None,
) -> Value:
    """Zeros around an image."""
    target = settled(walk, node, source, ": pad behind the quantiser")
    amounts = numbers(node, pads, 1, "pads")
    rank = len(target.shape)
    filling = constant(node, fill, 2) if fill is not None else node.number("value", 0.0)
    if node.word("mode", "constant") != "constant" or np.any(filling):
        raise node.fail("must add zeros, not other values")
    if axes is not None or len(amounts) != 2 * rank or rank not in (3, 4):
        raise node.fail("must pad all axes of an image, or of a signal")
    before, behind = amounts[:rank], amounts[rank:]
    last = not any((*before[:1], *behind[:1], *before[-1:], *behind[-1:])) and bool(before[1:2])
    last = last and (before[1] > 0 or behind[1] > 0)
    sides = slice(1, rank - 1) if last else slice(2, rank)
    if sum(amounts) != sum((*before[sides], *behind[sides])) or min(amounts) < 0:
        raise node.fail(f"must pad height and width, and cut nothing off: not {amounts}")
    if max(amounts) > 1 << 20:
        raise node.fail(f"must pad less than {max(amounts)}")
    if not any(amounts):
        return target
    target = walk.image(target, node, last=last)
    zeros = (0,) * (4 - rank)
    padding = (*zeros, *before[sides], *zeros, *behind[sides])
    return resized(walk, node, target, last, Pad, padding=padding)


def resized(
    walk: Walk, node: OnnxNode, target: Value, last: bool, kind: Any, **fields: Any
) -> Value:
    """``target`` as an image of another size."""
    stem = {Pad: "pad", Upsample: "up"}[kind]
    made = kind(name=walk.numbered(stem), inputs=(target.edge,), origin=node.origin, **fields)
    result = made.infer((walk.types[target.edge],))
    check_size(node, result.shape)
    walk.append(made)
    sides = result.shape[:2] if len(target.shape) == 4 else result.shape[1:2]
    tensor = (1, *sides, target.channels) if last else (1, target.channels, *sides)
    return replace(
        target,
        edge=made.name,
        edge_shape=result.shape,
        place=image_place(result.shape, tensor, last),
        low=np.minimum(target.low, 0) if kind is Pad else target.low,
        high=np.maximum(target.high, 0) if kind is Pad else target.high,
        element=None if target.element is None else result.element,
    )


def resize(walk: Walk, node: OnnxNode, source: Tensor, *rest: Tensor | None) -> Value:
    """Every pixel several times: ``Upsample`` and ``Resize`` to the nearest pixel."""
    target = walk.image(value(node, source), node)
    if target.waiting:
        target = settled(walk, node, target)
    scales = rest[-1] if node.op == "Upsample" and rest else rest[1] if len(rest) > 1 else None
    if node.op == "Upsample" and not rest:
        factors = np.array(node.attributes.get("scales", ()), np.float64)
    else:
        position = 1 if node.op == "Upsample" else 2
        factors = constant(node, scales, position).astype(np.float64)
    plain = node.word("mode", "nearest") == "nearest" and node.word(
        "coordinate_transformation_mode", "asymmetric"
    ) in ("asymmetric", "half_pixel", "pytorch_half_pixel")
    whole = factors.shape == (len(target.shape),) and np.all(factors == np.rint(factors))
    if not plain or not whole or not np.all((factors >= 1) & (factors < 1 << 12)):
        raise node.fail("must repeat every pixel as often: mode 'nearest' and whole scales")
    if np.any(factors[:2] != 1):
        raise node.fail("must repeat pixels, not channels")
    sides = [int(n) for n in factors[2:]]
    factor = (*(1,) * (2 - len(sides)), *sides)
    return resized(walk, node, target, False, Upsample, factor=factor)
