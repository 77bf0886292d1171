# SPDX-License-Identifier: Apache-2.0
"""What a network learns from: labelled images, teachers, and images that teachers label."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xnorflow.errors import ConfigError
from xnorflow.quant.compression_recipe import DistilRecipe
from xnorflow.quant.data import Dataset
from xnorflow.quant.evaluate import EVALUATION_BATCH, pixels_to_torch
from xnorflow.quant.models.model import Model
from xnorflow.quant.recipe import Recipe

__all__ = ["Targets", "labelled_indices", "views"]


class Targets:
    """The images that take part, and the loss of a batch of them.

    Parameters
    ----------
    recipe
        Share of labelled images, label smoothing, and how teachers are heard.
    dataset
        Its training part is used.
    teachers
        Networks in evaluation mode; none if ``recipe`` has no table ``[distil]``.

    Attributes
    ----------
    images
        uint8, shape ``(n, channels, height, width)``.
    labels
        int64, shape ``(n,)``: known, or what the teachers say.
    labelled
        How many of the labels are known.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, teachers: tuple[Model, ...]) -> None:
        self.settings = recipe.train
        self.distil = recipe.distil
        self.teachers = teachers
        known = labelled_indices(dataset.train_labels, recipe.train.labelled)
        pixels = torch.from_numpy(pixels_to_torch(dataset.train_images))
        self.labelled = len(known)
        self.images = pixels[known]
        self.labels = torch.from_numpy(dataset.train_labels[known])
        if self.distil is not None and self.distil.unlabelled:
            rest = pixels[np.setdiff1d(np.arange(len(pixels)), known)]
            self.images = torch.cat([self.images, rest])
            self.labels = torch.cat([self.labels, self.pseudo_labels(rest, self.distil)])
        self.table = self.lasting_answers()

    def pseudo_labels(self, pixels: Tensor, distil: DistilRecipe) -> Tensor:
        """The class that the teachers find most likely, averaged over views of each image."""
        answers = torch.zeros(len(pixels), self.teachers[0].classes)
        for view in views(pixels, distil):
            answers += self.ask(view, 1.0)
        return answers.argmax(dim=1)

    def lasting_answers(self) -> Tensor | None:
        """What the teachers say of every image, where images stay as they are."""
        if not self.hears_teachers or self.settings.flip or self.settings.shift:
            return None
        return self.ask(self.images, self.temperature)

    @property
    def hears_teachers(self) -> bool:
        """Whether the loss of an image depends on teachers, beside its label."""
        return self.distil is not None and self.distil.teacher_weight > 0

    @property
    def temperature(self) -> float:
        """By which logits are divided."""
        return 1.0 if self.distil is None else self.distil.temperature

    @torch.no_grad()
    def ask(self, pixels: Tensor, temperature: float) -> Tensor:
        """Mean probabilities that the teachers give, shape ``(n, classes)``.

        Parameters
        ----------
        pixels
            uint8, shape ``(n, channels, height, width)``.
        temperature
            By which their logits are divided.
        """
        answers = [
            torch.stack(
                [torch.softmax(teacher(part) / temperature, dim=1) for teacher in self.teachers]
            ).mean(dim=0)
            for part in (batch.float() / 256.0 for batch in torch.split(pixels, EVALUATION_BATCH))
        ]
        return torch.cat(answers)

    def loss(self, logits: Tensor, batch: Tensor, pixels: Tensor) -> Tensor:
        """Mean loss of a batch.

        Parameters
        ----------
        logits
            Of the network, shape ``(n, classes)``.
        batch
            Indices of the images.
        pixels
            The images as the network saw them: flipped and shifted, perhaps.
        """
        smoothing = self.settings.label_smoothing
        hard = nn.functional.cross_entropy(logits, self.labels[batch], label_smoothing=smoothing)
        if self.distil is None or not self.hears_teachers:
            return hard
        softness, weight = self.temperature, self.distil.teacher_weight
        wanted = self.ask(pixels, softness) if self.table is None else self.table[batch]
        got = torch.log_softmax(logits / softness, dim=1)
        soft = softness**2 * nn.functional.kl_div(got, wanted, reduction="batchmean")
        return (1.0 - weight) * hard + weight * soft


def labelled_indices(labels: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """Indices of the images whose labels are known: the same share of each class, in order.

    Examples
    --------
    >>> labels = np.array([0, 1, 0, 1, 0, 1, 0, 1])
    >>> chosen = labelled_indices(labels, 0.5)
    >>> labels[chosen].tolist().count(0), len(chosen)
    (2, 4)
    """
    if share >= 1.0:
        return np.arange(len(labels))
    generator = np.random.default_rng(0)
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        chosen.append(generator.permutation(members)[: max(1, round(share * len(members)))])
    return np.sort(np.concatenate(chosen))


def views(pixels: Tensor, distil: DistilRecipe) -> list[Tensor]:
    """``pixels`` themselves, mirrored, and moved in four directions, as asked for."""
    flipped = [pixels.flip(-1)] if distil.view_flip else []
    step = distil.view_shift
    moves = [(0, -step), (0, step)] if step else []
    if step and pixels.shape[2] > 1:
        moves += [(-step, 0), (step, 0)]
    return [pixels, *flipped, *(moved(pixels, down, right) for down, right in moves)]


def moved(pixels: Tensor, down: int, right: int) -> Tensor:
    """``pixels`` moved, with zeros behind them."""
    height, width = pixels.shape[2:]
    reach = max(abs(down), abs(right))
    padded = nn.functional.pad(pixels, (reach, reach, reach, reach))
    top, left = reach - down, reach - right
    return padded[:, :, top : top + height, left : left + width]


def check_teacher(teacher: Model, dataset: Dataset, where: str) -> None:
    """Refuse a teacher for other images or other classes."""
    if teacher.image_shape != dataset.image_shape:
        raise ConfigError(
            f"a teacher must take images of shape {dataset.image_shape}, "
            f"not {teacher.image_shape} ({where})"
        )
    if teacher.classes != len(dataset.classes):
        raise ConfigError(
            f"a teacher must know {len(dataset.classes)} classes, not {teacher.classes} ({where})"
        )
