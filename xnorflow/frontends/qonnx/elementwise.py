# SPDX-License-Identifier: Apache-2.0
"""Elementwise nodes: of constants at once; else they wait for a quantiser, as part of its function.

Each one computes in float32 what ONNX Runtime computes, in its order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np

from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.frontends.qonnx.tensors import MAX_ELEMENTS, tensor_label
from xnorflow.frontends.qonnx.value import Array, Constant, Tensor, Value, Waiting
from xnorflow.frontends.qonnx.walk import Walk
from xnorflow.ir.exact import is_dyadic

__all__ = [
    "batch_norm",
    "binary",
    "check_elements",
    "clip",
    "constant",
    "dropout",
    "parameter",
    "skip",
    "unary",
    "waiting",
]

Function = Callable[..., Array]
Kind = Callable[..., Tensor]


def skip(walk: Walk, node: OnnxNode, source: Tensor) -> Tensor:
    """A node that does nothing."""
    return source


def dropout(
    walk: Walk,
    node: OnnxNode,
    source: Tensor,
    ratio: Tensor | None = None,
    training: Tensor | None = None,
) -> Tensor:
    """Nothing, when a network is used."""
    if training is not None and constant(node, training, 2).any():
        raise node.fail("must be for inference, not for training")
    return source


def constant(node: OnnxNode, tensor: Tensor | None, position: int) -> Array:
    """The array of an input that must be a constant."""
    if not isinstance(tensor, Constant):
        name = node.inputs[position] if position < len(node.inputs) else ""
        raise node.fail(f"must have a constant as its input {position + 1}, not {name!a}")
    return tensor.array


def parameter(walk: Walk, node: OnnxNode, tensor: Tensor | None, position: int) -> Array:
    """As :func:`constant`, of finite float32 numbers, in the type that functions compute in."""
    array = constant(node, tensor, position)
    what = tensor_label(node.inputs[position])
    if array.dtype != np.float32:
        raise node.fail(f"must have float32 constants, not {what} of {array.dtype}")
    if not np.isfinite(array).all():
        raise node.fail(f"must have finite constants, and {what} is not")
    return array.astype(walk.dtype)


def waiting(
    walk: Walk, node: OnnxNode, source: Value, function: Function, *parameters: Array
) -> Value:
    """``source`` with one more node that waits; its parameters are broadcast over the tensor."""
    rows = []
    for array in parameters:
        source, row = walk.rows(source, array, node)
        rows.append(row)
    if len(source.edge_shape) == 1:  # a later one may have flattened the edge
        rows = [walk.rows(source, array, node)[1] for array in parameters]
    return replace(source, waiting=(*source.waiting, Waiting(node, function, tuple(rows))))


def unary(function: Function) -> Kind:
    """Import of a node that computes ``function`` of every element."""

    def kind(walk: Walk, node: OnnxNode, source: Tensor) -> Tensor:
        if isinstance(source, Constant):
            return Constant(folded(node, function, source.array))
        return waiting(walk, node, value(node, source), function)

    return kind


def binary(function: Function, join: Kind | None = None) -> Kind:
    """Import of a node that computes ``function`` of two tensors.

    Parameters
    ----------
    function
        Of arrays.
    join
        Import of the node where neither tensor is a constant.
    """

    def kind(walk: Walk, node: OnnxNode, first: Tensor, second: Tensor) -> Tensor:
        if isinstance(first, Constant) and isinstance(second, Constant):
            return Constant(folded(node, function, first.array, second.array))
        if isinstance(first, Value) and isinstance(second, Value):
            if join is None:
                raise node.fail("must have a constant: of two values that change it has none")
            return join(walk, node, first, second)
        if isinstance(second, Constant):
            array = parameter(walk, node, second, 1)
            source = value(node, first)
            if scaled := scaled_by(walk, node, source, array):
                return scaled
            return waiting(walk, node, source, function, array)
        array = parameter(walk, node, first, 0)
        source = value(node, second)
        if node.op == "Mul" and (scaled := scaled_by(walk, node, source, array)):
            return scaled
        return waiting(walk, node, source, lambda x, c: function(c, x), array)

    return kind


def scaled_by(walk: Walk, node: OnnxNode, source: Value, array: Array) -> Value | None:
    """``source`` with another scale, if ``node`` multiplies or divides and nothing is lost."""
    if node.op not in ("Mul", "Div") or source.waiting or not np.all(array > 0):
        return None
    source, row = walk.rows(source, array, node)
    factor = row.astype(np.float64)
    if not (walk.double or is_dyadic(factor).all()):
        return None
    scale = source.scale * factor if node.op == "Mul" else source.scale / factor
    if not (walk.double or is_dyadic(scale).all()):
        return None
    return replace(source, scale=scale[:1] if np.all(scale == scale[0]) else scale)


def value(node: OnnxNode, tensor: Tensor | None) -> Value:
    """``tensor``, which must depend on the input, and be no label."""
    if not isinstance(tensor, Value):
        raise node.fail("must read values of the network, not labels or nothing")
    return tensor


def folded(node: OnnxNode, function: Function, *arrays: Array) -> Array:
    """``function`` of constants, element by element."""
    check_elements(node, prod(np.broadcast_shapes(*(array.shape for array in arrays))))
    try:
        with np.errstate(all="ignore"):
            return np.asarray(function(*arrays))
    except (ValueError, TypeError, ArithmeticError) as error:
        raise node.fail(f"cannot be computed of its constants: {error}") from error


def check_elements(node: OnnxNode, count: int) -> None:
    """Refuse a constant of too many elements, before memory is taken for it."""
    if count > MAX_ELEMENTS:
        raise node.fail(f"must give at most {MAX_ELEMENTS} elements, not {count}")


def clip(
    walk: Walk,
    node: OnnxNode,
    source: Tensor,
    low: Tensor | None = None,
    high: Tensor | None = None,
) -> Tensor:
    """Values kept within bounds, which are attributes or constants."""
    bounds = [
        (np.maximum, bound(walk, node, low, 1, "min")),
        (np.minimum, bound(walk, node, high, 2, "max")),
    ]
    for function, array in bounds:
        if array is not None and isinstance(source, Constant):
            source = Constant(folded(node, function, source.array, array))
        elif array is not None:
            source = waiting(walk, node, value(node, source), function, array)
    return source


def bound(
    walk: Walk, node: OnnxNode, tensor: Tensor | None, position: int, name: str
) -> Array | None:
    """One bound of a clip, if it has it."""
    if tensor is not None:
        return parameter(walk, node, tensor, position).reshape(1)
    if name in node.attributes:
        return np.array([node.number(name, 0.0)], np.float32).astype(walk.dtype)
    return None


def batch_norm(walk: Walk, node: OnnxNode, source: Tensor, *parameters: Tensor) -> Value:
    """A batch normalisation: ``x * factor + bias``, both as ONNX Runtime computes them."""
    if node.integer("training_mode", 0) or len(parameters) != 4:
        raise node.fail("must be for inference, with scale, bias, mean and variance")
    target = value(node, source)
    channels = target.shape[1] if len(target.shape) > 1 else 0
    arrays = [parameter(walk, node, t, i) for i, t in enumerate(parameters, start=1)]
    if any(array.shape != (channels,) for array in arrays):
        raise node.fail(f"must have parameters of shape ({channels},)")
    gamma, beta, mean, variance = arrays
    with np.errstate(all="ignore"):
        deviation = np.sqrt(variance + walk.dtype(node.number("epsilon", 1e-5)))
        factor = (walk.dtype(1) / deviation) * gamma
        bias = beta - mean * factor
    if not (np.isfinite(factor).all() and np.isfinite(bias).all()):
        raise node.fail("must have variances above 0, and finite results")
    axes = (channels,) + (1,) * (len(target.shape) - 2)
    return waiting(
        walk,
        node,
        target,
        lambda x, f, b: x * f + b,
        factor.reshape(axes),
        bias.reshape(axes),
    )
