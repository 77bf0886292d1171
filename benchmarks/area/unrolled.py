# SPDX-License-Identifier: Apache-2.0
"""Contenders for layers with constant weights, all in parallel and combinational.

**To add one**, write a function ``(layers, device) -> Verilog`` and list it in :data:`CONTENDERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from benchmarks.area import da4ml_peer
from benchmarks.area.circuit import TOP, Bits, Circuit, Contender, Port
from benchmarks.area.popcounts import adder_tree
from xnorflow.hw.emit import WeightStorage, component_verilog
from xnorflow.hw.families import Device
from xnorflow.hw.unrolled import NeuronBank, plan_neurons
from xnorflow.ir import BIPOLAR

__all__ = ["CONTENDERS", "Unrolled", "unrolled_contenders"]

THRESHOLD_RANGE = (-8, 9)
"""Thresholds on sums of +-1 products: the least, and one more than the greatest."""


@dataclass(frozen=True, slots=True)
class Unrolled:
    """Layers of +-1 weights with thresholds: every neuron is whether its sum reaches its threshold.

    Bit 1 stands for +1, bit 0 for -1.

    Parameters
    ----------
    widths
        Inputs, then neurons of each layer.
    seed
        Of ``numpy.random.default_rng``, which first gives all weights, layer by layer, as
        ``choice([-1, 1], (mh, mw))``, then all thresholds as ``integers(-8, 9, mh)``.
    """

    widths: tuple[int, ...]
    seed: int = 0

    def layers(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Weights, shape ``(mh, mw)``, and thresholds, shape ``(mh,)``, of each layer."""
        rng = np.random.default_rng(self.seed)
        shapes = list(zip(self.widths[1:], self.widths, strict=False))
        weights = [rng.choice([-1, 1], shape) for shape in shapes]
        return [(matrix, rng.integers(*THRESHOLD_RANGE, len(matrix))) for matrix in weights]

    def circuit(self) -> Circuit:
        """What contenders build."""
        sizes = "-".join(map(str, self.widths))
        pairs = zip(self.widths[1:], self.widths, strict=False)
        return Circuit(
            subject=f"{sizes}, constant weights, unrolled",
            inputs=(Port("x", self.widths[0]),),
            outputs=(Port("y", self.widths[-1]),),
            operations=sum(mh * mw for mh, mw in pairs),
            compute=self.compute,
        )

    def compute(self, inputs: Bits) -> Bits:
        """``y`` for vectors of ``x``."""
        bits = inputs
        for weights, thresholds in self.layers():
            bits = np.asarray(np.where(bits, 1, -1) @ weights.T >= thresholds)
        return bits


