# SPDX-License-Identifier: Apache-2.0
"""Lowering: from a quantised PyTorch network to exact integers.

The network is a chain of modules. Walking along it, one value is known by its integers and a
power-of-two ``scale``: what PyTorch computes is ``scale * integer``, exactly. Linear layers become
:class:`~xnorflow.ir.MatMul`. Elementwise modules wait until a quantiser comes; all of them together
become one :class:`~xnorflow.ir.Threshold`, found by asking them (:mod:`xnorflow.quant.ask`).
Whatever cannot be exact is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xnorflow.errors import LoweringError
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    ArgMax,
    DataType,
    Flatten,
    Input,
    MatMul,
    Network,
    Node,
    TensorType,
    Threshold,
    ThresholdTable,
    int_type,
    uint_type,
)
from xnorflow.quant.ask import find_thresholds, first_plateau
from xnorflow.quant.chain import Reshape, Step, evaluation_mode, plain_tensor, record_chain
from xnorflow.quant.models.mlp import Centre, TensorNorm

__all__ = ["KINDS", "lower"]

PIXEL_SCALE = 2.0**-8
EXACT_BELOW = 1 << 24
"""All integers up to here are float32 numbers."""

MAX_EXPONENT = 32
"""Scales outside ``2**-32 .. 2**32`` could overflow, or lose bits in, float32."""

LIBRARIES = ("torch.nn.", "brevitas.nn.")
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
MAX_WEIGHT_BITS = 8
MAX_ACTIVATION_BITS = 8

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What is known of the value that the last node makes.

    Parameters
    ----------
    edge
        Its name.
    shape
        Channels last.
    low, high
        Shape ``(1,)`` or ``(channels,)``: the integers that it can hold.
    scale
        float64, shape ``(1,)`` or ``(channels,)``: what PyTorch has is ``scale * integer``.
    element
        Type of its elements; ``None`` for accumulators.
    columns
        Position in PyTorch's order of each element of a flat vector; ``None`` where it is the
        same.
    """

    edge: str
    shape: tuple[int, ...]
    low: Integers
    high: Integers
    scale: NDArray[np.float64]
    element: DataType | None
    columns: Integers | None = None


def lower(model: nn.Module, image_shape: tuple[int, int, int] | None = None) -> Network:
    """The integer network that computes what ``model`` computes, exactly.

    Parameters
    ----------
    model
        A chain of the modules in :data:`KINDS` that takes pixels ``u / 256`` of shape
        ``(n, channels, height, width)`` and gives one score for each class. Neither its
        parameters nor its mode are changed; it is asked in evaluation mode.
    image_shape
        ``(height, width, channels)``; by default ``model.image_shape``.

    Returns
    -------
    Network
        Nodes ``image``, ``flat``, ``input_act`` (if pixels are quantised), ``fc1``, ``act1``, ...,
        ``label``; their ``origin`` is the path of the PyTorch module.

    Raises
    ------
    LoweringError
        If the network has no exact integer form, with the layer and the reason.

    Notes
    -----
    Exact means: with dyadic scales and accumulators below 2**24, every product and partial sum
    is a float32 number, so PyTorch gives the same bits in any order of summation; and what
    follows is elementwise, so it does not depend on the batch.
    """
    shape = image_shape or getattr(model, "image_shape", None)
    if shape is None:
        raise LoweringError("lowering must know the shape of an image: pass image_shape")
    with evaluation_mode(model), torch.no_grad():
        walk = Walk(shape)
        for step in record_chain(model, shape, is_layer):
            walk.take(step)
        return walk.finish()


def is_layer(module: nn.Module) -> bool:
    """Whether ``module`` is one layer; else it is a user's own module with layers inside."""
    library = type(module).__module__.startswith(LIBRARIES)
    return isinstance(module, tuple(KINDS)) or (library and not isinstance(module, CONTAINERS))


