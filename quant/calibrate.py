# SPDX-License-Identifier: Apache-2.0
"""Begin with the weights of a trained network: fit them to other bits, without any label.

In front of a batch normalisation every factor is free: it takes it back. So weights are scaled and
clipped, layer by layer, to what their quantiser keeps best; and the outputs of normalisations to
what the quantiser of activations keeps best, with the layers in front of them quantised already.
In the end all normalisations have the statistics of the quantised network.

References
----------
M. Nagel et al., A White Paper on Neural Network Quantization, arXiv:2106.08295 (clipping by least
squares, equalisation, batch normalisations estimated again).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from xnorflow.errors import ConfigError
from xnorflow.quant.models.layers import TensorNorm
from xnorflow.quant.models.model import WEIGHT_LAYERS, Model
from xnorflow.quant.pruning.neurons import NORMS
from xnorflow.quant.quantizers import fits_activations, keeps_unit_latents

__all__ = ["calibrate", "take_weights"]

SAMPLE_VALUES = 1 << 20
"""Most values of an activation by which its scale is chosen."""

FACTORS = torch.logspace(-3, 3, 49, base=2.0)
"""Scales that are tried, as factors of the one that fits the root mean square."""


def take_weights(model: Model, source: Model, where: str) -> None:
    """Give ``model`` the weights and normalisations of ``source``.

    Parameters
    ----------
    model
        Its masks stay; the norm of its scores does, if ``source`` has none.
    source
        A network of the same layers, of any bits.
    where
        Where ``source`` comes from, for messages.

    Raises
    ------
    ConfigError
        If the layers differ.
    """
    own, given = model.state_dict(), source.state_dict()
    scores = {path for path, module in model.named_modules() if isinstance(module, TensorNorm)}
    for key, value in own.items():
        if key.endswith("weight_mask") or (key.rpartition(".")[0] in scores and key not in given):
            continue
        if key not in given:
            raise ConfigError(f"{where} has no {key}: it must be a network of the same layers")
        if given[key].shape != value.shape:
            raise ConfigError(
                f"{where}: {key} must have shape {tuple(value.shape)}, "
                f"not {tuple(given[key].shape)}: it must be a network of the same layers"
            )
        value.copy_(given[key])


@torch.no_grad()
def calibrate(model: Model, pixels: Tensor) -> None:
    """Fit the weights, scales and normalisations of ``model`` to its quantisers.

    Parameters
    ----------
    model
        Has the weights of a trained network; its mode is restored.
    pixels
        uint8, shape ``(n, channels, height, width)``, without labels.
    """
    if not model.recipe.float:
        for module in model.modules():
            if isinstance(module, WEIGHT_LAYERS):
                fit_weights(module)
    model.settle_weights()
    with estimating(model), fitting_activations(model):
        model(pixels.float() / 256.0)


def fit_weights(layer: Any) -> None:
    """Scale and clip the latent weights of ``layer`` so that quantising them loses little.

    What counts is the direction of the quantised weights, for a normalisation follows. The layer
    itself is asked how it quantises.
    """
    weights = layer.weight.detach().clone()
    present = weights[weights != 0]  # those that are pruned would make the others look large
    scale = present.square().mean().sqrt() if len(present) else torch.tensor(1.0)
    top = 1.0 if keeps_unit_latents(layer) else full_scale(layer)
    best, least = weights, float("inf")
    for factor in FACTORS.tolist():
        layer.weight.copy_((weights * (factor / scale)).clamp(-top, top))
        lost = relative_error(weights, layer.quant_weight().value)
        if lost < least:
            best, least = layer.weight.clone(), lost
    layer.weight.copy_(best)


def full_scale(layer: Any) -> float:
    """The largest latent weight below 1 for which the quantiser has a code: all codes are used."""
    bits = int(layer.quant_weight().bit_width)
    return 1.0 - 2.0 ** (1 - bits)


def relative_error(wanted: Tensor, got: Tensor) -> float:
    """Share of ``wanted`` that no multiple of ``got`` gives: squared sine of their angle."""
    both = torch.sum(wanted * got)
    sizes = torch.sum(wanted.square()) * torch.sum(got.square())
    return 1.0 - float(both.square() / sizes) if sizes > 0 else 1.0


@contextlib.contextmanager
def estimating(model: Model) -> Iterator[None]:
    """Context in which all normalisations take the statistics of the one batch that they see."""
    was_training = model.training
    norms = [module for module in model.modules() if isinstance(module, (*NORMS, TensorNorm))]
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        model.train(was_training)


@contextlib.contextmanager
def fitting_activations(model: Model) -> Iterator[None]:
    """Context in which normalisations are scaled to the quantisers that stand right behind."""
    last: list[tuple[Any, Tensor]] = []
    handles = []

    def remember(norm: nn.Module, _: object, output: Tensor) -> None:
        last[:] = [(norm, output)]

    def fit(quantizer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if not last or last[0][1] is not inputs[0]:
            return inputs
        ((norm, _),) = last
        factor = activation_factor(quantizer, inputs[0])
        norm.weight.mul_(factor)
        norm.bias.mul_(factor)
        return (inputs[0] * factor,)

    for module in model.modules():
        if isinstance(module, NORMS):
            handles.append(module.register_forward_hook(remember))
        elif fits_activations(module):
            handles.append(module.register_forward_pre_hook(fit))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def activation_factor(quantizer: nn.Module, values: Tensor) -> float:
    """By what to multiply ``values`` so that ``quantizer`` loses least of their positive part."""
    flat = values.flatten()
    sample = flat[:: max(1, len(flat) // SAMPLE_VALUES)]
    wanted = sample.relu()
    scale = wanted.square().mean().sqrt().clamp_min(1e-12)
    factors = [float(factor / scale) for factor in FACTORS]
    losses = [
        float((quantized(quantizer, sample * factor) / factor - wanted).square().mean())
        for factor in factors
    ]
    return factors[losses.index(min(losses))]


def quantized(quantizer: nn.Module, values: Tensor) -> Tensor:
    """What ``quantizer`` makes of ``values``, without the hooks of the network that it is in."""
    result: Any = quantizer.forward(values)
    tensor: Tensor = getattr(result, "value", result)
    return tensor
