# SPDX-License-Identifier: Apache-2.0
"""What distillation, pruning or more training gain, told with the doubt that a few seeds leave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xnorflow.sweep.results import METHODS, SETTINGS, Spread, Summary

__all__ = ["ASPECTS", "Comparison", "Gain", "compare", "gain", "student_quantile"]

ASPECTS: dict[str, tuple[str, ...]] = {
    "distillation": ("teachers", "teacher_weight", "temperature"),
    "compression": ("pattern", "sparsity_percent"),
    "training": ("method", "epochs"),
}
"""Settings in which two sides differ that are compared: the one that matters, and its company."""

CONFIDENCE = 0.95
"""Share of such intervals that hold the true difference."""


@dataclass(frozen=True, slots=True)
class Gain:
    """A difference of mean accuracies, in points, with its Welch interval.

    Parameters
    ----------
    difference
        The second mean minus the first.
    standard_error
        Of the difference; None if either side has a single seed.
    half_width
        Half of the interval of 95 % about the difference; None likewise.
    seeds
        Of the first and the second side.
    """

    difference: float
    standard_error: float | None
    half_width: float | None
    seeds: tuple[int, int]

    @property
    def verdict(self) -> str:
        """``gain``, ``loss``, ``no gain`` if the interval includes 0, or ``unknown``."""
        if self.half_width is None:
            return "unknown"
        if abs(self.difference) <= self.half_width:
            return "no gain"
        return "gain" if self.difference > 0 else "loss"

    @property
    def sentence(self) -> str:
        """The verdict with its numbers.

        Examples
        --------
        >>> Gain(0.05, 0.09, 0.2, (3, 3)).sentence
        'no gain: +0.05 ± 0.20 points'
        >>> Gain(0.31, None, None, (3, 1)).sentence
        'unknown: +0.31 points, of 3 seeds and 1'
        """
        if self.half_width is None:
            first, second = self.seeds
            of = f"of {first} {'seed' if first == 1 else 'seeds'} and {second}"
            return f"{self.verdict}: {self.difference:+.2f} points, {of}"
        return f"{self.verdict}: {self.difference:+.2f} ± {self.half_width:.2f} points"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two summaries that differ in one aspect.

    Parameters
    ----------
    aspect
        Of :data:`ASPECTS`.
    base, other
        Numbers of the summaries: without and with it.
    gain
        Of ``other`` over ``base``.
    """

    aspect: str
    base: int
    other: int
    gain: Gain


def gain(base: Spread, other: Spread) -> Gain:
    """How much more accurate ``other`` is than ``base``.

    The interval is Welch's, which lets the two sides spread differently: the difference of the
    means ± t · se with se² = s₁²/n₁ + s₂²/n₂, where t is the quantile of Student's distribution
    with se⁴ / ((s₁²/n₁)²/(n₁-1) + (s₂²/n₂)²/(n₂-1)) degrees of freedom. With a single seed on
    a side nothing is known of its spread, and the gain has no interval.

    References
    ----------
    B. L. Welch, The generalization of "Student's" problem when several different population
    variances are involved, Biometrika 34, 1947.
    """
    difference = other.mean - base.mean
    seeds = base.seeds, other.seeds
    if base.stdev is None or other.stdev is None:
        return Gain(difference, None, None, seeds)
    shares = [side.stdev**2 / side.seeds for side in (base, other) if side.stdev is not None]
    error = math.sqrt(sum(shares))
    if error == 0:
        return Gain(difference, 0.0, 0.0, seeds)
    freedom = sum(shares) ** 2 / sum(
        share**2 / (count - 1) for share, count in zip(shares, seeds, strict=True)
    )
    half_width = error * student_quantile((1 + CONFIDENCE) / 2, freedom)
    return Gain(difference, error, half_width, seeds)


def student_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's distribution, from 0.5 on and for one degree of freedom or more.

    With n degrees of freedom and x = √n tan θ the distribution is ½ + c ∫ cos^(n-1) θ dθ, which
    Gauss-Legendre quadrature gives; θ is found by bisection.

    Examples
    --------
    >>> round(student_quantile(0.975, 4), 3)
    2.776
    """
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2))
    nodes, weights = np.polynomial.legendre.leggauss(64)

    def distribution(angle: float) -> float:
        cosines = np.cos((nodes + 1) * angle / 2)
        area = float(weights @ cosines ** (freedom - 1)) * angle / 2
        return 0.5 + scale / math.sqrt(math.pi) * area

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if distribution(middle) < probability else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def compare(summaries: Sequence[Summary]) -> tuple[Comparison, ...]:
    """Every pair of summaries that can be compared, with its gain.

    Two can be if all settings are the same but those of one aspect, and the study: distilled
    against not distilled, pruned against dense, and each method against each with less training.
    Where several studies have the base, that of the own study is taken.
    """
    bases: dict[tuple[object, ...], list[int]] = {}
    for at, summary in enumerate(summaries):
        if summary.accuracy:
            for aspect in ASPECTS:
                bases.setdefault(frame(summary, aspect), []).append(at)
    found = []
    for at, summary in enumerate(summaries):
        for aspect in ASPECTS:
            for base in chosen_bases(summaries, bases.get(frame(summary, aspect), []), at, aspect):
                first, second = summaries[base].accuracy, summary.accuracy
                if first and second:
                    found.append(Comparison(aspect, base, at, gain(first, second)))
    return tuple(found)


def frame(summary: Summary, aspect: str) -> tuple[object, ...]:
    """What the two sides of a comparison have in common."""
    free = {"study", *ASPECTS[aspect]}
    return (aspect, *(summary.values[name] for name in SETTINGS if name not in free))


def chosen_bases(
    summaries: Sequence[Summary], candidates: Sequence[int], at: int, aspect: str
) -> list[int]:
    """The candidates that are a base of ``at``: one for each value of the aspect's setting."""
    setting = ASPECTS[aspect][0]
    ranks = METHODS if aspect == "training" else ("",)
    own = summaries[at].text(setting)
    allowed = ranks[: ranks.index(own)] if own in ranks else ranks
    chosen: dict[str, int] = {}
    for candidate in candidates:
        value = summaries[candidate].text(setting)
        near = summaries[candidate].values["study"] == summaries[at].values["study"]
        if value in allowed and (value not in chosen or near):
            chosen[value] = candidate
    return list(chosen.values())
