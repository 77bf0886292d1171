# SPDX-License-Identifier: Apache-2.0
"""Windows against their definition, pixel by pixel."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from xnorflow.errors import GraphError
from xnorflow.ir import Window
from xnorflow.ir.windows import check_padding, padded_size


def pairs(high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(1, high), st.integers(1, high))


WINDOWS = st.builds(
    Window,
    kernel=pairs(4),
    stride=pairs(3),
    dilation=pairs(3),
    padding=st.tuples(*[st.integers(0, 4)] * 4),
)


def positions(window: Window, axis: int, size: int) -> list[list[int]]:
    """The rows or columns that each window sees, by walking until one leaves the padded image."""
    before, after = window.padding[axis], window.padding[axis + 2]
    starts = itertools.count(-before, window.stride[axis])
    seen = (
        [start + k * window.dilation[axis] for k in range(window.kernel[axis])] for start in starts
    )
    return list(itertools.takewhile(lambda taps: taps[-1] < size + after, seen))


@given(WINDOWS, pairs(9))
def test_number_of_windows(window: Window, shape: tuple[int, int]) -> None:
    counts = tuple(len(positions(window, axis, shape[axis])) for axis in (0, 1))
    assert tuple(max(0, count) for count in window.output_shape(shape)) == counts


@given(WINDOWS)
def test_size_of_a_window(window: Window) -> None:
    """A window covers its extent exactly: it fits there once, and not where a row is missing."""
    bare = Window(window.kernel, window.stride, window.dilation)
    rows, columns = bare.extent
    assert bare.output_shape((rows, columns)) == (1, 1)
    taps = [positions(bare, axis, size)[0] for axis, size in enumerate((rows, columns))]
    assert bare.taps == len(list(itertools.product(*taps)))
    assert [span[-1] - span[0] + 1 for span in taps] == [rows, columns]
    assert bare.output_shape((rows - 1, columns))[0] < 1
    assert bare.output_shape((rows, columns - 1))[1] < 1


@given(WINDOWS, pairs(7))
@example(Window((2, 1), dilation=(2, 1), padding=(1, 0, 1, 0)), (1, 1))
@example(Window((1, 2), stride=(1, 3), padding=(0, 0, 0, 2)), (1, 3))
def test_windows_that_see_padding_alone(window: Window, shape: tuple[int, int]) -> None:
    inside = np.pad(np.ones(shape, bool), np.reshape(window.padding, (2, 2)).T)
    top, left = window.padding[:2]
    blind = {
        (oy, ox)
        for oy, rows in enumerate(positions(window, 0, shape[0]))
        for ox, columns in enumerate(positions(window, 1, shape[1]))
        if not inside[np.ix_([y + top for y in rows], [x + left for x in columns])].any()
    }
    assume(positions(window, 0, shape[0]) and positions(window, 1, shape[1]))
    assert window.blind_place(shape) in (blind or {None})


@given(st.tuples(*[st.integers(0, 5)] * 4), pairs(5))
def test_padded_size(padding: tuple[int, int, int, int], shape: tuple[int, int]) -> None:
    top, left, bottom, right = padding
    padded = np.pad(np.ones(shape), ((top, bottom), (left, right)))
    assert padded_size(shape, padding) == padded.shape


def test_defaults_are_dense_windows_without_padding() -> None:
    window = Window((2, 3))
    assert window == Window((2, 3), stride=(1, 1), dilation=(1, 1), padding=(0, 0, 0, 0))
    assert (window.taps, window.extent, window.output_shape((2, 3))) == (6, (2, 3), (1, 1))


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_no_window_fits(shape: tuple[int, int]) -> None:
    assert min(Window((3, 3), stride=(2, 2)).output_shape(shape)) < 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Window((0, 3)),
            r"^the kernel of a window must be \(height, width\), 1 or more, not \(0, 3\)$",
        ),
        (
            lambda: Window((3,)),
            r"^the kernel of a window must be \(height, width\), 1 or more, not \(3,\)$",
        ),
        (
            lambda: Window((3, 3), stride=(1, -2)),
            r"^the stride of a window must be \(height, width\), 1 or more, not \(1, -2\)$",
        ),
        (
            lambda: Window((3, 3), dilation=(1, 1, 1)),
            r"^the dilation of a window must be \(height, width\), 1 or more, not \(1, 1, 1\)$",
        ),
        (
            lambda: Window((3, 3), padding=(1, 1)),
            r"^padding must be \(top, left, bottom, right\), 0 or more each, not \(1, 1\)$",
        ),
        (
            lambda: Window((3, 3), padding=(0, 0, -1, 0)),
            r"^padding must be \(top, left, bottom, right\), 0 or more each, not \(0, 0, -1, 0\)$",
        ),
        (
            lambda: check_padding((0,) * 5),
            r"^padding must be \(top, left, bottom, right\), 0 or more each, not \(0, 0, 0, 0, 0\)",
        ),
    ],
)
def test_windows_that_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        make()


def test_padding_is_refused_in_the_words_of_the_caller() -> None:
    with pytest.raises(GraphError, match=r"^padding must be .*, not \(-1, 0, 0, 0\) \(here\)$"):
        check_padding((-1, 0, 0, 0), lambda rule: GraphError(f"{rule} (here)"))
