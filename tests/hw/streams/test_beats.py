# SPDX-License-Identifier: Apache-2.0
from amaranth.hdl import Shape

from xnorflow.hw.streams import beat_layout, beat_signature
from xnorflow.ir import StreamType, int_type


def test_payload_is_an_array_of_codes() -> None:
    stream = StreamType(int_type(3), 8, 4)
    payload = beat_signature(stream).create().payload
    assert payload.shape() == beat_layout(stream)
    assert len(payload.as_value()) == stream.width_bits == 12
    assert [element.shape() for element in payload] == [Shape(3)] * 4
