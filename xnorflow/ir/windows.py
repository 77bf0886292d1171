# SPDX-License-Identifier: Apache-2.0
"""Sliding windows over height and width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xnorflow.errors import GraphError

__all__ = ["Window", "check_padding", "padded_size"]

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """Where the windows of a convolution or pooling lie; pairs are ``(height, width)``.

    The window at ``(oy, ox)`` of the output sees the pixels ``(oy * stride[0] - padding[0] +
    ky * dilation[0], ox * stride[1] - padding[1] + kx * dilation[1])`` of the input for ``ky, kx``
    of the kernel, row by row. What lies outside the input is padding.

    Parameters
    ----------
    kernel
        Pixels of a window.
    stride
        Steps between windows.
    dilation
        Steps between the pixels of a window.
    padding
        Rows and columns around the input: ``(top, left, bottom, right)``.

    Examples
    --------
    >>> Window(kernel=(3, 3), padding=(1, 1, 1, 1)).output_shape((28, 28))
    (28, 28)
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        for what in ("kernel", "stride", "dilation"):
            pair = getattr(self, what)
            if len(pair) != 2 or min(pair) < 1:
                raise GraphError(
                    f"the {what} of a window must be (height, width), 1 or more, not {pair}"
                )
        check_padding(self.padding)

    @property
    def taps(self) -> int:
        """Pixels of a window."""
        return self.kernel[0] * self.kernel[1]

    @property
    def extent(self) -> Pair:
        """Height and width from the first to the last pixel of a window."""
        kernel, dilation = self.kernel, self.dilation
        return (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1

    def output_shape(self, shape: Pair) -> Pair:
        """Number of windows over an input of ``shape``; 0 or less where none fits."""
        height, width = padded_size(shape, self.padding)
        rows, columns = self.extent
        return (height - rows) // self.stride[0] + 1, (width - columns) // self.stride[1] + 1

    def blind_place(self, shape: Pair) -> Pair | None:
        """Place ``(oy, ox)`` of a window over an input of ``shape`` that sees padding alone."""
        for axis, count in enumerate(self.output_shape(shape)):
            for place in range(count):
                if not self._sees(axis, place, shape[axis]):
                    return (place, 0) if axis == 0 else (0, place)
        return None

    def _sees(self, axis: int, place: int, size: int) -> bool:
        """Whether a window at ``place`` sees a row (``axis`` 0) or column of ``size`` of them."""
        first = place * self.stride[axis] - self.padding[axis]
        return any(0 <= first + k * self.dilation[axis] < size for k in range(self.kernel[axis]))


def check_padding(padding: Padding, fail: Callable[[str], GraphError] = GraphError) -> None:
    """Refuse any ``padding`` but ``(top, left, bottom, right)``; ``fail`` makes the error."""
    if len(padding) != 4 or min(padding) < 0:
        raise fail(f"padding must be (top, left, bottom, right), 0 or more each, not {padding}")


def padded_size(shape: Pair, padding: Padding) -> Pair:
    """``shape`` with ``padding`` around it."""
    top, left, bottom, right = padding
    return shape[0] + top + bottom, shape[1] + left + right
