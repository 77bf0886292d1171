# SPDX-License-Identifier: Apache-2.0
"""Max pools, and average pools: a sum, then a division."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from xnorflow.errors import LoweringError
from xnorflow.ir import MaxPool, SumPool, Window
from xnorflow.ir.exact import EXACT_BELOW, is_dyadic
from xnorflow.quant.lowering.calls import plain_tensor
from xnorflow.quant.lowering.geometry import channels_last, is_signal, pair, sides
from xnorflow.quant.lowering.record import Step
from xnorflow.quant.lowering.value import Value, Waiting, check_exact
from xnorflow.quant.lowering.walk import Walk, image, settled

__all__ = ["average_divisor", "average_pool", "max_pool"]

ADAPTIVE = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
TOLD_APART_BELOW = EXACT_BELOW // 2
"""Sums below it are got back from their rounded averages."""

HINT = ": pool before the batch normalisation, or behind the quantiser"


def max_pool(walk: Walk, step: Step, source: Value) -> Value:
    """The largest integer of each window: scales are positive, so it is that of the values."""
    settled(source, step, HINT)
    window = pool_window(step, image(source, step))
    node = MaxPool(
        name=walk.numbered("pool"), inputs=(source.edge,), origin=step.path, window=window
    )
    return replace(source, edge=node.name, shape=walk.append(node).shape)


def average_pool(walk: Walk, step: Step, source: Value) -> Value:
    """The sum of each window; its division waits, or changes the scale if that is exact."""
    settled(source, step, HINT)
    shape = image(source, step)
    window = average_window(step, shape)
    divisor = average_divisor(step.module, shape)
    scale = source.scale / divisor
    exact = bool(is_dyadic(scale).all())
    check_exact(
        window.taps * source.largest,
        f"the sums of layer {step}",
        "pool smaller windows, or values of fewer bits",
        below=EXACT_BELOW if exact else TOLD_APART_BELOW,
    )
    node = SumPool(
        name=walk.numbered("pool"), inputs=(source.edge,), origin=step.path, window=window
    )
    total = walk.append(node)
    division = Waiting(step, divided_by(step.module, window))
    return replace(
        source,
        edge=node.name,
        shape=total.shape,
        low=source.low * window.taps,
        high=source.high * window.taps,
        scale=scale if exact else source.scale,
        element=None if source.element is None else total.element,
        waiting=() if exact else (division,),
    )


def average_window(step: Step, shape: tuple[int, int, int]) -> Window:
    """The windows of an average pool, all of which have the same divisor."""
    module: Any = step.module
    if isinstance(module, ADAPTIVE):
        if channels_last(step.shape)[:2] != (1, 1):
            raise LoweringError(
                f"layer {step} must average over the whole image (output size 1); "
                "for parts of it use AvgPool2d"
            )
        return Window(kernel=shape[:2], stride=shape[:2])
    window = pool_window(step, shape)
    if window.padding != sides(module.padding, is_signal(module)):
        raise LoweringError(
            f"layer {step} must have no windows over the edge (ceil_mode=False): "
            "their averages are of fewer pixels"
        )
    if any(window.padding) and not module.count_include_pad:
        raise LoweringError(
            f"layer {step} must count its padding (count_include_pad=True): without, averages at "
            "the edge are of fewer pixels"
        )
    return window


def average_divisor(module: Any, shape: tuple[int, ...]) -> int:
    """By what an average pool over images of ``shape`` divides its sums."""
    if isinstance(module, ADAPTIVE):
        return shape[0] * shape[1]
    override = getattr(module, "divisor_override", None)
    return int(override or math.prod(pair(module.kernel_size, is_signal(module), 1)))


def divided_by(module: nn.Module, window: Window) -> Any:
    """What an average pool makes of sums ``(n, channels)``, found by asking it.

    The sum of a window in which one pixel is not 0 is that pixel, exactly.
    """
    size = window.kernel[1:] if is_signal(module) else window.kernel

    def function(x: Tensor) -> Tensor:
        windows = torch.zeros(*x.shape, math.prod(size))
        windows[..., 0] = x
        averages = plain_tensor(module(windows.reshape(*x.shape, *size)))
        return averages.reshape(*x.shape, -1)[..., 0]

    return function


def pool_window(step: Step, shape: tuple[int, int, int]) -> Window:
    """The windows of a pool over images of ``shape``; the last ones may need more padding."""
    module: Any = step.module
    signal = is_signal(module)
    window = Window(
        kernel=pair(module.kernel_size, signal, 1),
        stride=pair(module.stride, signal, 1),
        dilation=pair(getattr(module, "dilation", 1), signal, 1),
    )
    top, left, bottom, right = sides(module.padding, signal)
    rows, columns = (
        (count - 1) * stride + extent - size
        for count, stride, extent, size in zip(
            channels_last(step.shape)[:2], window.stride, window.extent, shape[:2], strict=True
        )
    )
    padding = (top, left, max(bottom, rows - top), max(right, columns - left))
    return replace(window, padding=padding)
