# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from naive import naive_edges
from wasteful import check_edges, layers, steps

from xnorflow.hw.passes import ReducedNetwork, RemoveConstantChannels, Simplification, simplify
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    ArgMax,
    Conv,
    Depthwise,
    Input,
    MatMul,
    MaxPool,
    Network,
    SumPool,
    TensorType,
    Threshold,
    Upsample,
    Window,
    int_type,
    uint_type,
)

FAR = 2**63 - 1
BITS = TensorType(BIPOLAR, (3,))
ONES = ([[1, 1, 1]] * 3, BIPOLAR)
U2 = uint_type(2)


def reduce(network: Network) -> ReducedNetwork:
    """The network after this pass alone, which finds nothing more."""
    reduced = simplify(network, set(Simplification) - {Simplification.REMOVE_CONSTANT})
    assert RemoveConstantChannels().apply(reduced) is reduced
    return reduced


def kept(reduced: ReducedNetwork) -> dict[str, list[int]]:
    return {edge: channels.tolist() for edge, channels in reduced.kept.items()}


def values_of(network: Network, name: str) -> list[list[int]]:
    node = network.node(name)
    assert isinstance(node, Threshold)
    return node.table.values.tolist()


def check_values(network: Network, reduced: ReducedNetwork) -> None:
    """The values are the original's, and there is something to see behind what was removed."""
    source = network.types["image"]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 2, (40, *source.shape))
    images = source.element.min + images * (source.element.max - source.element.min)
    edges = check_edges(reduced, images)
    last = [node.name for node in network.nodes if isinstance(node, Threshold)][-1]
    assert len(np.unique(edges[last], axis=0)) > 1


def test_thresholds_behind_take_up_what_a_constant_bit_adds():
    """Sums of three bits are -3, -1, 1 or 3: one neuron is always +1, one always -1."""
    network = layers(
        BITS,
        ONES,
        steps([[-3], [0], [4]]),
        ([[1, -1, -1], [-1, 1, 1]], BIPOLAR),
        steps([[2], [-1]], descending=[False, True]),
        ([[1, -1], [-1, 1]], BIPOLAR),
    )
    reduced = reduce(network)
    assert kept(reduced) == {"fc1": [1], "act1": [1]}
    assert dict(reduced.gone) == {("remove-constant", "fc1"): 2}
    fc1, fc2 = reduced.network.node("fc1"), reduced.network.node("fc2")
    assert isinstance(fc1, MatMul)
    assert isinstance(fc2, MatMul)
    assert fc1.weights.tolist() == [[1, 1, 1]]
    assert fc2.weights.tolist() == [[-1], [1]]
    # +1 times 1 and -1 times -1 are 2 of the first sum, -1 and -1 are -2 of the second.
    assert values_of(reduced.network, "act2") == [[0], [1]]
    check_values(network, reduced)


def test_a_row_of_thresholds_for_all_channels_becomes_several():
    last = ([[1, -1], [-1, 1]], BIPOLAR)
    first = (ONES, steps([[-3], [0], [0]]))
    different = layers(BITS, *first, ([[1, 1, 1], [-1, 1, -1]], BIPOLAR), steps([[0]]), last)
    assert values_of(reduce(different).network, "act2") == [[-1], [1]]
    check_values(different, reduce(different))
    equal = layers(BITS, *first, ([[1, 1, 1], [1, 1, -1]], BIPOLAR), steps([[0]]), last)
    assert values_of(reduce(equal).network, "act2") == [[-1]]


def test_thresholds_at_the_ends_of_int64_do_not_wrap():
    network = layers(
        BITS,
        ONES,
        steps([[-FAR - 1], [FAR], [0]]),
        ([[1, -1, 1], [-1, 1, 1], [1, 1, -1]], BIPOLAR),
        steps([[-FAR - 1], [FAR], [0]]),
        ([[1, 1, 1], [1, -1, -1]], BIPOLAR),
    )
    check_values(network, reduce(network))


