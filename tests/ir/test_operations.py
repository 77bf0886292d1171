# SPDX-License-Identifier: Apache-2.0
"""Types of the operations on vectors and elements, against sums and pictures of actual values."""

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
    Concat,
    DataType,
    Flatten,
    Input,
    Network,
    Node,
    TensorType,
    Thermometer,
    Threshold,
    ThresholdTable,
    int_type,
    uint_type,
)

SMALL_TYPES = st.sampled_from(
    [BIPOLAR, TERNARY, *map(uint_type, range(1, 5)), *map(int_type, range(2, 5))]
)
SHAPES = st.lists(st.integers(1, 4), min_size=3, max_size=3).map(tuple) | st.tuples(
    st.integers(1, 9)
)
ENDS = np.iinfo(np.int64)


def values_of(element: DataType) -> list[int]:
    return [v for v in range(element.min, element.max + 1) if element.contains(np.array(v))]


def narrowest(low: int, high: int) -> DataType:
    """By trying one type after the other."""
    tried = map(uint_type, range(1, 33)) if low >= 0 else map(int_type, range(2, 33))
    return next(t for t in tried if t.min <= low and high <= t.max)


def add(shifts: tuple[int, ...] = (0, 0)) -> Add:
    return Add(name="sum", inputs=("a", "b"), shifts=shifts)


def concat(count: int = 2) -> Concat:
    return Concat(name="both", inputs=tuple("abcd"[:count]))


def thermometer(levels: object) -> Thermometer:
    return Thermometer(name="bits", inputs=("image",), levels=levels)


@given(SMALL_TYPES, SMALL_TYPES, st.tuples(st.integers(0, 4), st.integers(0, 4)), SHAPES)
def test_add_has_the_narrowest_type_of_all_sums(
    first: DataType, second: DataType, shifts: tuple[int, int], shape: tuple[int, ...]
) -> None:
    sums = [
        a * 2 ** shifts[0] + b * 2 ** shifts[1]
        for a, b in itertools.product(values_of(first), values_of(second))
    ]
    result = add(shifts).infer((TensorType(first, shape), TensorType(second, shape)))
    assert result == TensorType(narrowest(min(sums), max(sums)), shape)


def test_add_of_shifted_bipolar_values() -> None:
    """Sums of two bits: -2, 0, 2; with a shift of 1: -3, -1, 1, 3."""
    bits = TensorType(BIPOLAR, (4,))
    kinds = [str(add(shifts).infer((bits, bits)).element) for shifts in ((0, 0), (1, 0), (2, 2))]
    assert kinds == ["INT3", "INT3", "INT5"]


def test_add_of_an_edge_to_itself() -> None:
    network = Network(
        (
            Input(name="image", type=TensorType(uint_type(2), (2, 2, 3))),
            Add(name="sum", inputs=("image", "image")),
        )
    )
    assert str(network.types["sum"]) == "UINT3[2x2x3]"
    assert [node.name for node in network.readers("image")] == ["sum"]


@pytest.mark.parametrize(
    ("first", "second", "shifts", "expected"),
    [
        (uint_type(31), uint_type(31), (0, 0), "UINT32"),
        (int_type(31), int_type(31), (0, 0), "INT32"),
        (uint_type(8), BIPOLAR, (24, 0), None),
        (uint_type(8), uint_type(24), (24, 0), "UINT32"),
        (int_type(8), uint_type(24), (24, 0), "INT32"),
        (uint_type(32), uint_type(1), (0, 0), None),
        (int_type(32), BIPOLAR, (0, 0), None),
        (int_type(9), BIPOLAR, (24, 0), None),
        (BIPOLAR, BIPOLAR, (24, 24), "INT27"),
    ],
)
def test_add_up_to_32_bits(
    first: DataType, second: DataType, shifts: tuple[int, int], expected: str | None
) -> None:
    types = TensorType(first, (1,)), TensorType(second, (1,))
    if expected is not None:
        assert str(add(shifts).infer(types).element) == expected
        return
    with pytest.raises(
        GraphError, match=r"^sums must fit 32 bits, not -?\d+\.\.\d+ \(node 'sum'\)$"
    ):
        add(shifts).infer(types)


@given(
    SMALL_TYPES,
    st.lists(st.integers(1, 5), min_size=2, max_size=4),
    st.sampled_from([(), (3, 2), (1, 4)]),
)
def test_concat_of_vectors_and_images(
    element: DataType, channels: list[int], size: tuple[int, ...]
) -> None:
    shapes = [(*size, count) for count in channels]
    together = np.concatenate([np.ones(shape) for shape in shapes], axis=-1)
    types = tuple(TensorType(element, shape) for shape in shapes)
    assert concat(len(shapes)).infer(types) == TensorType(element, together.shape)


@given(SMALL_TYPES, SHAPES, st.sets(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5))
def test_thermometer_gives_a_bit_for_each_level(
    element: DataType, shape: tuple[int, ...], levels: set[int]
) -> None:
    """Whether or not the levels are values of the type."""
    shown = np.ones(shape)[..., None] >= np.array(sorted(levels), float)
    bits = shown.reshape(*shape[:-1], -1)
    result = thermometer(np.array(sorted(levels))).infer((TensorType(element, shape),))
    assert result == TensorType(BIPOLAR, bits.shape)


def test_levels_of_a_thermometer_may_be_negative_and_are_kept_read_only() -> None:
    given_levels = np.array([-5, 0, 7])
    node = thermometer(given_levels)
    given_levels[0] = 3
    assert node.levels.dtype == np.int64
    assert node.levels.tolist() == [-5, 0, 7]
    with pytest.raises(ValueError, match="read-only"):
        node.levels[0] = 1


