# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from wasteful import check_edges, layers, steps

from xnorflow.hw.passes import MergeEqualChannels, ReducedNetwork, Simplification, simplify
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    ArgMax,
    Conv,
    DataType,
    Depthwise,
    Input,
    MatMul,
    MaxPool,
    Network,
    TensorType,
    Threshold,
    Window,
    int_type,
)

BITS = TensorType(BIPOLAR, (3,))


def reduce(network: Network) -> ReducedNetwork:
    """The network after this pass alone, which finds nothing more; its values are checked."""
    reduced = simplify(network, set(Simplification) - {Simplification.MERGE_EQUAL})
    assert MergeEqualChannels().apply(reduced) is reduced
    source = network.types["image"]
    values = np.arange(source.element.min, source.element.max + 1, source.element.step)
    check_edges(reduced, np.random.default_rng(0).choice(values, (16, *source.shape)))
    return reduced


def weights_of(reduced: ReducedNetwork, name: str) -> list[list[int]]:
    node = reduced.network.node(name)
    assert isinstance(node, MatMul)
    return node.weights.tolist()


def twins(
    columns: list[list[int]], element: DataType = TERNARY, rows: list[list[int]] | None = None
) -> Network:
    """Three neurons, the first and the last of which are equal, read by ``columns``."""
    weights = [[1, 1, -1], [1, -1, 1], [1, 1, -1]]
    return layers(BITS, (weights, BIPOLAR), steps(rows or [[0]]), (columns, element))


@pytest.mark.parametrize(
    ("columns", "element", "merged"),
    [
        ([[1, 1, 0], [0, 1, -1]], TERNARY, [[1, 1], [-1, 1]]),
        ([[1, 1, -1], [-1, 1, 1]], TERNARY, [[0, 1], [0, 1]]),
        ([[1, 1, 1], [0, 1, 0]], TERNARY, None),
        ([[1, 1, 1], [0, 1, 0]], int_type(3), [[2, 1], [0, 1]]),
        ([[2, 1, 2], [0, 1, 0]], int_type(3), None),
        ([[-2, 1, -2], [0, 1, 0]], int_type(3), [[-4, 1], [0, 1]]),
        ([[1, 1, 1], [-1, 1, -1]], BIPOLAR, None),
        ([[1, 1, -1], [-1, 1, 1]], BIPOLAR, None),
    ],
)
def test_columns_are_added_where_the_type_has_their_sum(columns, element, merged):
    reduced = reduce(twins(columns, element))
    if merged is None:
        assert not reduced.kept
        return
    assert {edge: kept.tolist() for edge, kept in reduced.kept.items()} == {
        "fc1": [0, 1],
        "act1": [0, 1],
    }
    assert dict(reduced.gone) == {("merge-equal", "fc1"): 1}
    assert weights_of(reduced, "fc1") == [[1, 1, -1], [1, -1, 1]]
    assert weights_of(reduced, "fc2") == merged


def test_thresholds_must_be_equal_too():
    columns = [[1, 1, 0], [0, 1, -1]]
    assert reduce(twins(columns, rows=[[0], [1], [0]])).kept
    assert not reduce(twins(columns, rows=[[0], [1], [2]])).kept
    weights = ([[1, 1, -1]] * 3, BIPOLAR)
    table = steps([[0], [0], [0]], descending=[False, True, False])
    reduced = reduce(layers(BITS, weights, table, ([[1, 0, 0], [0, 1, -1]], TERNARY)))
    assert reduced.kept["fc1"].tolist() == [0, 1]


