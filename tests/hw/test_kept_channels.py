# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wasteful import waste

from xnorflow.errors import ArtifactError
from xnorflow.hw.kept_channels import KeptChannels, check_streams
from xnorflow.hw.passes import compile_network, default_plan, simplify


def as_lists(kept: KeptChannels) -> dict[str, list[int]]:
    return {edge: channels.tolist() for edge, channels in kept.by_edge.items()}


@given(st.data())
def test_documents_are_read_as_they_were_written(lab: Any, data: st.DataObject) -> None:
    network = lab.Mlp(widths=(12, 8, 6, 5)).network()
    kept = KeptChannels(
        {
            edge: np.array(sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1))))
            for edge, count in (("act1", 8), ("fc2", 6))
        }
    )
    again = KeptChannels.from_document(kept.to_document(), network)
    assert as_lists(again) == as_lists(kept)


def test_only_the_channels_kept_are_given() -> None:
    edges = {"a": np.arange(24).reshape(2, 3, 4), "b": np.arange(8).reshape(2, 4)}
    given = KeptChannels({"a": np.array([0, 3])}).of(edges)
    assert given["b"] is edges["b"]
    np.testing.assert_array_equal(given["a"], edges["a"][:, :, [0, 3]])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([1], "kept channels must be an object, not [1]"),
        ({"act1": "0-8"}, "must be some of 8, ascending, not '0-8' (edge 'act1')"),
        ({"act1": "1,0"}, "must be some of 8, ascending, not '1,0' (edge 'act1')"),
        ({"act1": "0,0"}, "must be some of 8, ascending, not '0,0' (edge 'act1')"),
        ({"act1": "3-1"}, "must be some of 8, ascending, not '3-1' (edge 'act1')"),
        ({"act1": ""}, "must be some of 8, ascending, not '' (edge 'act1')"),
        ({"act1": "0,-1"}, "must be some of 8, ascending, not '0,-1' (edge 'act1')"),
        ({"act1": [0]}, "must be some of 8, ascending, not [0] (edge 'act1')"),
        ({"act9": "0"}, "must be some of 0, ascending, not '0' (edge 'act9')"),
    ],
)
def test_damaged_documents(lab: Any, document: object, message: str) -> None:
    with pytest.raises(ArtifactError, match=re.escape(message)):
        KeptChannels.from_document(document, lab.Mlp().network())


@given(st.data())
def test_streams_have_the_channels_kept_and_no_others(lab: Any, data: st.DataObject) -> None:
    """Every layer of random networks: and one channel less, of any edge, is found."""
    network = waste(data.draw(lab.mlps() | lab.cnns()).network(), data.draw(st.integers(0, 99)))
    reduced = simplify(network)
    dataflow = compile_network(reduced.network, default_plan(reduced.network), fifo_search=False)
    kept = KeptChannels(reduced.kept)
    check_streams(kept, dataflow, network)
    edge = data.draw(st.sampled_from([node.edge for node in dataflow.nodes]))  # type: ignore[attr-defined]
    if dataflow.output.mnemonic == "label_select" and edge == dataflow.output.name:
        return
    count = network.types[edge].channels
    less = kept.by_edge.get(edge, np.arange(count))[:-1]
    wrong = replace(kept, by_edge={**kept.by_edge, edge: less})
    with pytest.raises(
        ArtifactError,
        match=rf"^the stream of '\w+' has {len(less) + 1} channels of edge '{edge}', of which "
        rf"{len(less)} are kept$",
    ):
        check_streams(wrong, dataflow, network)
