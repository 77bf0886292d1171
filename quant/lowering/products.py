# SPDX-License-Identifier: Apache-2.0
"""Linear layers and convolutions with quantised weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from xnorflow.errors import LoweringError
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Conv,
    DataType,
    Depthwise,
    MatMul,
    Node,
    TensorType,
    Window,
    quantizer_type,
)
from xnorflow.quant.lowering.elementwise import check_not_shared
from xnorflow.quant.lowering.geometry import Padding, is_signal, pair, sides
from xnorflow.quant.lowering.record import Step
from xnorflow.quant.lowering.value import (
    Integers,
    Scale,
    Value,
    check_exact,
    dyadic_scale,
    exact_codes,
)
from xnorflow.quant.lowering.walk import Walk, image, settled

__all__ = ["convolution", "linear"]

MAX_WEIGHT_BITS = 8


def linear(walk: Walk, step: Step, source: Value) -> Value:
    """A linear layer."""
    check_product(step, source)
    if len(source.shape) != 1:
        raise LoweringError(f"layer {step} must read a vector, not {source.shape}: flatten first")
    codes, scale, weight_type = weight_codes(step)
    if source.columns is not None:
        codes = codes[:, source.columns]
    name, activation = walk.product("fc")
    node = MatMul(
        name=name,
        inputs=(source.edge,),
        origin=step.path,
        weights=codes.astype(np.int8),
        weight_type=weight_type,
    )
    return product(walk, step, source, node, activation, codes, scale)


def convolution(walk: Walk, step: Step, source: Value) -> Value:
    """A convolution of images or signals, dense or depthwise."""
    module: Any = step.module
    check_product(step, source)
    check_groups(step)
    if module.padding_mode != "zeros":
        raise LoweringError(
            f"layer {step} must pad with zeros (padding_mode='zeros'), not {module.padding_mode!r}"
        )
    window = convolution_window(step, image(source, step))
    codes, scale, weight_type = weight_codes(step)
    kernels = codes.reshape(len(codes), codes.shape[1], *window.kernel)
    kind: type[Conv] | type[Depthwise] = Depthwise if module.groups > 1 else Conv
    name, activation = walk.product("dw" if kind is Depthwise else "conv")
    weights = kernels[:, 0] if kind is Depthwise else np.moveaxis(kernels, 1, -1)
    node = kind(
        name=name,
        inputs=(source.edge,),
        origin=step.path,
        weights=weights.astype(np.int8),
        weight_type=weight_type,
        window=window,
    )
    return product(walk, step, source, node, activation, codes, scale)


def product(
    walk: Walk,
    step: Step,
    source: Value,
    node: Node[TensorType],
    activation: str,
    codes: Integers,
    scale: Scale,
) -> Value:
    """Append ``node``, whose sums are those of the rows of ``codes``."""
    rows = codes.reshape(len(codes), -1)
    check_exact(
        int(np.abs(rows).sum(axis=1).max()) * source.largest,
        f"the accumulator of layer {step}",
        "use fewer inputs, or fewer bits of weights or inputs",
    )
    low, high = int(source.low.min()), int(source.high.max())
    return Value(
        edge=node.name,
        shape=walk.append(node).shape,
        low=np.minimum(rows * low, rows * high).sum(axis=1),
        high=np.maximum(rows * low, rows * high).sum(axis=1),
        scale=scale * source.scale,
        element=None,
        activation=activation,
    )


def check_product(step: Step, source: Value) -> None:
    """Refuse a layer that does more than multiply quantised values by quantised weights."""
    module: Any = step.module
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
    settled(source, step)
    if source.element is None:
        raise LoweringError(
            f"layer {step} must read quantised values; edge {source.edge!r} gives others"
        )


def check_groups(step: Step) -> None:
    """Refuse groups of several channels."""
    module: Any = step.module
    if module.groups not in (1, module.in_channels) or (
        module.groups > 1 and module.out_channels != module.groups
    ):
        raise LoweringError(
            f"layer {step} must have groups=1, or one group and one output for each of its "
            f"{module.in_channels} input channels, not groups={module.groups} "
            f"and {module.out_channels} outputs"
        )


def convolution_window(step: Step, shape: tuple[int, int, int]) -> Window:
    """Where the windows of a convolution over images of ``shape`` lie."""
    module: Any = step.module
    signal = is_signal(module)
    window = Window(
        kernel=pair(module.kernel_size, signal, 1),
        stride=pair(module.stride, signal, 1),
        dilation=pair(module.dilation, signal, 1),
    )
    return replace(window, padding=convolution_padding(module, window, shape))


def convolution_padding(module: Any, window: Window, shape: tuple[int, int, int]) -> Padding:
    """Rows and columns of zeros around an image: as many before as behind it, or one less."""
    same_with_stride = getattr(module, "is_same_padded_strided", False)
    if module.padding != "same" and not same_with_stride:
        return sides(0 if module.padding == "valid" else module.padding, is_signal(module))
    rows, columns = (
        max((-(-size // stride) - 1) * stride + extent - size, 0)
        for size, extent, stride in zip(shape[:2], window.extent, window.stride, strict=True)
    )
    return rows // 2, columns // 2, rows - rows // 2, columns - columns // 2


def weight_codes(step: Step) -> tuple[Integers, Scale, DataType]:
    """Integer weights, their scale ``(1,)`` or one for each output, and their type."""
    module: Any = step.module
    quantized = module.quant_weight()
    where = f"the weights of layer {step}"
    scale = dyadic_scale(quantized.scale, where)
    axes = (-1, *[1] * (quantized.value.ndim - 1))
    codes = exact_codes(quantized.value, scale.reshape(axes), where)
    if torch.any(quantized.zero_point != 0):
        raise LoweringError(f"{where} must have zero point 0")
    bits = int(quantized.bit_width)
    if bits > MAX_WEIGHT_BITS:
        raise LoweringError(f"{where} must have at most {MAX_WEIGHT_BITS} bits, not {bits}")
    proxy = module.weight_quant
    weight_type = quantizer_type(bits, proxy.is_signed, proxy.is_narrow_range)
    if weight_type == BIPOLAR and not codes.all():
        weight_type = TERNARY  # pruned
    if not weight_type.contains(codes):
        raise LoweringError(f"{where} must be values of {weight_type}")
    return codes, scale, weight_type
