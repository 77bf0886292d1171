# SPDX-License-Identifier: Apache-2.0
"""The integer network as far as it is known, along the calls of a PyTorch network's layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import nn

from xnorflow.errors import LoweringError
from xnorflow.ir import ArgMax, Input, Network, NetworkBuilder, TensorType, uint_type
from xnorflow.ir.ask import first_plateau
from xnorflow.quant.lowering.record import IMAGE, Step
from xnorflow.quant.lowering.value import PIXEL_SCALE, Integers, Value

__all__ = ["Kinds", "Walk", "image", "settled"]


class Walk(NetworkBuilder):
    """Nodes and values so far.

    Parameters
    ----------
    shape
        Of an image: ``(height, width, channels)``.
    kinds
        What becomes of each kind of module.
    """

    def __init__(self, shape: tuple[int, int, int], kinds: Kinds) -> None:
        super().__init__()
        pixels = TensorType(uint_type(8), shape)
        self.kinds = kinds
        self.append(Input(name="image", type=pixels))
        self.values = {
            IMAGE: Value(
                edge="image",
                shape=shape,
                low=np.array([0]),
                high=np.array([255]),
                scale=np.array([PIXEL_SCALE]),
                element=pixels.element,
                activation="input_act",
            )
        }

    def take(self, step: Step) -> None:
        """Go on by one call."""
        kind = self.kinds.get(type(step.module))
        if kind is None:
            raise LoweringError(
                f"layer {step} is of no kind that can be lowered{self.advice(step.module)}"
            )
        sources = (self.values[number] for number in step.inputs)
        self.values[step.number] = kind(self, step, *sources)

    def advice(self, module: nn.Module) -> str:
        """What to use instead of ``module``, for a message."""
        known = {kind.__name__ for kind in self.kinds} - {"Reshape"}
        quantised = f"Quant{type(module).__name__}"
        if quantised in known:
            return f": use brevitas.nn.{quantised}"
        return f" (known: {', '.join(sorted(known))})"

    def finish(self, output: int) -> Network:
        """The network that ends with the arg max of the value ``output``."""
        scores = self.values[output]
        if len(scores.shape) != 1 or scores.columns is not None:
            raise LoweringError(f"the output must be one score a class, not {scores.shape}")
        if np.any(scores.scale != scores.scale[0]):
            raise LoweringError(
                f"scores must have one scale, edge {scores.edge!r} has one for each channel"
            )
        if scores.waiting:
            check_order_is_kept(scores)
        self.append(ArgMax(name="label", inputs=(scores.edge,)))
        return Network(tuple(self.nodes))


Kinds: TypeAlias = Mapping[type[nn.Module], Callable[..., Value]]
"""Functions that take ``(walk, step, *sources)`` and give the value that the step makes."""


def check_order_is_kept(scores: Value) -> None:
    """Refuse modules after the last integers that could change the arg max."""
    for module in scores.waiting:
        if module.per_channel:
            raise LoweringError(
                f"layer {module.step} must scale all scores alike to keep their order; "
                "use a TensorNorm, or none"
            )

    def ask(integers: Integers) -> NDArray[np.float32]:
        result: NDArray[np.float32] = scores.to_float(integers[:, np.newaxis])[:, 0].numpy()
        return result

    low, high = int(scores.low.min()), int(scores.high.max())
    plateau = first_plateau(ask, low, high)
    if plateau is not None:
        raise LoweringError(
            f"layer {scores.waiting[-1].step} must keep the order of all scores {low}..{high}, "
            f"but does not raise from {plateau} to {plateau + 1}: its gain must be positive "
            "and large enough for float32"
        )


def settled(source: Value, step: Step, hint: str = "") -> None:
    """Refuse a value that is no integers times a scale."""
    if source.waiting:
        raise LoweringError(
            f"layer {step} must read quantised values; {source.waiting[-1].step} gives others{hint}"
        )


def image(source: Value, step: Step) -> tuple[int, int, int]:
    """The shape of ``source``, which must be an image."""
    if len(source.shape) != 3:
        raise LoweringError(f"layer {step} must read an image, not a vector of {source.shape[0]}")
    height, width, channels = source.shape
    return height, width, channels
