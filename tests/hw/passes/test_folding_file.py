# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest

from xnorflow.errors import FoldingError
from xnorflow.hw.passes import compile_network, parse_plan, read_plan
from xnorflow.ir import Folding, RamStyle


@pytest.fixture
def network(lab):
    """Layers image, input_act (12 channels), fc1 (12 -> 8), fc2 (-> 6), fc3 (-> 5), label."""
    return lab.Mlp().network()


def plan(network, **layers):
    return parse_plan(json.dumps(layers), network).layers


def test_empty_file_is_finns_default_of_one(network):
    assert set(plan(network).values()) == {Folding(1, 1)}


def test_names_of_finn(network):
    layers = plan(
        network,
        Thresholding_rtl_0={"PE": 4},
        MVAU_hls_0={"PE": 2, "SIMD": 3, "ram_style": "distributed"},
        MVAU_hls_2={"PE": 5},
        LabelSelect_hls_0={"PE": 1},
    )
    assert layers == {
        "image": Folding(4),
        "input_act": Folding(4),
        "fc1": Folding(2, 3, RamStyle.DISTRIBUTED),
        "fc2": Folding(1),
        "fc3": Folding(5),
        "label": Folding(1),
    }


def test_older_names_of_finn(network):
    layers = plan(network, MatrixVectorActivation_1={"PE": 2}, Thresholding_Batch_0={"PE": 2})
    assert (layers["fc2"].pe, layers["input_act"].pe) == (2, 2)


def test_ends_follow_their_neighbours_unless_given(network):
    layers = plan(network, input_act={"PE": 6}, fc3={"PE": 5})
    assert (layers["image"].pe, layers["label"].pe) == (6, 5)
    layers = plan(network, image={"PE": 2}, input_act={"PE": 6}, fc3={"PE": 5}, label={"PE": 1})
    assert (layers["image"].pe, layers["label"].pe) == (2, 1)


def test_input_follows_simd_of_a_first_mvau(lab):
    network = lab.Mlp(input_type=None).network()
    assert plan(network, fc1={"SIMD": 4, "PE": 2})["image"] == Folding(4)


def test_defaults(network):
    layers = plan(network, Defaults={"PE": 2, "ram_style": "block"}, fc1={"SIMD": 3}, fc3={"PE": 1})
    assert layers["fc1"] == Folding(2, 3, RamStyle.BLOCK)
    assert layers["fc3"] == Folding(1, 1, RamStyle.BLOCK)
    assert layers["input_act"] == Folding(2)
    assert layers["label"] == Folding(1)


def test_defaults_by_kind_as_in_finn(network):
    layers = plan(
        network,
        Defaults={
            "PE": [2, ["MVAU_hls"], 3, ["Thresholding_rtl"]],
            "mem_mode": ["decoupled", "all"],
        },
        fc3={"PE": 5},
    )
    assert [layers[name].pe for name in ("input_act", "fc1", "fc2", "fc3")] == [3, 2, 2, 5]


def test_keys_that_mean_nothing_here(network):
    layers = plan(
        network,
        MVAU_rtl_0={
            "PE": 2,
            "mem_mode": "internal_embedded",
            "runtime_writeable_weights": 0,
            "resType": "lut",
            "inFIFODepths": [2],
        },
    )
    assert layers["fc1"] == Folding(2)