def match_thresholds(
    weights: NDArray[np.int64], thresholds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Thresholds on the number of matches: with ``p`` of ``mw`` the sum is ``2p - mw``."""
    return np.asarray(-((-thresholds - weights.shape[1]) // 2))


def plain_loop(unrolled: Unrolled, device: Device) -> str:
    """A loop over the inputs in a loop over the neurons, layer after layer."""
    wires, text = "x", ""
    for index, (weights, thresholds) in enumerate(unrolled.layers()):
        mh, mw = weights.shape
        width = mw.bit_length()
        matrix = "".join("01"[int(bit)] for bit in (weights > 0).ravel()[::-1])
        limits = "".join(f"{t:0{width}b}" for t in match_thresholds(weights, thresholds)[::-1])
        text += f"""\
  wire [{mh * mw - 1}:0] w{index} = {mh * mw}'b{matrix};
  wire [{mh * width - 1}:0] t{index} = {mh * width}'b{limits};
  reg [{mh - 1}:0] y{index};
  reg [{width - 1}:0] p{index};
  always @* begin
    for (i = 0; i < {mh}; i = i + 1) begin
      p{index} = 0;
      for (j = 0; j < {mw}; j = j + 1)
        p{index} = p{index} + ({wires}[j] == w{index}[i * {mw} + j]);
      y{index}[i] = p{index} >= t{index}[i * {width} +: {width}];
    end
  end
"""
        wires = f"y{index}"
    inputs, outputs = unrolled.widths[0], unrolled.widths[-1]
    return f"""\
module {TOP} (input wire [{inputs - 1}:0] x, output wire [{outputs - 1}:0] y);
  integer i, j;
{text}  assign y = {wires};
endmodule
"""


class UnrolledTrees(wiring.Component):
    """A tree of adders for each neuron, with ports as in :meth:`Unrolled.circuit`."""

    def __init__(self, unrolled: Unrolled, device: Device) -> None:
        super().__init__({"x": In(unrolled.widths[0]), "y": Out(unrolled.widths[-1])})
        self._layers = unrolled.layers()
        self._device = device

    def elaborate(self, platform: object) -> Module:
        """Build all neurons."""
        m = Module()
        bits: Value = self.x
        for index, (weights, thresholds) in enumerate(self._layers):
            limits = match_thresholds(weights, thresholds)
            neurons = Signal(len(weights), name=f"neurons_{index}")
            for row, (signs, limit) in enumerate(zip(weights, limits.tolist(), strict=True)):
                # A match is the input, or its complement: written so that nothing is left to find.
                matches = Cat(
                    bit if sign > 0 else ~bit for bit, sign in zip(bits, signs, strict=True)
                )
                m.d.comb += neurons[row].eq(adder_tree(m, matches, self._device) >= limit)
            bits = neurons
        m.d.comb += self.y.eq(bits)
        return m


def adder_trees(unrolled: Unrolled, device: Device) -> str:
    """A tree of adders for each neuron; nothing is shared but what synthesis finds."""
    return component_verilog(UnrolledTrees(unrolled, device), TOP, WeightStorage.INLINE).verilog


class NeuronBanks(wiring.Component):
    """Layers of the generator, without registers, with ports as in :meth:`Unrolled.circuit`."""

    def __init__(self, unrolled: Unrolled, device: Device | None) -> None:
        super().__init__({"x": In(unrolled.widths[0]), "y": Out(unrolled.widths[-1])})
        self._layers = unrolled.layers()
        self._device = device

    def elaborate(self, platform: object) -> Module:
        """Build all layers."""
        m = Module()
        bits: Value = self.x
        for index, (weights, thresholds) in enumerate(self._layers):
            plan = plan_neurons(
                weights,
                thresholds[:, np.newaxis],
                BIPOLAR,
                device=self._device,
                levels_per_stage=0,
                width_bits=1,
            )
            bank = NeuronBank(plan, weights.shape[1], self._device)
            m.submodules[f"layer_{index}"] = bank
            m.d.comb += bank.inputs.eq(bits)
            bits = bank.outputs.as_value()
        m.d.comb += self.y.eq(bits)
        return m


def portable(unrolled: Unrolled, device: Device) -> str:
    """The generator's plain Verilog."""
    return component_verilog(NeuronBanks(unrolled, None), TOP, WeightStorage.INLINE).verilog


def in_cells(unrolled: Unrolled, device: Device) -> str:
    """The generator's layers, laid out for the family."""
    return component_verilog(NeuronBanks(unrolled, device), TOP, WeightStorage.INLINE).verilog


def da4ml(unrolled: Unrolled, device: Device) -> str:
    """An adder graph with shared parts, by the peer da4ml."""
    return da4ml_peer.unrolled_verilog(unrolled.layers(), TOP)


CONTENDERS: Mapping[str, Callable[[Unrolled, Device], str]] = MappingProxyType(
    {
        "plain loop": plain_loop,
        "adder trees": adder_trees,
        "da4ml": da4ml,
        "ours, portable": portable,
        "ours, family's cells": in_cells,
    }
)
"""All contenders, in the order of the table."""


def unrolled_contenders(unrolled: Unrolled) -> list[Contender]:
    """The contenders for some layers."""

    def verilog(build: Callable[[Unrolled, Device], str]) -> Callable[[Device], str]:
        return lambda device: build(unrolled, device)

    return [Contender(name, verilog(build)) for name, build in CONTENDERS.items()]
