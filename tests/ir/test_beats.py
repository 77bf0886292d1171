# SPDX-License-Identifier: Apache-2.0
"""Payloads of beats, against integers put together lane by lane."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xnorflow.ir.beats
from xnorflow.ir import BIPOLAR, TERNARY, DataType, StreamType, int_type, uint_type
from xnorflow.ir.beats import payloads_of, values_of

TYPES = [BIPOLAR, TERNARY, int_type(3), int_type(32), uint_type(1), uint_type(8), uint_type(31)]


@st.composite
def streams(draw: st.DrawFn) -> StreamType:
    element: DataType = draw(st.sampled_from(TYPES))
    lanes = draw(st.integers(1, 70))
    return StreamType(element, lanes * draw(st.integers(1, 3)), lanes, draw(st.integers(1, 3)))


def random_values(stream: StreamType, frames: int) -> np.ndarray:
    element = stream.element
    levels = np.random.default_rng(0).integers(
        0, element.levels, (frames, stream.vectors * stream.channels)
    )
    return element.min + element.step * levels


@given(streams(), st.integers(0, 3))
def test_payloads(stream: StreamType, frames: int) -> None:
    values = random_values(stream, frames)
    payloads = payloads_of(values, stream)
    assert payloads.shape == (frames * stream.beats_per_frame, -(-stream.width_bits // 32))
    width = stream.element.width_bits
    rows = values.reshape(-1, stream.lanes)
    for row, payload in zip(rows, payloads, strict=True):
        codes = (int(value) % (1 << width) for value in row)
        if stream.element is BIPOLAR:
            codes = (int(value > 0) for value in row)
        want = sum(code << (lane * width) for lane, code in enumerate(codes))
        assert sum(int(word) << (32 * i) for i, word in enumerate(payload)) == want
    np.testing.assert_array_equal(values_of(payloads, stream), values)


def test_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StreamType(int_type(5), 21, 7)
    values = random_values(stream, 10)
    whole = payloads_of(values, stream)
    monkeypatch.setattr(xnorflow.ir.beats, "CHUNK_BITS", 4 * 64)
    np.testing.assert_array_equal(payloads_of(values, stream), whole)
    np.testing.assert_array_equal(values_of(whole, stream), values)