class Walk:
    """The integer network as far as it is known, along the chain of modules.

    Parameters
    ----------
    shape
        Of an image: ``(height, width, channels)``.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        image = TensorType(uint_type(8), shape)
        self.nodes: list[Node[TensorType]] = [Input(name="image", type=image)]
        self.value = Value(
            edge="image",
            shape=shape,
            low=np.array([0]),
            high=np.array([255]),
            scale=np.array([PIXEL_SCALE]),
            element=image.element,
        )
        self.waiting: list[Step] = []
        self.seen: set[str] = set()
        self.matmuls = 0

    def take(self, step: Step) -> None:
        """Go on by one module."""
        kind = KINDS.get(type(step.module))
        if kind is None:
            known = ", ".join(sorted(module.__name__ for module in KINDS if module is not Reshape))
            raise LoweringError(f"layer {step} is of no kind that can be lowered (known: {known})")
        if step.path and step.path in self.seen:
            raise LoweringError(f"layer {step} must be called once, it is called again")
        self.seen.add(step.path)
        kind(self, step)

    def finish(self) -> Network:
        """The network, with the arg max of the last value."""
        if len(self.value.shape) != 1 or self.value.columns is not None:
            raise LoweringError(f"the output must be one score a class, not {self.value.shape}")
        if np.any(self.value.scale != self.value.scale[0]):
            raise LoweringError(
                f"scores must have one scale, edge {self.value.edge!r} has one for each channel"
            )
        if self.waiting:
            self.check_order_is_kept()
        self.nodes.append(ArgMax(name="label", inputs=(self.value.edge,)))
        return Network(tuple(self.nodes))

    def check_order_is_kept(self) -> None:
        """Refuse modules after the last linear layer that could change the arg max."""
        for step in self.waiting:
            if is_per_channel(step.module):
                raise LoweringError(
                    f"layer {step} must scale all scores alike to keep their order; "
                    "use a TensorNorm, or none"
                )
        low, high = int(self.value.low.min()), int(self.value.high.max())
        plateau = first_plateau(self.ask_scores, low, high)
        if plateau is not None:
            raise LoweringError(
                f"layer {self.waiting[-1]} must keep the order of all scores {low}..{high}, "
                f"but does not raise from {plateau} to {plateau + 1}: its gain must be positive "
                "and large enough for float32"
            )

    def ask_scores(self, integers: Integers) -> NDArray[np.float32]:
        """The float scores of ``integers`` (one axis)."""
        result = apply(self.waiting, self.to_float(integers[:, np.newaxis]))
        return result[:, 0].numpy()

    def to_float(self, integers: Integers) -> Tensor:
        """What PyTorch has for ``integers`` of shape ``(n, channels)`` or ``(n, 1)``."""
        return torch.from_numpy((integers * self.value.scale).astype(np.float32))

    def append(self, node: Node[TensorType], value: Value) -> None:
        """Add ``node``, which makes ``value``."""
        self.nodes.append(node)
        self.value = value


def apply(steps: list[Step], x: Tensor) -> Tensor:
    """``x`` through the modules of ``steps``."""
    for step in steps:
        x = plain_tensor(step.module(x))
    return x


def skip(walk: Walk, step: Step) -> None:
    """A module that does nothing in evaluation mode."""


def wait(walk: Walk, step: Step) -> None:
    """An elementwise module, the same for all elements."""
    walk.waiting.append(step)


def wait_batch_norm(walk: Walk, step: Step) -> None:
    """A batch normalisation: one affine function for each channel."""
    if len(walk.value.shape) != 1:
        raise LoweringError(f"layer {step} must read a vector, not {walk.value.shape}")
    if walk.value.columns is not None:
        raise LoweringError(f"layer {step} cannot stand before the first linear layer")
    if step.module.running_mean is None:
        raise LoweringError(
            f"layer {step} must have running statistics: without, its result depends on the batch"
        )
    walk.waiting.append(step)


def is_per_channel(module: nn.Module) -> bool:
    """Whether an elementwise module treats channels differently."""
    return isinstance(module, nn.BatchNorm1d)


def flatten(walk: Walk, step: Step) -> None:
    """All elements as one vector."""
    source = walk.value
    size = int(np.prod(source.shape))
    if step.shape != (size,):
        raise LoweringError(f"layer {step} must make one vector of {size}, not {step.shape}")
    if len(source.shape) == 1:
        return
    node = Flatten(name="flat", inputs=(source.edge,), origin=step.path)
    columns = hardware_order(source.shape)
    walk.append(
        node,
        Value("flat", (size,), source.low, source.high, source.scale, source.element, columns),
    )


def hardware_order(shape: tuple[int, ...]) -> Integers | None:
    """Positions in PyTorch's order (``c, h, w``) of the elements of an image ``(h, w, c)``."""
    height, width, channels = shape
    if channels == 1:
        return None
    torch_order = np.arange(height * width * channels).reshape(channels, height, width)
    return np.ascontiguousarray(np.moveaxis(torch_order, 0, -1)).reshape(-1)


