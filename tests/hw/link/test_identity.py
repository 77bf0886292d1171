# SPDX-License-Identifier: Apache-2.0
"""What a device says of itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from xnorflow.errors import GraphError
from xnorflow.hw.link import LinkIdentity, link_key
from xnorflow.hw.link.identity import IDENTITY_BYTES
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.ir import Dataflow, StreamInput, StreamType, Thresholding, uint_type


def dataflow_of(lab: Any, **network: Any) -> Dataflow:
    model = lab.Mlp(**network).network()
    return compile_network(model, plan_for_interval(model, 60))


def test_it_comes_back_from_its_bytes(lab: Any) -> None:
    identity = LinkIdentity.of(dataflow_of(lab), 12_000_000)
    payload = identity.to_bytes()
    assert len(payload) == IDENTITY_BYTES
    assert LinkIdentity.from_bytes(payload) == identity
    assert (identity.image_bytes, identity.result_bytes) == (12, 1)


def test_designs_differ_in_name_and_key(lab: Any) -> None:
    """Other weights, or another output, or another folding."""
    model = lab.Mlp().network()
    graphs = [
        dataflow_of(lab),
        dataflow_of(lab, seed=1),
        dataflow_of(lab, top_k=None),
        compile_network(model, plan_for_interval(model, 11)),
    ]
    assert len({LinkIdentity.of(graph, 1).design for graph in graphs}) == len(graphs)
    assert len({link_key(graph) for graph in graphs}) == len(graphs)


def test_images_that_no_frame_can_hold_are_refused(lab: Any) -> None:
    source = StreamType(uint_type(8), 65_536, 1)
    node = next(n for n in dataflow_of(lab, input_type=uint_type(2)).nodes if n.name == "input_act")
    assert isinstance(node, Thresholding)
    image = StreamInput(name="image", edge="image", type=source)
    wide = replace(node, inputs=("image",), channels=65_536, folding=replace(node.folding, pe=1))
    with pytest.raises(
        GraphError, match=r"^the link carries an image of at most 65,535 bytes, not 65,536$"
    ):
        LinkIdentity.of(Dataflow((image, wide)), 1)
