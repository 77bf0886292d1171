# SPDX-License-Identifier: Apache-2.0
"""What images give by the reference, and whether FINN gives the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xnorflow.finn.report import StageResult
from xnorflow.ir import ArgMax, Network
from xnorflow.sim.images import Images
from xnorflow.sim.reference import ReferenceEngine

__all__ = ["Answers", "answers_of", "compared", "finn_input", "load_answers"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """What images give.

    Parameters
    ----------
    scores
        Shape ``(images, values)``; of a network without labels, its output.
    labels
        Shape ``(images, k)``, k 0 without labels.
    """

    scores: Array
    labels: Array


def finn_input(images: Images) -> NDArray[np.float32]:
    """``images`` as FINN's models take them: channels first."""
    return np.moveaxis(images.frames.astype(np.float32), -1, 1)


def answers_of(network: Network, images: Images) -> Answers:
    """What ``images`` give by the reference."""
    edges = ReferenceEngine(network).edges(images.frames)
    count, last = len(images), network.output
    output = edges[last.name].astype(np.float64)
    if not isinstance(last, ArgMax):
        shaped = output.reshape(count, *network.types[last.name].shape)
        return Answers(np.moveaxis(shaped, -1, 1).reshape(count, -1), np.zeros((count, 0)))
    scores = edges[last.inputs[0]].astype(np.float64)
    return Answers(scores.reshape(count, -1), output.reshape(count, -1))


def load_answers(path: Path) -> Answers:
    """What a stage gave."""
    with np.load(path, allow_pickle=False) as arrays:
        return Answers(arrays["scores"].astype(np.float64), arrays["labels"].astype(np.float64))


def compared(stage: str, want: Answers, got: Answers, seconds: float) -> StageResult:
    """A stage against the reference, image by image."""
    images = len(want.scores)
    labels = np.zeros(images, np.bool_)
    if got.labels.shape == want.labels.shape:
        labels = np.all(got.labels == want.labels, axis=1)
    equal = labels & equal_scores(want, got)
    first = None if equal.all() else int(np.argmin(equal))
    return StageResult(stage, images, int(equal.sum()), int(labels.sum()), first, seconds)


def equal_scores(want: Answers, got: Answers) -> NDArray[np.bool_]:
    """Which images have equal scores.

    Where scores are ranked, ``want = scale * got + offset`` counts as equal, with one positive
    scale and one offset for all images: those of the image with which most are equal.
    """
    if got.scores.shape != want.scores.shape:
        return np.zeros(len(want.scores), np.bool_)
    best: NDArray[np.bool_] = np.all(got.scores == want.scores, axis=1)
    if not want.labels.size:
        return best
    for wanted, given in zip(want.scores, got.scores, strict=True):
        if best.all() or np.ptp(given) == 0:
            continue
        scale = np.ptp(wanted) / np.ptp(given)
        offset = wanted.max() - scale * given.max()
        equal = np.all(np.isclose(scale * got.scores + offset, want.scores, atol=1e-6), axis=1)
        best = equal if scale > 0 and equal.sum() > best.sum() else best
    return best
