# SPDX-License-Identifier: Apache-2.0
"""The device's end of the link with an accelerator that the test plays."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest
from amaranth.sim import Simulator

from xnorflow.hw.link import Frame, FrameDecoder, FrameType, LinkIdentity, Uart, encode_frame
from xnorflow.hw.link.host_link import HostLink

KEY = 0x0BADCAFE
LINE = Uart(3_000_000)
BIT_CYCLES = 4


@dataclass(frozen=True)
class Play:
    """What the accelerator does in a cycle."""

    takes: bool = False
    gives: bool = False
    tdata: int = 0
    tlast: bool = False


@dataclass
class Device:
    """A link whose accelerator adds up the bytes of an image.

    It takes a beat every ``pace`` cycles, gives the sum ``delay`` cycles after the last one, in
    beats of ``result_beat_bytes`` bytes, and the accelerator's own view is in ``images``.
    """

    image_bytes: int = 6
    beat_bytes: int = 1
    result_bytes: int = 2
    result_beat_bytes: int = 1
    pace: int = 1
    delay: int = 5
    images: list[bytes] = field(default_factory=list)

    def link(self) -> HostLink:
        identity = LinkIdentity(
            1, "0123456789abcdef", self.image_bytes, self.result_bytes, 12_000_000
        )
        return HostLink(identity, KEY, LINE, self.beat_bytes, self.result_beat_bytes)

    def talk(self, octets: bytes, more_cycles: int = 1000) -> list[Frame]:
        """What the device answers to ``octets`` on the line, and in so many cycles after them."""
        link = self.link()
        levels = line_levels(octets) + [1] * more_cycles
        line: list[int] = []

        async def bench(ctx: Any) -> None:
            accelerator = self.accelerator()
            play = next(accelerator)
            for level in levels:
                ctx.set(link.rx, level)
                ctx.set(link.image.ready, play.takes)
                ctx.set(link.result.valid, play.gives)
                ctx.set(link.result.payload.tdata, play.tdata)
                ctx.set(link.result.payload.tlast, play.tlast)
                self.weights(ctx, link)
                _, _, tx, valid, beat, ready = await ctx.tick().sample(
                    link.tx, link.image.valid, link.image.payload, link.result.ready
                )
                line.append(tx)
                play = accelerator.send((beat if valid else None, bool(ready)))

        simulator = Simulator(link)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()
        decoder = FrameDecoder(KEY)
        frames = list(decoder.feed(octets_of(line)))
        assert decoder.damaged == 0
        return frames

    def weights(self, ctx: Any, link: HostLink) -> None:
        """What becomes of weights in each cycle: here there are none."""

    def accelerator(self) -> Generator[Play, tuple[int | None, bool], None]:
        """What the accelerator does in each cycle; told what is offered, and what is taken."""
        while True:
            image = bytearray()
            while len(image) < self.image_bytes:
                for _ in range(self.pace):
                    yield Play()
                beat = None
                while beat is None:
                    beat, _ = yield Play(takes=True)
                image += beat.to_bytes(self.beat_bytes, "little")
            self.images.append(bytes(image))
            for _ in range(self.delay):
                yield Play()
            result = sum(image).to_bytes(self.result_bytes, "little")
            for start in range(0, self.result_bytes, self.result_beat_bytes):
                end = start + self.result_beat_bytes
                tdata = int.from_bytes(result[start:end], "little")
                taken = False
                while not taken:
                    _, taken = yield Play(gives=True, tdata=tdata, tlast=end >= self.result_bytes)
                yield Play()


def line_levels(octets: bytes) -> list[int]:
    """The line in each cycle."""
    bits = [bit for o in octets for bit in (0, *((o >> n) & 1 for n in range(8)), 1)]
    return [1] * 8 + [bit for bit in bits for _ in range(BIT_CYCLES)]


def octets_of(line: list[int]) -> bytes:
    """The bytes that the levels of a line mean."""
    octets, cycle = bytearray(), 0
    while cycle + 10 * BIT_CYCLES <= len(line):
        if line[cycle]:
            cycle += 1
            continue
        middle = cycle + BIT_CYCLES // 2
        bits = [line[middle + BIT_CYCLES * n] for n in range(10)]
        assert bits[9] == 1
        octets.append(sum(bit << n for n, bit in enumerate(bits[1:9])))
        cycle += 10 * BIT_CYCLES
    return bytes(octets)


def infer(sequence: int, image: bytes) -> bytes:
    return encode_frame(Frame(FrameType.INFER, sequence, image), KEY)


def identify(sequence: int) -> bytes:
    return encode_frame(Frame(FrameType.IDENTIFY, sequence), KEY)


def sums(frames: list[Frame]) -> list[tuple[int, int]]:
    """Sequence number and result of all results."""
    return [
        (frame.sequence, int.from_bytes(frame.payload[4:], "little"))
        for frame in frames
        if frame.type is FrameType.RESULT
    ]


@pytest.mark.parametrize(("beat_bytes", "result_beat_bytes"), [(1, 1), (2, 2), (3, 1), (6, 4)])
def test_images_go_in_and_results_come_out(beat_bytes: int, result_beat_bytes: int) -> None:
    device = Device(beat_bytes=beat_bytes, result_bytes=4, result_beat_bytes=result_beat_bytes)
    images = [bytes((1, 2, 3, 4, 5, 6)), b"\x7e\x7d\x7e\x7d\xff\x00", bytes(6)]
    frames = device.talk(b"".join(infer(9 + n, image) for n, image in enumerate(images)))
    assert device.images == images
    assert sums(frames) == [(9 + n, sum(image)) for n, image in enumerate(images)]
    assert len(frames) == 3


def test_the_device_says_who_it_is() -> None:
    (frame,) = Device().talk(identify(200), 1300)
    assert (frame.type, frame.sequence) == (FrameType.IDENTITY, 200)
    assert LinkIdentity.from_bytes(frame.payload) == LinkIdentity(
        1, "0123456789abcdef", 6, 2, 12_000_000
    )


@pytest.mark.parametrize(("pace", "delay"), [(1, 5), (4, 5), (1, 300)])
def test_latency_is_counted_from_the_first_beat_to_the_result(pace: int, delay: int) -> None:
    """The played accelerator offers its result ``delay`` cycles after it took the last beat."""
    device = Device(pace=pace, delay=delay)
    frames = device.talk(infer(1, bytes(6)), 1200)
    (result,) = frames
    latency = int.from_bytes(result.payload[:4], "little")
    assert latency == 5 * (pace + 1) + delay + 1


def test_who_is_there_is_answered_after_the_images_before() -> None:
    device = Device(delay=1000)
    frames = device.talk(infer(1, bytes(6)) + infer(2, bytes(6)) + identify(3), 4000)
    assert [(f.type, f.sequence) for f in frames] == [
        (FrameType.RESULT, 1),
        (FrameType.RESULT, 2),
        (FrameType.IDENTITY, 3),
    ]


def test_who_is_there_is_not_forgotten_for_an_error() -> None:
    device = Device(delay=1000)
    frames = device.talk(infer(1, bytes(6)) + identify(3) + b"\x01\x7e", 2500)
    assert [(f.type, f.sequence) for f in frames] == [
        (FrameType.RESULT, 1),
        (FrameType.IDENTITY, 3),
    ]


def test_an_image_too_many_is_refused_and_the_others_stay_whole() -> None:
    device = Device(delay=1500)
    images = [bytes((n,) * 6) for n in range(1, 4)]
    frames = device.talk(b"".join(infer(n, image) for n, image in enumerate(images)), 3500)
    assert sorted((f.type, f.sequence) for f in frames) == [
        (FrameType.RESULT, 0),
        (FrameType.RESULT, 1),
        (FrameType.BUSY, 2),
    ]
    assert device.images == images[:2]


def test_an_image_that_overtakes_the_one_before_is_refused() -> None:
    """The accelerator takes a beat every 100 cycles, the line brings a byte every 40."""
    device = Device(pace=100)
    images = [bytes((n,) * 6) for n in range(1, 3)]
    frames = device.talk(infer(1, images[0]) + infer(2, images[1]))
    assert sums(frames) == [(1, 6)]
    assert [f.sequence for f in frames if f.type is FrameType.BUSY] == [2]
    assert device.images == images[:1]


def test_a_repeated_request_is_answered_again() -> None:
    image = bytes((1, 2, 3, 4, 5, 6))
    assert sums(Device().talk(2 * infer(8, image))) == [(8, 21)] * 2


GOOD = infer(5, bytes((1, 2, 3, 4, 5, 6)))
BAD = {
    "lost byte": GOOD[:7] + GOOD[8:],
    "doubled byte": GOOD[:7] + GOOD[6:],
    "byte too many": GOOD[:7] + b"\x00" + GOOD[7:],
    "flipped bit": GOOD[:7] + bytes((GOOD[7] ^ 16,)) + GOOD[8:],
    "lost end and start": GOOD[:-1] + infer(4, bytes(6))[1:],
    "other design": encode_frame(Frame(FrameType.INFER, 5, bytes(6)), KEY ^ 1),
    "other length": encode_frame(Frame(FrameType.INFER, 5, bytes(7)), KEY),
    "shorter": encode_frame(Frame(FrameType.INFER, 5, bytes(5)), KEY),
    "other type": encode_frame(Frame(FrameType.RESULT, 5, bytes(6)), KEY),
    "payload where none belongs": encode_frame(Frame(FrameType.IDENTIFY, 5, bytes(6)), KEY),
    "noise": bytes(range(1, 60)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_damaged_is_said_and_never_computed(name: str) -> None:
    device = Device()
    image = bytes((9, 8, 7, 6, 5, 4))
    frames = device.talk(BAD[name] + infer(6, image))
    assert device.images == [image]
    assert sums(frames) == [(6, sum(image))]
    assert {f.type for f in frames} == {FrameType.RESULT, FrameType.DAMAGED}


def test_a_flag_in_the_middle_of_a_frame_ends_it() -> None:
    device = Device()
    frames = device.talk(GOOD[:8] + b"\x7e" + GOOD[8:] + GOOD)
    assert [f.type for f in frames] == [FrameType.DAMAGED, FrameType.DAMAGED, FrameType.RESULT]


WORDS = [0x0102, 0x7E7D, 0xFFFF, 0x0000, 0x1234]
"""What the accelerator has to be given before it takes an image."""

CHUNKS = [
    bytes((0, 0, 0x02, 0x01, 0x7D, 0x7E)),
    bytes((1, 0, 0xFF, 0xFF, 0x00, 0x00)),
    bytes((2, 0, 0x34, 0x12, 0xAA, 0xAA)),
]
"""The same in chunks of the length of an image; the last one is filled up."""


@dataclass
class LoadedDevice(Device):
    """A device whose accelerator wants words first: those that it got are in ``words``."""

    words: list[int] = field(default_factory=list)

    def link(self) -> HostLink:
        identity = LinkIdentity(
            1, "0123456789abcdef", self.image_bytes, self.result_bytes, 12_000_000
        )
        chunks = len(CHUNKS)
        return HostLink(identity, KEY, LINE, self.beat_bytes, self.result_beat_bytes, chunks)

    def weights(self, ctx: Any, link: HostLink) -> None:
        ctx.set(link.loaded, len(self.words) == len(WORDS))
        ctx.set(link.weights.ready, len(self.words) < len(WORDS))
        if ctx.get(link.weights.valid):
            assert len(self.words) < len(WORDS), "a word that nobody wants"
            self.words.append(ctx.get(link.weights.payload))


def load(sequence: int, payload: bytes) -> bytes:
    return encode_frame(Frame(FrameType.LOAD, sequence, payload), KEY)


def answers(frames: list[Frame]) -> list[tuple[FrameType, int, int]]:
    """Type, sequence number and what follows from the payload: next chunk, or result."""
    return [
        (f.type, f.sequence, int.from_bytes(f.payload[4 if f.type is RESULT else 0 :], "little"))
        for f in frames
    ]


RESULT, LOADED, DAMAGED = FrameType.RESULT, FrameType.LOADED, FrameType.DAMAGED
IMAGE = bytes((1, 2, 3, 4, 5, 6))


@pytest.mark.parametrize("beat_bytes", [1, 3])
def test_weights_are_loaded_chunk_by_chunk_and_then_images_come(beat_bytes: int) -> None:
    device = LoadedDevice(beat_bytes=beat_bytes)
    octets = b"".join(load(40 + n, chunk) for n, chunk in enumerate(CHUNKS))
    frames = device.talk(octets + infer(7, IMAGE) + infer(8, IMAGE[::-1]))
    assert device.words == WORDS
    assert answers(frames) == [
        (LOADED, 40, 1),
        (LOADED, 41, 2),
        (LOADED, 42, 3),
        (RESULT, 7, 21),
        (RESULT, 8, 21),
    ]
    assert device.images == [IMAGE, IMAGE[::-1]]


def test_an_image_before_the_weights_is_not_computed() -> None:
    device = LoadedDevice()
    octets = infer(3, IMAGE) + load(4, CHUNKS[0]) + infer(5, IMAGE)
    frames = device.talk(octets)
    assert answers(frames) == [(LOADED, 3, 0), (LOADED, 4, 1), (LOADED, 5, 1)]
    assert (device.words, device.images) == (WORDS[:2], [])


def test_only_the_next_chunk_is_taken() -> None:
    """Repeated, skipped, or after all: what is expected is said, and nothing written."""
    device = LoadedDevice()
    sent = [0, 0, 2, 1, 1, 0, 2, 2, 0]
    frames = device.talk(b"".join(load(n, CHUNKS[chunk]) for n, chunk in enumerate(sent)))
    assert answers(frames) == [
        (LOADED, n, expected) for n, expected in enumerate([1, 1, 1, 2, 2, 2, 3, 3, 3])
    ]
    assert device.words == WORDS


CHUNK = load(5, CHUNKS[0])
BAD_CHUNKS = {
    "lost byte": CHUNK[:8] + CHUNK[9:],
    "flipped bit": CHUNK[:9] + bytes((CHUNK[9] ^ 16,)) + CHUNK[10:],
    "flipped number": CHUNK[:5] + bytes((CHUNK[5] ^ 1,)) + CHUNK[6:],
    "shorter": load(5, CHUNKS[0][:-1]),
    "longer": load(5, CHUNKS[0] + b"\0"),
    "other design": encode_frame(Frame(FrameType.LOAD, 5, CHUNKS[0]), KEY ^ 1),
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_damaged_chunk_writes_nothing(name: str) -> None:
    device = LoadedDevice()
    frames = device.talk(BAD_CHUNKS[name] + load(6, CHUNKS[1]))
    assert device.words == []
    assert {f.type for f in frames} == {DAMAGED, LOADED}
    assert answers(frames)[-1] == (LOADED, 6, 0)
    device = LoadedDevice()
    device.talk(BAD_CHUNKS[name] + b"".join(load(n, c) for n, c in enumerate(CHUNKS)))
    assert device.words == WORDS


def test_a_device_without_weights_knows_no_chunks() -> None:
    frames = Device().talk(load(1, CHUNKS[0]))
    assert {f.type for f in frames} == {DAMAGED}


def test_who_is_there_is_answered_while_weights_are_missing() -> None:
    frames = LoadedDevice().talk(load(1, CHUNKS[0]) + identify(2), 1300)
    assert [(f.type, f.sequence) for f in frames] == [(LOADED, 1), (FrameType.IDENTITY, 2)]
