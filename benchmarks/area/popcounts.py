# SPDX-License-Identifier: Apache-2.0
"""Contenders for popcounts of ``n`` XNOR-ed bits, compared with a threshold.

**To add one**, write a function ``(popcount, device) -> Verilog`` and list it in
:data:`CONTENDERS`. A structure in Amaranth is a function from a module, the popcount's inputs and a
family to one bit: :func:`amaranth_contender` makes a contender of it, and :func:`counting` such a
function of one that only counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benchmarks.area.circuit import TOP, Bits, Circuit, Contender, Port
from xnorflow.hw.emit import WeightStorage, component_verilog
from xnorflow.hw.families import Device
from xnorflow.hw.popcount import AdderTree, MatchCount, count_ones, stored_matches
from xnorflow.hw.unrolled import NeuronBank, plan_neurons
from xnorflow.ir import BIPOLAR

__all__ = [
    "CONTENDERS",
    "Popcount",
    "PopcountContender",
    "amaranth_contender",
    "counting",
    "popcount_contenders",
]

NO_REGISTERS = 1 << 20
"""More levels of adders than any tree has: no register follows."""


@dataclass(frozen=True, slots=True)
class Popcount:
    """``y`` is whether ``x`` and the weights are equal in ``threshold`` places or more.

    Parameters
    ----------
    bits
        Bits of ``x``, and of ``w``.
    constant
        The weights are random constants and there is no ``w``. An XNOR with a constant takes
        nothing.
    """

    bits: int
    constant: bool

    @property
    def threshold(self) -> int:
        """A constant near the middle, neither even nor near a power of two."""
        return self.bits // 2 + 5

    @property
    def weights(self) -> Bits:
        """Constant weights, bit 0 first; fair coins of ``default_rng(bits)``."""
        return np.random.default_rng(self.bits).random(self.bits) < 0.5

    def circuit(self) -> Circuit:
        """What contenders build."""
        ports = (Port("x", self.bits),)
        return Circuit(
            subject=f"{self.bits} bits, {'constant' if self.constant else 'run-time'} weights",
            inputs=ports if self.constant else (*ports, Port("w", self.bits)),
            outputs=(Port("y", 1),),
            operations=self.bits,
            compute=self.compute,
        )

    def compute(self, inputs: Bits) -> Bits:
        """``y`` of each vector of ``x``, ``w``."""
        weights = self.weights if self.constant else inputs[:, self.bits :]
        matches = np.sum(inputs[:, : self.bits] == weights, axis=1)
        return np.asarray(matches >= self.threshold)[:, None]


Build = Callable[[Module, Popcount, Value, Value, Device], Value]
"""Gives ``y``, one bit, for ``x`` and the weights; constant weights are an Amaranth ``Const``."""


@dataclass(frozen=True, slots=True)
class PopcountContender:
    """A way to build popcounts.

    Parameters
    ----------
    verilog
        Text of a module :data:`~benchmarks.area.circuit.TOP` with ports ``x``, ``w``, ``y``; or
        raises :class:`~benchmarks.area.circuit.NotAvailableError`.
    stored
        What the memory of run-time weights holds for vectors of them, if not the weights.
    """

    verilog: Callable[[Popcount, Device], str]
    stored: Callable[[Popcount, Device, Bits], Bits] = lambda _popcount, _device, weights: weights


def plain_loop(popcount: Popcount, device: Device) -> str:
    """The loop that one writes first; synthesis may do what it likes with it."""
    weights = "".join("01"[int(bit)] for bit in reversed(popcount.weights))
    bits, width = popcount.bits, popcount.bits.bit_length()
    return f"""\
module {TOP} (
    input wire [{bits - 1}:0] x,
{"" if popcount.constant else f"    input wire [{bits - 1}:0] w,"}
    output wire y
);
{f"  wire [{bits - 1}:0] w = {bits}'b{weights};" if popcount.constant else ""}
  reg [{width - 1}:0] count;
  integer i;
  always @* begin
    count = 0;
    for (i = 0; i < {bits}; i = i + 1) count = count + (x[i] == w[i]);
  end
  assign y = count >= {popcount.threshold};
