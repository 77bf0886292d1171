# SPDX-License-Identifier: Apache-2.0
"""All that is decided about an unrolled layer before it is built."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.families import Device
from xnorflow.hw.unrolled.bit_graph import Literal
from xnorflow.hw.unrolled.neuron_sums import NeuronSums
from xnorflow.hw.unrolled.schedule import Schedule
from xnorflow.ir import DataType

__all__ = ["UnrolledPlan", "plan_neurons"]


@dataclass(frozen=True, slots=True, eq=False)
class UnrolledPlan:
    """The gates of a layer, and what its outputs are made of.

    Parameters
    ----------
    schedule
        The gates.
    sums
        Of each neuron: the bits of its sum.
    thresholds
        Shape ``(mh, 2**n - 1)``: what the sums are compared with, ascending; of shape ``(mh, 0)``
        where the sums themselves are wanted.
    """

    schedule: Schedule
    sums: list[list[Literal]]
    thresholds: NDArray[np.int64]


def plan_neurons(
    weights: NDArray[np.integer],
    thresholds: NDArray[np.int64],
    element: DataType,
    *,
    device: Device | None,
    levels_per_stage: int,
    width_bits: int,
) -> UnrolledPlan:
    """The plan of a layer; planned once for equal arguments.

    Parameters
    ----------
    weights
        Shape ``(mh, mw)``.
    thresholds
        Shape ``(mh, 2**n - 1)``: what ``weights @ inputs`` is compared with, by ``>=``; ascending.
        Shape ``(mh, 0)`` for the sums themselves.
    element
        Type of the inputs.
    device
        Family of whose cells it is built; None for plain operators.
    levels_per_stage
        See :class:`~xnorflow.hw.unrolled.schedule.Schedule`.
    width_bits
        Width of the sums that are wanted; without meaning where there are thresholds.
    """
    return _planned(
        Matrix.of(weights), Matrix.of(thresholds), element, device, levels_per_stage, width_bits
    )


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix that can be looked up."""

    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, values: NDArray[np.integer]) -> Matrix:
        """``values``."""
        return cls(values.shape, values.astype(np.int64).tobytes())

    @property
    def values(self) -> NDArray[np.int64]:
        """The values."""
        return np.frombuffer(self.data, np.int64).reshape(self.shape)


@functools.lru_cache(maxsize=16)
def _planned(
    weights: Matrix,
    thresholds: Matrix,
    element: DataType,
    device: Device | None,
    levels_per_stage: int,
    width_bits: int,
) -> UnrolledPlan:
    wanted = thresholds.values
    has_thresholds = wanted.shape[1] > 0
    neurons = NeuronSums.of(weights.values, element, device, None if has_thresholds else width_bits)
    limits = sum_thresholds(neurons, weights.values, wanted, element)
    outputs = [
        literal
        for bits, row in zip(neurons.sums, limits, strict=True)
        for literal in (seen_bits(bits, row) if has_thresholds else bits)
    ]
    schedule = Schedule.of(neurons.graph, outputs, levels_per_stage)
    return UnrolledPlan(schedule, neurons.sums, limits)


def sum_thresholds(
    neurons: NeuronSums,
    weights: NDArray[np.int64],
    thresholds: NDArray[np.int64],
    element: DataType,
) -> NDArray[np.int64]:
    """``thresholds`` for sums without constants, out of range where none or all reach them."""
    corners = weights * element.min, weights * element.max
    low, high = (pick(*corners).sum(axis=1) for pick in (np.minimum, np.maximum))
    never = np.array([1 << len(bits) for bits in neurons.sums])
    limits = thresholds - neurons.constants[:, np.newaxis]
    limits = np.where(thresholds > high[:, np.newaxis], never[:, np.newaxis], limits)
    return np.where(thresholds <= low[:, np.newaxis], 0, limits)


def seen_bits(bits: list[Literal], thresholds: NDArray[np.int64]) -> list[Literal]:
    """The ``bits`` of a sum on which its comparisons depend."""
    real = [t for t in thresholds.tolist() if 0 < t < 1 << len(bits)]
    if not real:
        return []
    low = min((t & -t).bit_length() - 1 for t in real)
    return bits[low:]
