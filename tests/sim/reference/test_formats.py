# SPDX-License-Identifier: Apache-2.0
"""Formats hold what their table says, and every way from one to another keeps it."""

from __future__ import annotations

import numpy as np
import pytest
from naive import random_values

from xnorflow.ir import BIPOLAR, TERNARY, DataType, int_type, uint_type
from xnorflow.sim.reference.formats import (
    Format,
    conversion,
    frame_bytes,
    pixel_bytes,
)

ELEMENTS = [BIPOLAR, TERNARY, *(make(b) for make in (int_type, uint_type) for b in (2, 3, 8))]
LAYOUTS = [(1, 1), (1, 70), (6, 3), (5, 8), (4, 64), (3, 65)]
TARGETS = [Format.BYTES, Format.BITS, Format.PIXELS, Format.WORDS]


def read(
    array: np.ndarray, held: Format, element: DataType, layout: tuple[int, int], frames: int
) -> np.ndarray:
    """Codes of the values in ``array``, element by element, as the table of formats has it."""
    pixels, channels = layout
    codes = np.zeros((frames, pixels * channels), np.int64)
    mask = (1 << element.width_bits) - 1
    for i, e in np.ndindex(codes.shape):
        pixel, channel = divmod(e, channels)
        match held:
            case Format.BYTES:
                signed = array[i, e].astype(np.int8) if element.signed else array[i, e]
                codes[i, e] = element.encode(np.array(signed))
            case Format.WORDS:
                half = (int(array[i, e // 2]) >> (16 * (e % 2))) & 0xFFFF
                value = half - (half >> 15 << 16)
                codes[i, e] = int(element.encode(np.array(value))) & mask
            case Format.BITS:
                bits = [int(word) >> (e % 64) & 1 for word in array[i, :, e // 64]]
                codes[i, e] = sum(bit << plane for plane, bit in enumerate(bits))
            case Format.PIXELS:
                octets = array[i, :, pixel, channel // 8]
                bits = [int(octet) >> (channel % 8) & 1 for octet in octets]
                codes[i, e] = sum(bit << plane for plane, bit in enumerate(bits))
    return codes


@pytest.mark.parametrize("element", ELEMENTS, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_formats_hold_what_their_table_says(
    element: DataType, layout: tuple[int, int], target: Format
) -> None:
    frames, size = 3, layout[0] * layout[1]
    values = random_values(element, (frames, size), np.random.default_rng(0))
    array = conversion(Format.VALUES, target, element, layout)(values)
    assert np.array_equal(read(array, target, element, layout, frames), element.encode(values))
    assert array[0].nbytes - frame_bytes(target, element, layout) in (0, 2)  # an odd word is padded
    if target is Format.WORDS:
        return
    back = conversion(target, Format.VALUES, element, layout)(array)
    assert back.dtype == np.int64
    assert np.array_equal(back[:frames, :size], values)


@pytest.mark.parametrize("element", ELEMENTS, ids=str)
@pytest.mark.parametrize("source", [Format.BYTES, Format.BITS, Format.PIXELS], ids=str)
@pytest.mark.parametrize("target", [*TARGETS, Format.VALUES], ids=str)
def test_every_way_from_one_format_to_another(
    element: DataType, source: Format, target: Format
) -> None:
    layout, frames = (4, 9), 5
    pairs = {(Format.BITS, Format.PIXELS), (Format.PIXELS, Format.BITS)}
    if source is target or (source, target) in pairs:
        return
    values = random_values(element, (frames, 36), np.random.default_rng(1))
    held = conversion(Format.VALUES, source, element, layout)(values)
    got = conversion(source, target, element, layout)(held)
    want = conversion(Format.VALUES, target, element, layout)(values)
    if target is Format.VALUES:
        want = values
    assert np.array_equal(got[:frames], want[:frames])


def test_unused_bits_are_zero() -> None:
    values = np.full((2, 9), -1)
    pixels = conversion(Format.VALUES, Format.PIXELS, TERNARY, (3, 3))(values)
    assert pixels.shape == (2, 2, 3, 2)
    assert np.all(pixels == np.array([0b111, 0], np.uint8))
    bits = conversion(Format.VALUES, Format.BITS, TERNARY, (3, 3))(values)
    assert np.all(bits[:2] == 0b111111111)


def test_bytes_of_a_pixel() -> None:
    channels = [1, 8, 9, 16, 17, 32, 33, 64, 65, 128, 129]
    assert [pixel_bytes(c) for c in channels] == [2, 2, 2, 2, 4, 4, 8, 8, 16, 16, 24]
