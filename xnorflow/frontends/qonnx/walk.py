# SPDX-License-Identifier: Apache-2.0
"""The integer network as it grows, node by node of the file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from xnorflow.errors import GraphError, ModelFileError
from xnorflow.frontends.qonnx.input_type import InputType
from xnorflow.frontends.qonnx.model_file import Model, OnnxNode
from xnorflow.frontends.qonnx.tensors import tensor_label
from xnorflow.frontends.qonnx.value import Array, Constant, Tensor, Value, Waiting, tiled
from xnorflow.ir import Flatten, Input, NetworkBuilder, TensorType, Threshold
from xnorflow.ir.exact import EXACT_BELOW, is_dyadic

__all__ = [
    "MAX_SIDE",
    "MAX_SIZE",
    "InputLayout",
    "Kinds",
    "OtherLayout",
    "Walk",
    "image_place",
    "input_layout",
]

MAX_SIZE = 1 << 22
"""Most elements of one tensor of one image."""

MAX_SIDE = 1 << 16
"""Largest height and width."""


MISFITS = (ValueError, IndexError, OverflowError, MemoryError)
"""What numpy raises where shapes, axes or sizes in a file do not fit each other."""


@dataclass(frozen=True, slots=True, eq=False)
class InputLayout:
    """Which elements of the input tensor are where in an image ``(height, width, channels)``.

    Parameters
    ----------
    shape
        Of the image.
    order
        Shape ``(size,)``: position in the tensor of each element of the image, both row-major.
    """

    shape: tuple[int, int, int]
    order: Array

    def place(self, shape: tuple[int, ...]) -> Array:
        """Where in the image each element of the tensor of ``shape`` is."""
        place = np.empty(self.order.size, np.int32)
        place[self.order] = np.arange(self.order.size, dtype=np.int32)
        return place.reshape(shape)


class OtherLayout(Exception):  # noqa: N818 - a request, no error
    """The input has to be laid out otherwise, or a later node would need its elements moved."""

    def __init__(self, layout: InputLayout) -> None:
        super().__init__()
        self.layout = layout


class Walk(NetworkBuilder):
    """Nodes and tensors so far.

    Parameters
    ----------
    model
        The file.
    input_type
        What the input is.
    layout
        Where the elements of the input are.
    double
        Whether float64 is the definition, and scales may be any numbers.
    """

    def __init__(
        self, model: Model, input_type: InputType, layout: InputLayout, *, double: bool = False
    ) -> None:
        super().__init__()
        self.model, self.input_type, self.layout, self.double = model, input_type, layout, double
        self.dropped: list[OnnxNode] = []
        self.tensors: dict[str, Tensor] = {
            name: Constant(values) for name, values in model.constants.items()
        }
        self.tensors[model.input] = self.input_value()

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """In what elementwise functions are computed."""
        return np.float64 if self.double else np.float32

    def input_value(self) -> Value:
        """The input, as the tensor that the model takes."""
        kind, layout = self.input_type, self.layout
        self.append(Input(name="image", type=TensorType(kind.element, layout.shape)))
        shape = (1, *self.model.input_shape[1:])
        value = Value(
            edge="image",
            edge_shape=layout.shape,
            place=layout.place(shape),
            low=np.array([kind.element.min]),
            high=np.array([kind.element.max]),
            scale=np.array([1.0]),
            element=kind.element,
            activation="input_act",
        )
        if self.double or is_dyadic(np.array([1 / kind.divisor]))[0]:
            return replace(value, scale=np.array([1 / kind.divisor]))
        given = OnnxNode(f"input/{kind.divisor}", "", self.model.input, (), (), {})
        divisor = np.array([kind.divisor], self.dtype)
        return replace(value, waiting=(Waiting(given, np.divide, (divisor,)),))

    def take(self, node: OnnxNode, kinds: Kinds) -> None:
        """Go on by one node."""
        kind = kinds.get((node.domain, node.op))
        if kind is None:
            raise node.fail(f"is of no kind that can be imported{domain_text(node)}")
        sources = tuple(self.tensors.get(name) for name in node.inputs)
        try:
            inspect.signature(kind).bind(self, node, *sources)
        except TypeError as error:
            raise node.fail(f"cannot have {len(sources)} inputs") from error
        try:
            results = kind(self, node, *sources)
        except GraphError as error:
            raise node.fail(f"has no integer form: {error}") from error
        except MISFITS as error:
            reason = " ".join(str(error).split())
            raise node.fail(f"does not fit what it reads: {ascii(reason)[1:-1]}") from error
        made = results if isinstance(results, tuple) else (results,)
        for name, result in zip(node.outputs, made, strict=False):
            if result is not None:
                self.tensors[name] = checked_size(node, result)

    def flattened(self, value: Value, node: OnnxNode) -> Value:
        """``value`` on an edge that is a vector."""
        if len(value.edge_shape) == 1:
            return value
        size, pixels = value.place.size, value.place.size // value.channels
        flat = Flatten(name=self.unique("flat"), inputs=(value.edge,), origin=node.origin)
        self.append(flat)
        return replace(
            value,
            edge=flat.name,
            edge_shape=(size,),
            low=tiled(value.low, pixels),
            high=tiled(value.high, pixels),
            scale=tiled(value.scale, pixels),
            waiting=tuple(step.tiled(pixels) for step in value.waiting),
        )

    def rows(self, value: Value, constant: Array, node: OnnxNode) -> tuple[Value, Array]:
        """``constant``, which is broadcast over the tensor ``value``, by channel of its edge.

        Returns
        -------
        tuple
            ``value``, on a flat edge if elements of one channel differ; and the constant, of shape
            ``(1,)`` or ``(channels,)``.
        """
        if constant.size == 1 and constant.ndim <= len(value.shape):
            return value, constant.reshape(1)
        try:
            spread = np.broadcast_to(constant, value.shape)
        except ValueError as error:
            raise node.fail(
                f"must have constants that fit the shape {value.shape}, not {constant.shape}"
            ) from error
        on_edge = np.empty(value.place.size, constant.dtype)
        on_edge[value.place.reshape(-1)] = spread.reshape(-1)
        by_pixel = on_edge.reshape(-1, value.channels)
        if np.all(by_pixel == by_pixel[:1]):
            return value, by_pixel[0]
        if not value.is_vector:
            raise node.fail("must treat all pixels of a channel alike")
        return self.flattened(value, node), on_edge

    def image(self, value: Value, node: OnnxNode, *, last: bool = False) -> Value:
        """``value``, after checking that the tensor is an image as its edge has it.

        Parameters
        ----------
        last
            Whether channels are the last axis of the tensor, not the second.
        """
        shape = image_shape(value, node, last)
        place = image_place(shape, value.shape, last)
        if value.edge_shape == shape and np.array_equal(value.place, place):
            return value
        self.ask_for_layout(value, shape, place)
        raise node.fail(
            f"must read images as they are; the axes of {tensor_label(node.inputs[0])} "
            "were moved or folded since"
        )

    def ask_for_layout(self, value: Value, shape: tuple[int, int, int], place: Array) -> None:
        """Begin anew with another layout of the input, if ``value`` is made from it directly."""
        edge: str = value.edge
        while edge != "image":
            node = next(node for node in self.nodes if node.name == edge)
            if not isinstance(node, Threshold | Flatten):
                return
            edge = node.inputs[0]
        order = np.empty(place.size, np.int64)
        order[place.reshape(-1)] = self.layout.order[value.place.reshape(-1)]
        if not np.array_equal(order, self.layout.order) or self.layout.shape != shape:
            raise OtherLayout(InputLayout(shape, order))

    def check_exact(self, reach: int, node: OnnxNode, hint: str, below: int = EXACT_BELOW) -> None:
        """Refuse sums whose parts could leave the integers that float32 holds."""
        if reach >= below and not self.double:
            raise node.fail(
                f"makes sums that may reach {reach}, and must stay below "
                f"2**{below.bit_length() - 1} = {below} to be exact in float32: {hint}, or import "
                "with --float64"
            )

    def check_scale(self, scale: Array, node: OnnxNode, tensor: str) -> Array:
        """``scale`` as float64, after checking that products with it are exact."""
        values = np.asarray(scale, np.float64)
        where = f"must have a scale ({tensor_label(tensor)})"
        if not (np.isfinite(values).all() and np.all(values > 0)):
            raise node.fail(f"{where} that is positive and finite")
        if not self.double and not is_dyadic(values).all():
            wrong = values[~is_dyadic(values)].flat[0]
            raise node.fail(
                f"{where} of powers of two, not {wrong:.9g}: float32 sums would be rounded, and no "
                "integer network could be equal to them; train with power-of-two scales, or "
                "import with --float64"
            )
        return values


Kinds: TypeAlias = Mapping[tuple[str, str], Callable[..., Any]]
"""By domain and operator: functions that take ``(walk, node, *tensors)`` and give tensors."""


def checked_size(node: OnnxNode, tensor: Tensor) -> Tensor:
    """``tensor``, if it is not too large."""
    size = 0
    if isinstance(tensor, Value):
        size = tensor.place.size
    elif isinstance(tensor, Constant):
        size = tensor.array.size
    if isinstance(tensor, Value) and (size > MAX_SIZE or size == 0):
        raise node.fail(f"must give 1 to {MAX_SIZE} elements, not the shape {tensor.shape}")
    return tensor


def domain_text(node: OnnxNode) -> str:
    """The domain of ``node``, if it is a foreign one, for a message."""
    return "" if node.domain in ("", "qonnx") else f" (domain {tensor_label(node.domain)})"


def image_shape(value: Value, node: OnnxNode, last: bool) -> tuple[int, int, int]:
    """``(height, width, channels)`` of the image that the tensor ``value`` is."""
    if len(value.shape) not in (3, 4) or value.shape[0] != 1:
        raise node.fail(f"must read images or signals, not a tensor of shape {value.shape}")
    axes = value.shape[1:] if last else (*value.shape[2:], value.shape[1])
    return axes if len(axes) == 3 else (1, *axes)  # type: ignore[return-value] # lengths are known


def image_place(shape: tuple[int, int, int], tensor: tuple[int, ...], last: bool) -> Array:
    """Where each element of an image is, in a tensor of the shape ``tensor``."""
    place = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    return (place if last else np.moveaxis(place, -1, 0)).reshape(tensor)


def input_layout(model: Model) -> InputLayout:
    """The input as an image: channels are taken for the first axis behind the batch.

    Raises
    ------
    ModelFileError
        If its shape is none of vectors, signals or images of a known size.
    """
    shape = model.input_shape[1:]
    size = int(np.prod(shape, dtype=object)) if shape else 0
    if not 1 <= len(shape) <= 3 or min(shape) < 1 or size > MAX_SIZE or max(shape) > MAX_SIDE:
        text = ", ".join("?" if n < 0 else str(n) for n in model.input_shape[:8])
        raise ModelFileError(
            f"the input {tensor_label(model.input)} must be a batch of vectors, signals or images "
            f"of a known size, not of shape ({text})"
        )
    if len(shape) == 1:
        return InputLayout((1, size, 1), np.arange(size))
    channels, *sides = shape
    image = (1,) * (2 - len(sides)) + tuple(sides) + (channels,)
    order = np.moveaxis(np.arange(size).reshape(shape), 0, -1).reshape(-1)
    return InputLayout(image, order)  # type: ignore[arg-type] # three axes
