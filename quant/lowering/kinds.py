# SPDX-License-Identifier: Apache-2.0
"""What becomes of each kind of module."""

from __future__ import annotations

from types import MappingProxyType

import brevitas.nn as qnn
from torch import nn

from xnorflow.quant.lowering.calls import Reshape
from xnorflow.quant.lowering.elementwise import batch_norm, elementwise, quantizer, skip
from xnorflow.quant.lowering.images import pad, reshape, thermometer, upsample
from xnorflow.quant.lowering.joins import add, concat
from xnorflow.quant.lowering.pools import average_pool, max_pool
from xnorflow.quant.lowering.products import convolution, linear
from xnorflow.quant.lowering.walk import Kinds
from xnorflow.quant.models.joins import Add, Concat
from xnorflow.quant.models.layers import Centre, TensorNorm
from xnorflow.quant.models.thermometer import Thermometer
from xnorflow.quant.quantizers import MaskedConv1d, MaskedConv2d, MaskedLinear

__all__ = ["KINDS", "is_layer"]

LIBRARIES = ("torch.nn.", "brevitas.nn.")
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)

KINDS: Kinds = MappingProxyType(
    {
        **dict.fromkeys((nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d), skip),
        **dict.fromkeys((Centre, nn.ReLU, nn.Hardtanh, TensorNorm), elementwise),
        **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d), batch_norm),
        **dict.fromkeys((qnn.QuantIdentity, qnn.QuantReLU, qnn.QuantHardTanh), quantizer),
        **dict.fromkeys((qnn.QuantConv1d, qnn.QuantConv2d), convolution),
        **dict.fromkeys((MaskedConv1d, MaskedConv2d), convolution),
        **dict.fromkeys((qnn.QuantLinear, MaskedLinear), linear),
        **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d), max_pool),
        **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d), average_pool),
        **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d), average_pool),
        **dict.fromkeys((nn.ZeroPad1d, nn.ZeroPad2d, nn.ConstantPad1d, nn.ConstantPad2d), pad),
        **dict.fromkeys((nn.Upsample, nn.UpsamplingNearest2d), upsample),
        **dict.fromkeys((nn.Flatten, Reshape), reshape),
        Thermometer: thermometer,
        Add: add,
        Concat: concat,
    }
)
"""What becomes of each kind of module; a subclass is another kind, for it may compute otherwise."""


def is_layer(module: nn.Module) -> bool:
    """Whether ``module`` is one layer; else it is a user's own module with layers inside."""
    library = type(module).__module__.startswith(LIBRARIES)
    return isinstance(module, tuple(KINDS)) or (library and not isinstance(module, CONTAINERS))
