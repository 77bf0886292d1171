# SPDX-License-Identifier: Apache-2.0
"""Our folding by FINN's names, and back; that these are FINN's is in ``test_with_finn.py``."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from finn_networks import NETWORKS, UINT8, Stack
from lab import Mlp

from xnorflow.finn.folding import FinnFolding, finn_folding
from xnorflow.finn.form import finn_form
from xnorflow.hw.passes import Fold, FoldingPlan, Fuse, default_plan, parse_plan
from xnorflow.ir import (
    BIPOLAR,
    Folding,
    MatMul,
    MaxPool,
    Network,
    RamStyle,
    Thermometer,
    Upsample,
    int_type,
    uint_type,
)


def translated(network: Network, **foldings: Folding) -> FinnFolding:
    """The folding for FINN: of layers by name, of all others 1."""
    plan = {**parse_plan("{}", network).layers, **foldings}
    return finn_folding(Fold(FoldingPlan(plan)).apply(Fuse().apply(network)))


def keys_of(folding: FinnFolding) -> dict[str, Any]:
    return {layer.name: dict(layer.keys) for layer in folding.layers}


def test_perceptrons_come_back_as_they_were() -> None:
    network = finn_form(Mlp().network()).network
    plan = FoldingPlan(
        {
            "image": Folding(6),
            "input_act": Folding(6),
            "fc1": Folding(4, 3, RamStyle.BLOCK),
            "fc2": Folding(2, 8),
            "fc3": Folding(5, 1, RamStyle.DISTRIBUTED),
            "label": Folding(5),
        }
    )
    folding = finn_folding(Fold(plan).apply(Fuse().apply(network)))
    assert json.loads(folding.to_json()) == {
        "Defaults": {},
        "Thresholding_rtl_0": {"PE": 6},
        "MVAU_hls_0": {"PE": 4, "SIMD": 3, "ram_style": "block"},
        "MVAU_hls_1": {"PE": 2, "SIMD": 8},
        "MVAU_hls_2": {"PE": 5, "SIMD": 1, "ram_style": "distributed"},
        "LabelSelect_hls_0": {"PE": 5},
    }
    assert folding.changes == ()
    assert [layer.layer for layer in folding.layers] == list(plan.layers)[1:]
    assert parse_plan(folding.to_json(), network).layers == plan.layers


@pytest.mark.parametrize("name", ["W2A2", "W1A1 convolutions", "W1A2 padded", "W2A2 depthwise"])
def test_what_finn_gets_can_be_built_here(name: str) -> None:
    network = NETWORKS[name].network()
    folding = finn_folding(Fold(default_plan(network)).apply(Fuse().apply(network)))
    back = parse_plan(folding.to_json(), network)
    again = finn_folding(Fold(back).apply(Fuse().apply(network)))
    of_layers = {"MVAU", "VVAU", "Pool", "Thresholding", "LabelSelect"}
    for first, second in zip(folding.layers, again.layers, strict=True):
        assert first.name == second.name
        if first.name.split("_")[0] in of_layers:
            assert first.keys == second.keys


def test_windows_are_as_wide_as_those_of_ours_or_wide_enough() -> None:
    network = Stack(UINT8, (8, 8, 4)).conv(6, int_type(2), name="conv").flat().labels(BIPOLAR)

    def windows(pe: int, simd: int) -> tuple[dict[str, int], tuple[str, ...]]:
        folding = translated(network, conv=Folding(pe, simd))
        return keys_of(folding)["ConvolutionInputGenerator_rtl_0"], folding.changes

    assert windows(1, 2) == ({"SIMD": 2, "parallel_window": 0}, ())
    assert windows(1, 4) == ({"SIMD": 4, "parallel_window": 0}, ())
    assert windows(1, 12) == ({"SIMD": 4, "parallel_window": 0}, ())
    assert windows(3, 18) == (
        {"SIMD": 4, "parallel_window": 0},
        ("layer 'swu_conv': FINN gives one pixel a cycle, not 9, so 'conv' has to wait",),
    )
    assert windows(6, 36) == ({"SIMD": 4, "parallel_window": 1}, ())


def test_more_channels_make_up_for_pixels_of_a_window() -> None:
    network = Stack(uint_type(2), (8, 8, 8)).pool(MaxPool, 2, 2, name="pool").network()
    folding = translated(network, pool=Folding(2, 2))
    assert keys_of(folding) == {
        "ConvolutionInputGenerator_rtl_0": {"SIMD": 4, "parallel_window": 0},
        "Pool_hls_0": {"PE": 4},
    }
    assert folding.changes == (
        "layer 'pool': PE is 4 and SIMD 1, not 2 and 2: FINN takes windows pixel by pixel",
    )


def test_vvaus_take_pixels_at_once_with_all_channels_only() -> None:
    network = Stack(uint_type(2), (6, 6, 4)).depthwise(int_type(2), name="dw").network()
    assert keys_of(translated(network, dw=Folding(4, 3))) == {
        "ConvolutionInputGenerator_rtl_0": {"SIMD": 4, "parallel_window": 1},
        "VVAU_hls_0": {"PE": 4, "SIMD": 3},
    }
    assert keys_of(translated(network, dw=Folding(1, 3)))["VVAU_hls_0"] == {"PE": 4, "SIMD": 1}


def test_limits_of_vitis_hls() -> None:
    network = Stack(BIPOLAR, (4096,)).matmul(8, BIPOLAR, name="fc").network()
    folding = translated(network, fc=Folding(1, 2))
    assert keys_of(folding) == {"MVAU_hls_0": {"PE": 1, "SIMD": 4}}
    assert folding.changes == ("layer 'fc': SIMD is 4, not 2: Vitis HLS wants SIMD >= MW / 1024",)
    folding = translated(network, fc=Folding(2, 4096))
    assert keys_of(folding)["MVAU_hls_0"] == {
        "PE": 2,
        "SIMD": 4096,
        "mem_mode": "internal_embedded",
    }
    (change,) = folding.changes
    assert "8192 bits a cycle are more than the 8191 of a stream" in change


def test_wide_products_without_thresholds_are_rtl() -> None:
    stack = Stack(uint_type(4), (8,)).matmul(8, int_type(4)).table(uint_type(4))
    for weight, name in [(-7, "MVAU_rtl_0"), (-8, "MVAU_hls_1")]:  # INT4 is from -8
        last = Stack(uint_type(4), (8,))
        last.nodes, last.last = list(stack.nodes), stack.last
        last.add(MatMul, weights=np.full((8, 8), weight), weight_type=int_type(4))
        assert list(keys_of(translated(last.network()))) == ["MVAU_hls_0", name]


def test_thresholds_that_count_down_are_layers_of_their_own() -> None:
    network = NETWORKS["W2A2 that counts down"].network()
    names = list(keys_of(translated(network)))
    assert names[:4] == ["MVAU_hls_0", "ElementwiseMul_hls_0", "Thresholding_rtl_0", "MVAU_hls_1"]


def test_branches() -> None:
    network = NETWORKS["W2A2 branches"].network()
    keys = keys_of(translated(network, left=Folding(3, 1), right=Folding(3, 1), add6=Folding(3)))
    assert keys["DuplicateStreams_hls_0"] == {"PE": 1}
    assert keys["ElementwiseAdd_hls_0"] == {"PE": 3}


def test_thermometers_are_products_for_finn() -> None:
    stack = Stack(uint_type(4), (4, 4, 2)).add(Thermometer, "code", levels=np.array([3, 6, 9]))
    network = stack.conv(4, BIPOLAR, name="conv").network()
    keys = keys_of(translated(network, code=Folding(2)))
    assert keys["MVAU_hls_0"] == {"PE": 6, "SIMD": 2}
    assert keys["MVAU_hls_1"] == {"PE": 1, "SIMD": 1}


def test_what_is_not_translated_is_named() -> None:
    stack = Stack(uint_type(2), (4, 4, 2)).add(Upsample, "up", factor=(2, 2))
    assert translated(stack.network()).changes == (
        "layer 'up' (upsample) keeps the folding that FINN gives it",
    )
