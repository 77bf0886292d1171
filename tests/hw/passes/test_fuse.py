# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from xnorflow.errors import GraphError
from xnorflow.hw.passes import Fuse
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    Add,
    Flatten,
    Input,
    LabelSelect,
    MatMul,
    Network,
    Node,
    StreamInput,
    TensorType,
    Threshold,
    Thresholding,
    ThresholdTable,
    WidthConverter,
    uint_type,
)

IMAGE = Input(name="image", type=TensorType(uint_type(4), (2, 3)))


def table(rows):
    values = np.arange(rows)[:, None] + np.array([[2, 5]])
    return ThresholdTable(values, np.arange(rows) % 2 == 1, 0, uint_type(2))


def test_layers_are_called_after_what_they_compute(lab):
    dataflow = Fuse().apply(lab.Mlp().network())
    rows = [(type(node), node.name, node.edge) for node in dataflow.nodes]
    converters = [row for row in rows if row[0] is WidthConverter]
    assert [name for _, name, _ in converters] == [
        "dwc_input_act", "dwc_fc1", "dwc_fc2", "dwc_fc3", "dwc_label",
    ]  # fmt: skip
    rows = [row for row in rows if row not in converters]
    assert rows == [
        (StreamInput, "image", "image"),
        (Thresholding, "input_act", "input_act"),
        (MVAU, "fc1", "act1"),
        (MVAU, "fc2", "act2"),
        (MVAU, "fc3", "fc3"),
        (LabelSelect, "label", "label"),
    ]


def test_origin_names_both_modules():
    network = Network(
        (
            Input(name="x", type=TensorType(BIPOLAR, (2,))),
            MatMul(name="fc", inputs=("x",), origin="l.0", weights=[[1, 1]], weight_type=BIPOLAR),
            Threshold(name="act", inputs=("fc",), origin="l.1", table=table(1)),
        )
    )
    assert Fuse().apply(network).node("fc").origin == "l.0 + l.1"


def test_thresholds_by_channel_before_a_flatten_are_repeated(lab):
    network = Network(
        (
            IMAGE,
            Threshold(name="act", inputs=("image",), table=table(3)),
            Flatten(name="flat", inputs=("act",)),
        )
    )
    dataflow = Fuse().apply(network)
    frames = lab.random_frames(network, 20)
    np.testing.assert_array_equal(
        lab.evaluate_dataflow(dataflow, frames)["act"][:, 0],
        lab.evaluate_network(network, frames)["flat"],
    )
    assert str(dataflow.types["act"]) == "stream<UINT2 x 1>[1 x 6]"


def test_without_flatten_every_pixel_is_a_vector():
    network = Network((IMAGE, Threshold(name="act", inputs=("image",), table=table(3))))
    assert str(Fuse().apply(network).types["act"]) == "stream<UINT2 x 1>[2 x 3]"


def test_second_threshold_is_a_layer_of_its_own(lab):
    network = lab.Mlp(widths=(4, 3), top_k=None).network()
    tail = [
        Threshold(name=name, inputs=(source,), table=table(1))
        for name, source in [("a", "fc1"), ("b", "a")]
    ]
    rows = [
        (node.mnemonic, node.name) for node in Fuse().apply(Network((*network.nodes, *tail))).nodes
    ]
    assert rows[-3:] == [("mvau", "fc1"), ("dwc", "dwc_b"), ("thresholding", "b")]


def test_edge_with_several_readers_is_forked():
    act = Threshold(name="act", inputs=("image",), table=table(1))
    network = Network((IMAGE, act, Add(name="sum", inputs=("image", "act"))))
    rows = [(node.mnemonic, node.name, node.inputs) for node in Fuse().apply(network).nodes]
    assert rows == [
        ("stream_input", "image", ()),
        ("fork", "fork_image", ("image",)),
        ("dwc", "dwc_act", ("fork_image",)),
        ("thresholding", "act", ("dwc_act",)),
        ("dwc", "dwc_sum_0", ("fork_image",)),
        ("dwc", "dwc_sum_1", ("act",)),
        ("add", "sum", ("dwc_sum_0", "dwc_sum_1")),
    ]


def test_node_without_a_layer_is_refused(monkeypatch):
    @dataclass(frozen=True, slots=True, eq=False, kw_only=True)
    class Blur(Node[TensorType]):
        mnemonic: ClassVar[str] = "blur"

        def infer(self, inputs):
            return inputs[0]

    monkeypatch.setattr(Network, "kinds", (*Network.kinds, Blur))
    network = Network((IMAGE, Blur(name="soft", inputs=("image",), origin="net.soft")))
    with pytest.raises(
        GraphError, match=r"^blur has no hardware layer \(node 'soft', module 'net\.soft'\)$"
    ):
        Fuse().apply(network)


def test_network_that_computes_nothing_is_refused():
    network = Network((IMAGE, Flatten(name="flat", inputs=("image",))))
    with pytest.raises(GraphError, match=r"^a network must compute something: "):
        Fuse().apply(network)
