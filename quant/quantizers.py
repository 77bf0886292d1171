# SPDX-License-Identifier: Apache-2.0
"""Brevitas quantisers whose scales are powers of two.

With such scales every product and every sum of a layer is exact in float32 as long as the
accumulator stays below 2**24, so PyTorch and integers agree in any order of summation.

=====  ============================  ========================
bits   weights                       activations
=====  ============================  ========================
``1``  -1, +1                        -1, +1
``t``  -1, 0, +1                     -1, 0, +1
``2``  {-2 .. 1} * 2**e              {0 .. 3} / 2
``4``  {-7 .. 7} * 2**e              {0 .. 15} / 8
``8``  {-127 .. 127} * 2**e          {0 .. 255} / 128
=====  ============================  ========================

The exponent ``e`` follows the largest latent weight of the layer. The stream that passes
residual blocks has ``{-2**(bits-1) .. 2**(bits-1) - 1} * 2**(2-bits)``: steps within -2 .. 2.

References
----------
I. Hubara et al., Binarized Neural Networks, arXiv:1602.02830 (binary weights and activations);
Brevitas, ``brevitas/quant/fixed_point.py`` (power-of-two scales).
"""

from __future__ import annotations

from typing import Any

import brevitas.nn as qnn
from brevitas.core.zero_point import ZeroZeroPoint
from brevitas.inject import ExtendedInjector
from brevitas.inject.enum import (
    BitWidthImplType,
    FloatToIntImplType,
    QuantType,
    RestrictValueType,
    ScalingImplType,
    ScalingPerOutputType,
)
from brevitas.quant import Int8WeightPerTensorFixedPoint
from brevitas.quant.solver import ActQuantSolver, WeightQuantSolver

from xnorflow.quant.model_recipe import Bits

__all__ = [
    "activation_module",
    "fits_activations",
    "has_unit_latents",
    "input_module",
    "keeps_unit_latents",
    "quant_conv",
    "quant_linear",
    "residual_module",
]

RESIDUAL_REACH = 2.0
"""The stream of residual blocks holds values from minus this up to this: two sigma."""


class ConstantScale(ExtendedInjector):
    """What all quantisers of constant scale share."""

    quant_type = QuantType.INT
    bit_width_impl_type = BitWidthImplType.CONST
    float_to_int_impl_type = FloatToIntImplType.ROUND
    scaling_impl_type = ScalingImplType.CONST
    scaling_per_output_type = ScalingPerOutputType.TENSOR
    restrict_scaling_type = RestrictValueType.FP
    zero_point_impl = ZeroZeroPoint
    signed = True
    narrow_range = True


class BinaryWeight(ConstantScale, WeightQuantSolver):
    """-1 or +1; zero counts as positive."""

    quant_type = QuantType.BINARY
    bit_width = 1
    scaling_const = 1.0


class TernaryWeight(ConstantScale, WeightQuantSolver):
    """-1, 0 or +1, by rounding."""

    bit_width = 2
    scaling_const = 1.0


class FixedPointWeight2(Int8WeightPerTensorFixedPoint):
    """All four levels of two bits."""

    bit_width = 2
    narrow_range = False


class FixedPointWeight4(Int8WeightPerTensorFixedPoint):
    """-7 to 7 times a power of two."""

    bit_width = 4


class BinaryActivation(ConstantScale, ActQuantSolver):
    """-1 or +1; zero counts as positive; no gradient outside -1..1."""

    quant_type = QuantType.BINARY
    bit_width = 1
    min_val = -1.0
    max_val = 1.0


class TernaryActivation(ConstantScale, ActQuantSolver):
    """-1, 0 or +1, by rounding."""

    bit_width = 2
    min_val = -1.0
    max_val = 1.0


class UnsignedActivation(ConstantScale, ActQuantSolver):
    """0 to ``2**bit_width - 1`` times ``max_val / (2**bit_width - 1)``."""

    signed = False
    narrow_range = False
    min_val = 0.0


class SignedActivation(ConstantScale, ActQuantSolver):
    """``-2**(bit_width - 1) .. 2**(bit_width - 1) - 1`` times ``max_val / 2**(bit_width - 1)``."""

    narrow_range = False


