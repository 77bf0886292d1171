# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from xnorflow.errors import GraphError
from xnorflow.hw.passes import SelectOutput


def test_default_leaves_the_network_alone(lab):
    network = lab.Mlp().network()
    assert SelectOutput().apply(network) is network


def test_scores_leave_the_argmax_out(lab):
    network = lab.Mlp().network()
    assert SelectOutput(scores=True).apply(network).output.name == "fc3"


def test_scores_of_a_network_without_argmax(lab):
    network = lab.Mlp(top_k=None).network()
    assert SelectOutput(scores=True).apply(network) is network


def test_top_k(lab):
    selected = SelectOutput(top_k=3).apply(lab.Mlp().network())
    assert str(selected.types["label"]) == "UINT3[3]"


def test_errors(lab):
    with pytest.raises(GraphError, match=r"^the output must be raw scores or the top 3, not both$"):
        SelectOutput(scores=True, top_k=3).apply(lab.Mlp().network())
    with pytest.raises(
        GraphError, match=r"^top_k=3 needs a network that ends in argmax \(node 'fc3'\)$"
    ):
        SelectOutput(top_k=3).apply(lab.Mlp(top_k=None).network())
    with pytest.raises(GraphError, match=r"^argmax of k=6 takes a vector of 6 or more, not INT"):
        SelectOutput(top_k=6).apply(lab.Mlp().network())
