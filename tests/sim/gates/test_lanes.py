# SPDX-License-Identifier: Apache-2.0
"""Images side by side, and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.sim.gates.lanes import gathered, images_of, spread


@given(
    images=st.integers(1, 150),
    lanes=st.integers(1, 64),
    beats=st.integers(1, 3),
    width_bits=st.integers(1, 70),
    seed=st.integers(0, 99),
)
def test_each_image_has_its_lane_and_frame(
    images: int, lanes: int, beats: int, width_bits: int, seed: int
) -> None:
    words = -(-width_bits // 32)
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (images, beats, words * 32), dtype=np.uint8)
    bits[:, :, width_bits:] = 0
    payloads = np.packbits(bits, axis=2, bitorder="little").view("<u4")
    order = images_of(images, lanes, 64)
    assert order.shape == (-(-images // lanes), 64)
    side_by_side = spread(payloads, order, width_bits)
    assert side_by_side.ctypes.data % 64 == 0
    image, beat, bit = (int(rng.integers(n)) for n in (images, beats, width_bits))
    octets = side_by_side[image // lanes * beats + beat, bit]
    lane = image % lanes
    assert octets[lane // 8] >> lane % 8 & 1 == bits[image, beat, bit]
    back = gathered(side_by_side, images, lanes, beats)
    np.testing.assert_array_equal(back.reshape(payloads.shape), payloads)


def test_a_wider_port_is_padded_with_zeros() -> None:
    payloads = np.array([[[7]]], np.uint32)
    assert spread(payloads, images_of(1, 1, 64), 40)[0, :, 0].tolist() == [255] * 3 + [0] * 37
