# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wasteful import layers, steps

from xnorflow.hw.passes.channel_groups import MOST_ALIKE, channel_groups
from xnorflow.ir import (
    BIPOLAR,
    Add,
    ArgMax,
    Concat,
    Conv,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Network,
    TensorType,
    Thermometer,
    Window,
)


def perceptron(*widths: int) -> Network:
    pairs = itertools.pairwise(widths)
    products = [(np.ones((mh, mw), int), BIPOLAR) for mw, mh in pairs]
    nodes = [node for product in products[:-1] for node in (product, steps([[0]]))]
    return layers(TensorType(BIPOLAR, (widths[0],)), *nodes, products[-1])


def going(network: Network, edge: str, wanted: list[int]) -> list[int]:
    """Channels of ``edge`` that go of those that are wanted."""
    groups = channel_groups(network)
    gone = np.zeros(len(groups.kinds), bool)
    gone[groups.edges[edge][wanted]] = True
    return np.flatnonzero(groups.in_units(gone)[groups.edges[edge]]).tolist()


def test_neurons_begin_a_group_and_thresholds_carry_it_on():
    groups = channel_groups(perceptron(3, 4, 2))
    np.testing.assert_array_equal(groups.edges["fc1"], groups.edges["act1"])
    assert len(set(groups.edges["fc1"].tolist())) == 4
    assert groups.free[groups.edges["fc1"]].all()


def test_input_scores_and_labels_are_fixed():
    groups = channel_groups(perceptron(3, 4, 2))
    for edge in ("image", "fc2", "label"):
        assert not groups.free[groups.edges[edge]].any()
    raw = channel_groups(Network(perceptron(3, 4, 2).nodes[:-1]))
    assert not raw.free[raw.edges["fc2"]].any()


def test_a_flattened_image_has_a_channel_once_for_each_pixel():
    conv = Conv(
        name="conv",
        inputs=("image",),
        weights=np.ones((2, 1, 1, 1), int),
        weight_type=BIPOLAR,
        window=Window((1, 1)),
    )
    pool = MaxPool(name="pool", inputs=("x",), window=Window((1, 2)))
    bits = Thermometer(name="bits", inputs=("x",), levels=[0, 1, 2])
    weights = (np.ones((2, 12), int), BIPOLAR)
    network = layers(TensorType(BIPOLAR, (2, 2, 1)), conv, pool, bits, weights)
    first, second = channel_groups(network).edges["conv"].tolist()
    groups = channel_groups(network)
    assert groups.edges["bits"].tolist() == [first] * 3 + [second] * 3
    assert groups.edges["flat"].tolist() == groups.edges["bits"].tolist() * 2


def branches(widths: tuple[int, int], join: type) -> Network:
    """Two neurons' rows from one input, which meet again."""
    products = [
        MatMul(name=f"fc{n}", inputs=("image",), weights=np.ones((mh, 3), int), weight_type=BIPOLAR)
        for n, mh in enumerate(widths)
    ]
    joined = join(name="join", inputs=("fc0", "fc1"))
    count = sum(widths) if join is Concat else widths[0]
    last = MatMul(
        name="last", inputs=("join",), weights=np.ones((2, count), int), weight_type=BIPOLAR
    )
    image = Input(name="image", type=TensorType(BIPOLAR, (3,)))
    return Network((image, *products, joined, last, ArgMax(name="label", inputs=("last",))))


def test_add_joins_both_sides():
    groups = channel_groups(branches((4, 4), Add))
    assert groups.edges["fc0"].tolist() == groups.edges["fc1"].tolist()
    assert groups.edges["join"].tolist() == groups.edges["fc0"].tolist()