def test_levels_at_the_ends_of_int64() -> None:
    assert thermometer(np.array([ENDS.min, 0, ENDS.max])).levels.tolist() == [ENDS.min, 0, ENDS.max]
    with pytest.raises(GraphError, match=r"^a thermometer must have one level or more, each above"):
        thermometer(np.array([ENDS.max, ENDS.min]))


@given(SMALL_TYPES, SHAPES)
def test_flatten(element: DataType, shape: tuple[int, ...]) -> None:
    result = Flatten(name="flat", inputs=("image",)).infer((TensorType(element, shape),))
    assert result == TensorType(element, np.ones(shape).reshape(-1).shape)


@pytest.mark.parametrize("rows", [1, 3])
def test_thresholds_of_an_image_are_those_of_its_channels(rows: int) -> None:
    table = ThresholdTable(np.zeros((rows, 2)), np.zeros(rows), -1, TERNARY)
    node = Threshold(name="act", inputs=("image",), table=table)
    assert str(node.infer((TensorType(int_type(9), (4, 5, 3)),))) == "TERNARY[4x5x3]"
    assert str(node.infer((TensorType(int_type(9), (3,)),))) == "TERNARY[3]"


@pytest.mark.parametrize(
    ("size", "element"), [(1, "UINT1"), (2, "UINT1"), (3, "UINT2"), (4, "UINT2"), (5, "UINT3")]
)
def test_argmax_holds_every_index(size: int, element: str) -> None:
    result = ArgMax(name="label", inputs=("x",)).infer((TensorType(BIPOLAR, (size,)),))
    assert str(result) == f"{element}[1]"
    assert result.element.contains(np.arange(size))


IMAGE = TensorType(uint_type(2), (2, 3, 4))


@pytest.mark.parametrize(
    ("node", "inputs", "message"),
    [
        (
            add(),
            (IMAGE, TensorType(uint_type(2), (2, 3, 1))),
            r"^add takes two tensors of one shape, not UINT2\[2x3x4\] and UINT2\[2x3x1\] "
            r"\(node 'sum'\)$",
        ),
        (
            add(),
            (IMAGE, TensorType(uint_type(2), (24,))),
            r"^add takes two tensors of one shape, not UINT2\[2x3x4\] and UINT2\[24\] "
            r"\(node 'sum'\)$",
        ),
        (
            add((24, 0)),
            (TensorType(uint_type(16), (1,)), TensorType(BIPOLAR, (1,))),
            r"^sums must fit 32 bits, not -1\.\.1099494850561 \(node 'sum'\)$",
        ),
        (
            concat(),
            (IMAGE, TensorType(int_type(2), (2, 3, 4))),
            r"^concat takes tensors of one type and size, not UINT2\[2x3x4\] and INT2\[2x3x4\] "
            r"\(node 'both'\)$",
        ),
        (
            concat(),
            (IMAGE, TensorType(uint_type(2), (3, 2, 4))),
            r"^concat takes tensors of one type and size, not UINT2\[2x3x4\] and UINT2\[3x2x4\] "
            r"\(node 'both'\)$",
        ),
        (
            concat(3),
            (IMAGE, IMAGE, TensorType(uint_type(2), (4,))),
            r"^concat takes tensors of one type and size, not UINT2\[2x3x4\] and UINT2\[4\] "
            r"\(node 'both'\)$",
        ),
        (
            Threshold(
                name="act",
                inputs=("image",),
                table=ThresholdTable(np.zeros((24, 1)), np.zeros(24), -1, BIPOLAR),
            ),
            (IMAGE,),
            r"^a threshold table of 24 rows does not fit 4 channels \(node 'act'\)$",
        ),
    ],
)
def test_inputs_that_are_refused(node: Node, inputs: tuple[TensorType, ...], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        node.infer(inputs)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: add((25, 0)),
            r"^add must have two shifts of 0\.\.24, not \(25, 0\) \(node 'sum'\)$",
        ),
        (
            lambda: add((0, -1)),
            r"^add must have two shifts of 0\.\.24, not \(0, -1\) \(node 'sum'\)$",
        ),
        (lambda: add((0,)), r"^add must have two shifts of 0\.\.24, not \(0,\) \(node 'sum'\)$"),
        (
            lambda: add((0, 0, 0)),
            r"^add must have two shifts of 0\.\.24, not \(0, 0, 0\) \(node 'sum'\)$",
        ),
        (
            lambda: Add(name="sum", inputs=("a",)),
            r"^add takes 2 input\(s\), not 1 \(node 'sum'\)$",
        ),
        (
            lambda: Add(name="sum", inputs=("a", "b", "c")),
            r"^add takes 2 input\(s\), not 3 \(node 'sum'\)$",
        ),
        (
            lambda: concat(1),
            r"^concat takes two inputs or more, not 1 \(node 'both'\)$",
        ),
        (
            lambda: thermometer([]),
            r"^a thermometer must have one level or more, each above the one before "
            r"\(node 'bits'\)$",
        ),
        (
            lambda: thermometer([1, 3, 3]),
            r"^a thermometer must have one level or more, each above the one before "
            r"\(node 'bits'\)$",
        ),
        (
            lambda: thermometer([3, 1]),
            r"^a thermometer must have one level or more, each above the one before "
            r"\(node 'bits'\)$",
        ),
        (lambda: thermometer([0.5]), r"^a constant must hold values of int64, not float64 ones$"),
        (lambda: thermometer([[1]]), r"^a constant must have 1 axes, not shape \(1, 1\)$"),
    ],
)
def test_nodes_that_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        make()
