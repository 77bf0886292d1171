# SPDX-License-Identifier: Apache-2.0
"""Modules that move the elements of images: padding, upsampling, flattening, thermometer codes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from xnorflow.errors import LoweringError
from xnorflow.ir import BIPOLAR, Flatten, Pad, Thermometer, Upsample
from xnorflow.quant.lowering.geometry import channels_last
from xnorflow.quant.lowering.record import Step
from xnorflow.quant.lowering.value import Integers, Value
from xnorflow.quant.lowering.walk import Walk, image, settled

__all__ = ["hardware_order", "pad", "reshape", "thermometer", "upsample"]

Number = TypeVar("Number", bound=np.generic)


def reshape(walk: Walk, step: Step, source: Value) -> Value:
    """All elements as one vector, or a signal as an image of height 1 and back."""
    size = int(np.prod(source.shape))
    if channels_last(step.shape) == source.shape:
        return source
    if step.shape != (size,):
        raise LoweringError(
            f"layer {step} must make one vector of {size}, or add or drop a height of 1, "
            f"not {step.shape}"
        )
    pixels = size // source.shape[-1]
    per_channel = next((module for module in source.waiting if module.per_channel), None)
    if pixels > 1 and per_channel is not None:
        raise LoweringError(
            f"layer {step} must stand behind the quantiser that follows {per_channel.step}"
        )
    node = Flatten(name=walk.unique("flat"), inputs=(source.edge,), origin=step.path)
    walk.append(node)
    return replace(
        source,
        edge=node.name,
        shape=(size,),
        low=for_each_pixel(source.low, pixels),
        high=for_each_pixel(source.high, pixels),
        scale=for_each_pixel(source.scale, pixels),
        columns=hardware_order(source.shape),
    )


def for_each_pixel(values: NDArray[Number], pixels: int) -> NDArray[Number]:
    """``values`` of channels (one, if all are the same), for all elements of a flat image."""
    return values if len(values) == 1 else np.tile(values, pixels)


def hardware_order(shape: tuple[int, ...]) -> Integers | None:
    """Positions in PyTorch's order (``c, h, w``) of the elements of an image ``(h, w, c)``.

    ``None`` where both orders are the same.

    Examples
    --------
    >>> hardware_order((1, 2, 3))
    array([0, 2, 4, 1, 3, 5])
    """
    height, width, channels = shape
    if channels == 1 or height * width == 1:
        return None
    torch_order = np.arange(height * width * channels).reshape(channels, height, width)
    return np.ascontiguousarray(np.moveaxis(torch_order, 0, -1)).reshape(-1)


def pad(walk: Walk, step: Step, source: Value) -> Value:
    """Zeros around an image."""
    module: Any = step.module
    settled(source, step, ": pad behind the quantiser")
    image(source, step)
    left, right, top, bottom = (*module.padding, 0, 0)[:4]
    if getattr(module, "value", 0) != 0 or min(top, left, bottom, right) < 0:
        raise LoweringError(f"layer {step} must add zeros, not other values, and cut nothing off")
    node = Pad(
        name=walk.numbered("pad"),
        inputs=(source.edge,),
        origin=step.path,
        padding=(top, left, bottom, right),
    )
    padded = walk.append(node)
    return replace(
        source,
        edge=node.name,
        shape=padded.shape,
        element=None if source.element is None else padded.element,
    )


def upsample(walk: Walk, step: Step, source: Value) -> Value:
    """Every pixel several times."""
    settled(source, step, ": upsample behind the quantiser")
    height, width, _ = image(source, step)
    rows, columns, _ = channels_last(step.shape)
    factor = max(rows // height, 1), max(columns // width, 1)
    pixels = np.arange(height * width, dtype=np.float32).reshape(height, width)
    repeated = pixels.repeat(factor[0], axis=0).repeat(factor[1], axis=1)
    if not np.array_equal(ask_image(step, pixels), repeated):
        raise LoweringError(
            f"layer {step} must repeat every pixel as often: mode='nearest' and a whole factor"
        )
    node = Upsample(
        name=walk.numbered("up"), inputs=(source.edge,), origin=step.path, factor=factor
    )
    return replace(source, edge=node.name, shape=walk.append(node).shape)


def ask_image(step: Step, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a module makes of one image ``(height, width)`` of one channel."""
    x = torch.from_numpy(pixels)
    given = x[np.newaxis, np.newaxis] if len(step.shape) == 3 else x[np.newaxis]
    result: NDArray[np.float32] = step.module(given).numpy()
    return result.reshape(result.shape[-2:])


def thermometer(walk: Walk, step: Step, source: Value) -> Value:
    """Pixels as bits, one for each level."""
    module: Any = step.module
    if source.edge != "image" or source.waiting:
        raise LoweringError(f"layer {step} must read the image itself")
    node = Thermometer(
        name=walk.unique("thermo"),
        inputs=(source.edge,),
        origin=step.path,
        levels=module.levels.numpy().astype(np.int64),
    )
    return Value(
        edge=node.name,
        shape=walk.append(node).shape,
        low=np.array([-1]),
        high=np.array([1]),
        scale=np.array([1.0]),
        element=BIPOLAR,
        activation=source.activation,
    )