def test_add_joins_chains_of_groups():
    """Channels that meet by way of others are one group, wherever the first of them is."""
    products = [
        MatMul(name=f"fc{n}", inputs=("image",), weights=np.ones((2, 3), int), weight_type=BIPOLAR)
        for n in range(4)
    ]
    sums = [
        Add(name=f"sum{n}", inputs=(f"fc{n}", f"fc{n - 1}" if n < 3 else "fc0")) for n in (3, 2, 1)
    ]
    ends = [Concat(name="end", inputs=tuple(node.name for node in sums))]
    image = Input(name="image", type=TensorType(BIPOLAR, (3,)))
    last = MatMul(name="last", inputs=("end",), weights=np.ones((2, 6), int), weight_type=BIPOLAR)
    network = Network((image, *products, *sums, *ends, last))
    groups = channel_groups(network)
    first, second = groups.edges["fc0"].tolist()
    assert first != second
    for node in (*products, *sums):
        assert groups.edges[node.name].tolist() == [first, second]
    assert groups.edges["end"].tolist() == [first, second] * 3


def test_a_channel_added_to_the_input_remains():
    """Beside it, a flattened input is fixed like the image."""
    image = Input(name="image", type=TensorType(BIPOLAR, (1, 2, 1)))
    nodes = (
        image,
        Flatten(name="flat", inputs=("image",)),
        MatMul(name="fc", inputs=("flat",), weights=np.ones((2, 2), int), weight_type=BIPOLAR),
        Add(name="sum", inputs=("fc", "flat")),
        MatMul(name="end", inputs=("sum",), weights=np.ones((2, 2), int), weight_type=BIPOLAR),
    )
    groups = channel_groups(Network(nodes))
    assert not groups.free[groups.edges["fc"]].any()


@pytest.mark.parametrize(
    ("width", "wanted", "gone"),
    [
        (7, [1, 4], [1, 4]),
        (6, [0, 2, 5], [2, 5]),
        (12, [1, 2, 3], []),
        (12, [0, 1, 2, 3, 11], [1, 2, 3, 11]),
        (48, list(range(17)), list(range(1, 17))),
        (64, list(range(31)), list(range(15, 31))),
        (5, [0, 1, 2, 3, 4], [1, 2, 3, 4]),
        (32, list(range(32)), list(range(16, 32))),
        (8, list(range(8)), []),
    ],
)
def test_as_many_go_as_keep_a_layer_foldable(width, wanted, gone):
    assert going(perceptron(3, width, 2), "fc1", wanted) == gone


def test_channels_side_by_side_go_in_numbers_that_suit_both_layers():
    """24 and 8 channels are 32 together: as many as 16 go at a time."""
    network = branches((24, 8), Concat)
    assert going(network, "fc0", list(range(20))) == list(range(4, 20))
    assert going(network, "fc1", list(range(8))) == []


def test_of_no_kind_all_go():
    """Beside the units, which are for the end: the first group of those that are left remains."""
    network = branches((3, 2), Concat)
    groups = channel_groups(network)
    first, second = groups.edges["fc0"], groups.edges["fc1"]
    gone = np.zeros(len(groups.kinds), bool)
    gone[first] = gone[second[1]] = gone[groups.edges["label"]] = True
    spared = groups.sparing_kinds(gone)
    assert np.flatnonzero(spared).tolist() == [first[1], first[2], second[1]]
    left = groups.without(spared)
    assert left.edges["fc0"].tolist() == [first[0]]
    assert left.edges["join"].tolist() == [first[0], second[0]]
    assert not left.sparing_kinds(groups.free).any()


@given(st.data())
def test_counts_remain_multiples_and_no_layer_vanishes(lab, data):
    network = data.draw(lab.mlps() | lab.cnns()).network()
    groups = channel_groups(network)
    wanted = np.array([data.draw(st.booleans()) for _ in groups.kinds])
    gone = groups.in_units(wanted)
    assert not (gone & ~(wanted & groups.free)).any()
    for edge, numbers in groups.edges.items():
        left = int(np.count_nonzero(~gone[numbers]))
        before = network.types[edge].channels
        unit = next(unit for unit in (16, 8, 4, 2, 1) if before % unit == 0)
        assert left > 0
        assert left % unit == 0, edge
    assert MOST_ALIKE == 16