@pytest.mark.parametrize("count", [1, 2])
def test_scores_without_thresholds_keep_what_adds_to_them(count):
    """The scores are an edge that hardware carries: equal shifts are no reason to change them."""
    nodes = (ONES, steps([[-3], [0], [1]]), ([[1, 1, -1], [1, -1, 1]], BIPOLAR))
    network = layers(BITS, *nodes, label=count == 1)
    assert reduce(network).kept == {}


def test_scores_are_the_same_without_a_channel_that_is_always_0():
    nodes = (ONES, steps([[-3, 4], [0, 1], [4, 4]], TERNARY), ([[1, 1, -1], [1, -1, 1]], TERNARY))
    network = layers(BITS, *nodes, label=False)
    reduced = reduce(network)
    assert kept(reduced) == {"fc1": [1, 2], "act1": [1, 2]}
    check_values(network, reduced)


def test_sums_that_are_read_twice_keep_their_values():
    """One reader of the sums is a Threshold, the other an Add: they are an edge of their own."""
    nodes = layers(BITS, ONES, steps([[-3], [0], [0]]), ONES, steps([[0]]), label=False).nodes
    join = (Add(name="sum", inputs=("fc2", "act2")), ArgMax(name="label", inputs=("sum",)))
    assert reduce(Network((*nodes, *join))).kept == {}
    assert kept(reduce(layers(BITS, ONES, steps([[-3], [0], [0]]), ONES, steps([[0]]), ONES))) == {
        "fc1": [1, 2],
        "act1": [1, 2],
    }


def test_inputs_remain():
    """An input whose bit says that it is 1 or more of 0..3 and one that is 0 or more: always."""
    network = layers(
        TensorType(U2, (3,)),
        steps([[0], [1], [2]]),
        ([[1, 1, 1], [1, -1, 1]], BIPOLAR),
        steps([[0]]),
        ([[1, -1], [-1, 1]], BIPOLAR),
    )
    assert reduce(network).kept == {}


# ---- images -----------------------------------------------------------------------------------


def conv(name: str, weights: object, window: Window, element: object = TERNARY) -> Conv:
    return Conv(
        name=name, inputs=("x",), weights=np.array(weights), weight_type=element, window=window
    )


IMAGE = TensorType(BIPOLAR, (4, 4, 1))
POINT = conv("first", np.ones((3, 1, 1, 1), int), Window((1, 1)))
THREE = steps([[-1], [0], [2]])
"""Always, sometimes, never."""


def image_network(second: Conv, *between: object, last: object = None) -> Network:
    size = 2 * second_pixels(second, between)
    end = (np.where(np.arange(2 * size) % 3, 1, -1).reshape(2, size), BIPOLAR)
    return layers(IMAGE, POINT, THREE, *between, second, steps([[1], [0]]), end)


def second_pixels(second: Conv, between: tuple[object, ...]) -> int:
    network = layers(IMAGE, POINT, THREE, *between, second, label=False)
    return network.types[second.name].size // 2