endmodule
"""


class PopcountComponent(wiring.Component):
    """A popcount by some structure, with ports as in :meth:`Popcount.circuit`."""

    def __init__(self, popcount: Popcount, device: Device, build: Build) -> None:
        runtime = {} if popcount.constant else {"w": In(popcount.bits)}
        super().__init__({"x": In(popcount.bits), **runtime, "y": Out(1)})
        self._popcount = popcount
        self._device = device
        self._build = build

    def elaborate(self, platform: object) -> Module:
        """Build it."""
        m = Module()
        weights: Value = Cat(Const(int(bit), 1) for bit in self._popcount.weights)
        if not self._popcount.constant:
            weights = self.w
        m.d.comb += self.y.eq(self._build(m, self._popcount, self.x, weights, self._device))
        return m


def amaranth_contender(
    build: Build,
    stored: Callable[[Popcount, Device, Bits], Bits] = lambda _popcount, _device, weights: weights,
) -> PopcountContender:
    """The contender that ``build`` describes."""

    def verilog(popcount: Popcount, device: Device) -> str:
        component = PopcountComponent(popcount, device, build)
        return component_verilog(component, TOP, WeightStorage.INLINE).verilog

    return PopcountContender(verilog, stored)


def counting(count: Callable[[Module, Value, Device], Value]) -> Build:
    """Compares what ``count`` gives for the bits that are equal with the threshold."""

    def build(m: Module, popcount: Popcount, x: Value, weights: Value, device: Device) -> Value:
        return count(m, ~(x ^ weights), device) >= popcount.threshold

    return build


def adder_tree(m: Module, bits: Value, device: Device) -> Value:
    """The balanced tree of adders of :mod:`xnorflow.hw.popcount`, without its registers."""
    width_bits = len(bits).bit_length()
    tree = AdderTree(m, levels_per_stage=NO_REGISTERS, max_width_bits=width_bits)
    return count_ones(tree, bits).value


def match_count(m: Module, popcount: Popcount, x: Value, weights: Value, device: Device) -> Value:
    """The counter of matches in the family's cells, without registers.

    It leaves one lane over, for the carry of the adder behind it; here that is no adder, so the
    lane chooses between two thresholds. Constant weights make an unrolled neuron.
    """
    if popcount.constant:
        return neuron(m, popcount, x, device)
    m.submodules.count = counter = MatchCount(device, popcount.bits, levels_per_stage=0)
    m.d.comb += [counter.inputs.eq(x), counter.stored.eq(weights)]
    reached = counter.sum >= popcount.threshold
    if not counter.has_carry:
        return reached
    return Mux(counter.carry, counter.sum >= popcount.threshold - 1, reached)


def neuron(m: Module, popcount: Popcount, x: Value, device: Device) -> Value:
    """A neuron of constant weights, without registers."""
    plan = plan_neurons(
        np.where(popcount.weights, 1, -1)[np.newaxis],
        np.array([[2 * popcount.threshold - popcount.bits]]),
        BIPOLAR,
        device=device,
        levels_per_stage=0,
        width_bits=1,
    )
    m.submodules.neuron = bank = NeuronBank(plan, popcount.bits, device)
    m.d.comb += bank.inputs.eq(x)
    return bank.outputs.as_value()


def stored_weights(popcount: Popcount, device: Device, weights: Bits) -> Bits:
    """What :func:`match_count` wants for vectors of weights."""
    return stored_matches(device, weights.astype(np.int64)).astype(bool)


CONTENDERS: Mapping[str, PopcountContender] = MappingProxyType(
    {
        "plain loop": PopcountContender(plain_loop),
        "adder tree": amaranth_contender(counting(adder_tree)),
        "ours, family's cells": amaranth_contender(match_count, stored_weights),
    }
)
"""All contenders, in the order of the table."""


def popcount_contenders(popcount: Popcount) -> list[Contender]:
    """The contenders for one popcount."""
    return [bound(name, contender, popcount) for name, contender in CONTENDERS.items()]


def bound(name: str, contender: PopcountContender, popcount: Popcount) -> Contender:
    """``contender`` for ``popcount``; only weights are stored in another form, never ``x``."""

    def encode(device: Device, inputs: Bits) -> Bits:
        x, weights = inputs[:, : popcount.bits], inputs[:, popcount.bits :]
        if popcount.constant:
            return x
        return np.hstack([x, contender.stored(popcount, device, weights)])

    return Contender(name, lambda device: contender.verilog(popcount, device), encode)
