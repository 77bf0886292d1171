# SPDX-License-Identifier: Apache-2.0
"""Modules that join several tensors into one: residual connections and dense blocks.

In ``forward``, ``a + b`` and ``torch.cat((a, b), dim=1)`` are lowered just as well. As modules
they have a path, which messages and reports then show.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Add", "Concat"]


class Add(nn.Module):
    """``a + b`` of two tensors of one shape.

    To be exact in integers both addends must be quantised, with scales that are powers of two.
    """

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Any shape, the same for both."""
        return a + b


class Concat(nn.Module):
    """The channels of all tensors, those of the first one first.

    To be exact in integers all must be quantised to the same type, with the same scale.
    """

    def forward(self, *tensors: Tensor) -> Tensor:
        """Tensors of shape ``(n, channels, ...)`` that agree in all other axes."""
        return torch.cat(tensors, dim=1)
