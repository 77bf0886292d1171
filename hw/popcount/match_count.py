# SPDX-License-Identifier: Apache-2.0
"""XNOR-popcounts in the cells of an FPGA family."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from xnorflow.hw.families import Device
from xnorflow.hw.popcount.adder_tree import LEVELS_PER_STAGE, range_shape
from xnorflow.hw.popcount.chain_counter import ChainCounter, chain_registers
from xnorflow.hw.popcount.heap_counter import HeapCounter, heap_registers
from xnorflow.hw.popcount.match_plan import MatchPlan, Relative

__all__ = ["MatchCount", "has_carry_lane", "match_cycles", "match_plan", "stored_matches"]

RELATIVE: Mapping[Device, Relative] = MappingProxyType(
    {
        Device.ICE40: Relative.RESULTS,
        Device.ECP5: Relative.NEVER,
        Device.GOWIN: Relative.OPERANDS,
    }
)
"""Families whose carry chains make the fewest LUTs of a popcount; on xc7 counters do."""


def has_carry_lane(device: Device, lanes: int) -> bool:
    """Whether the last of ``lanes`` is not counted, but left to the carry of the next adder.

    A tree in which every adder takes a lane as its carry has an odd number of them.
    """
    return device in RELATIVE and lanes % 2 == 0


@functools.lru_cache(maxsize=1 << 10)
def match_plan(device: Device, lanes: int) -> MatchPlan | None:
    """The tree of adders that counts ``lanes`` lanes on ``device``; None if it has no such tree."""
    return MatchPlan(lanes, RELATIVE[device]) if device in RELATIVE else None


def counted(device: Device, lanes: int) -> int:
    """Lanes that are counted."""
    return lanes - has_carry_lane(device, lanes)


def match_cycles(device: Device, lanes: int, levels_per_stage: int = LEVELS_PER_STAGE) -> int:
    """Registers between the lanes and their number of matches."""
    if device in RELATIVE:
        return chain_registers(counted(device, lanes), levels_per_stage)
    return heap_registers(lanes, levels_per_stage)


def stored_matches(device: Device, codes: NDArray[np.integer]) -> NDArray[np.int64]:
    """What a weight memory holds for the ``codes`` of bipolar weights.

    Parameters
    ----------
    codes
        Shape ``(..., lanes)``: 1 for +1, 0 for -1.

    Returns
    -------
    numpy.ndarray
        Of the same shape, bits.
    """
    lanes = codes.shape[-1]
    stored = 1 - np.asarray(codes, np.int64)
    if plan := match_plan(device, counted(device, lanes)):
        stored[..., : plan.lanes] = plan.stored(codes[..., : plan.lanes])
    return stored


class MatchCount(wiring.Component):
    """``sum + carry`` is the number of lanes with equal codes, :attr:`latency` cycles later.

    On iCE40, ECP5 and Gowin it is a tree of adders on carry chains, on xc7 one of counters. Where
    the cells have inputs to spare they take the exclusive OR with the weight: two for an adder on
    ECP5, one on Gowin and on iCE40 (see :mod:`xnorflow.hw.popcount.match_plan`), two for a counter
    on xc7.

    **Timing.** A count a cycle; ``latency = match_cycles(device, lanes, levels_per_stage)``.

    Parameters
    ----------
    device
        The family.
    lanes
        Number of lanes.
    levels_per_stage
        A register follows the first level, which takes the weights in, and then every so many
        levels. With 0 there is none.

    Members
    -------
    inputs : In(lanes)
    stored : In(lanes)
        What :func:`stored_matches` gives for the weights.
    sum : Out(shape)
    carry : Out(1)
        Only where :func:`has_carry_lane`.

    Attributes
    ----------
    latency : int
        Cycles.
    shape : Shape
        Shape of the sum.
    has_carry : bool
        Whether there is a ``carry``.
    """

    def __init__(
        self, device: Device, lanes: int, levels_per_stage: int = LEVELS_PER_STAGE
    ) -> None:
        self._device = device
        self._lanes = lanes
        self._levels_per_stage = levels_per_stage
        self.latency = match_cycles(device, lanes, levels_per_stage)
        self.has_carry = has_carry_lane(device, lanes)
        self.shape = range_shape(0, counted(device, lanes))
        super().__init__(
            {
                "inputs": In(lanes),
                "stored": In(lanes),
                "sum": Out(self.shape),
                **({"carry": Out(1)} if self.has_carry else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the tree."""
        m = Module()
        lanes = counted(self._device, self._lanes)
        each = self._levels_per_stage
        inputs, stored = self.inputs[:lanes], self.stored[:lanes]
        plan = match_plan(self._device, lanes)
        if plan is None:
            total = HeapCounter(m, lanes, levels_per_stage=each).count(inputs, stored)
        else:
            counter = ChainCounter(m, self._device, plan, levels_per_stage=each)
            total = counter.count(inputs, stored)
        m.d.comb += self.sum.eq(total)
        if self.has_carry:
            self._build_carry(m)
        return m

    def _build_carry(self, m: Module) -> None:
        carry = self.inputs[-1] ^ self.stored[-1]
        for number in range(self.latency):
            waiting = Signal(name=f"carry_{number}", reset_less=True)
            m.d.sync += waiting.eq(carry)
            carry = waiting
        m.d.comb += self.carry.eq(carry)
