# SPDX-License-Identifier: Apache-2.0
"""Elementwise modules: they wait for a quantiser, and all together become a threshold table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xnorflow.errors import LoweringError
from xnorflow.ir import BIPOLAR, TERNARY, DataType, Threshold, ThresholdTable, quantizer_type
from xnorflow.ir.ask import find_thresholds
from xnorflow.quant.lowering.calls import plain_tensor
from xnorflow.quant.lowering.record import Step
from xnorflow.quant.lowering.value import (
    Integers,
    Scale,
    Value,
    Waiting,
    dyadic_scale,
    exact_codes,
)
from xnorflow.quant.lowering.walk import Walk

__all__ = ["batch_norm", "check_not_shared", "elementwise", "quantizer", "skip"]

MAX_ACTIVATION_BITS = 8


def skip(walk: Walk, step: Step, source: Value) -> Value:
    """A module that does nothing in evaluation mode."""
    return source


def elementwise(walk: Walk, step: Step, source: Value) -> Value:
    """A module that computes the same function of every element."""

    def function(x: Tensor) -> Tensor:
        return plain_tensor(step.module(x))

    return replace(source, waiting=(*source.waiting, Waiting(step, function)))


def batch_norm(walk: Walk, step: Step, source: Value) -> Value:
    """A batch normalisation: one affine function for each channel."""
    module: Any = step.module
    if source.columns is not None:
        raise LoweringError(f"layer {step} must stand before the image is flattened")
    if module.running_mean is None:
        raise LoweringError(
            f"layer {step} must have running statistics: without, its result depends on the batch"
        )
    pixel = (...,) + (None,) * (2 if isinstance(module, nn.BatchNorm2d) else 0)

    def function(x: Tensor) -> Tensor:
        return plain_tensor(module(x[pixel])).reshape(x.shape)

    return replace(source, waiting=(*source.waiting, Waiting(step, function, per_channel=True)))


def check_not_shared(quantizer: Any, step: Step) -> None:
    """Refuse a quantiser that serves several layers: its scale would depend on all of them."""
    if len(quantizer.tracked_module_list) > 1:
        raise LoweringError(f"layer {step} must have a quantiser of its own, it shares one")


def quantizer(walk: Walk, step: Step, source: Value) -> Value:
    """A quantiser of activations, with the modules that wait before it."""
    scale, output_type, base, top = quantizer_grid(step)

    def levels(integers: Integers) -> Integers:
        output = plain_tensor(step.module(source.to_float(integers)))
        codes = exact_codes(output, scale, f"the output of layer {step}")
        return (codes - base) // output_type.step

    found = find_thresholds(levels, *function_ranges(source), top)
    if isinstance(found, int):
        raise LoweringError(f"layer {step} must be monotone, channel {found} is not")
    node = Threshold(
        name=walk.unique(source.activation),
        inputs=(source.edge,),
        origin=step.path,
        table=ThresholdTable(*found, base=base, output_type=output_type),
    )
    walk.append(node)
    return replace(
        source,
        edge=node.name,
        low=np.array([base]),
        high=np.array([base + output_type.step * top]),
        scale=scale,
        element=output_type,
        waiting=(),
    )


def function_ranges(source: Value) -> tuple[Integers, Integers]:
    """Ranges of the integers, one for each different function of the modules that wait.

    Without anything that treats channels differently there is one function, hence one row of
    thresholds for all channels.
    """
    if not source.is_per_channel:
        return source.low.min(keepdims=True), source.high.max(keepdims=True)
    channels = source.shape[-1:]
    return np.broadcast_to(source.low, channels), np.broadcast_to(source.high, channels)


def quantizer_grid(step: Step) -> tuple[Scale, DataType, int, int]:
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
    output_type = quantizer_type(bits, proxy.is_signed, proxy.is_narrow_range)
    narrow = proxy.is_narrow_range and output_type not in (BIPOLAR, TERNARY)
    base = output_type.min + (1 if narrow else 0)
    return scale, output_type, base, (output_type.max - base) // output_type.step