def weights_of(kernel: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice([-1, 1], (2, *kernel, 3))


def test_a_convolution_without_padding_sees_a_constant_everywhere():
    network = image_network(conv("second", weights_of((2, 3)), Window((2, 3))))
    reduced = reduce(network)
    assert kept(reduced) == {"first": [1], "act1": [1]}
    weights = weights_of((2, 3)).sum(axis=(1, 2))
    assert values_of(reduced.network, "act2") == [
        [1 - weights[0, 0] + weights[0, 2]],
        [0 - weights[1, 0] + weights[1, 2]],
    ]
    check_values(network, reduced)


def test_a_constant_remains_where_padding_is_seen_instead():
    window = Window((3, 3), padding=(0, 0, 1, 0))
    network = image_network(conv("second", weights_of((3, 3)), window))
    assert reduce(network).kept == {}
    naive = naive_edges(network, np.ones((1, 4, 4, 1), int))["second"]
    assert len(np.unique(naive.reshape(-1, 2), axis=0)) > 1


def test_padding_that_meets_weights_of_0_alone_does_not_matter():
    """Only the first row of taps can lie in the padding, and its weights are 0 for one channel."""
    weights = weights_of((2, 2))
    weights[:, 0, :, 0] = 0
    window = Window((2, 2), padding=(1, 0, 0, 0))
    network = image_network(conv("second", weights, window))
    reduced = reduce(network)
    assert kept(reduced) == {"first": [1, 2], "act1": [1, 2]}
    check_values(network, reduced)


def test_a_channel_of_0_goes_in_front_of_padding_too():
    window = Window((3, 3), padding=(1, 1, 1, 1))
    table = steps([[-1, 2], [0, 1], [2, 2]], TERNARY)
    second = conv("second", weights_of((3, 3)), window)
    end = (np.where(np.arange(64) % 3, 1, -1).reshape(2, 32), BIPOLAR)
    network = layers(IMAGE, POINT, table, second, steps([[1], [0]]), end)
    reduced = reduce(network)
    assert kept(reduced) == {"first": [1, 2], "act1": [1, 2]}
    check_values(network, reduced)


@pytest.mark.parametrize(
    "between",
    [
        (MaxPool(name="pool", inputs=("x",), window=Window((2, 2), padding=(1, 1, 0, 0))),),
        (SumPool(name="pool", inputs=("x",), window=Window((2, 2))),),
        (Upsample(name="larger", inputs=("x",), factor=(1, 2)),),
        (
            Depthwise(
                name="own",
                inputs=("x",),
                weights=np.array([[[1, -1]], [[1, 1]], [[1, 0]]]),
                weight_type=TERNARY,
                window=Window((1, 2)),
            ),
            steps([[0], [0], [0]]),
        ),
    ],
    ids=["max_pool", "sum_pool", "upsample", "depthwise"],
)
def test_what_carries_channels_on_loses_them(between):
    network = image_network(conv("second", weights_of((1, 2)), Window((1, 2))), *between)
    reduced = reduce(network)
    names = [node.name for node in between if not hasattr(node, "levels")]
    for edge in ("first", "act1", *names):
        assert reduced.kept[edge].tolist() == [1], edge
    check_values(network, reduced)


def test_a_sum_over_padding_is_no_constant():
    between = SumPool(name="pool", inputs=("x",), window=Window((2, 2), padding=(1, 0, 0, 0)))
    network = image_network(conv("second", weights_of((1, 2)), Window((1, 2))), between)
    assert reduce(network).kept == {}


def test_a_flattened_channel_is_a_column_for_each_pixel():
    weights = np.where(np.arange(24).reshape(2, 12) % 5 < 2, 1, -1)
    shifts = weights[:, 0::3].sum(axis=1) - weights[:, 2::3].sum(axis=1)
    limits = weights[:, 1::3].sum(axis=1)
    pool = MaxPool(name="pool", inputs=("x",), window=Window((2, 2), stride=(2, 2)))
    network = layers(
        IMAGE,
        POINT,
        THREE,
        pool,
        (weights, BIPOLAR),
        steps((shifts + limits)[:, None].tolist()),
        ([[1, -1], [-1, 1]], BIPOLAR),
    )
    reduced = reduce(network)
    assert kept(reduced) == {
        "first": [1],
        "act1": [1],
        "pool": [1],
        "flat": [1, 4, 7, 10],
    }
    fc1 = reduced.network.node("fc1")
    assert isinstance(fc1, MatMul)
    np.testing.assert_array_equal(fc1.weights, weights[:, 1::3])
    assert values_of(reduced.network, "act2") == limits[:, None].tolist()
    check_values(network, reduced)


# ---- several readers, joins, foldings ---------------------------------------------------------


def residual(first: list[list[int]], second: list[list[int]]) -> Network:
    """Two activations of an image, added; their sum is read by a product with thresholds."""
    parts = []
    for n, rows in enumerate((first, second)):
        fc = MatMul(name=f"fc{n}", inputs=("image",), weights=[[1] * 3] * 2, weight_type=BIPOLAR)
        parts += [fc, Threshold(name=f"act{n}", inputs=(fc.name,), table=steps(rows))]
    weights = np.array([[1, -1], [-1, -1]])
    return Network(
        (
            Input(name="image", type=BITS),
            *parts,
            Add(name="sum", inputs=("act0", "act1")),
            MatMul(name="fc2", inputs=("sum",), weights=weights, weight_type=BIPOLAR),
            Threshold(name="act2", inputs=("fc2",), table=steps([[1], [0]])),
            MatMul(name="fc3", inputs=("act2",), weights=weights, weight_type=BIPOLAR),
            ArgMax(name="label", inputs=("fc3",)),
        )
    )


def test_both_sides_of_a_sum_must_be_constant():
    wider = replace_width(residual([[-3], [0]], [[4], [0]]))
    reduced = reduce(wider)
    for edge in ("fc0", "act0", "fc1", "act1", "sum"):
        assert reduced.kept[edge].tolist() == [1], edge
    check_values(wider, reduced)
    assert reduce(replace_width(residual([[-3], [0]], [[0], [0]]))).kept == {}


def replace_width(network: Network) -> Network:
    """``network`` of odd widths, from which single channels may go: one channel more."""
    nodes = []
    for node in network.nodes:
        if isinstance(node, MatMul) and node.name in ("fc0", "fc1"):
            node = replace(node, weights=np.ones((3, 3), np.int8))
        if isinstance(node, MatMul) and node.name == "fc2":
            node = replace(node, weights=np.array([[1, -1, 1], [-1, -1, 1]]))
        if isinstance(node, Threshold) and node.name in ("act0", "act1"):
            rows = [*node.table.values.tolist(), node.table.values[0].tolist()]
            node = replace(node, table=steps(rows))
        nodes.append(node)
    return Network(tuple(nodes))


def test_every_reader_must_do_without():
    """Two products read the bits: one with thresholds behind, one that gives scores."""
    front = layers(BITS, ONES, steps([[-3], [0], [0]]), label=False).nodes
    weights = np.array([[1, -1, 1], [1, 1, -1]])
    inner = MatMul(name="fc2", inputs=("act1",), weights=weights, weight_type=BIPOLAR)
    act = Threshold(name="act2", inputs=("fc2",), table=steps([[0]]))

    def with_scores(columns: list[int]) -> Network:
        scores = np.array([[*columns, 1], [*columns, -1]])
        side = MatMul(name="side", inputs=("act1",), weights=scores, weight_type=TERNARY)
        join = Add(name="sum", inputs=("act2", "side"))
        return Network((*front, inner, act, side, join, ArgMax(name="label", inputs=("sum",))))

    assert reduce(with_scores([1, 1])).kept == {}
    assert kept(reduce(with_scores([0, 1]))) == {"fc1": [1, 2], "act1": [1, 2]}


@pytest.mark.parametrize(
    ("width", "constant", "left"),
    [(6, [0, 1, 4], [0, 2, 3, 5]), (4, [0, 1, 2, 3], [0, 1, 2, 3]), (3, [0, 1, 2], [0])],
)
def test_channels_that_keep_a_layer_foldable_are_the_first(width, constant, left):
    rows = [[-3] if channel in constant else [0] for channel in range(width)]
    network = layers(
        BITS,
        ([[1, 1, 1]] * width, BIPOLAR),
        steps(rows),
        (np.ones((2, width), int), BIPOLAR),
        steps([[0]]),
        ([[1, -1], [-1, 1]], BIPOLAR),
    )
    reduced = reduce(network)
    assert reduced.kept.get("act1", np.arange(width)).tolist() == left


def test_constants_follow_from_constants():
    """Neurons that only read constant bits are constant; 8-bit pixels do not matter."""
    network = layers(
        TensorType(uint_type(8), (2,)),
        ([[1, 1], [1, -1], [1, 0]], TERNARY),
        steps([[0], [0], [-5]]),
        ([[1, 0, 1], [0, 1, 1], [1, 0, -1]], TERNARY),
        steps([[2], [1], [0]]),
        ([[1, -1, 1], [-1, 1, 1]], int_type(2)),
        steps([[0]]),
        ([[1, -1], [1, 1]], BIPOLAR),
    )
    reduced = reduce(network)
    assert kept(reduced) == {
        "fc1": [1],
        "act1": [1],
        "fc2": [1],
        "act2": [1],
    }
    check_values(network, reduced)