WEIGHT_QUANTIZERS: dict[Bits, Any] = {
    1: BinaryWeight,
    "t": TernaryWeight,
    2: FixedPointWeight2,
    4: FixedPointWeight4,
    8: Int8WeightPerTensorFixedPoint,
}


class MaskedWeights:
    """Mixin of a layer some of whose quantised weights are 0, whatever their latent weights are.

    The buffer ``weight_mask`` (bool, the shape of the weights) says which ones remain; without it
    all do. The mask follows the quantiser: a latent weight of 0 would give +1 at 1 bit.
    """

    def quant_weight(self, *args: Any, **kwargs: Any) -> Any:
        """Quantised weights, with zeros where the mask says so."""
        quantized: Any = super().quant_weight(*args, **kwargs)  # type: ignore[misc] # Brevitas'
        mask = getattr(self, "weight_mask", None)
        return quantized if mask is None else quantized.set(value=quantized.value * mask)


class MaskedLinear(MaskedWeights, qnn.QuantLinear):
    """A linear layer that can be pruned."""


class MaskedConv1d(MaskedWeights, qnn.QuantConv1d):
    """A convolution of signals that can be pruned."""


class MaskedConv2d(MaskedWeights, qnn.QuantConv2d):
    """A convolution of images that can be pruned."""


def has_unit_latents(bits: Bits) -> bool:
    """Whether latent weights must be kept within -1..1: beyond, they would hardly come back."""
    return bits in (1, "t")


def keeps_unit_latents(layer: Any) -> bool:
    """Whether ``layer``, made by this module, has latent weights to be kept within -1..1."""
    return issubclass(layer.weight_quant.quant_injector, BinaryWeight | TernaryWeight)


def fits_activations(module: Any) -> bool:
    """Whether ``module`` quantises to ``0 .. 2**bits - 1``, so that the scale of its input counts.

    Of one bit only the sign counts; all that is added to a residual stream has one scale.
    """
    if not isinstance(module, qnn.QuantIdentity):
        return False
    return issubclass(module.act_quant.quant_injector, UnsignedActivation)


def quant_linear(inputs: int, outputs: int, bits: Bits) -> Any:
    """A linear layer of quantised weights without bias.

    Parameters
    ----------
    inputs, outputs
        Sizes of the vectors.
    bits
        Of the weights.
    """
    return MaskedLinear(inputs, outputs, bias=False, weight_quant=WEIGHT_QUANTIZERS[bits])


def quant_conv(inputs: int, outputs: int, bits: Bits, *, axes: int = 2, **options: Any) -> Any:
    """A convolution of quantised weights without bias.

    Parameters
    ----------
    inputs, outputs
        Channels.
    bits
        Of the weights.
    axes
        2 for images, 1 for signals.
    options
        ``kernel_size``, ``stride``, ``padding``, ``dilation``, ``groups``, as in PyTorch.
    """
    convolution = MaskedConv2d if axes == 2 else MaskedConv1d
    quantizer = WEIGHT_QUANTIZERS[bits]
    return convolution(inputs, outputs, bias=False, weight_quant=quantizer, **options)


def activation_module(bits: Bits) -> Any:
    """The quantiser after a batch normalisation."""
    if isinstance(bits, str) or bits == 1:
        return qnn.QuantIdentity(act_quant=BinaryActivation if bits == 1 else TernaryActivation)
    return unsigned_module(bits, scale=2.0 ** (1 - bits))


def input_module(bits: Bits) -> Any:
    """The quantiser of pixels: -1..1 for 1 bit and ternary, else 0..1."""
    if isinstance(bits, str) or bits == 1:
        return activation_module(bits)
    return unsigned_module(bits, scale=2.0**-bits)


def residual_module(bits: int) -> Any:
    """The quantiser of the stream that passes residual blocks, and of all that is added to it."""
    return qnn.QuantIdentity(
        act_quant=SignedActivation, bit_width=bits, min_val=-RESIDUAL_REACH, max_val=RESIDUAL_REACH
    )


def unsigned_module(bits: int, scale: float) -> Any:
    """A quantiser to ``0 .. 2**bits - 1`` times ``scale``."""
    top = scale * (2**bits - 1)
    return qnn.QuantIdentity(act_quant=UnsignedActivation, bit_width=bits, max_val=top)