def test_a_neuron_merges_with_the_first_that_suits():
    """Neuron 4 does not suit 0, and 1 takes it; 3 and 2 suit none then."""
    network = layers(
        BITS,
        ([[1, 1, -1]] * 5, BIPOLAR),
        steps([[0]]),
        ([[1, 0, 1, 0, 0], [1, 0, 1, 1, 1]], TERNARY),
    )
    reduced = reduce(network)
    assert reduced.kept["fc1"].tolist() == [0, 1, 2, 3]
    assert weights_of(reduced, "fc2") == [[1, 0, 1, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize("width", [4, 6])
def test_neurons_that_keep_a_layer_foldable_are_not_merged(width):
    """Of four, none can go alone; of six equal ones four go: the last, with the sums they allow."""
    columns = np.zeros((2, width), int)
    columns[0], columns[1] = [1, -1, 1, -1, 1, -1][:width], [-1, 1, 0, 0, 0, 0][:width]
    network = layers(BITS, ([[1, 1, -1]] * width, BIPOLAR), steps([[0]]), (columns, TERNARY))
    reduced = reduce(network)
    if width == 4:
        assert not reduced.kept
    else:
        assert reduced.kept["fc1"].tolist() == [0, 1]


def test_equal_channels_of_an_image():
    """Through a depthwise convolution, a pool and the flattened columns, padding included."""
    point = np.array([[1, 1], [1, -1], [1, 1]]).reshape(3, 1, 1, 2)
    own = np.array([[[1, -1]], [[1, -1]], [[1, -1]]])

    def network(own: np.ndarray, rows: list[list[int]]) -> Network:
        window = Window((1, 2), padding=(1, 0, 0, 1))
        columns = np.tile([1, -1, 0, 0, 1, 1], (2, 3))[:, :12]
        padded = Conv(
            name="first",
            inputs=("x",),
            weights=point,
            weight_type=BIPOLAR,
            window=Window((1, 1), padding=(1, 0, 0, 0)),
        )
        middle = Depthwise(
            name="own", inputs=("x",), weights=own, weight_type=TERNARY, window=window
        )
        pool = MaxPool(name="pool", inputs=("x",), window=Window((2, 2), stride=(2, 2)))
        image = TensorType(BIPOLAR, (2, 4, 2))
        return layers(
            image, padded, steps([[0]]), middle, steps(rows), pool, (columns, int_type(3))
        )

    reduced = reduce(network(own, [[0], [1], [0]]))
    for edge in ("first", "act1", "own", "act2", "pool"):
        assert reduced.kept[edge].tolist() == [0, 1], edge
    assert reduced.kept["flat"].tolist() == [0, 1, 3, 4, 6, 7, 9, 10]
    columns = np.tile([1, -1, 0, 0, 1, 1], (2, 3))[:, :12].reshape(2, 4, 3)
    columns[..., 0] += columns[..., 2]
    assert weights_of(reduced, "fc1") == columns[..., :2].reshape(2, 8).tolist()
    other = own.copy()
    other[2, 0, 1] = 1
    assert not reduce(network(other, [[0], [1], [0]])).kept
    assert not reduce(network(own, [[0], [1], [1]])).kept


def test_both_rows_of_a_sum_must_be_equal():
    def network(second: list[list[int]]) -> Network:
        weights = {"left": [[1, 1, -1], [1, -1, 1], [1, 1, -1]], "right": second}
        products = [
            MatMul(name=name, inputs=("image",), weights=rows, weight_type=BIPOLAR)
            for name, rows in weights.items()
        ]
        last = MatMul(
            name="last", inputs=("sum",), weights=[[1, 1, 0], [0, 1, -1]], weight_type=TERNARY
        )
        return Network(
            (
                Input(name="image", type=BITS),
                *products,
                Add(name="sum", inputs=("left", "right")),
                last,
                ArgMax(name="label", inputs=("last",)),
            )
        )

    assert reduce(network([[1, 1, 1]] * 3)).kept["sum"].tolist() == [0, 1]
    assert not reduce(network([[1, 1, 1], [1, 1, 1], [-1, 1, 1]])).kept


def test_every_reader_must_have_the_sums():
    """The same neurons are read by a product that has them, and by one that has not."""
    front = twins([[1, 1, 0], [0, 1, -1]]).nodes[:-1]

    def network(columns: list[list[int]]) -> Network:
        side = MatMul(name="side", inputs=("act1",), weights=columns, weight_type=TERNARY)
        join = Add(name="sum", inputs=("fc2", "side"))
        return Network((*front, side, join))

    assert not reduce(network([[1, 1, 1], [0, 1, 0]])).kept
    reduced = reduce(network([[1, 1, -1], [0, 1, 0]]))
    assert weights_of(reduced, "side") == [[0, 1], [0, 1]]


def test_outputs_are_not_merged():
    network = layers(BITS, ([[1, 1, -1]] * 3, BIPOLAR), steps([[0]]), label=False)
    assert isinstance(network.output, Threshold)
    assert not reduce(network).kept
