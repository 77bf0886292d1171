# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from wasteful import layers, steps

from xnorflow.hw.kept_channels import KeptChannels
from xnorflow.hw.passes import FoldingPlan, Fuse, compile_network, simplify
from xnorflow.hw.passes.folding import is_folded
from xnorflow.hw.passes.rewrite import layers_of
from xnorflow.ir import BIPOLAR, TERNARY, Conv, Dataflow, Folding, Network, TensorType, Window
from xnorflow.sim.streams import PADDING, stream_channels


def two_of_four() -> tuple[Network, KeptChannels, Dataflow]:
    """Channels 1 and 3 of an image of two pixels, read by padded windows; least folded."""
    point = Conv(
        name="point",
        inputs=("x",),
        weights=np.ones((4, 1, 1, 2), int),
        weight_type=BIPOLAR,
        window=Window((1, 1)),
    )
    columns = np.zeros((2, 1, 2, 4), int)
    columns[..., [1, 3]] = 1
    wide = Conv(
        name="wide",
        inputs=("x",),
        weights=columns,
        weight_type=TERNARY,
        window=Window((1, 2), padding=(0, 1, 0, 0)),
    )
    table = steps([[0], [0], [1], [2]])
    network = layers(TensorType(BIPOLAR, (1, 2, 2)), point, table, wide, label=False)
    # Four channels stay a multiple of four, so that two of them are taken out by hand.
    kept = {edge: np.array([1, 3]) for edge in ("point", "act1")}
    small = layers(
        TensorType(BIPOLAR, (1, 2, 2)),
        Conv(
            name="point",
            inputs=("x",),
            weights=point.weights[[1, 3]],
            weight_type=BIPOLAR,
            window=Window((1, 1)),
        ),
        steps([[0], [2]]),
        Conv(
            name="wide",
            inputs=("x",),
            weights=columns[..., [1, 3]],
            weight_type=TERNARY,
            window=wide.window,
        ),
        label=False,
    )
    folded = [layer.name for layer in layers_of(Fuse().apply(small)) if is_folded(layer)]
    dataflow = compile_network(small, FoldingPlan({name: Folding() for name in folded}))
    return network, KeptChannels(kept), dataflow


def test_channels_of_elements_in_the_order_of_each_stream() -> None:
    network, kept, dataflow = two_of_four()
    channels = {name: c.tolist() for name, c in stream_channels(dataflow, network, kept).items()}
    none = PADDING
    assert channels["point"] == [1, 3, 1, 3]
    assert channels["pad_wide"] == [none, none, 1, 3, 1, 3]
    # Two windows of two pixels, a channel of a pixel a beat.
    (windows,) = [c for name, c in channels.items() if name == "swu_wide"]
    assert sorted(windows[:4]) == sorted([none, none, 1, 3])
    assert sorted(windows[4:]) == sorted([1, 3, 1, 3])
    assert "wide" not in channels
    assert "image" not in channels


def test_streams_with_all_channels_need_no_numbers() -> None:
    network, _, dataflow = two_of_four()
    assert stream_channels(dataflow, network, KeptChannels()) == {}
    assert simplify(network).kept == {}
