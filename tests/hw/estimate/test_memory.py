# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections import Counter

import numpy as np
from amaranth.back import rtlil
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.estimate.memory import MEMORIES, LayerMemory, layer_memory
from xnorflow.hw.passes import compile_network, parse_plan
from xnorflow.hw.top import TOP_NAME, Accelerator
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    Dataflow,
    Folding,
    SparseMVAU,
    StreamType,
    int_type,
    uint_type,
)

KINDS = {
    "weights": "weight_bits",
    "tiles": "weight_bits",
    "inputs": "weight_bits",
    "vectors": "buffer_bits",
    "storage": "buffer_bits",
    "pixels": "buffer_bits",
}


def bits_in_hardware(dataflow: Dataflow) -> Counter[tuple[str, str]]:
    """Words times width of every memory in the RTLIL, by layer and kind."""
    text = rtlil.convert(Accelerator(dataflow), name=TOP_NAME, emit_src=False)
    bits: Counter[tuple[str, str]] = Counter()
    layer = ""
    for line in text.splitlines():
        if match := re.match(r"module \\accelerator\.(\w+)", line):
            layer = match[1]
        if match := re.match(r"  memory width (\d+) size (\d+) \\(\w+)$", line):
            kind = KINDS.get(match[3].rstrip("_0123456789"), "threshold_bits")
            assert kind != "threshold_bits" or re.match("thresholds|flips", match[3])
            bits[layer, kind] += int(match[1]) * int(match[2])
    return bits


@settings(max_examples=20)
@given(st.data())
def test_bits_are_those_of_the_hardware(lab, data):
    network = data.draw(lab.mlps()).network()
    if data.draw(st.booleans()):
        network = lab.prune(network, (2, 3), data.draw(st.sampled_from([0.3, 0.6, 0.9])))
    depth = data.draw(st.integers(2, 6))
    dataflow = compile_network(network, data.draw(lab.plans(network)), fifo_depth_beats=depth)
    built = bits_in_hardware(dataflow)
    for node in dataflow.nodes:
        memory = layer_memory(node, dataflow.input_types(node))
        for kind in ("weight_bits", "threshold_bits", "buffer_bits"):
            assert getattr(memory, kind) == built[node.name, kind], (node.name, kind)


def test_known_layer(lab):
    network = lab.Mlp(widths=(12, 8, 4), weight=int_type(2), activation=uint_type(2)).network()
    dataflow = compile_network(network, parse_plan('{"fc1": {"PE": 2, "SIMD": 3}}', network))
    node = dataflow.node("fc1")
    memory = layer_memory(node, dataflow.input_types(node))
    assert memory.weight_bits == 8 * 12 * 2
    assert memory.buffer_bits == 2 * 12
    assert memory.total_bits == sum((memory.weight_bits, memory.threshold_bits, 24))


def test_known_layer_with_tiles():
    """24 tiles of 2 x 8 bits, of which 9 are kept; beats have numbers of 3 bits."""
    kept = np.array([[1, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 1, 0, 1, 0, 0], [0, 0, 1, 1, 0, 0, 0, 0]])
    layer = MVAU(
        name="fc",
        inputs=("x",),
        edge="fc",
        weights=np.kron(kept, np.ones((2, 8), int)),
        weight_type=TERNARY,
        table=None,
        folding=Folding(2, 8),
    )
    source = StreamType(BIPOLAR, 64, 8)
    assert layer_memory(layer, (source,)) == LayerMemory(6 * 64 * 2, 0, 2 * 64)
    weights, tiles, inputs = 9 * 2 * 8, 9 * (3 + 1), 3 * 6
    sparse = SparseMVAU.of(layer)
    assert layer_memory(sparse, (source,)) == LayerMemory(weights + tiles + inputs, 0, 2 * 64)
    pixels = StreamType(uint_type(2), 64, 8)
    assert layer_memory(sparse, (pixels,)) == LayerMemory(weights + tiles, 0, 2 * 2 * 64)


def test_every_kind_of_layer_is_counted():
    assert set(MEMORIES) == set(Dataflow.kinds)
    assert LayerMemory().total_bits == 0
