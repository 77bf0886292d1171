# SPDX-License-Identifier: Apache-2.0
"""Neurons of constant weights in the simulator; the oracle is a matrix product in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from xnorflow.hw.families import Device
from xnorflow.hw.unrolled import NeuronBank, plan_neurons
from xnorflow.ir import BIPOLAR

VECTORS = 20


def outputs_of(bank: NeuronBank, words: list[int]) -> list[int]:
    """One output for each input, a vector a cycle."""
    found: list[int] = []

    async def drive(context: Any) -> None:
        for word in [*words, *[0] * bank.latency]:
            context.set(bank.inputs, word)
            await context.delay(0.1e-6)
            found.append(context.get(bank.outputs.as_value()))
            await context.tick()

    simulator = Simulator(bank)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    return found[bank.latency :]


@pytest.mark.parametrize("device", [None, *Device])
@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize(("mh", "mw"), [(5, 5), (3, 16), (9, 33)])
def test_thresholds(mh: int, mw: int, levels: int, device: Device | None) -> None:
    """Some sums are compared without their low bits, which other neurons want."""
    rng = np.random.default_rng(mh * mw + levels)
    weights = rng.choice([-1, 1], (mh, mw))
    thresholds = rng.integers(-4, 5, (mh, 1))
    plan = plan_neurons(
        weights, thresholds, BIPOLAR, device=device, levels_per_stage=levels, width_bits=1
    )
    flips = rng.random(mh) < 0.5
    bank = NeuronBank(plan, mw, device, flips.tolist())
    codes = rng.integers(0, 2, (VECTORS, mw))
    words = [sum(int(bit) << n for n, bit in enumerate(row)) for row in codes]
    got = np.array(outputs_of(bank, words))[:, None] >> np.arange(mh) & 1
    want = ((2 * codes - 1) @ weights.T >= thresholds[:, 0]) ^ flips
    np.testing.assert_array_equal(got, want)
