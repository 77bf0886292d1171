# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.hw.estimate.cycles import frame_interval, layer_timing
from xnorflow.hw.estimate.memory import layer_memory
from xnorflow.hw.families import Device
from xnorflow.hw.passes import (
    FoldingPlan,
    Fuse,
    SkipTiles,
    compile_network,
    parse_plan,
    plan_for_interval,
    plan_of,
)
from xnorflow.hw.passes.folding_choices import FoldingCosts
from xnorflow.hw.passes.rewrite import is_feeder, layers_of
from xnorflow.hw.passes.skip_tiles import skipping
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    Conv,
    Folding,
    Input,
    MatMul,
    Network,
    SparseMVAU,
    TensorType,
    Threshold,
    ThresholdTable,
    UnrolledMVAU,
    Window,
    graph_digest,
    uint_type,
)

SIGN = ThresholdTable(np.array([[0]]), np.array([False]), -1, BIPOLAR)


def pruned_network(lab, data):
    network = data.draw(lab.mlps() | lab.cnns()).network()
    tile = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 6)))
    share = data.draw(st.sampled_from([0.3, 0.6, 0.9]))
    return lab.prune(network, tile, share, data.draw(st.integers(0, 99)))


def matmul(pattern, tile, output=SIGN, weight=BIPOLAR):
    """A product of bits with weights in the tiles of a pattern."""
    rng = np.random.default_rng(0)
    mask = np.kron(np.array(pattern), np.ones(tile, int))
    nodes = [
        Input(name="image", type=TensorType(BIPOLAR, (mask.shape[1],))),
        MatMul(
            name="fc",
            inputs=("image",),
            weights=rng.choice([-1, 1], mask.shape) * mask,
            weight_type=weight if mask.all() else TERNARY,
        ),
    ]
    if output is not None:
        nodes.append(Threshold(name="act", inputs=("fc",), table=output))
    return Network(tuple(nodes))


def compiled(network, folding, **options):
    plan = FoldingPlan({"image": Folding(folding.simd), "fc": folding})
    return compile_network(network, plan, **options)


def kinds(dataflow):
    return {layer.name: layer.mnemonic for layer in dataflow.nodes}


@settings(max_examples=40)
@given(st.data())
def test_values_on_every_edge_are_those_of_the_network(lab, data):
    network = pruned_network(lab, data)
    dataflow = compile_network(network, data.draw(lab.plans(network)))
    frames = lab.random_frames(network, 4)
    edges = lab.evaluate_network(network, frames)
    streams = lab.evaluate_dataflow(dataflow, frames)
    for layer in layers_of(dataflow):
        if not (is_feeder(layer) or layer.name.startswith("fifo_swu_")):
            values = streams[layer.name].reshape(len(frames), -1)
            expected = edges[layer.edge].reshape(len(frames), -1)
            np.testing.assert_array_equal(values, expected, err_msg=layer.name)


@settings(max_examples=40)
@given(st.data())
def test_no_layer_takes_more_cycles_or_memory(lab, data):
    network = pruned_network(lab, data)
    plan = data.draw(lab.plans(network))
    dense, sparse = (compile_network(network, plan, dense=d, fifo_search=False) for d in (1, 0))
    assert frame_interval(sparse) <= frame_interval(dense)
    for layer in layers_of(sparse):
        if isinstance(layer, SparseMVAU):
            inputs, before = sparse.input_types(layer), dense.node(layer.name)
            assert inputs == dense.input_types(before)
            now, then = (
                (layer_timing(n, inputs).ii_frame, layer_memory(n, inputs).total_bits)
                for n in (layer, before)
            )
            assert now[0] <= then[0]
            assert now[1] <= then[1]
            assert now != then


def test_tiles_are_skipped_where_there_are_any():
    pattern = [[1, 0, 0, 0], [0, 1, 0, 1], [1, 0, 1, 0]]
    network = matmul(pattern, (2, 4))
    dense = compiled(network, Folding(2, 4), dense=True)
    sparse = compiled(network, Folding(2, 4))
    assert kinds(dense)["fc"] == "mvau"
    assert kinds(sparse)["fc"] == "sparse_mvau"
    assert sparse.node("fc").tile_type == BIPOLAR
    assert (frame_interval(dense), frame_interval(sparse)) == (12, 5)


@pytest.mark.parametrize(
    ("folding", "kind", "interval"),
    [
        # a tile of any other shape has a weight
        (Folding(2, 8), "mvau", 2),
        (Folding(4, 4), "mvau", 4),
        # half tiles, for which the table of tiles takes less than what they save
        (Folding(2, 2), "sparse_mvau", 8),
        (Folding(1, 4), "sparse_mvau", 8),
        # single weights: the table takes more
        (Folding(1, 1), "mvau", 64),
    ],
    ids=str,
)
def test_folding_decides_whether_it_pays(folding, kind, interval):
    network = matmul([[1, 0, 0, 1], [0, 1, 1, 0]], (2, 4))
    network = replace_weights(network, 4) if folding.simd == 8 else network
    dataflow = compiled(network, folding)
    assert kinds(dataflow)["fc"] == kind
    assert frame_interval(dataflow) == interval


def replace_weights(network, columns):
    """The first inputs of the network only."""
    image, fc, act = network.nodes
    return Network(
        (
            replace(image, type=TensorType(BIPOLAR, (8,))),
            replace(fc, weights=fc.weights[:, columns : columns + 8]),
            act,
        )
    )