def test_layers_of_finn_that_follow_from_others_here(network):
    """What FINN writes of a whole design is read as it is."""
    entries = {
        "ConvolutionInputGenerator_rtl_0": {"SIMD": 2, "parallel_window": 1, "ram_style": "block"},
        "FMPadding_rtl_0": {"SIMD": 2},
        "DuplicateStreams_hls_0": {"PE": 4},
        "StreamingFIFO_rtl_0": {"depth": 2, "impl_style": "rtl"},
        "StreamingDataWidthConverter_rtl_3": {"inWidth": 8},
        "IODMA_hls_0": {"burstMode": "wrap"},
    }
    entries["Thresholding_rtl_0"] = {"PE": 1, "depth_trigger_uram": 0, "depth_trigger_bram": 0}
    assert plan(network, MVAU_hls_0={"PE": 2}, **entries) == plan(network, fc1={"PE": 2})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"^folding file is not JSON: "),
        ("[]", r"^folding file must hold an object of layers, not a list$"),
        ('{"fc1": {}, "fc1": {}}', r"^'fc1' must have one entry, not two \(folding file\)$"),
        ('{"fc1": {"PE": 1, "PE": 2}}', r"^'PE' must have one entry, not two \(folding file\)$"),
        (
            '{"fc2": {}, "MVAU_hls_1": {}}',
            r"^layer 'fc2' must have one entry, not 'fc2' and 'MVAU_hls_1' \(folding file\)$",
        ),
        (
            '{"MVAU_hls_0": {}, "MVAU_rtl_1": {}}',
            r"^'MVAU_hls_0' and 'MVAU_rtl_1' must not stand in one file: FINN numbers the two "
            r"styles apart, so name these layers as in the dataflow graph$",
        ),
        (
            '{"fc11": {}}',
            r"^no layer is called 'fc11': did you mean 'fc1'\? "
            r"\(known: image, input_act, fc1, fc2, fc3, label\)$",
        ),
        (
            '{"MVAU_hls_3": {}}',
            r"^'MVAU_hls_3' is not there: the network has 3 mvau layer\(s\) \(fc1, fc2, fc3\)$",
        ),
        (
            '{"fc1": 4}',
            r"^an entry must be an object such as \{\"PE\": 4\}, not 4 \('fc1'\)$",
        ),
        (
            '{"fc1": {"SMID": 4}}',
            r"^mvau 'fc1' has no key 'SMID': did you mean 'SIMD'\? "
            r"\(known: PE, SIMD, ram_style, inFIFODepths\)$",
        ),
        (
            '{"input_act": {"SIMD": 4}}',
            r"^thresholding 'input_act' has no key 'SIMD' \(known: PE, inFIFODepths\)$",
        ),
        ('{"fc1": {"PE": 0}}', r"^PE must be a positive integer, not 0 \('fc1'\)$"),
        ('{"fc1": {"PE": "2"}}', r"^PE must be a positive integer, not '2' \('fc1'\)$"),
        ('{"fc1": {"SIMD": true}}', r"^SIMD must be a positive integer, not True \('fc1'\)$"),
        (
            '{"fc1": {"ram_style": "ultra"}}',
            r"^ram_style must be one of auto, block, distributed, spram, not 'ultra' \('fc1'\)$",
        ),
        (
            '{"fc1": {"mem_mode": "external"}}',
            r"^mem_mode must be one of const, decoupled, internal_embedded, internal_decoupled, "
            r"not 'external' \('fc1'\)$",
        ),
        (
            '{"fc1": {"runtime_writeable_weights": 1}}',
            r"^runtime_writeable_weights must be one of 0, not 1 \('fc1'\)$",
        ),
        ('{"Defaults": 4}', r"^'Defaults' must be an object, not 4$"),
        ('{"Defaults": {"SIMDD": 4}}', r"^'Defaults' has no key 'SIMDD': did you mean 'SIMD'\? "),
        (
            '{"Defaults": {"PE": [4]}}',
            r"^'Defaults' must give values and kinds in pairs, not \[4\]$",
        ),
        ('{"Defaults": {"PE": [4, ["MVUA"]]}}', r"^'Defaults' names no kind 'MVUA': did you mean "),
        ('{"Defaults": {"PE": -1}}', r"^PE must be a positive integer, not -1 \('Defaults'\)$"),
    ],
)
def test_mistakes(network, text, message):
    with pytest.raises(FoldingError, match=message):
        parse_plan(text, network)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            {"fc1": {"SIMD": 5}},
            r"^simd must divide mw=12, not 5 \(layer 'fc1'; legal: 1, 2, 3, 4, 6, 12\)$",
        ),
        ({"fc3": {"PE": 2}}, r"^pe must divide mh=5, not 2 \(layer 'fc3'; legal: 1, 5\)$"),
        (
            {"input_act": {"PE": 5}, "image": {"PE": 1}},
            r"^pe must divide channels=12, not 5 \(layer 'input_act'; ",
        ),
        ({"image": {"PE": 5}}, r"^pe must divide channels=12, not 5 \(layer 'image'; "),
        (
            {"label": {"PE": 3}},
            r"^pe must divide channels=5, not 3 \(layer 'label'; legal: 1, 5\)$",
        ),
    ],
)
def test_foldings_that_do_not_divide(network, layers, message):
    with pytest.raises(FoldingError, match=message):
        compile_network(network, parse_plan(json.dumps(layers), network))


def test_file_is_named_in_messages(network, tmp_path):
    path = tmp_path / "fold.json"
    with pytest.raises(FoldingError, match=r"^folding file .*fold\.json cannot be read: "):
        read_plan(path, network)
    path.write_text('{"fc1": {"PE": 4}}')
    assert read_plan(path, network).layers["fc1"] == Folding(4)
    path.write_text("nonsense")
    with pytest.raises(FoldingError, match=r"^/.*fold\.json is not JSON: Expecting value"):
        read_plan(path, network)
