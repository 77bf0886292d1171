# SPDX-License-Identifier: Apache-2.0
"""Pixels as thermometer codes: several comparisons instead of one 8-bit number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from xnorflow.errors import ConfigError

__all__ = ["Thermometer", "even_levels"]

PIXEL_MAX = 255


class Thermometer(nn.Module):
    """Each channel as ``T`` channels of -1 and +1, one for each level.

    Channel ``c * T + j`` of the output is +1 where the pixel ``u`` of channel ``c`` is
    ``levels[j]`` or more, and -1 elsewhere. A first layer behind it needs no multi-bit arithmetic.

    Parameters
    ----------
    levels
        Pixels, ascending, ``1 .. 255``: a level of 0 would always be reached.

    Attributes
    ----------
    levels
        The same as float32, shape ``(T,)``.

    Raises
    ------
    ConfigError
        If there is no level, or they do not ascend within ``1 .. 255``.

    Examples
    --------
    >>> pixels = torch.tensor([0, 64, 200]).reshape(1, 1, 1, 3) / 256
    >>> Thermometer([64, 128])(pixels)[0, :, 0]
    tensor([[-1.,  1.,  1.],
            [-1., -1.,  1.]])
    """

    levels: Tensor

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        inside = len(levels) > 0 and levels[0] >= 1 and levels[-1] <= PIXEL_MAX
        if not inside or any(low >= high for low, high in pairwise(levels)):
            raise ConfigError(
                f"levels of a thermometer must ascend within 1..{PIXEL_MAX}, not {list(levels)}"
            )
        self.register_buffer("levels", torch.tensor(list(levels), dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """Pixels ``u / 256`` of shape ``(n, c, h, w)``; gives float32 ``(n, c * T, h, w)``."""
        reached = x.unsqueeze(2) * 256.0 >= self.levels.reshape(1, 1, -1, 1, 1)
        return torch.where(reached, 1.0, -1.0).flatten(1, 2)


def even_levels(count: int) -> tuple[int, ...]:
    """``count`` levels that cut 0..255 into equal parts.

    Examples
    --------
    >>> even_levels(3)
    (64, 128, 192)
    """
    return tuple(round(256 * (j + 1) / (count + 1)) for j in range(count))
