# SPDX-License-Identifier: Apache-2.0
"""The sums of all neurons of a layer of constant weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xnorflow.hw.families import Device
from xnorflow.hw.unrolled.bit_graph import ONE, BitGraph, Literal
from xnorflow.hw.unrolled.sharing import share_full_adders
from xnorflow.hw.unrolled.signed_bits import SignedBits
from xnorflow.hw.unrolled.trees import Summing, sum_by_adders, sum_by_counters
from xnorflow.ir import DataType

__all__ = ["NeuronSums"]


@dataclass(frozen=True, slots=True, eq=False)
class NeuronSums:
    """Gates for ``weights @ inputs``.

    Parameters
    ----------
    graph
        The gates; its inputs are the bits of the inputs' codes.
    sums
        Bits of each neuron's sum, from exponent 0 on, without its constant.
    constants
        Shape ``(mh,)``: what is to be added to the sums.
    """

    graph: BitGraph
    sums: list[list[Literal]]
    constants: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        weights: NDArray[np.integer],
        element: DataType,
        device: Device | None,
        width_bits: int | None = None,
    ) -> NeuronSums:
        """The gates for ``weights`` and inputs of type ``element``.

        Parameters
        ----------
        weights
            Shape ``(mh, mw)``.
        element
            Type of the inputs.
        device
            Family for whose cells they are meant.
        width_bits
            If given, the sums are to be complete, modulo ``2**width_bits``, with constants of 0.
        """
        graph = BitGraph(weights.shape[1] * element.width_bits)
        bits = SignedBits.of(graph, weights, element)
        neurons = share_full_adders(graph, bits.columns) if bits.columns else [{} for _ in weights]
        summing = sum_by_counters if device is Device.XC7 else sum_by_adders
        if width_bits is None:
            return cls(graph, [summing(graph, each) for each in neurons], bits.constants)
        for columns, constant in zip(neurons, bits.constants.tolist(), strict=True):
            add_constant(columns, constant % (1 << width_bits))
        sums = [complete(summing, graph, each, width_bits) for each in neurons]
        return cls(graph, sums, np.zeros(len(weights), np.int64))


def add_constant(columns: dict[int, list[Literal]], constant: int) -> None:
    """Put the bits of ``constant`` among those of a neuron."""
    for exponent in range(constant.bit_length()):
        if constant >> exponent & 1:
            columns.setdefault(exponent, []).append(ONE)


def complete(
    summing: Summing, graph: BitGraph, columns: dict[int, list[Literal]], width_bits: int
) -> list[Literal]:
    """The sum modulo ``2**width_bits``."""
    low = {exponent: bits for exponent, bits in columns.items() if exponent < width_bits}
    total = summing(graph, low)
    return [*total, *[0] * width_bits][:width_bits]
