# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil

from xnorflow.hw.layers.weight_memory import WeightMemory, pack_words, weight_words
from xnorflow.hw.popcount import stored_matches
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    Device,
    Folding,
    RamStyle,
    SparseMVAU,
    ThresholdTable,
    int_type,
)


def make_node(folding: Folding, weights: Any = None) -> MVAU:
    return MVAU(
        name="fc",
        inputs=("x",),
        edge="fc",
        weights=np.arange(-12, 12).reshape(4, 6) if weights is None else weights,
        weight_type=int_type(5),
        table=None,
        folding=folding,
    )


@pytest.mark.parametrize("folding", [Folding(1, 1), Folding(2, 3), Folding(4, 6)], ids=str)
def test_word_order(folding: Folding) -> None:
    node = make_node(folding)
    words = weight_words(node)
    assert len(words) == node.nf * node.sf
    for neuron, synapse in np.ndindex(node.mh, node.mw):
        n, p = divmod(neuron, folding.pe)
        s, i = divmod(synapse, folding.simd)
        code = words[n * node.sf + s] >> (5 * (p * folding.simd + i)) & 31
        assert code == int(node.weights[neuron, synapse]) & 31


def test_words_of_kept_tiles() -> None:
    """In bits, one word for each tile; a fold of zeros has one, of whatever content."""
    weights = np.array([[0, 0, 1, -1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [-1, 1, -1, -1]])
    table = ThresholdTable(np.array([[0]]), np.array([False]), -1, BIPOLAR)
    layer = replace(
        make_node(Folding(2, 2), np.vstack([weights, [[1, 1, -1, 1]]])),
        weight_type=TERNARY,
        table=table,
    )
    words = weight_words(SparseMVAU.of(layer))
    assert len(words) == 4
    assert [words[0], *words[2:]] == [0b1101, 0b1110, 0b1000]
    raw = weight_words(SparseMVAU.of(replace(layer, table=None)))
    assert raw == [0b01_01_11_01, 0, 0b01_01_01_11, 0b01_11_11_11]


@pytest.mark.parametrize("device", Device)
def test_words_for_cells(device: Device) -> None:
    """Each row of a word is what the cells want to see of the lanes of that row."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (4, 12))
    node = make_node(Folding(2, 6), 2 * bits - 1)
    node = replace(node, weight_type=BIPOLAR, device=device)
    words = weight_words(node)
    assert len(words) == 4
    for neuron, s in np.ndindex(4, 2):
        n, p = divmod(neuron, 2)
        row = words[2 * n + s] >> 6 * p & 63
        codes = bits[neuron, 6 * s : 6 * s + 6]
        expected = stored_matches(device, codes[None])[0]
        assert [row >> lane & 1 for lane in range(6)] == expected.tolist()
        if device in (Device.ECP5, Device.XC7):
            assert expected.tolist() == (1 - codes).tolist()


def test_pack_words_of_odd_width() -> None:
    assert pack_words(np.array([[1, 7, 0, 5]]), 3) == [0b101_000_111_001]


@pytest.mark.parametrize(
    ("style", "attribute"),
    [(RamStyle.AUTO, None), (RamStyle.BLOCK, "block"), (RamStyle.DISTRIBUTED, "logic")],
)
def test_ram_style_reaches_synthesis(style: RamStyle, attribute: str | None) -> None:
    text = rtlil.convert(WeightMemory(make_node(Folding(2, 3, style))), emit_src=False)
    assert ("ram_style" in text) == (attribute is not None)
    assert attribute is None or f'attribute \\ram_style "{attribute}"' in text
