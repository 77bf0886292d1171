# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.ir import BIPOLAR, TERNARY, DataType, Kind, int_type, smallest_type, uint_type

TYPES = st.one_of(
    st.sampled_from([BIPOLAR, TERNARY]),
    st.integers(2, 32).map(int_type),
    st.integers(1, 32).map(uint_type),
)


@st.composite
def types_with_values(draw: st.DrawFn) -> tuple[DataType, np.ndarray]:
    element = draw(TYPES)
    count = st.integers(0, element.levels - 1)
    counts = draw(st.lists(st.one_of(st.sampled_from([0, element.levels - 1]), count), max_size=20))
    return element, element.min + element.step * np.array(counts, np.int64)


@given(TYPES)
def test_names_round_trip(element: DataType) -> None:
    assert DataType.parse(element.name) == element
    assert DataType.parse(str(element)) == element


@given(types_with_values())
def test_codes_round_trip_and_fit(drawn: tuple[DataType, np.ndarray]) -> None:
    element, values = drawn
    codes = element.encode(values)
    assert codes.dtype == np.uint32
    assert np.all(codes.astype(np.uint64) < (1 << element.width_bits))
    assert np.array_equal(element.decode(codes), values)


@given(TYPES.filter(lambda t: t.width_bits <= 8))
def test_values_are_the_steps_from_min_to_max(element: DataType) -> None:
    values = np.arange(element.min, element.max + 1, element.step)
    assert len(values) == element.levels
    assert element.contains(values)
    assert len(set(element.encode(values).tolist())) == element.levels
    assert element.signed == bool(element.min < 0)
    for outside in (element.min - 1, element.max + 1):
        assert not element.contains(np.array([*values, outside]))


@pytest.mark.parametrize(
    ("name", "low", "high", "levels", "width"),
    [
        ("BIPOLAR", -1, 1, 2, 1),
        ("TERNARY", -1, 1, 3, 2),
        ("INT2", -2, 1, 4, 2),
        ("INT8", -128, 127, 256, 8),
        ("UINT1", 0, 1, 2, 1),
        ("UINT8", 0, 255, 256, 8),
        ("INT32", -(2**31), 2**31 - 1, 2**32, 32),
    ],
)
def test_ranges(name: str, low: int, high: int, levels: int, width: int) -> None:
    element = DataType.parse(name)
    assert (element.min, element.max, element.levels, element.width_bits) == (
        low,
        high,
        levels,
        width,
    )


def test_codes_are_bit_patterns() -> None:
    assert BIPOLAR.encode(np.array([-1, 1])).tolist() == [0, 1]
    assert TERNARY.encode(np.array([-1, 0, 1])).tolist() == [3, 0, 1]
    assert int_type(4).encode(np.array([-8, -1, 7])).tolist() == [8, 15, 7]


def test_bipolar_has_no_zero() -> None:
    assert not BIPOLAR.contains(np.array([1, 0]))
    with pytest.raises(GraphError, match=r"^values do not all fit BIPOLAR$"):
        BIPOLAR.encode(np.array([0]))


def test_halves_are_no_integers() -> None:
    assert not uint_type(2).contains(np.array([0.5]))


def test_no_values_are_of_every_type() -> None:
    assert BIPOLAR.contains(np.array([]))


@pytest.mark.parametrize(
    "name", ["", "INT", "int4", "UINT0", "INT100", "FLOAT32", " INT4", "INT4\n"]
)
def test_unknown_names(name: str) -> None:
    message = rf"^unknown element type {name!r} \(known: BIPOLAR, TERNARY, INT2..32, UINT1..32\)$"
    with pytest.raises(
        GraphError, match=message.replace("\\", r"\\").replace(r"\\(", r"\(").replace(r"\\)", r"\)")
    ):
        DataType.parse(name)


@pytest.mark.parametrize(
    ("kind", "width", "message"),
    [
        (Kind.INT, 1, r"^width of INT must be 2\.\.32 bits, not 1$"),
        (Kind.INT, 33, r"^width of INT must be 2\.\.32 bits, not 33$"),
        (Kind.UINT, 0, r"^width of UINT must be 1\.\.32 bits, not 0$"),
        (Kind.BIPOLAR, 2, r"^width of BIPOLAR must be 1\.\.1 bits, not 2$"),
        (Kind.TERNARY, 1, r"^width of TERNARY must be 2\.\.2 bits, not 1$"),
    ],
)
def test_widths_out_of_range(kind: Kind, width: int, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        DataType(kind, width)


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_smallest_type_holds_the_range_and_no_narrower_one_does(a: int, b: int) -> None:
    low, high = min(a, b), max(a, b)
    element = smallest_type(low, high)
    assert element.min <= low
    assert high <= element.max
    narrowest = 2 if element.signed else 1
    if element.width_bits > narrowest:
        narrower = DataType(element.kind, element.width_bits - 1)
        assert low < narrower.min or high > narrower.max
