# SPDX-License-Identifier: Apache-2.0
"""Operations of the integer network on images ``(height, width, channels)``.

A signal of one dimension is an image of height 1. Padding counts as exactly 0 in every sum,
whatever the element type, and as nothing in a maximum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir.datatype import BIPOLAR, TERNARY, DataType
from xnorflow.ir.node import Node
from xnorflow.ir.tensors import TensorType, accumulator_type, checked_weights, narrowest_type
from xnorflow.ir.windows import Window, check_padding, padded_size

__all__ = ["Conv", "Depthwise", "MaxPool", "Pad", "SumPool", "Upsample"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Conv(Node[TensorType]):
    """Convolution: the weights of each output channel times what a window sees, summed.

    ``y[oy, ox, m] = sum(weights[m, ky, kx, c] * x[window pixel (ky, kx) at (oy, ox), c])``.

    Parameters
    ----------
    weights
        Shape ``(mh, kernel height, kernel width, channels)``, values of ``weight_type``.
    weight_type
        Type of the weights, at most 8 bits wide.
    window
        Where the windows lie.
    """

    mnemonic: ClassVar[str] = "conv"

    weights: NDArray[np.int8]
    weight_type: DataType
    window: Window

    def __post_init__(self) -> None:
        self.check_header()
        weights = checked_weights(self, self.weights, self.weight_type, ndim=4)
        object.__setattr__(self, "weights", weights)
        check_kernel(self, weights.shape[1:3], self.window)

    @property
    def mh(self) -> int:
        """Number of output channels."""
        return int(self.weights.shape[0])

    @property
    def mw(self) -> int:
        """Inputs of an output channel: pixels of a window times input channels."""
        return int(self.weights[0].size)

    @property
    def matrix(self) -> NDArray[np.int8]:
        """The weights as a matrix ``(mh, mw)``, input channels fastest."""
        return self.weights.reshape(self.mh, self.mw)

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        (source,) = inputs
        height, width = windows_over(self, source, self.window)
        if source.channels != self.weights.shape[3]:
            raise self.fail(
                f"conv of {self.weights.shape[3]} input channels takes so many, not {source}"
            )
        element = accumulator_type(self, self.matrix, source.element)
        return TensorType(element, (height, width, self.mh))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Depthwise(Node[TensorType]):
    """Depthwise convolution: each channel by itself.

    ``y[oy, ox, c] = sum(weights[c, ky, kx] * x[window pixel (ky, kx) at (oy, ox), c])``.

    Parameters
    ----------
    weights
        Shape ``(channels, kernel height, kernel width)``, values of ``weight_type``.
    weight_type
        Type of the weights, at most 8 bits wide.
    window
        Where the windows lie.
    """

    mnemonic: ClassVar[str] = "depthwise"

    weights: NDArray[np.int8]
    weight_type: DataType
    window: Window

    def __post_init__(self) -> None:
        self.check_header()
        weights = checked_weights(self, self.weights, self.weight_type, ndim=3)
        object.__setattr__(self, "weights", weights)
        check_kernel(self, weights.shape[1:], self.window)

    @property
    def matrix(self) -> NDArray[np.int8]:
        """The weights as a matrix ``(channels, taps)``."""
        return self.weights.reshape(len(self.weights), self.window.taps)

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        (source,) = inputs
        height, width = windows_over(self, source, self.window)
        if source.channels != len(self.weights):
            raise self.fail(
                f"depthwise of {len(self.weights)} channels takes so many, not {source}"
            )
        element = accumulator_type(self, self.matrix, source.element)
        return TensorType(element, (height, width, source.channels))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MaxPool(Node[TensorType]):
    """The largest value that a window sees, channel by channel; padding is never the largest."""

    mnemonic: ClassVar[str] = "max_pool"

    window: Window

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        (source,) = inputs
        height, width = windows_over(self, source, self.window)
        blind = self.window.blind_place(image_size(self, source))
        if blind is not None:
            raise self.fail(
                f"each window of a max pool must see a pixel of {source}, "
                f"not padding alone as that at {blind}"
            )
        return TensorType(source.element, (height, width, source.channels))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SumPool(Node[TensorType]):
    """The sum of what a window sees, channel by channel: average pooling without its division."""

    mnemonic: ClassVar[str] = "sum_pool"

    window: Window

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        (source,) = inputs
        height, width = windows_over(self, source, self.window)
        taps, element = self.window.taps, source.element
        total = narrowest_type(self, taps * element.min, taps * element.max)
        return TensorType(total, (height, width, source.channels))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pad(Node[TensorType]):
    """Zeros around an image; BIPOLAR, which has none, becomes TERNARY.

    Parameters
    ----------
    padding
        Rows and columns added: ``(top, left, bottom, right)``.
    """

    mnemonic: ClassVar[str] = "pad"

    padding: tuple[int, int, int, int]

    def __post_init__(self) -> None:
        self.check_header()
        check_padding(self.padding, self.fail)

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        (source,) = inputs
        height, width = padded_size(image_size(self, source), self.padding)
        element = TERNARY if source.element == BIPOLAR else source.element
        return TensorType(element, (height, width, source.channels))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Upsample(Node[TensorType]):
    """Each pixel ``factor[0]`` times in height and ``factor[1]`` times in width (nearest)."""

    mnemonic: ClassVar[str] = "upsample"

    factor: tuple[int, int]

    def __post_init__(self) -> None:
        self.check_header()
        if len(self.factor) != 2 or min(self.factor) < 1:
            raise self.fail(f"a factor must be (height, width), 1 or more, not {self.factor}")

    def infer(self, inputs: tuple[TensorType, ...]) -> TensorType:
        (source,) = inputs
        height, width = image_size(self, source)
        shape = (height * self.factor[0], width * self.factor[1], source.channels)
        return TensorType(source.element, shape)


def image_size(node: Node[TensorType], source: TensorType) -> tuple[int, int]:
    """Height and width of ``source``, which must be an image."""
    if len(source.shape) != 3:
        raise node.fail(f"{node.mnemonic} takes an image (height, width, channels), not {source}")
    return source.shape[0], source.shape[1]


def windows_over(node: Node[TensorType], source: TensorType, window: Window) -> tuple[int, int]:
    """Number of windows in height and width over ``source``: one or more each."""
    height, width = window.output_shape(image_size(node, source))
    if min(height, width) < 1:
        raise node.fail(f"a window of {window.extent} must fit into the padded {source}")
    return height, width


def check_kernel(node: Node[TensorType], given: tuple[int, ...], window: Window) -> None:
    """Refuse weights of another kernel than that of ``window``."""
    if given != window.kernel:
        raise node.fail(f"weights must have the kernel {window.kernel}, not {given}")
