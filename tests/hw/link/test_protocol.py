# SPDX-License-Identifier: Apache-2.0
"""Frames as bytes: what is sent comes out, what is damaged does not."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.hw.link.protocol import (
    CRC_POLYNOMIAL,
    ESCAPE,
    FLAG,
    Frame,
    FrameDecoder,
    FrameType,
    encode_frame,
    residue,
)

KEYED = (FrameType.INFER, FrameType.RESULT, FrameType.LOAD, FrameType.LOADED)
KEY = 0x5EED7D7E

FRAMES = st.builds(
    Frame,
    st.sampled_from(FrameType),
    st.integers(0, 255),
    st.lists(st.sampled_from([0, 1, FLAG, ESCAPE, 0x5E, 0x5D, 255]), max_size=40).map(bytes),
)


def decode(octets: bytes, key: int = KEY) -> list[Frame]:
    return list(FrameDecoder(key).feed(octets))


def bitwise_crc(octets: bytes) -> int:
    register = 0xFFFFFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = (register >> 1) ^ (CRC_POLYNOMIAL if register & 1 else 0)
    return register


def body_of(octets: bytes) -> bytes:
    """What stands between the flags, without escapes."""
    plain, escaped = bytearray(), False
    for octet in octets[1:-1]:
        if octet == ESCAPE:
            escaped = True
        else:
            plain.append(octet ^ 0x20 if escaped else octet)
            escaped = False
    return bytes(plain)


@given(FRAMES)
def test_a_frame_comes_back(frame: Frame) -> None:
    assert decode(encode_frame(frame, KEY)) == [frame]


@given(FRAMES)
def test_the_check_is_the_crc_of_binascii_with_the_key_where_it_counts(frame: Frame) -> None:
    octets = encode_frame(frame, KEY)
    body = body_of(octets)
    assert octets.count(FLAG) == 2
    key = KEY if frame.type in KEYED else 0
    assert int.from_bytes(body[-4:], "little") == binascii.crc32(body[:-4]) ^ key
    assert bitwise_crc(body) == residue(key)


@given(st.lists(FRAMES, max_size=5), st.integers(1, 7))
def test_frames_in_a_row_come_back_however_they_are_cut(frames: list[Frame], step: int) -> None:
    octets = b"\x01\x02" + b"".join(encode_frame(frame, KEY) for frame in frames)
    decoder = FrameDecoder(KEY)
    parts = [octets[start : start + step] for start in range(0, len(octets), step)]
    assert [frame for part in parts for frame in decoder.feed(part)] == frames
    assert decoder.damaged == 0


@given(FRAMES, st.data())
def test_damage_never_gives_another_frame(frame: Frame, data: st.DataObject) -> None:
    """Bytes lost, changed, doubled or made up: the frame itself, or none."""
    octets = bytearray(encode_frame(frame, KEY))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(octets) - 1))
        match data.draw(st.sampled_from(["drop", "flip", "repeat", "insert"])):
            case "drop" if len(octets) > 1:
                del octets[place]
            case "flip":
                octets[place] ^= 1 << data.draw(st.integers(0, 7))
            case "repeat":
                octets.insert(place, octets[place])
            case _:
                octets.insert(place, data.draw(st.integers(0, 255)))
    following = Frame(FrameType.IDENTIFY, 9)
    got = decode(bytes(octets) + encode_frame(following, KEY))
    assert got in ([frame, following], [following])


def test_every_single_bit_that_flips_is_found() -> None:
    frame = Frame(FrameType.INFER, 3, bytes(range(90, 140)))
    octets = encode_frame(frame, KEY)
    for bit in range(8, 8 * (len(octets) - 1)):
        damaged = bytearray(octets)
        damaged[bit // 8] ^= 1 << bit % 8
        decoder = FrameDecoder(KEY)
        assert list(decoder.feed(bytes(damaged))) == []
        assert decoder.damaged >= 1


def test_frames_with_another_key_are_none() -> None:
    for kind in FrameType:
        got = decode(encode_frame(Frame(kind, 1, b"abc"), KEY), KEY + 1)
        assert bool(got) == (kind not in KEYED)


@pytest.mark.parametrize(
    "body",
    [b"\x01", b"\x01\x02\x00\x00\x00\x00\x00\x00", b"\x01\x7d", b"\x01\x7d\x7d\x00", bytes(40)],
)
def test_what_is_no_frame_is_counted(body: bytes) -> None:
    decoder = FrameDecoder(KEY)
    assert list(decoder.feed(bytes((FLAG, FLAG)) + body + bytes((FLAG, FLAG)))) == []
    assert decoder.damaged == 1


@pytest.mark.parametrize("kind", [0x05, 0x00, 0xFF])
def test_a_type_that_is_none_is_refused_with_a_right_check(kind: int) -> None:
    body = bytes((kind, 1, 0, 0))
    check = binascii.crc32(body).to_bytes(4, "little")
    assert decode(bytes((FLAG,)) + body + check + bytes((FLAG,))) == []


def test_a_wrong_length_is_refused_with_a_right_check() -> None:
    body = bytes((FrameType.IDENTIFY, 1, 1, 0))
    check = binascii.crc32(body).to_bytes(4, "little")
    assert decode(bytes((FLAG,)) + body + check + bytes((FLAG,))) == []
