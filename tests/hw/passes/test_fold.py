# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from xnorflow.errors import FoldingError, GraphError
from xnorflow.hw.passes import FoldingPlan, compile_network, default_plan
from xnorflow.ir import Folding


def test_plan_must_fold_every_layer(lab):
    network = lab.Mlp().network()
    layers = dict(default_plan(network).layers)
    del layers["fc2"]
    with pytest.raises(
        FoldingError, match=r"^a folding plan must fold every layer, not leave out 'fc2'$"
    ):
        compile_network(network, FoldingPlan(layers))


def test_plan_must_not_name_other_layers(lab):
    network = lab.Mlp().network()
    layers = {**default_plan(network).layers, "fc9": Folding()}
    with pytest.raises(
        FoldingError,
        match=r"^a folding plan names layer 'fc9', which is not there "
        r"\(layers: image, input_act, fc1, fc2, fc3, label\)$",
    ):
        compile_network(network, FoldingPlan(layers))


def test_fifo_depth_is_checked(lab):
    network = lab.Mlp().network()
    with pytest.raises(
        GraphError, match=r"^a FIFO must hold 2 beats or more, not 1 \(node 'fifo_input_act'\)$"
    ):
        compile_network(network, default_plan(network), fifo_depth_beats=1)
