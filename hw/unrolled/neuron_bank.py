# SPDX-License-Identifier: Apache-2.0
"""All neurons of a layer of constant weights, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from xnorflow.hw.families import Device
from xnorflow.hw.unrolled.activation import reached_count
from xnorflow.hw.unrolled.bit_graph import ZERO, Literal
from xnorflow.hw.unrolled.gates import GateBuilder
from xnorflow.hw.unrolled.plan import UnrolledPlan

__all__ = ["NeuronBank"]


class NeuronBank(wiring.Component):
    """Sums of all neurons, or how many of their thresholds they reach.

    **Timing.** A vector a cycle; :attr:`latency` registers between ``inputs`` and ``outputs``.

    Parameters
    ----------
    plan
        The gates.
    inputs_bits
        Bits of an input vector.
    device
        Family for which the plan was made.
    flips
        Of each neuron: whether its output is complemented. None is by default.

    Members
    -------
    inputs : In(inputs_bits)
        The codes of all inputs, the first one least significant.
    outputs : Out(mh x width)
        Sums, modulo ``2**width``, or numbers of thresholds.

    Attributes
    ----------
    latency : int
        Cycles.
    """

    def __init__(
        self,
        plan: UnrolledPlan,
        inputs_bits: int,
        device: Device | None,
        flips: Sequence[bool] | None = None,
    ) -> None:
        self._plan = plan
        self._device = device
        self._flips = flips if flips is not None else [False] * len(plan.sums)
        self.latency = plan.schedule.registers
        mh, thresholds = plan.thresholds.shape
        width = thresholds.bit_length() or len(plan.sums[0])
        super().__init__(
            {
                "inputs": In(inputs_bits),
                "outputs": Out(data.ArrayLayout(unsigned(width), mh)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the gates."""
        m = Module()
        gates = GateBuilder(m, self._plan.schedule, self._device)
        gates.build(self.inputs)
        values = [self._result(gates, neuron) for neuron in range(len(self._plan.sums))]
        flips = Cat(
            Const(flip, 1).replicate(len(value))
            for flip, value in zip(self._flips, values, strict=True)
        )
        # As one operation, also where it does nothing: so the output keeps its name in Verilog.
        m.d.comb += self.outputs.as_value().eq(Cat(*values) ^ flips)
        return m

    def _result(self, gates: GateBuilder, neuron: int) -> Value:
        bits = [self._bit(gates, literal) for literal in self._plan.sums[neuron]]
        thresholds = self._plan.thresholds[neuron].tolist()
        return reached_count(bits, thresholds) if thresholds else Cat(*bits)

    @staticmethod
    def _bit(gates: GateBuilder, literal: Literal) -> Value:
        """A bit of a sum; of low bits that no threshold sees, none is kept."""
        return gates.value(literal) if gates.has(literal) else Const(ZERO, 1)
