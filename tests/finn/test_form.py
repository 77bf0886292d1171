# SPDX-License-Identifier: Apache-2.0
"""FINN's form of a network computes the same, and nothing of it is known to go wrong in FINN."""

from __future__ import annotations

import numpy as np
import pytest
from finn_networks import NETWORKS, UINT8, FinnCase, Stack
from hypothesis import given
from hypothesis import strategies as st
from lab import Mlp
from naive import naive_edges

from xnorflow.finn.form import finn_form
from xnorflow.frontends.qonnx.finn import finn_warnings
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Conv,
    Depthwise,
    MatMul,
    Network,
    SumPool,
    Threshold,
    int_type,
    uint_type,
)
from xnorflow.sim.images import random_images

SUMS = (MatMul, Conv, Depthwise)


def check_same(network: Network, form: Network) -> None:
    """Equal values on all edges but those of inner sums."""
    frames = random_images(network, 20).frames
    want, got = naive_edges(network, frames), naive_edges(form, frames)
    assert [node.name for node in form.nodes] == [node.name for node in network.nodes]
    for node in network.nodes:
        if not isinstance(node, SUMS) or node is network.output:
            np.testing.assert_array_equal(got[node.name], want[node.name], node.name)


@pytest.mark.parametrize("case", NETWORKS.values(), ids=list(NETWORKS))
def test_it_computes_the_same(case: FinnCase) -> None:
    network = case.network()
    check_same(network, finn_form(network).network)


@given(
    weight=st.sampled_from([BIPOLAR, TERNARY, int_type(2), int_type(4)]),
    activation=st.sampled_from([BIPOLAR, TERNARY, int_type(2), uint_type(2)]),
    pixels=st.sampled_from([None, BIPOLAR, int_type(2)]),
    seed=st.integers(0, 1000),
)
def test_random_perceptrons_compute_the_same(weight, activation, pixels, seed) -> None:
    network = Mlp(weight=weight, activation=activation, input_type=pixels, seed=seed).network()
    check_same(network, finn_form(network).network)


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"W2A2 padded maximum"}))
def test_nothing_of_it_is_known_to_go_wrong(name: str) -> None:
    assert finn_warnings(finn_form(NETWORKS[name].network()).network) == ()


def test_a_maximum_that_is_padded_below_zero_stays() -> None:
    network = NETWORKS["W2A2 padded maximum"].network()
    assert finn_warnings(finn_form(network).network) == finn_warnings(network)


def test_what_costs_something_is_told() -> None:
    def changes(name: str) -> tuple[str, ...]:
        return finn_form(NETWORKS[name].network()).changes

    assert changes("W1A1 that counts down") == ()
    assert changes("W1A1 padded") == ("edge 'act1' is TERNARY, not BIPOLAR: it is padded with 0",)
    assert changes("W2A2 of 1-bit pixels") == (
        "edge 'pixels' is TERNARY, not BIPOLAR: FINN takes no BIPOLAR values of a table alone",
    )
    assert changes("W1A1 branches") == (
        "edge 'act1' is TERNARY, not BIPOLAR: FINN would give 0 and 1 to all its readers",
    )
    assert changes("W1A1 depthwise") == (
        "edge 'act1' is TERNARY, not BIPOLAR: a depthwise convolution reads it",
    )
    assert changes("W2A2 sums") == ("sum 'pool' is a depthwise convolution of ones",)
    assert changes("1-bit image") == (
        "weights of 'fc1' are TERNARY, not BIPOLAR: no table gives what it reads",
    )


def test_thresholds_behind_xnor_products_are_as_even_as_their_sums() -> None:
    network = Stack(UINT8, (5,)).table(BIPOLAR).matmul(8, BIPOLAR).table(BIPOLAR).labels(BIPOLAR)
    *_, table = (n.table for n in finn_form(network).network.nodes if isinstance(n, Threshold))
    assert set(np.unique(table.values % 2)) == {1}


def test_no_table_behind_a_product_counts_down() -> None:
    def falling(network: Network) -> int:
        tables = (node.table for node in network.nodes if isinstance(node, Threshold))
        return sum(int(table.descending.sum()) for table in tables)

    for name in ("W1A1 that counts down", "W2A2 that counts down"):
        network = NETWORKS[name].network()
        assert falling(network) > 0
        # Weights of INT2 may be -2, of which there is no negative.
        assert (falling(finn_form(network).network) > 0) == (name == "W2A2 that counts down")


def test_sums_become_products() -> None:
    form = finn_form(NETWORKS["W2A2 mean"].network()).network
    assert not any(isinstance(node, SumPool) for node in form.nodes)
