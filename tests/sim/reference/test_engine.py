# SPDX-License-Identifier: Apache-2.0
"""The reference engine against naive numpy, and its two ways through a network."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import naive_edges, random_table, random_values

from xnorflow.errors import ConfigError, DataError
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    ArgMax,
    Conv,
    DataType,
    Flatten,
    Input,
    MatMul,
    Network,
    TensorType,
    Threshold,
    ThresholdTable,
    Window,
    accumulator_range,
    int_type,
    uint_type,
)
from xnorflow.sim.reference import ReferenceEngine
from xnorflow.sim.reference.kernels import KERNELS
from xnorflow.sim.reference.planner import Plan

WEIGHTS = [BIPOLAR, TERNARY, *(int_type(bits) for bits in range(2, 9)), uint_type(1), uint_type(3)]
ACTIVATIONS = [
    BIPOLAR,
    TERNARY,
    *(int_type(b) for b in (2, 3, 8)),
    *(uint_type(b) for b in (1, 2, 4, 8)),
]
INPUTS = [*ACTIVATIONS, int_type(12), int_type(16), uint_type(16), uint_type(20), int_type(20)]


@st.composite
def networks(draw: st.DrawFn) -> tuple[Network, np.random.Generator]:
    """Input, maybe a threshold, some products with or without thresholds, maybe an argmax."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    element = draw(st.sampled_from(INPUTS))
    shape = draw(st.sampled_from([(5,), (64,), (77,), (130,), (3, 4, 2), (8, 9, 1), (1, 1, 1)]))
    nodes: list = [Input(name="image", type=TensorType(element, shape))]

    def threshold(name: str) -> None:
        source = Network(tuple(nodes)).types[nodes[-1].name]
        output = draw(st.sampled_from(ACTIVATIONS))
        levels = draw(st.integers(1, min(output.levels - 1, 20)))
        rows = draw(st.sampled_from([1, source.channels]))
        table = random_table(source, output, levels, rows, rng)
        nodes.append(Threshold(name=name, inputs=(nodes[-1].name,), table=table))

    if draw(st.booleans()):
        threshold("before")
    nodes.append(Flatten(name="flat", inputs=(nodes[-1].name,)))
    if draw(st.booleans()):
        threshold("input_act")
    for index in range(draw(st.integers(0, 3))):
        source = Network(tuple(nodes)).types[nodes[-1].name]
        weight_type = draw(st.sampled_from(WEIGHTS))
        weights = random_values(weight_type, (draw(st.integers(1, 40)), source.size), rng)
        if max(map(abs, accumulator_range(weights, source.element))) >= 2**31:
            break
        nodes.append(
            MatMul(
                name=f"fc{index}",
                inputs=(nodes[-1].name,),
                weights=weights,
                weight_type=weight_type,
            )
        )
        if draw(st.integers(0, 3)):
            threshold(f"act{index}")
    if draw(st.booleans()):
        size = Network(tuple(nodes)).types[nodes[-1].name].size
        nodes.append(
            ArgMax(name="label", inputs=(nodes[-1].name,), k=draw(st.integers(1, min(size, 5))))
        )
    return Network(tuple(nodes)), rng


@settings(max_examples=150)
@given(drawn=networks(), images=st.integers(1, 9))
def test_edges_and_run_equal_naive_numpy(
    drawn: tuple[Network, np.random.Generator], images: int
) -> None:
    network, rng = drawn
    kind = network.types["image"]
    x = random_values(kind.element, (images, *kind.shape), rng)
    want = naive_edges(network, x)
    engine = ReferenceEngine(network, threads=1)

    got = engine.edges(x)
    assert list(got) == list(network.types)
    for edge, values in want.items():
        assert got[edge].dtype == np.int64
        np.testing.assert_array_equal(got[edge], values, err_msg=f"{edge} of {network}")
        assert network.types[edge].element.contains(values)
    np.testing.assert_array_equal(
        engine.run(x), want[network.output.name], err_msg=f"run of {network}"
    )