def lower_linear(walk: Walk, step: Step) -> None:
    """A linear layer with quantised weights."""
    module, source = step.module, walk.value
    check_linear(module, step)
    if walk.waiting or source.element is None:
        last = str(walk.waiting[-1]) if walk.waiting else f"edge {source.edge!r}"
        raise LoweringError(f"layer {step} must read quantised values; {last} gives others")
    if len(source.shape) != 1:
        raise LoweringError(f"layer {step} must read a vector, not {source.shape}: flatten first")
    codes, scale, weight_type = weight_codes(module, step)
    if source.columns is not None:
        codes = codes[:, source.columns]
    check_accumulator(codes, source, step)
    walk.matmuls += 1
    name = f"fc{walk.matmuls}"
    node = MatMul(
        name=name,
        inputs=(source.edge,),
        origin=step.path,
        weights=codes.astype(np.int8),
        weight_type=weight_type,
    )
    low, high = row_ranges(codes, int(source.low.min()), int(source.high.max()))
    walk.append(node, Value(name, (node.mh,), low, high, scale * source.scale, None))


def check_linear(module: Any, step: Step) -> None:
    """Refuse a linear layer that does more than multiply by quantised weights."""
    if module.bias is not None:
        raise LoweringError(
            f"layer {step} must have no bias (bias=False): a batch normalisation behind it has one"
        )
    if not module.weight_quant.is_quant_enabled:
        raise LoweringError(f"layer {step} must have quantised weights (weight_quant)")
    for name in ("input_quant", "output_quant"):
        if getattr(module, name).is_quant_enabled:
            raise LoweringError(
                f"layer {step} must have no {name}: put a QuantIdentity beside it instead"
            )
    check_not_shared(module.weight_quant, step)


def check_not_shared(quantizer: Any, step: Step) -> None:
    """Refuse a quantiser that serves several layers: its scale would depend on all of them."""
    if len(quantizer.tracked_module_list) > 1:
        raise LoweringError(f"layer {step} must have a quantiser of its own, it shares one")


def weight_codes(module: Any, step: Step) -> tuple[Integers, NDArray[np.float64], DataType]:
    """Integer weights ``(mh, mw)``, their scale ``(1,)`` or ``(mh,)``, and their type."""
    quantized = module.quant_weight()
    scale = dyadic_scale(quantized.scale, f"the weights of layer {step}")
    codes = exact_codes(quantized.value, scale.reshape(-1, 1), f"the weights of layer {step}")
    if torch.any(quantized.zero_point != 0):
        raise LoweringError(f"the weights of layer {step} must have zero point 0")
    bits = int(quantized.bit_width)
    if bits > MAX_WEIGHT_BITS:
        raise LoweringError(
            f"the weights of layer {step} must have at most {MAX_WEIGHT_BITS} bits, not {bits}"
        )
    proxy = module.weight_quant
    weight_type = element_type(bits, proxy.is_signed, proxy.is_narrow_range)
    if not weight_type.contains(codes):
        raise LoweringError(f"the weights of layer {step} must be values of {weight_type}")
    return codes, scale, weight_type


def dyadic_scale(scale: Tensor, where: str) -> NDArray[np.float64]:
    """``scale`` as one axis, after checking that it holds powers of two."""
    values = scale.detach().double().numpy().reshape(-1)
    mantissas, exponents = np.frexp(values)
    wrong = (mantissas != 0.5) | (np.abs(exponents - 1) > MAX_EXPONENT)
    if wrong.any():
        raise LoweringError(
            f"the scale of {where} must be a power of two, not {values[np.argmax(wrong)]:.9g}: "
            "float32 sums would be rounded, and no integer network could be equal "
            "(use a fixed-point quantiser of Brevitas)"
        )
    return values


def exact_codes(values: Tensor, scale: NDArray[np.float64], where: str) -> Integers:
    """``values / scale``, after checking that these are integers."""
    quotients = values.detach().double().numpy() / scale
    codes = np.rint(quotients).astype(np.int64)
    if not np.array_equal(codes, quotients):
        raise LoweringError(f"{where} must be whole multiples of their scale")
    return codes


def element_type(bits: int, signed: bool, narrow: bool) -> DataType:
    """The type of a quantiser's integers."""
    if not signed:
        return uint_type(bits)
    if bits == 1:
        return BIPOLAR
    return TERNARY if bits == 2 and narrow else int_type(bits)


