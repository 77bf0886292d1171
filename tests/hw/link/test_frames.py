# SPDX-License-Identifier: Apache-2.0
"""CRC, reader and writer of frames in hardware against the frames as bytes."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from amaranth.sim import Simulator

from xnorflow.hw.link.crc import SerialCrc
from xnorflow.hw.link.frame_reader import FrameReader
from xnorflow.hw.link.frame_writer import FrameWriter
from xnorflow.hw.link.protocol import (
    ESCAPE,
    FLAG,
    Frame,
    FrameDecoder,
    FrameType,
    encode_frame,
    residue,
)

KEY = 0x7E7D0180
BYTE_CYCLES = 9
"""Between two bytes, at the least."""


def simulate(component: Any, bench: Any) -> None:
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("octets", [b"", b"\x00", b"123456789", bytes(range(40))])
def test_the_crc_is_zlibs(octets: bytes) -> None:
    crc = SerialCrc()
    checks: list[int] = []

    async def bench(ctx: Any) -> None:
        await ctx.tick().repeat(3)
        ctx.set(crc.clear, 1)
        await ctx.tick()
        ctx.set(crc.clear, 0)
        for octet in octets:
            ctx.set(crc.data, octet)
            ctx.set(crc.valid, 1)
            await ctx.tick()
            ctx.set(crc.valid, 0)
            await ctx.tick().repeat(8)
        checks.append(ctx.get(crc.register) ^ 0xFFFFFFFF)

    simulate(crc, bench)
    assert checks == [zlib.crc32(octets)]


FRAMES = [
    Frame(FrameType.IDENTITY, FLAG, bytes(range(120, 130))),
    Frame(FrameType.RESULT, ESCAPE, bytes((ESCAPE, FLAG, ESCAPE, 0x5E, 0))),
    Frame(FrameType.RESULT, 7, b"\x01\x00\x00\x00\x09"),
    Frame(FrameType.RESULT, 0xFF, b"\x01\x00\x00\x00\xff\xdf\xff"),
    Frame(FrameType.DAMAGED, 0),
]


@pytest.mark.parametrize("escaped", [(FLAG, ESCAPE), (FLAG, ESCAPE, 0xFF)])
def test_the_writer_writes_what_encode_frame_does(escaped: tuple[int, ...]) -> None:
    writer = FrameWriter(KEY, escaped)
    line: list[int] = []
    want = b"".join(encode_frame(frame, KEY) for frame in FRAMES)
    if 0xFF in escaped:
        want = want.replace(b"\xff", b"\x7d\xdf")

    async def send(ctx: Any) -> None:
        for frame in FRAMES:
            length = len(frame.payload).to_bytes(2, "little")
            body = bytes((frame.type, frame.sequence)) + length + frame.payload
            ctx.set(writer.keyed, frame.type is FrameType.RESULT)
            for place, octet in enumerate(body):
                ctx.set(writer.i.payload.octet, octet)
                ctx.set(writer.i.payload.last, place == len(body) - 1)
                ctx.set(writer.i.valid, 1)
                await ctx.tick().until(writer.i.ready)
            ctx.set(writer.i.valid, 0)
            ctx.set(writer.keyed, 0)

    async def take(ctx: Any) -> None:
        while len(line) < len(want):
            ctx.set(writer.o.ready, 1)
            line.append((await ctx.tick().sample(writer.o.payload).until(writer.o.valid))[0])
            ctx.set(writer.o.ready, 0)
            await ctx.tick().repeat(BYTE_CYCLES)

    simulator = Simulator(writer)
    simulator.add_clock(1e-6)
    simulator.add_testbench(send)
    simulator.add_testbench(take)
    simulator.run()
    assert bytes(line) == want
    assert list(FrameDecoder(KEY).feed(bytes(line))) == FRAMES


def read(items: list[int | None]) -> list[tuple[bytes, bool, int]]:
    """Each body that a reader finds in bytes and errors, whether it is spoiled, its CRC."""
    reader = FrameReader()
    bodies: list[tuple[bytes, bool, int]] = []

    async def bench(ctx: Any) -> None:
        body = bytearray()
        for item in items:
            ctx.set(reader.arrives, item is not None)
            ctx.set(reader.error, item is None)
            ctx.set(reader.data, item or 0)
            _, _, valid, octet, ends, spoiled, register = await ctx.tick().sample(
                reader.valid, reader.octet, reader.ends, reader.spoiled, reader.register
            )
            ctx.set(reader.arrives, 0)
            ctx.set(reader.error, 0)
            if valid:
                body.append(octet)
            if ends:
                bodies.append((bytes(body), bool(spoiled), register))
                body.clear()
            await ctx.tick().repeat(BYTE_CYCLES - 1)

    simulate(reader, bench)
    return bodies


def test_the_reader_finds_bodies_and_their_crc() -> None:
    octets = b"\x7e" + b"".join(encode_frame(frame, KEY) for frame in FRAMES)
    bodies = read(list(octets))
    assert [body[4:-4] for body, _, _ in bodies] == [frame.payload for frame in FRAMES]
    assert [spoiled for _, spoiled, _ in bodies] == [False] * len(FRAMES)
    keys = [KEY if frame.type is FrameType.RESULT else 0 for frame in FRAMES]
    assert [register for _, _, register in bodies] == [residue(key) for key in keys]


@pytest.mark.parametrize(
    ("items", "spoiled"),
    [
        ([FLAG, 1, 2, FLAG], [False]),
        ([FLAG, FLAG, FLAG], []),
        ([1, 2, FLAG, 3, FLAG], [True, False]),  # after a reset in the middle of a frame
        ([FLAG, 1, None, 2, FLAG, 3, FLAG], [True, False]),
        ([FLAG, None, FLAG], [True]),
        ([FLAG, 1, ESCAPE, FLAG, 3, FLAG], [True, False]),
        ([FLAG, 1, ESCAPE, ESCAPE, 0x5E, FLAG, 3, FLAG], [True, False]),
    ],
)
def test_a_body_that_cannot_be_whole_is_spoiled(
    items: list[int | None], spoiled: list[bool]
) -> None:
    assert [body[1] for body in read(items)] == spoiled