def mlp(
    widths: tuple[int, ...], weights: DataType, activations: DataType, seed: int = 0
) -> Network:
    """The integer form of an MLP on images: 8 bits in, thresholds between products."""
    rng = np.random.default_rng(seed)
    nodes: list = [
        Input(name="image", type=TensorType(uint_type(8), (widths[0], 1, 1))),
        Flatten(name="flat", inputs=("image",)),
        Threshold(
            name="input_act",
            inputs=("flat",),
            table=ThresholdTable(np.array([[128]]), np.array([False]), -1, BIPOLAR),
        ),
    ]
    for index, (mw, mh) in enumerate(itertools.pairwise(widths), start=1):
        nodes.append(
            MatMul(
                name=f"fc{index}",
                inputs=(nodes[-1].name,),
                weights=random_values(weights, (mh, mw), rng),
                weight_type=weights,
            )
        )
        if index < len(widths) - 1:
            source = Network(tuple(nodes)).types[nodes[-1].name]
            levels = activations.levels - 1
            table = random_table(source, activations, levels, mh, rng)
            nodes.append(Threshold(name=f"act{index}", inputs=(nodes[-1].name,), table=table))
    nodes.append(ArgMax(name="label", inputs=(nodes[-1].name,)))
    return Network(tuple(nodes))


@pytest.mark.parametrize(
    ("weights", "activations"),
    [
        (BIPOLAR, BIPOLAR),
        (BIPOLAR, uint_type(2)),
        (BIPOLAR, uint_type(4)),
        (int_type(2), uint_type(2)),
        (TERNARY, TERNARY),
        (int_type(4), uint_type(4)),
        (int_type(8), uint_type(8)),
        (int_type(8), BIPOLAR),
    ],
    ids=str,
)
def test_mlps_over_several_chunks_and_threads(weights: DataType, activations: DataType) -> None:
    network = mlp((100, 70, 33, 10), weights, activations)
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (530, 100, 1, 1)).astype(np.uint8)
    one, two = ReferenceEngine(network, threads=1), ReferenceEngine(network, threads=2)
    edges = one.edges(images)
    for edge, values in two.edges(images).items():
        np.testing.assert_array_equal(values, edges[edge])
    np.testing.assert_array_equal(one.run(images), edges["label"])
    np.testing.assert_array_equal(two.run(images), edges["label"])
    few = naive_edges(network, images[525:])
    for edge, values in few.items():
        np.testing.assert_array_equal(edges[edge][525:], values)


def test_a_flipped_weight_is_seen() -> None:
    network = mlp((100, 70, 33, 10), BIPOLAR, BIPOLAR)
    first = network.node("fc1")
    assert isinstance(first, MatMul)
    weights = first.weights.copy()
    weights[3, 64] *= -1
    changed = Network(
        tuple(
            MatMul(name="fc1", inputs=n.inputs, weights=weights, weight_type=BIPOLAR)
            if n is first
            else n
            for n in network.nodes
        )
    )
    images = np.random.default_rng(2).integers(0, 256, (8, 100, 1, 1))
    before, after = (ReferenceEngine(n).edges(images)["fc1"] for n in (network, changed))
    assert np.array_equal(np.unique(np.nonzero(before != after)[1]), [3])


def test_ties_go_to_the_lowest_index_on_both_paths() -> None:
    nodes = (
        Input(name="image", type=TensorType(int_type(4), (5,))),
        ArgMax(name="label", inputs=("image",)),
    )
    engine = ReferenceEngine(Network(nodes))
    images = np.array([[3, 7, 7, 0, 7], [-8, -8, -8, -8, -8]])
    assert engine.run(images).tolist() == [[1], [0]]
    assert engine.edges(images)["label"].tolist() == [[1], [0]]


