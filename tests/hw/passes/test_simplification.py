# SPDX-License-Identifier: Apache-2.0
"""The passes together. The oracle of all values is the naive evaluation of the original."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import naive_edges
from wasteful import check_edges, layers, steps, waste

from xnorflow.errors import ConfigError
from xnorflow.hw.passes import (
    Simplification,
    compile_network,
    default_plan,
    removals,
    simplify,
)
from xnorflow.hw.passes.channel_groups import ChannelGroups
from xnorflow.hw.passes.rewrite import is_feeder, layers_of
from xnorflow.hw.passes.simplification import PASSES
from xnorflow.ir import BIPOLAR, TERNARY, Network, TensorType, Threshold, graph_digest, uint_type

ALL = frozenset(Simplification)
CHANNELS = ALL - {Simplification.TRIM_THRESHOLDS}


def wasteful_network(lab, data):
    seed = data.draw(st.integers(0, 999))
    network = data.draw(lab.mlps() | lab.cnns()).network()
    return waste(network, seed, data.draw(st.sampled_from([0.2, 0.4, 0.7])))


@settings(max_examples=200)
@given(st.data())
def test_every_edge_has_the_values_of_the_original(lab, data):
    network = wasteful_network(lab, data)
    without = data.draw(st.sets(st.sampled_from(sorted(ALL))))
    reduced = simplify(network, without)
    check_edges(reduced, lab.random_frames(network, 4, data.draw(st.integers(0, 99))))
    assert reduced.original is network
    assert [n.name for n in reduced.network.nodes] == [n.name for n in network.nodes]
    assert reduced.network.types["image"] == network.types["image"]
    assert reduced.network.types[network.output.name] == network.types[network.output.name] or (
        network.output.mnemonic != "argmax"  # sums without a row of a larger range are narrower
    )
    for edge, tensor in network.types.items():
        count = reduced.network.types[edge].channels
        assert count == len(reduced.kept.get(edge, range(tensor.channels))) > 0
        unit = max(unit for unit in (1, 2, 4, 8, 16) if tensor.channels % unit == 0)
        assert count % unit == 0, edge
    assert not {removal.step for removal in removals(reduced)} & without


@pytest.mark.parametrize("kind", ["Mlp", "Cnn"])
@pytest.mark.parametrize("step", Simplification)
def test_every_pass_finds_something_in_random_networks(lab, step, kind):
    """So the test above has something to check."""
    networks = [
        lab.Cnn(seed).network()
        if kind == "Cnn"
        else lab.Mlp(widths=(12, 9, 7, 5), activation=TERNARY, seed=seed).network()
        for seed in range(30)
    ]
    found = [
        removals(simplify(waste(network, seed, 0.6), ALL - {step}))
        for seed, network in enumerate(networks)
    ]
    assert {removal.step for each in found for removal in each} == {step}
    assert sum(map(bool, found)) >= 3


@given(st.data())
def test_what_is_left_has_nothing_more_to_remove(lab, data):
    reduced = simplify(wasteful_network(lab, data))
    for step in PASSES.values():
        assert step.apply(reduced) is reduced


@given(st.data())
def test_same_network_same_result(lab, data):
    network = wasteful_network(lab, data)
    first, second = (simplify(network) for _ in range(2))
    assert graph_digest(first.network) == graph_digest(second.network)
    assert removals(first) == removals(second)


@given(st.data())
def test_without_any_pass_the_network_is_the_same(lab, data):
    network = wasteful_network(lab, data)
    reduced = simplify(network, ALL)
    assert reduced.network is network
    assert removals(reduced) == ()
    for edge in network.types:
        assert edge not in reduced.kept


@settings(max_examples=60)
@given(st.data())
def test_hardware_has_the_original_values_on_the_channels_kept(lab, data):
    """All layers of the dataflow graph but those that put elements into another order."""
    network = wasteful_network(lab, data)
    reduced = simplify(network)
    dataflow = compile_network(reduced.network, default_plan(reduced.network))
    frames = lab.random_frames(network, 3)
    streams, edges = lab.evaluate_dataflow(dataflow, frames), naive_edges(network, frames)
    for layer in layers_of(dataflow):
        if is_feeder(layer) or layer.name.startswith(("fifo_swu_", "fifo_pad_")):
            continue
        values = edges[layer.edge]
        values = values[..., reduced.kept.get(layer.edge, slice(None))]
        got = streams[layer.name].reshape(values.shape)
        np.testing.assert_array_equal(got, values, err_msg=layer.name)


def test_passes_find_work_in_what_others_leave():
    """Each needs the one before: trimmed rows are equal, merged columns are 0, so unread.

    Neurons 0 and 1 are equal once thresholds that no sum reaches are; their columns, +1 and -1, add
    up to 0; and what stands in for both has no reader then. Beside them neuron 2 is constant.
    """
    network = layers(
        TensorType(BIPOLAR, (3,)),
        ([[1, 1, 1], [1, 1, 1], [1, -1, 1], [-1, -1, 1], [1, 1, -1]], BIPOLAR),
        steps([[0, 7], [0, 8], [-3, 4], [1, 2], [0, 3]], TERNARY),
        ([[1, -1, 1, 1, 1], [-1, 1, 1, -1, 1], [1, -1, -1, 1, -1]], TERNARY),
        steps([[0], [1], [0]]),
        ([[1, -1, 1], [-1, 1, 1]], BIPOLAR),
    )
    reduced = simplify(network)
    assert reduced.kept["fc1"].tolist() == [3, 4]
    assert [str(removal) for removal in removals(reduced)] == [
        "1 of 5 channels of fc1",
        "1 of 5 channels of fc1",
        "1 of 5 channels of fc1",
    ]
    assert [removal.step for removal in removals(reduced)] == [
        Simplification.REMOVE_CONSTANT,
        Simplification.REMOVE_UNREAD,
        Simplification.MERGE_EQUAL,
    ]
    images = np.array(list(itertools.product((-1, 1), repeat=3)))
    check_edges(reduced, images)
    untrimmed = simplify(network, {Simplification.TRIM_THRESHOLDS})
    assert untrimmed.kept["fc1"].tolist() == [0, 1, 3, 4]
    assert simplify(network, CHANNELS).kept == {}


def test_passes_together_fill_a_unit():
    """Of 24 neurons 8 go at a time: five constant ones and three unread ones are as many.

    The highest ones go; of two constant and seven unread ones it is the first that remains.
    """

    def network(constant: list[int], unread: list[int]) -> Network:
        rng = np.random.default_rng(0)
        limits = np.array([[9] if channel in constant else [0] for channel in range(24)])
        columns = rng.choice([-1, 1], (3, 24))
        columns[:, unread] = 0
        first = rng.choice([-1, 1], (24, 6))
        table = steps([[0], [1], [0]])
        last = ([[1, -1, 1], [-1, 1, 1]], BIPOLAR)
        image = TensorType(BIPOLAR, (6,))
        return layers(
            image, (first, BIPOLAR), steps(limits.tolist()), (columns, TERNARY), table, last
        )

    def gone(network: Network, *without: Simplification) -> list[int]:
        kept = simplify(network, without).kept.get("fc1", np.arange(24))
        return np.setdiff1d(np.arange(24), kept).tolist()

    mixed = network([3, 7, 8, 20, 22], [1, 2, 23])
    assert gone(mixed) == [1, 2, 3, 7, 8, 20, 22, 23]
    assert gone(mixed, Simplification.REMOVE_CONSTANT) == []
    assert gone(mixed, Simplification.REMOVE_UNREAD) == []
    assert gone(network([0, 9], [1, 2, 3, 4, 5, 6, 23])) == [1, 2, 3, 4, 5, 6, 9, 23]


def test_a_channel_that_must_remain_keeps_what_it_reads():
    """Two unread neurons of four cannot go, and so the neurons that they alone read cannot."""
    first = ([[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1], [1, -1, -1]], BIPOLAR)
    second = [[1, 1, 1, 0, 0], [1, -1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    last = ([[1, -1, 0, 0], [-1, 1, 0, 0]], TERNARY)
    sign = steps([[0]])
    network = layers(TensorType(BIPOLAR, (3,)), first, sign, (second, TERNARY), sign, last)
    assert simplify(network).kept == {}
    wider = layers(
        TensorType(BIPOLAR, (3,)),
        first,
        sign,
        ([*second, [0, 1, 1, 0, 0], [1, 0, -1, 0, 0]], TERNARY),
        steps([[0]]),
        ([[1, -1, 0, 0, 1, 1], [-1, 1, 0, 0, 1, -1]], TERNARY),
    )
    reduced = simplify(wider)
    assert {edge: kept.tolist() for edge, kept in reduced.kept.items()} == {
        "fc1": [0, 1, 2],
        "act1": [0, 1, 2],
        "fc2": [0, 1, 4, 5],
        "act2": [0, 1, 4, 5],
    }


class Restless:
    """A pass that changes a network, or gives it a row more, each time."""

    name = "restless"

    def __init__(self, grows):
        self._grows = grows

    def apply(self, reduced):
        node = reduced.network.node("act1")
        rows = [[0], [0]] if self._grows else [[0]]
        return reduced.with_nodes({"act1": replace(node, table=steps(rows))})


@pytest.mark.parametrize("grows", [False, True])
def test_a_pass_that_never_ends_is_stopped(monkeypatch, grows):
    network = layers(
        TensorType(BIPOLAR, (3,)),
        ([[1, 1, 1], [1, -1, 1]], BIPOLAR),
        steps([[0]]),
        ([[1, -1], [-1, 1]], BIPOLAR),
    )
    monkeypatch.setitem(PASSES, Simplification.MERGE_EQUAL, Restless(grows))
    with pytest.raises(RuntimeError, match=r"^the pass restless must leave less of 10 channels an"):
        simplify(network)


def test_what_may_go_must_become_less(monkeypatch):
    """Neuron 2 is constant, but could not go if there were units of two."""
    network = layers(
        TensorType(BIPOLAR, (3,)),
        ([[1, 1, 1], [1, -1, 1], [-1, 1, 1]], BIPOLAR),
        steps([[0], [1], [9]]),
        ([[1, -1, 1], [-1, 1, 1]], BIPOLAR),
        steps([[0], [1]]),
        ([[1, 1], [1, -1]], BIPOLAR),
    )
    assert simplify(network).kept["fc1"].tolist() == [0, 1]
    monkeypatch.setattr(ChannelGroups, "in_units", lambda groups, _: groups.free)
    with pytest.raises(RuntimeError, match=r"^what may be removed must become less, or "):
        simplify(network)


def test_levels_and_rows_that_were_removed():
    network = layers(
        TensorType(BIPOLAR, (3,)),
        ([[1, 1, 1], [1, -1, 1]], BIPOLAR),
        steps([[-9, -8, 1], [-7, -6, 1]], uint_type(2)),
        ([[1, -1], [-1, 1]], BIPOLAR),
    )
    reduced = simplify(network)
    assert [str(removal) for removal in removals(reduced)] == [
        "2 of 3 levels of act1",
        "1 of 2 rows of act1",
    ]
    act1 = reduced.network.node("act1")
    assert isinstance(act1, Threshold)
    assert str(act1.table) == "UINT2[1x1] from 2"


def test_names_of_passes():
    assert [step.value for step in Simplification] == [
        "trim-thresholds",
        "remove-constant",
        "remove-unread",
        "merge-equal",
    ]
    assert list(PASSES) == list(Simplification)
    assert Simplification.named(["merge-equal"]) == {Simplification.MERGE_EQUAL}
    with pytest.raises(
        ConfigError,
        match=r"^no simplification is called 'merge' \(known: trim-thresholds, remove-constant, "
        r"remove-unread, merge-equal\)$",
    ):
        Simplification.named(["remove-unread", "merge"])