def test_layers_without_zeros_stay_as_they_are(lab):
    network = lab.Mlp(weight=BIPOLAR).network()
    plan = lab.random_plan(network, 3)
    dense, usual = (compile_network(network, plan, dense=d) for d in (True, False))
    assert graph_digest(dense) == graph_digest(usual)
    before = compile_network(network, plan)
    after = SkipTiles().apply(before)
    assert all(old is new for old, new in zip(before.nodes, after.nodes, strict=True))


def padded_convolution(channels):
    """Of bits with zeros around them; the outer columns of all kernels are 0."""
    weights = np.ones((16, 3, 3, channels), int)
    weights[:, :, ::2] = 0
    return Network(
        (
            Input(name="image", type=TensorType(BIPOLAR, (3, 3, channels))),
            Conv(
                name="fc",
                inputs=("image",),
                weights=weights,
                weight_type=TERNARY,
                window=Window((3, 3), padding=(1, 1, 1, 1)),
            ),
            Threshold(name="act", inputs=("fc",), table=SIGN),
        )
    )


@pytest.mark.parametrize(("simd", "kind"), [(4, "sparse_mvau"), (2, "sparse_mvau"), (1, "mvau")])
def test_halves_of_flagged_pixels_must_be_whole(simd, kind):
    """One lane of padding is half a match, which only both lanes of a pixel make up for."""
    network = padded_convolution(4)
    plan = FoldingPlan({"image": Folding(simd), "fc": Folding(8, simd)})
    dataflow = compile_network(network, plan)
    assert kinds(dataflow)["fc"] == kind
    node, (source,) = dataflow.node("fc"), dataflow.input_types(dataflow.node("fc"))
    assert source.zero_flags == 1
    without = skipping(node, (replace(source, zero_flags=0),))
    assert isinstance(without, SparseMVAU)


def test_plans_and_folding_files_name_them_as_ever(lab):
    network = lab.prune(lab.Mlp(widths=(24, 16, 8)).network(), (4, 4))
    text = '{"MVAU_hls_0": {"PE": 4, "SIMD": 4}, "fc2": {"PE": 4, "SIMD": 4}}'
    plan = parse_plan(text, network)
    dataflow = compile_network(network, plan)
    assert [kinds(dataflow)[name] for name in ("fc1", "fc2")] == ["sparse_mvau"] * 2
    assert plan_of(dataflow) == plan
    assert parse_plan(plan.to_json(), network) == plan


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_search_knows_the_cycles_of_every_folding(lab, seed, dense):
    """As the layer that is made by it takes; of a convolution, in the order of its windows."""
    network = lab.prune(conv_and_product(seed), (2, 4), 0.7, seed)
    costs = FoldingCosts(Fuse().apply(network), Device.ECP5, dense=dense)
    found = set()
    for name in ("conv", "fc"):
        for choice in costs.choices(name):
            layers = {"image": Folding(), "conv": Folding(), "fc": Folding()}
            plan = FoldingPlan({**layers, name: choice.folding})
            dataflow = compile_network(network, plan, fifo_search=False, dense=dense)
            node = dataflow.node(name)
            found.add(type(node))
            own = layer_timing(node, dataflow.input_types(node)).ii_frame
            if name == "fc":
                assert choice.cycles == max(own, 8 * 16 // choice.folding.simd)
            else:
                assert choice.cycles == max(own, 8 * 36 // choice.lanes_in)
    assert found == {MVAU, UnrolledMVAU} | (set() if dense else {SparseMVAU})


def conv_and_product(seed):
    rng = np.random.default_rng(seed)
    signs = np.array([-1, 1])
    return Network(
        (
            Input(name="image", type=TensorType(uint_type(2), (6, 6, 8))),
            Conv(
                name="conv",
                inputs=("image",),
                weights=rng.choice(signs, (8, 3, 3, 8)),
                weight_type=BIPOLAR,
                window=Window((3, 3)),
            ),
            Threshold(name="act", inputs=("conv",), table=SIGN),
            Conv(
                name="fc",
                inputs=("act",),
                weights=rng.choice(signs, (8, 1, 1, 8)),
                weight_type=BIPOLAR,
                window=Window((1, 1)),
            ),
        )
    )


@settings(max_examples=25)
@given(st.data(), st.integers(4, 120))
def test_plan_meets_the_interval(lab, data, interval):
    network = lab.prune(data.draw(lab.mlps()).network(), (2, 3))
    dataflow = compile_network(network, plan_for_interval(network, interval))
    assert frame_interval(dataflow) <= interval


def test_pruned_layers_are_folded_further():
    """A quarter of the tiles: the same rate with a quarter of the neurons in parallel."""
    pattern = np.zeros((16, 16), int)
    rng = np.random.default_rng(0)
    for fold in pattern:
        fold[rng.choice(16, 4, replace=False)] = 1
    network = matmul(pattern, (8, 8))
    sparse, dense = (
        plan_for_interval(network, 128, dense=dense).layers["fc"] for dense in (False, True)
    )
    assert sparse.pe * sparse.simd < dense.pe * dense.simd
    assert frame_interval(compiled(network, sparse)) <= 128
    assert frame_interval(compiled(network, dense, dense=True)) <= 128
