# SPDX-License-Identifier: Apache-2.0
"""Gates of layers of constant weights, evaluated bit by bit; the oracle is a matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.families import Device
from xnorflow.hw.unrolled import plan_neurons
from xnorflow.hw.unrolled.bit_graph import ONE, ZERO, BitGate, BitGraph, GateKind
from xnorflow.hw.unrolled.neuron_sums import NeuronSums
from xnorflow.hw.unrolled.signed_bits import signed_digits
from xnorflow.ir import BIPOLAR, TERNARY, DataType, int_type, uint_type

Array = np.ndarray[Any, Any]

VECTORS = 40


def gate_outputs(gate: BitGate, bits: list[Array]) -> list[Array]:
    """What a gate gives, by ordinary arithmetic."""
    match gate.kind:
        case GateKind.PARITY:
            return [sum(bits) % 2]
        case GateKind.MAJORITY:
            return [(sum(bits) >= 2).astype(int)]
        case GateKind.ADDER:
            width = gate.outputs - 1
            numbers = [sum(b << n for n, b in enumerate(bits[k : k + width])) for k in (0, width)]
            total = numbers[0] + numbers[1] + bits[-1]
        case GateKind.COUNTER:
            assert len(bits) == 7
            total = sum(bits)
    return [total >> n & 1 for n in range(gate.outputs)]


def evaluate(graph: BitGraph, inputs: Array) -> list[Array]:
    """Values of all nodes; inputs of shape ``(vectors, bits)``."""
    nodes = [np.zeros(len(inputs), int), *inputs.T]
    for gate in graph.gates:
        assert gate.first == len(nodes)
        bits = [nodes[literal >> 1] ^ (literal & 1) for literal in gate.operands]
        nodes += gate_outputs(gate, bits)
    return nodes


def sums_of(neurons: NeuronSums, inputs: Array) -> Array:
    """Shape ``(vectors, mh)``."""
    nodes = evaluate(neurons.graph, inputs)
    sums = [
        sum((nodes[b >> 1] ^ (b & 1)) << n for n, b in enumerate(bits)) for bits in neurons.sums
    ]
    return np.stack([np.broadcast_to(each, len(inputs)) for each in sums], axis=1)


def random_inputs(rng: Any, element: DataType, mw: int) -> tuple[Array, Array]:
    """Values of shape ``(VECTORS, mw)``, and the bits of their codes."""
    values = rng.choice(np.arange(element.min, element.max + 1, element.step), (VECTORS, mw))
    codes = element.encode(values).astype(int)
    bits = codes[..., None] >> np.arange(element.width_bits) & 1
    return values, bits.reshape(VECTORS, -1)


ELEMENTS = [BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2), int_type(3)]


@settings(max_examples=80, deadline=None)
@given(
    mh=st.integers(1, 9),
    mw=st.integers(1, 40),
    most=st.sampled_from([1, 1, 2, 7]),
    zeros=st.sampled_from([0.0, 0.5, 0.9]),
    element=st.sampled_from(ELEMENTS),
    device=st.sampled_from([None, *Device]),
    seed=st.integers(0, 1000),
)
def test_sums(
    mh: int, mw: int, most: int, zeros: float, element: DataType, device: Any, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.choice([-1, 1], (mh, mw)) * rng.integers(1, most + 1, (mh, mw))
    weights *= rng.random((mh, mw)) >= zeros
    values, bits = random_inputs(rng, element, mw)
    expected = values @ weights.T
    neurons = NeuronSums.of(weights, element, device)
    np.testing.assert_array_equal(sums_of(neurons, bits) + neurons.constants, expected)
    complete = NeuronSums.of(weights, element, device, width_bits=5)
    assert not complete.constants.any()
    np.testing.assert_array_equal(sums_of(complete, bits), expected % 32)


def test_neurons_of_opposite_weights_share_all_they_can() -> None:
    weights = np.random.default_rng(0).choice([-1, 1], (1, 63))
    one = NeuronSums.of(np.vstack([weights, weights]), BIPOLAR, None)
    both = NeuronSums.of(np.vstack([weights, -weights]), BIPOLAR, None)
    tables = [
        sum(gate.kind in (GateKind.PARITY, GateKind.MAJORITY) for gate in n.graph.gates)
        for n in (one, both)
    ]
    assert tables[0] == tables[1]


def test_all_neurons_share_the_first_level() -> None:
    weights = np.random.default_rng(0).choice([-1, 1], (32, 63))
    graph = NeuronSums.of(weights, BIPOLAR, None).graph
    first = [gate for gate in graph.gates if gate.level == 1]
    assert len(first) == 21 * (1 + 4)


def test_weights_of_zero_make_no_gates() -> None:
    weights = np.zeros((4, 64), int)
    weights[:, 5] = [1, -1, 1, 0]
    assert NeuronSums.of(weights, BIPOLAR, None).graph.gates == []


@pytest.mark.parametrize("device", [None, *Device])
def test_what_no_threshold_sees_is_not_built(device: Device | None) -> None:
    weights = np.ones((1, 3), int)

    def gates(threshold: int) -> int:
        plan = plan_neurons(
            weights,
            np.array([[threshold]]),
            BIPOLAR,
            device=device,
            levels_per_stage=2,
            width_bits=0,
        )
        return sum(map(len, plan.schedule.levels))

    assert gates(-3) == gates(4) == 0  # always, never
    assert (gates(1), gates(-1)) == (1, 2)  # the majority; that, or the parity


def test_majorities_have_one_form() -> None:
    graph = BitGraph(3)
    a, b, c = (graph.input(n) for n in range(3))
    _, carry = graph.full_add(a, b, c)
    assert graph.full_add(c ^ 1, a ^ 1, b ^ 1)[1] == carry ^ 1
    assert graph.full_add(a, a, c)[1] == a
    assert graph.full_add(a, a ^ 1, c)[1] == c
    assert graph.full_add(ZERO, ONE, c)[1] == c
    assert len(graph.gates) == 2  # and the parity


def test_digits_are_few() -> None:
    values = np.arange(-130, 131)
    digits = list(signed_digits(values))
    np.testing.assert_array_equal(sum(row << exponent for exponent, row in digits), values)
    by_exponent = dict(digits)
    for exponent, row in digits:
        following = by_exponent.get(exponent + 1, np.zeros_like(row))
        assert not (row * following).any()