def test_an_edge_that_is_read_twice_is_not_fused_away() -> None:
    """Two thresholds on one product: the graph is a fork, and the second one is the output."""
    table = ThresholdTable(np.array([[1]]), np.array([False]), -1, BIPOLAR)
    weights = np.array([[1, -1, 1], [-1, -1, 1], [1, 1, 1]])
    nodes = (
        Input(name="image", type=TensorType(BIPOLAR, (3,))),
        MatMul(name="fc1", inputs=("image",), weights=weights, weight_type=BIPOLAR),
        Threshold(name="act1", inputs=("fc1",), table=table),
        MatMul(name="fc2", inputs=("act1",), weights=weights, weight_type=BIPOLAR),
        Threshold(name="act2", inputs=("fc2",), table=table),
    )
    network = Network(nodes)
    images = np.array([[1, 1, 1], [-1, 1, -1]])
    want = naive_edges(network, images)
    assert np.array_equal(ReferenceEngine(network).run(images), want["act2"])


@pytest.mark.parametrize(
    "element", [BIPOLAR, TERNARY, uint_type(8), int_type(8), int_type(3)], ids=str
)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("output", [BIPOLAR, uint_type(2)], ids=str)
def test_thresholds_at_and_beyond_the_ends_of_bytes(
    element: DataType, descending: bool, output: DataType
) -> None:
    limits = np.arange(element.min - 2, element.max + 3)
    table = ThresholdTable(
        limits[:, np.newaxis], np.full(limits.size, descending), output.min, output
    )
    nodes = (
        Input(name="image", type=TensorType(element, (limits.size,))),
        Threshold(name="act", inputs=("image",), table=table),
    )
    values = np.arange(element.min, element.max + 1, element.step)
    images = np.repeat(values[:, np.newaxis], limits.size, axis=1)
    engine = ReferenceEngine(Network(nodes))
    want = naive_edges(engine.network, images)["act"]
    assert np.array_equal(engine.run(images), want)
    assert np.array_equal(engine.edges(images)["act"], want)


def test_a_sum_that_is_the_largest_int32_is_below_a_threshold_beyond_it() -> None:
    weights = np.array([[1, *[-128] * 511, -127]])
    table = ThresholdTable(np.array([[2**31]]), np.array([False]), -1, BIPOLAR)
    nodes = (
        Input(name="image", type=TensorType(int_type(16), (513,))),
        MatMul(name="fc1", inputs=("image",), weights=weights, weight_type=int_type(8)),
        Threshold(name="act1", inputs=("fc1",), table=table),
    )
    image = np.full((1, 513), -(2**15))
    image[0, 0] = 2**15 - 1
    engine = ReferenceEngine(Network(nodes))
    assert engine.edges(image)["fc1"].item() == 2**31 - 1
    assert engine.run(image).tolist() == [[-1]]


def test_every_kind_of_node_has_a_kernel() -> None:
    assert set(KERNELS) == set(Network.kinds)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64])
def test_integers_of_any_width_are_taken(dtype: type) -> None:
    network = Network((Input(name="image", type=TensorType(BIPOLAR, (3,))),))
    images = np.array([[1, -1, 1]], dtype)
    assert ReferenceEngine(network).run(images).tolist() == [[1, -1, 1]]


def test_views_that_are_not_contiguous_are_taken() -> None:
    network = mlp((100, 70, 33, 10), BIPOLAR, BIPOLAR)
    images = np.random.default_rng(3).integers(0, 256, (100, 12, 1, 1)).astype(np.uint8)
    across = images.transpose(1, 0, 2, 3)
    engine = ReferenceEngine(network)
    assert np.array_equal(engine.run(across), engine.run(across.copy()))


def test_no_images_give_no_values() -> None:
    network = mlp((100, 70, 33, 10), BIPOLAR, BIPOLAR)
    none = np.empty((0, 100, 1, 1), np.uint8)
    engine = ReferenceEngine(network)
    assert engine.run(none).shape == (0, 1)
    assert engine.edges(none)["fc1"].shape == (0, 70)


def bipolar_engine() -> ReferenceEngine:
    return ReferenceEngine(Network((Input(name="image", type=TensorType(BIPOLAR, (2, 3))),)))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.ones((2, 3), np.int8), r"^images must have shape \(n, 2, 3\), not \(2, 3\)$"),
        (np.ones((5, 3, 2), np.int8), r"^images must have shape \(n, 2, 3\), not \(5, 3, 2\)$"),
        (np.int8(1), r"^images must have shape \(n, 2, 3\), not \(\)$"),
        (
            np.ones((5, 2, 3), np.float32),
            r"^images must be integers, values of BIPOLAR, not float32$",
        ),
        (np.ones((5, 2, 3), bool), r"^images must be integers, values of BIPOLAR, not bool$"),
    ],
)
def test_images_of_another_form_are_refused(images: np.ndarray, message: str) -> None:
    for method in (bipolar_engine().edges, bipolar_engine().run):
        with pytest.raises(DataError, match=message):
            method(images)


@pytest.mark.parametrize("wrong", [0, 2, -2, 127])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_value_that_the_type_has_not_is_refused(wrong: int, threads: int) -> None:
    network = Network((Input(name="image", type=TensorType(BIPOLAR, (2, 3))),))
    engine = ReferenceEngine(network, threads=threads)
    images = np.ones((1000, 2, 3), np.int8)
    images[700, 1, 1] = wrong
    message = rf"^images must hold values of BIPOLAR, not {wrong} \(image 700, element 4\)$"
    for method in (engine.edges, engine.run):
        with pytest.raises(DataError, match=message):
            method(images)


def test_a_value_out_of_range_is_refused() -> None:
    network = Network((Input(name="image", type=TensorType(uint_type(4), (3,))),))
    with pytest.raises(DataError, match=r"^images must hold values of UINT4, not 16 \(image 0, "):
        ReferenceEngine(network).run(np.array([[0, 15, 16]]))
    with pytest.raises(DataError, match=r"^images must hold values of UINT4, not -1 \(image 0, "):
        ReferenceEngine(network).run(np.array([[0, 15, -1]]))


def test_threads_must_be_positive() -> None:
    network = Network((Input(name="image", type=TensorType(BIPOLAR, (3,))),))
    with pytest.raises(ConfigError, match=r"^threads must be 1 or more, not 0$"):
        ReferenceEngine(network, threads=0)


def wide_network(convolutions: int) -> Network:
    """Convolutions one after the other on an image of 40,000 values, none of them activated."""
    nodes: list = [Input(name="image", type=TensorType(int_type(2), (100, 100, 4)))]
    for index in range(convolutions):
        nodes.append(
            Conv(
                name=f"conv{index}",
                inputs=(nodes[-1].name,),
                weights=np.eye(4, dtype=int).reshape(4, 1, 1, 4),
                weight_type=int_type(2),
                window=Window((1, 1)),
            )
        )
    return Network(tuple(nodes))


@pytest.mark.parametrize("method", ["run", "edges"])
def test_large_frames_pass_in_small_chunks(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = ReferenceEngine(wide_network(1), threads=1)
    chunks = []
    real = engine._run_plan

    def counted(plan: Plan, images: np.ndarray, first: str) -> dict[str, np.ndarray]:
        chunks.append(len(images))
        return real(plan, images, first)

    monkeypatch.setattr(engine, "_run_plan", counted)
    images = np.random.default_rng(0).integers(-2, 2, (10, 100, 100, 4))
    result = getattr(engine, method)(images)
    got = result["conv0"] if method == "edges" else result
    assert np.array_equal(got, images)
    assert chunks == [3, 3, 3, 1]  # 320 kB a frame


def test_arrays_are_dropped_once_nothing_reads_them() -> None:
    engine = ReferenceEngine(wide_network(5), threads=1)
    arrays = engine._run_plan(engine._fast, np.zeros((1, 40_000), np.uint8), "image.bytes")
    assert list(arrays) == ["conv4.values"]


def test_the_only_array_of_a_network_without_operations_is_kept() -> None:
    network = Network((Input(name="image", type=TensorType(int_type(20), (3,))),))
    assert ReferenceEngine(network).run(np.array([[1, -2, 3]])).tolist() == [[1, -2, 3]]
