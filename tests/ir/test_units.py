# SPDX-License-Identifier: Apache-2.0
"""Types of the streams of layers that compute, against all values that can come."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.errors import FoldingError, GraphError
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    VVAU,
    AddUnit,
    DataType,
    Folding,
    GlobalPoolUnit,
    LabelSelect,
    Layer,
    PoolKind,
    PoolUnit,
    StreamType,
    ThermometerUnit,
    Thresholding,
    ThresholdTable,
    divisors,
    int_type,
    uint_type,
)

ELEMENTS = st.sampled_from([BIPOLAR, TERNARY, uint_type(1), uint_type(2), int_type(2)])
SIGN = ThresholdTable(np.array([[0]]), np.array([False]), -1, BIPOLAR)
HEADER = {"name": "unit", "inputs": ("image",), "edge": "y", "origin": "net.0"}
HERE = r"\(node 'unit', module 'net\.0'\)$"


def values_of(element: DataType) -> list[int]:
    return list(range(element.min, element.max + 1, element.step))


def narrowest(values: np.ndarray) -> DataType:
    """By trying one type after the other."""
    widths = range(1, 33) if values.min() >= 0 else range(2, 33)
    tried = map(uint_type if values.min() >= 0 else int_type, widths)
    return next(t for t in tried if t.contains(values))


def mvau(mh: int = 2, mw: int = 8, pe: int = 1, simd: int = 4) -> MVAU:
    weights = np.ones((mh, mw))
    return MVAU(
        **HEADER, weights=weights, weight_type=BIPOLAR, table=None, folding=Folding(pe, simd)
    )


def vvau(
    weights: object,
    folding: Folding,
    weight_type: DataType = TERNARY,
    table: ThresholdTable | None = None,
) -> VVAU:
    return VVAU(**HEADER, weights=weights, weight_type=weight_type, table=table, folding=folding)


def pool(kind: PoolKind, channels: int, taps: int, pe: int = 1, simd: int = 1) -> PoolUnit:
    return PoolUnit(**HEADER, kind=kind, channels=channels, taps=taps, folding=Folding(pe, simd))


def global_pool(kind: PoolKind) -> GlobalPoolUnit:
    return GlobalPoolUnit(**HEADER, kind=kind)


def add(shifts: tuple[int, ...] = (0, 0)) -> AddUnit:
    return AddUnit(**(HEADER | {"inputs": ("a", "b")}), shifts=shifts)


@st.composite
def foldings(draw: st.DrawFn) -> tuple[int, int, Folding]:
    """Channels, taps and a folding of them; few enough taps that all values are tried."""
    channels, taps = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    pe, simd = draw(st.sampled_from(divisors(channels))), draw(st.sampled_from(divisors(taps)))
    return channels, taps, Folding(pe, simd)


def windows_for(
    element: DataType, channels: int, taps: int, folding: Folding, vectors: int
) -> StreamType:
    return StreamType(element, channels * taps, folding.pe * folding.simd, vectors)


@settings(max_examples=60)
@given(foldings(), ELEMENTS, st.integers(1, 9), st.data())
def test_vvau_has_the_narrowest_type_of_all_sums(
    drawn: tuple[int, int, Folding], element: DataType, vectors: int, data: st.DataObject
) -> None:
    channels, taps, folding = drawn
    row = st.lists(st.integers(-1, 1), min_size=taps, max_size=taps)
    weights = np.array(data.draw(st.lists(row, min_size=channels, max_size=channels)))
    seen = np.array(list(itertools.product(values_of(element), repeat=taps)))
    unit = vvau(weights, folding)
    result = unit.infer((windows_for(element, channels, taps, folding, vectors),))
    expected = narrowest(seen @ weights.T)
    assert result == StreamType(expected, channels, folding.pe, vectors)
    assert (unit.channels, unit.taps) == (channels, taps)
    assert unit.nf * unit.sf * folding.pe * folding.simd == channels * taps


def test_vvau_with_thresholds_gives_their_results() -> None:
    table = ThresholdTable(np.zeros((4, 3)), np.zeros(4), 0, uint_type(2))
    unit = vvau(np.ones((4, 9)), Folding(pe=2, simd=3), table=table)
    assert (unit.nf, unit.sf) == (2, 3)
    assert str(unit.infer((StreamType(BIPOLAR, 36, 6, 49),))) == "stream<UINT2 x 2>[49 x 4]"


@settings(max_examples=60)
@given(foldings(), ELEMENTS, st.integers(1, 9))
def test_pools_over_windows(
    drawn: tuple[int, int, Folding], element: DataType, vectors: int
) -> None:
    channels, taps, folding = drawn
    source = windows_for(element, channels, taps, folding, vectors)
    largest = pool(PoolKind.MAX, channels, taps, folding.pe, folding.simd)
    assert largest.infer((source,)) == StreamType(element, channels, folding.pe, vectors)
    total = pool(PoolKind.SUM, channels, taps, folding.pe, folding.simd)
    sums = np.array(list(itertools.product(values_of(element), repeat=taps))).sum(axis=1)
    assert total.infer((source,)) == StreamType(narrowest(sums), channels, folding.pe, vectors)
    assert (total.nf, total.sf) == (channels // folding.pe, taps // folding.simd)


@given(ELEMENTS, st.integers(1, 5), st.sampled_from([(6, 1), (6, 3), (4, 4)]))
def test_pools_over_a_frame(element: DataType, vectors: int, width: tuple[int, int]) -> None:
    source = StreamType(element, *width, vectors)
    assert global_pool(PoolKind.MAX).infer((source,)) == StreamType(element, *width)
    sums = np.array(list(itertools.product(values_of(element), repeat=vectors))).sum(axis=1)
    assert global_pool(PoolKind.SUM).infer((source,)) == StreamType(narrowest(sums), *width)


@given(
    st.sampled_from([BIPOLAR, TERNARY, int_type(8), uint_type(8)]),
    st.sets(st.integers(-300, 300), min_size=1, max_size=6),
    st.sampled_from([(6, 1), (6, 3), (4, 4)]),
)
def test_thermometer_gives_a_lane_for_each_level(
    element: DataType, levels: set[int], width: tuple[int, int]
) -> None:
    unit = ThermometerUnit(**HEADER, levels=np.array(sorted(levels)))
    source = StreamType(element, *width, 5)
    result = unit.infer((source,))
    beats = np.zeros((source.beats_per_frame, source.lanes))
    bits = np.repeat(beats, len(levels), axis=1)
    assert (result.beats_per_frame, result.lanes) == bits.shape
    assert (result.element, result.vectors, result.size) == (BIPOLAR, 5, bits.size)


@given(ELEMENTS, ELEMENTS, st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_add_has_the_narrowest_type_of_all_sums(
    first: DataType, second: DataType, shifts: tuple[int, int]
) -> None:
    terms = itertools.product(values_of(first), values_of(second))
    sums = np.array([a * 2 ** shifts[0] + b * 2 ** shifts[1] for a, b in terms])
    result = add(shifts).infer((StreamType(first, 6, 2, 5), StreamType(second, 6, 2, 5)))
    assert result == StreamType(narrowest(sums), 6, 2, 5)


def test_mvau_reads_windows_with_flags() -> None:
    """They are what flags are for; its own stream has none."""
    flagged = StreamType(BIPOLAR, 8, 4, 9, 2)
    assert mvau(pe=2).infer((flagged,)) == StreamType(int_type(5), 2, 2, 9)


def test_mvau_reads_a_flattened_image() -> None:
    assert mvau().infer((StreamType(BIPOLAR, 4, 4, 2),)) == StreamType(int_type(5), 2, 1)


FLAGGED = StreamType(BIPOLAR, 8, 4, 9, 1)
THRESHOLDING = Thresholding(**HEADER, table=SIGN, channels=8, folding=Folding(pe=4))


@pytest.mark.parametrize(
    ("unit", "inputs"),
    [
        (THRESHOLDING, (FLAGGED,)),
        (ThermometerUnit(**HEADER, levels=[0]), (FLAGGED,)),
        (global_pool(PoolKind.MAX), (FLAGGED,)),
        (global_pool(PoolKind.SUM), (FLAGGED,)),
        (LabelSelect(**HEADER), (FLAGGED,)),
        (add(), (FLAGGED, FLAGGED)),
        (add(), (StreamType(BIPOLAR, 8, 4, 9), FLAGGED)),
    ],
    ids=lambda value: value.mnemonic if isinstance(value, Layer) else "",
)
def test_flags_are_not_lost_silently(unit: Layer, inputs: tuple[StreamType, ...]) -> None:
    message = (
        rf"^{unit.mnemonic} takes streams without flags for 0, "
        rf"not stream<BIPOLAR x 4 \+ 1>\[9 x 8\] {HERE}"
    )
    with pytest.raises(GraphError, match=message):
        unit.infer(inputs)


@pytest.mark.parametrize(
    ("unit", "source", "message"),
    [
        (
            vvau(np.ones((4, 9)), Folding(pe=2, simd=3)),
            StreamType(BIPOLAR, 36, 3),
            rf"^vvau takes windows of 36 in pe \* simd = 6 lanes, "
            rf"not stream<BIPOLAR x 3>\[1 x 36\] {HERE}",
        ),
        (
            vvau(np.ones((4, 9)), Folding(pe=2, simd=3)),
            StreamType(BIPOLAR, 18, 6, 2),
            rf"^vvau takes windows of 36 in pe \* simd = 6 lanes, "
            rf"not stream<BIPOLAR x 6>\[2 x 18\] {HERE}",
        ),
        (
            vvau(np.ones((4, 9)), Folding(pe=2, simd=3)),
            StreamType(BIPOLAR, 36, 6, 1, 3),
            rf"^vvau takes windows of 36 in pe \* simd = 6 lanes, "
            rf"not stream<BIPOLAR x 6 \+ 3>\[1 x 36\] {HERE}",
        ),
        (
            pool(PoolKind.MAX, 4, 4, pe=2),
            StreamType(BIPOLAR, 16, 1),
            rf"^pool takes windows of 16 in pe \* simd = 2 lanes, "
            rf"not stream<BIPOLAR x 1>\[1 x 16\] {HERE}",
        ),
        (
            pool(PoolKind.MAX, 4, 4, pe=2),
            StreamType(BIPOLAR, 16, 2, 1, 1),
            rf"^pool takes windows of 16 in pe \* simd = 2 lanes, "
            rf"not stream<BIPOLAR x 2 \+ 1>\[1 x 16\] {HERE}",
        ),
        (
            pool(PoolKind.SUM, 1, 4),
            StreamType(uint_type(31), 4, 1),
            rf"^sums must fit 32 bits, not 0\.\.8589934588 {HERE}",
        ),
        (
            global_pool(PoolKind.SUM),
            StreamType(int_type(32), 4, 1, 2),
            rf"^sums must fit 32 bits, not -4294967296\.\.4294967294 {HERE}",
        ),
        (
            vvau(np.ones((1, 2)), Folding()),
            StreamType(uint_type(32), 2, 1),
            rf"^sums must fit 32 bits, not 0\.\.8589934590 {HERE}",
        ),
        (
            mvau(),
            StreamType(BIPOLAR, 4, 4, 2, 1),
            rf"^a stream with flags for 0 cannot be flattened: "
            rf"stream<BIPOLAR x 4 \+ 1>\[2 x 4\] {HERE}",
        ),
    ],
)
def test_streams_that_are_refused(unit: Layer, source: StreamType, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        unit.infer((source,))


@pytest.mark.parametrize(
    "second",
    [
        StreamType(BIPOLAR, 8, 2, 9),
        StreamType(BIPOLAR, 4, 4, 9),
        StreamType(BIPOLAR, 8, 4, 3),
        StreamType(BIPOLAR, 72, 4, 1),
    ],
    ids=str,
)
def test_streams_out_of_step_are_not_added(second: StreamType) -> None:
    message = r"^add takes two streams of one shape, not stream<BIPOLAR x 4>\[9 x 8\] and stream<"
    with pytest.raises(GraphError, match=message):
        add().infer((StreamType(BIPOLAR, 8, 4, 9), second))


def test_sums_of_streams_fit_32_bits() -> None:
    wide = StreamType(uint_type(32), 4, 4)
    message = rf"^sums must fit 32 bits, not 0\.\.12884901885 {HERE}"
    with pytest.raises(GraphError, match=message):
        add((1, 0)).infer((wide, wide))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: vvau(np.ones((4, 9)), Folding(pe=3)),
            r"^pe must divide channels=4, not 3 \(layer 'unit'; legal: 1, 2, 4\)$",
        ),
        (
            lambda: vvau(np.ones((4, 9)), Folding(simd=2)),
            r"^simd must divide taps=9, not 2 \(layer 'unit'; legal: 1, 3, 9\)$",
        ),
        (
            lambda: pool(PoolKind.MAX, 4, 9, pe=8),
            r"^pe must divide channels=4, not 8 \(layer 'unit'; legal: 1, 2, 4\)$",
        ),
        (
            lambda: pool(PoolKind.SUM, 4, 9, simd=0),
            r"^simd must divide taps=9, not 0 \(layer 'unit'; legal: 1, 3, 9\)$",
        ),
    ],
)
def test_foldings_that_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(FoldingError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: vvau(np.zeros((4, 9)), Folding(), BIPOLAR),
            rf"^weights must be values of BIPOLAR {HERE}",
        ),
        (
            lambda: vvau(np.ones((4, 3, 3)), Folding()),
            r"^a constant must have 2 axes, not shape \(4, 3, 3\)$",
        ),
        (
            lambda: vvau(
                np.ones((4, 9)),
                Folding(),
                table=ThresholdTable(np.zeros((9, 1)), np.zeros(9), -1, BIPOLAR),
            ),
            rf"^a threshold table of 9 rows does not fit 4 channels {HERE}",
        ),
        (lambda: add((0, 30)), rf"^add must have two shifts of 0\.\.24, not \(0, 30\) {HERE}"),
        (
            lambda: ThermometerUnit(**HEADER, levels=[2, 1]),
            rf"^a thermometer must have one level or more, each above the one before {HERE}",
        ),
        (
            lambda: AddUnit(**HEADER),
            r"^add takes 2 input\(s\), not 1 \(node 'unit'\)$",
        ),
    ],
)
def test_units_that_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        make()
