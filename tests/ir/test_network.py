# SPDX-License-Identifier: Apache-2.0
"""Rules of the network stage and what they say when they are broken."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    ArgMax,
    DataType,
    Fifo,
    Flatten,
    Input,
    MatMul,
    Network,
    Node,
    TensorType,
    Threshold,
    ThresholdTable,
    accumulator_range,
    divisors,
    int_type,
    uint_type,
)

SIGN = ThresholdTable(np.array([[0]]), np.array([False]), -1, BIPOLAR)
IMAGE = Input(name="image", type=TensorType(BIPOLAR, (2, 1, 2)))
FLAT = Flatten(name="flat", inputs=("image",))
FC = MatMul(
    name="fc", inputs=("flat",), weights=np.ones((3, 4)), weight_type=BIPOLAR, origin="features.0"
)
ACT = Threshold(name="act", inputs=("fc",), table=SIGN)
LABEL = ArgMax(name="label", inputs=("act",), k=2)


def test_types_of_edges() -> None:
    network = Network((IMAGE, FLAT, FC, ACT, LABEL))
    assert {name: str(kind) for name, kind in network.types.items()} == {
        "image": "BIPOLAR[2x1x2]",
        "flat": "BIPOLAR[4]",
        "fc": "INT4[3]",
        "act": "BIPOLAR[3]",
        "label": "UINT2[2]",
    }


def test_access() -> None:
    network = Network((IMAGE, FLAT, FC, ACT, LABEL))
    assert network.input is IMAGE
    assert network.output is LABEL
    assert network.node("fc") is FC
    assert network.readers("fc") == (ACT,)
    assert network.readers("label") == ()
    assert network.input_types(FC) == (TensorType(BIPOLAR, (4,)),)
    assert network.types["image"].channels == 2
    assert network.types["image"].size == 4
    message = r"^no node is called 'fc9' \(there are: image, flat, fc, act, label\)$"
    with pytest.raises(GraphError, match=message):
        network.node("fc9")


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((), r"^the first node of a network graph must be its input$"),
        ((FLAT,), r"^the first node of a network graph must be its input$"),
        (
            (IMAGE, FLAT, FLAT),
            r"^names of nodes must differ \(node 'flat'\)$",
        ),
        (
            (IMAGE, Input(name="other", type=TensorType(BIPOLAR, (4,)))),
            r"^a graph must have one input \(node 'other'\)$",
        ),
        (
            (IMAGE, FC, FLAT),
            r"^edge 'flat' is read before it is made \(node 'fc', module 'features\.0'\)$",
        ),
        (
            (
                IMAGE,
                Add(name="sum", inputs=("image", "later")),
                Flatten(name="later", inputs=("sum",)),
            ),
            r"^edge 'later' is read before it is made \(node 'sum'\)$",
        ),
        (
            (IMAGE, FLAT, Flatten(name="again", inputs=("image",))),
            r"^every edge but the last must be read \(node 'flat'\)$",
        ),
        (
            (IMAGE, Fifo(name="queue", inputs=("image",), edge="image", depth_beats=2)),
            r"^fifo is no node of the network stage \(node 'queue'\)$",
        ),
        (
            (IMAGE, MatMul(name="fc", inputs=("image",), weights=[[1, 1]], weight_type=BIPOLAR)),
            r"^matmul of mw=2 takes a vector of 2, not BIPOLAR\[2x1x2\] \(node 'fc'\)$",
        ),
        (
            (
                IMAGE,
                Threshold(
                    name="act",
                    inputs=("image",),
                    table=ThresholdTable(np.zeros((3, 1)), np.zeros(3), -1, BIPOLAR),
                ),
            ),
            r"^a threshold table of 3 rows does not fit 2 channels \(node 'act'\)$",
        ),
        (
            (IMAGE, ArgMax(name="label", inputs=("image",))),
            r"^argmax of k=1 takes a vector of 1 or more, not BIPOLAR\[2x1x2\] \(node 'label'\)$",
        ),
        (
            (IMAGE, FLAT, ArgMax(name="label", inputs=("flat",), k=5)),
            r"^argmax of k=5 takes a vector of 5 or more, not BIPOLAR\[4\] \(node 'label'\)$",
        ),
        (
            (IMAGE, FLAT, ArgMax(name="label", inputs=("flat",), k=0)),
            r"^argmax of k=0 takes a vector of 0 or more, not BIPOLAR\[4\] \(node 'label'\)$",
        ),
    ],
)
def test_graphs_that_are_refused(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Network(nodes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Flatten(name="Flat", inputs=("image",)),
            r"^a node's name must be lower-case letters, digits and '_', not 'Flat'$",
        ),
        (
            lambda: Flatten(name="flat\n", inputs=("image",)),
            r"^a node's name must be lower-case letters, digits and '_', not 'flat\\n'$",
        ),
        (
            lambda: Flatten(name="flat", inputs=("a", "b")),
            r"^flatten takes 1 input\(s\), not 2 \(node 'flat'\)$",
        ),
        (
            lambda: Flatten(name="flat"),
            r"^flatten takes 1 input\(s\), not 0 \(node 'flat'\)$",
        ),
        (
            lambda: TensorType(BIPOLAR, ()),
            r"^a tensor's shape must have axes of 1 or more, not \(\)$",
        ),
        (
            lambda: TensorType(BIPOLAR, (2, 0)),
            r"^a tensor's shape must have axes of 1 or more, not \(2, 0\)$",
        ),
        (
            lambda: weights([[1, 0]], BIPOLAR),
            r"^weights must be values of BIPOLAR \(node 'fc', module 'net\.fc'\)$",
        ),
        (
            lambda: weights([[2, 0]], TERNARY),
            r"^weights must be values of TERNARY \(node 'fc', module 'net\.fc'\)$",
        ),
        (
            lambda: weights([[200]], int_type(9)),
            r"^weights must have 8 bits or fewer, not INT9 \(node 'fc', module 'net\.fc'\)$",
        ),
        (
            lambda: weights([[200]], uint_type(8)),
            r"^a constant must hold values of int8, not int64 ones$",
        ),
        (
            lambda: weights(np.ones((0, 3)), BIPOLAR),
            r"^weights must have axes of 1 or more, not shape \(0, 3\) \(node 'fc', ",
        ),
        (
            lambda: weights([1, -1], BIPOLAR),
            r"^a constant must have 2 axes, not shape \(2,\)$",
        ),
    ],
)
def test_nodes_that_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        make()


def weights(values: object, weight_type: DataType) -> MatMul:
    return MatMul(
        name="fc", inputs=("x",), weights=values, weight_type=weight_type, origin="net.fc"
    )


def test_sums_that_need_more_than_32_bits_are_refused() -> None:
    nodes = (
        Input(name="image", type=TensorType(uint_type(32), (2,))),
        MatMul(name="fc", inputs=("image",), weights=[[1, 1]], weight_type=BIPOLAR),
    )
    message = r"^sums must fit 32 bits, not 0\.\.8589934590 \(node 'fc'\)$"
    with pytest.raises(GraphError, match=message):
        Network(nodes)


def test_graphs_are_immutable_and_copy_their_constants() -> None:
    given_weights = np.ones((3, 4), np.int8)
    node = MatMul(name="fc", inputs=("flat",), weights=given_weights, weight_type=BIPOLAR)
    given_weights[0, 0] = -1
    assert node.weights[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        node.weights[0, 0] = -1
    with pytest.raises(AttributeError):
        node.name = "other"
    with pytest.raises(AttributeError):
        Network((IMAGE,)).nodes = ()


def test_edges_fork_and_join() -> None:
    """By readers of their own, or by a node that reads one edge twice."""
    network = Network((IMAGE, FLAT, FC, ACT, join("sum", "fc", "act"), join("twice", "sum", "sum")))
    assert [node.name for node in network.readers("fc")] == ["act", "sum"]
    assert [node.name for node in network.readers("sum")] == ["twice"]
    assert network.input_types(network.node("sum")) == (
        TensorType(int_type(4), (3,)),
        TensorType(BIPOLAR, (3,)),
    )


def join(name: str, *inputs: str) -> Add:
    return Add(name=name, inputs=inputs)


@given(
    st.sampled_from([BIPOLAR, TERNARY, int_type(2), uint_type(2), int_type(3)]),
    st.lists(st.lists(st.integers(-4, 3), min_size=3, max_size=3), min_size=1, max_size=3),
)
def test_accumulator_range_is_exact(element: DataType, rows: list[list[int]]) -> None:
    matrix = np.array(rows, np.int8)
    values = range(element.min, element.max + 1, element.step)
    sums = [matrix @ np.array(x) for x in itertools.product(values, repeat=3)]
    assert accumulator_range(matrix, element) == (np.min(sums), np.max(sums))


@given(st.integers(1, 500))
def test_divisors(number: int) -> None:
    assert divisors(number) == [d for d in range(1, number + 1) if number % d == 0]
