# SPDX-License-Identifier: Apache-2.0
"""What a network answers, and how often it is right."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["accuracy_percent", "confusion_matrix", "pixels_to_torch", "predict_labels"]

EVALUATION_BATCH = 1000


def pixels_to_torch(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of ``(n, h, w, c)`` as PyTorch has images, ``(n, c, h, w)``."""
    return np.array(np.moveaxis(images, -1, 1), order="C")


@torch.no_grad()
def predict_labels(model: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The class of each image, shape ``(n,)``; the lowest index wins ties.

    Parameters
    ----------
    model
        Takes pixels ``u / 256``; its mode (training, evaluation) is restored.
    images
        uint8, shape ``(n, height, width, channels)``.
    """
    was_training = model.training
    model.eval()
    labels = []
    for start in range(0, len(images), EVALUATION_BATCH):
        pixels = pixels_to_torch(images[start : start + EVALUATION_BATCH])
        logits = model(torch.from_numpy(pixels).float() / 256.0)
        labels.append(np.argmax(logits.numpy(), axis=1))
    model.train(was_training)
    return np.concatenate(labels).astype(np.int64)


def accuracy_percent(predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Share of right answers in percent."""
    return 100.0 * int(np.count_nonzero(predicted == labels)) / len(labels)


def confusion_matrix(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Number of images of each true class (rows) and predicted class (columns)."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix
