# SPDX-License-Identifier: Apache-2.0
"""Tables of a recipe that compress a network: where it starts, what is pruned, who teaches it."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from xnorflow.quant.model_recipe import Section

__all__ = ["DistilRecipe", "PruneRecipe", "StartRecipe"]

RunPath = Annotated[str, Field(min_length=1)]


class StartRecipe(Section):
    """Weights to begin with: those of a trained network of the same shape, of any bits.

    Weights, batch normalisations and scales are fitted to the bits of this recipe by training
    images without their labels (:mod:`xnorflow.quant.calibrate`). With ``epochs = 0`` that is all:
    quantisation after training. With a few epochs and a low ``learning_rate`` it is fine-tuning.

    Parameters
    ----------
    run
        RUN folder of the trained network; a relative path is seen from the folder in which a
        command runs.
    calibration_images
        Training images that are used, without their labels.
    """

    run: RunPath
    calibration_images: Annotated[int, Field(ge=2, le=1_000_000)] = 2048


class PruneRecipe(Section):
    """What is taken out of the network.

    Weights keep their place and become 0, after quantisation; neurons (channels) disappear, and
    smaller layers come out. The last layer keeps all its neurons, and its weights too unless
    ``last_layer`` says otherwise; depthwise convolutions keep their weights.

    Parameters
    ----------
    sparsity
        Share of weights, or of neurons of each hidden layer, to remove.
    remove
        ``weights`` or ``neurons``.
    pattern
        Of weights. ``global``: the smallest of all layers. ``layer``: the same share of each
        layer. ``fan-in``: as many inputs for each neuron of a layer. ``tiles``: groups of
        ``tile[0]`` neurons keep the same ``tile[1]`` neighbouring inputs, as many for each group:
        what folded hardware can skip.
    tile
        Neurons and inputs of a tile.
    criterion
        ``magnitude`` keeps the largest, ``random`` any.
    ramp_epochs
        Epochs over which the share grows, steeply at first; 0 prunes before the first epoch.
    fresh
        Whether training begins with new random weights after pruning: latent weights of 1 bit
        and ternary layers hardly change sign once their neighbours are gone. By default so for
        them, if ``ramp_epochs`` is 0 and weights are removed.
    multiple_of
        Neurons that remain of a layer are rounded up to such a multiple, so that it folds well.
    last_layer
        Whether weights of the last layer are removed too.

    References
    ----------
    S. Han et al., Learning both Weights and Connections, arXiv:1506.02626 (magnitude, retraining);
    M. Zhu and S. Gupta, To prune, or not to prune, arXiv:1710.01878 (the gradual schedule).
    """

    sparsity: Annotated[float, Field(ge=0, lt=1)]
    remove: Literal["weights", "neurons"] = "weights"
    pattern: Literal["global", "layer", "fan-in", "tiles"] = "fan-in"
    tile: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (8, 8)
    criterion: Literal["magnitude", "random"] = "magnitude"
    ramp_epochs: Annotated[int, Field(ge=0)] = 0
    fresh: bool | None = None
    multiple_of: Annotated[int, Field(ge=1, le=1024)] = 8
    last_layer: bool = False

    @field_validator("fresh")
    @classmethod
    def not_with_ramp(cls, fresh: bool | None, info: ValidationInfo) -> bool | None:
        """Refuse new weights while the network is pruned by the old ones."""
        if fresh and info.data.get("ramp_epochs"):
            raise ValueError("must be false with ramp_epochs: what was learnt would be lost")
        return fresh

    def remaining_neurons(self, neurons: int) -> int:
        """How many of ``neurons`` remain, of those that :attr:`multiple_of` allows.

        Examples
        --------
        >>> table = PruneRecipe(sparsity=0.6, remove="neurons", multiple_of=8)
        >>> table.remaining_neurons(256), table.remaining_neurons(10)
        (104, 8)
        """
        steps = math.ceil(round(neurons * (1.0 - self.sparsity) / self.multiple_of, 9))
        return min(neurons, max(1, steps) * self.multiple_of)


class DistilRecipe(Section):
    """Who teaches the network, and how.

    The loss of an image is ``(1 - w) * cross_entropy(label) + w * T**2 * KL(teacher, student)``
    with ``w = teacher_weight``, both in the last term softened by the temperature ``T``. Several
    teachers are averaged.

    Parameters
    ----------
    teachers
        RUN folders of trained networks of any kind and bits, for the same images and classes.
    temperature
        By which all logits are divided.
    teacher_weight
        Share of the teachers in the loss: 0 hears the labels alone, 1 the teachers alone.
    unlabelled
        Whether training images without a label (``labelled`` in ``[train]``) take part, labelled
        by the teachers.
    view_flip, view_shift
        The teachers' answers about an image without a label are averaged over itself, its mirror
        image (``view_flip``), and copies moved by ``view_shift`` pixels up, down, left and right.

    References
    ----------
    G. Hinton et al., Distilling the Knowledge in a Neural Network, arXiv:1503.02531;
    I. Radosavovic et al., Data Distillation, arXiv:1712.04440.
    """

    teachers: Annotated[tuple[RunPath, ...], Field(min_length=1, max_length=64)]
    temperature: Annotated[float, Field(gt=0, le=1000)] = 4.0
    teacher_weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    unlabelled: bool = False
    view_flip: bool = False
    view_shift: Annotated[int, Field(ge=0, le=64)] = 0
