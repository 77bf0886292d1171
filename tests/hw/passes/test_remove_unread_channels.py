# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from wasteful import check_edges, layers, steps

from xnorflow.hw.passes import ReducedNetwork, RemoveUnreadChannels, Simplification, simplify
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    ArgMax,
    Concat,
    Conv,
    Input,
    MatMul,
    MaxPool,
    Network,
    TensorType,
    Threshold,
    Window,
    graph_digest,
    uint_type,
)

BITS = TensorType(BIPOLAR, (3,))


def reduce(network: Network) -> ReducedNetwork:
    """The network after this pass alone, which finds nothing more; its values are checked."""
    reduced = simplify(network, set(Simplification) - {Simplification.REMOVE_UNREAD})
    assert RemoveUnreadChannels().apply(reduced) is reduced
    source = network.types["image"]
    values = np.arange(source.element.min, source.element.max + 1, source.element.step)
    check_edges(reduced, np.random.default_rng(0).choice(values, (8, *source.shape)))
    return reduced


def kept(network: Network) -> dict[str, list[int]]:
    return {edge: channels.tolist() for edge, channels in reduce(network).kept.items()}


def test_what_only_an_unread_neuron_reads_is_unread():
    """Of five neurons three are left, and of three before them one, by columns of zeros."""
    network = layers(
        BITS,
        ([[1, 1, 0], [0, 1, 1], [1, 0, 1]], TERNARY),
        steps([[0]]),
        ([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [1, 1, 1], [-1, 0, 0]], TERNARY),
        steps([[0], [1], [0], [1], [0]]),
        ([[1, 0, 1, 0, -1], [-1, 0, 1, 0, 1]], TERNARY),
    )
    reduced = reduce(network)
    assert {edge: channels.tolist() for edge, channels in reduced.kept.items()} == {
        "fc1": [0],
        "act1": [0],
        "fc2": [0, 2, 4],
        "act2": [0, 2, 4],
    }
    assert dict(reduced.gone) == {("remove-unread", "fc1"): 2, ("remove-unread", "fc2"): 2}
    fc2, act2 = reduced.network.node("fc2"), reduced.network.node("act2")
    assert isinstance(fc2, MatMul)
    assert isinstance(act2, Threshold)
    assert fc2.weights.tolist() == [[1], [-1], [-1]]
    once = RemoveUnreadChannels().apply(ReducedNetwork.of(network))
    assert graph_digest(once.network) == graph_digest(reduced.network)
    assert act2.table.values.tolist() == [[0], [0], [0]]


def test_inputs_and_outputs_remain():
    network = layers(BITS, ([[0, 1, 0], [0, 1, 0]], TERNARY), label=False)
    assert kept(network) == {}


def test_a_network_that_reads_all_of_it_is_left_alone():
    network = layers(BITS, (np.ones((4, 3), int), BIPOLAR), steps([[0]]), ([[1] * 4] * 2, BIPOLAR))
    reduced = ReducedNetwork.of(network)
    assert RemoveUnreadChannels().apply(reduced) is reduced


def image_chain(columns: np.ndarray) -> Network:
    """Three channels, of which a product reads the columns of each pixel."""
    first = Conv(
        name="first",
        inputs=("x",),
        weights=np.ones((3, 2, 2, 1), int),
        weight_type=BIPOLAR,
        window=Window((2, 2), padding=(1, 1, 0, 0)),
    )
    pool = MaxPool(name="pool", inputs=("x",), window=Window((2, 2), stride=(2, 2)))
    image = TensorType(BIPOLAR, (4, 4, 1))
    return layers(image, first, steps([[0], [1], [2]]), pool, (columns, TERNARY))


def test_a_flattened_channel_goes_if_no_pixel_of_it_is_read():
    columns = np.tile([1, 0, -1], (2, 4))
    assert kept(image_chain(columns)) == {
        "first": [0, 2],
        "act1": [0, 2],
        "pool": [0, 2],
        "flat": [0, 2, 3, 5, 6, 8, 9, 11],
    }
    columns[1, 7] = 1
    assert kept(image_chain(columns)) == {}


def two_readers(second: list[int]) -> Network:
    """A convolution reads all but channel 0, the other one what ``second`` says; 5 channels."""
    rng = np.random.default_rng(0)

    def conv(name: str, source: str, channels: int, reads: list[int]) -> Conv:
        weights = rng.choice([-1, 1], (3, 1, 2, channels))
        weights[..., [c for c in range(channels) if c not in reads]] = 0
        window = Window((1, 2))
        return Conv(
            name=name, inputs=(source,), weights=weights, weight_type=TERNARY, window=window
        )

    return Network(
        (
            Input(name="image", type=TensorType(uint_type(4), (3, 4, 5))),
            Conv(
                name="first",
                inputs=("image",),
                weights=rng.choice([-1, 1], (5, 1, 1, 5)),
                weight_type=BIPOLAR,
                window=Window((1, 1)),
            ),
            Threshold(name="act", inputs=("first",), table=steps([[0]])),
            conv("left", "act", 5, [1, 2, 3, 4]),
            conv("right", "act", 5, second),
            Add(name="sum", inputs=("left", "right")),
        )
    )


def test_all_readers_count():
    assert kept(two_readers([1, 2, 3])) == {"first": [1, 2, 3, 4], "act": [1, 2, 3, 4]}
    assert kept(two_readers([0])) == {}


def test_both_sides_of_a_sum_go():
    front = two_readers([1, 2, 3, 4]).nodes
    end = Conv(
        name="end",
        inputs=("sum",),
        weights=np.array([1, 0, -1]).reshape(1, 1, 1, 3),
        weight_type=TERNARY,
        window=Window((1, 1)),
    )
    found = kept(Network((*front, end)))
    assert found.pop("first") == found.pop("act") == [1, 2, 3, 4]
    assert found == {"left": [0, 2], "right": [0, 2], "sum": [0, 2]}


def test_concatenated_channels_go_from_where_they_come():
    products = [
        MatMul(name=f"fc{n}", inputs=("image",), weights=np.ones((3, 3), int), weight_type=BIPOLAR)
        for n in (1, 2)
    ]
    both = Concat(name="both", inputs=("fc1", "fc2"))
    weights = np.array([[0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 0, 0]])
    last = MatMul(name="last", inputs=("both",), weights=weights, weight_type=TERNARY)
    label = ArgMax(name="label", inputs=("last",))
    network = Network((Input(name="image", type=BITS), *products, both, last, label))
    # Six channels are an even number, and remain one: two go at a time.
    assert kept(network) == {"fc2": [0], "both": [0, 1, 2, 3]}


def test_channels_that_keep_a_layer_foldable_keep_what_they_read():
    network = layers(
        BITS,
        ([[1, 1, 1]] * 3, BIPOLAR),
        steps([[0]]),
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], TERNARY),
        steps([[0]]),
        ([[0, 0, 0, 1], [0, 0, 0, -1]], TERNARY),
    )
    assert kept(network) == {}
    network = layers(
        BITS,
        ([[1, 1, 1]] * 3, BIPOLAR),
        steps([[0]]),
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 0, 1], [0, 0, 1]], TERNARY),
        steps([[0]]),
        ([[0, 0, 0, 1, 0, 0], [0, 0, 0, -1, 0, 0]], TERNARY),
    )
    assert kept(network) == {"fc1": [0, 1], "act1": [0, 1], "fc2": [0, 3], "act2": [0, 3]}