def check_accumulator(codes: Integers, source: Value, step: Step) -> None:
    """Refuse sums whose parts could leave the integers that float32 holds."""
    largest = max(abs(int(source.low.min())), abs(int(source.high.max())))
    reach = int(np.abs(codes).sum(axis=1).max()) * largest
    if reach >= EXACT_BELOW:
        raise LoweringError(
            f"the accumulator of layer {step} must stay below 2**24 = {EXACT_BELOW} to be exact in "
            f"float32, and may reach {reach}: use fewer inputs, or fewer bits of weights or inputs"
        )


def row_ranges(codes: Integers, low: int, high: int) -> tuple[Integers, Integers]:
    """Least and largest ``codes @ x`` of each row over ``x`` in ``low .. high``."""
    least = np.minimum(codes * low, codes * high).sum(axis=1)
    largest = np.maximum(codes * low, codes * high).sum(axis=1)
    return least, largest


def lower_quantizer(walk: Walk, step: Step) -> None:
    """A quantiser of activations, with the elementwise modules before it."""
    source = walk.value
    name = "input_act" if walk.matmuls == 0 else f"act{walk.matmuls}"
    if any(node.name == name for node in walk.nodes):
        raise LoweringError(f"layer {step} must not quantise what was quantised before")
    scale, output_type, base, top = quantizer_grid(step)
    steps = [*walk.waiting, step]

    def levels(integers: Integers) -> Integers:
        output = apply(steps, walk.to_float(integers))
        codes = exact_codes(output, scale, f"the output of layer {step}")
        return (codes - base) // output_type.step

    found = find_thresholds(levels, *function_ranges(walk), top)
    if isinstance(found, int):
        raise LoweringError(f"layer {step} must be monotone, channel {found} is not")
    table = ThresholdTable(*found, base=base, output_type=output_type)
    node = Threshold(name=name, inputs=(source.edge,), origin=step.path, table=table)
    ends = np.array([base]), np.array([base + output_type.step * top])
    walk.append(node, Value(name, source.shape, *ends, scale, output_type, source.columns))
    walk.waiting = []


def function_ranges(walk: Walk) -> tuple[Integers, Integers]:
    """Ranges of the integers, one for each different function of the modules that wait.

    Without a module that treats channels differently there is one function, hence one row of
    thresholds for all channels.
    """
    low, high = walk.value.low, walk.value.high
    if len(walk.value.scale) == 1 and not any(is_per_channel(step.module) for step in walk.waiting):
        return low.min(keepdims=True), high.max(keepdims=True)
    channels = walk.value.shape[-1:]
    return np.broadcast_to(low, channels), np.broadcast_to(high, channels)


def quantizer_grid(step: Step) -> tuple[NDArray[np.float64], DataType, int, int]:
    """Scale, type, least value and number of steps of a quantiser's integers."""
    module: Any = step.module
    proxy = module.act_quant
    if not proxy.is_quant_enabled or module.input_quant.is_quant_enabled:
        raise LoweringError(f"layer {step} must quantise its output, and nothing else")
    check_not_shared(proxy, step)
    bits = int(proxy.bit_width())
    if bits > MAX_ACTIVATION_BITS:
        raise LoweringError(
            f"layer {step} must give at most {MAX_ACTIVATION_BITS} bits, not {bits}"
        )
    if torch.any(proxy.zero_point() != 0):
        raise LoweringError(f"layer {step} must have zero point 0")
    scale = dyadic_scale(proxy.scale(), f"layer {step}")
    if len(scale) != 1:
        raise LoweringError(f"layer {step} must have one scale, not one for each channel")
    output_type = element_type(bits, proxy.is_signed, proxy.is_narrow_range)
    narrow = proxy.is_narrow_range and output_type not in (BIPOLAR, TERNARY)
    base = output_type.min + (1 if narrow else 0)
    return scale, output_type, base, (output_type.max - base) // output_type.step


KINDS: Mapping[type[nn.Module], Callable[[Walk, Step], None]] = MappingProxyType(
    {
        nn.Identity: skip,
        nn.Dropout: skip,
        nn.Flatten: flatten,
        Reshape: flatten,
        Centre: wait,
        nn.ReLU: wait,
        nn.Hardtanh: wait,
        TensorNorm: wait,
        nn.BatchNorm1d: wait_batch_norm,
        qnn.QuantLinear: lower_linear,
        qnn.QuantIdentity: lower_quantizer,
        qnn.QuantReLU: lower_quantizer,
        qnn.QuantHardTanh: lower_quantizer,
    }
)
"""What becomes of each kind of module; a subclass is another kind, for it may compute otherwise."""
