# SPDX-License-Identifier: Apache-2.0
"""The host's end of the link, with a device that is played in Python."""

from __future__ import annotations

import sys
import time
import zlib
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnorflow.bitstreams.link import LinkOptions, RemoteAccelerator
from xnorflow.bitstreams.link.payloads import frame_octets, frame_values
from xnorflow.errors import ArtifactError, ConfigError, DataError, DeviceError, ToolError
from xnorflow.hw.link import (
    Frame,
    FrameDecoder,
    FrameType,
    LinkIdentity,
    encode_frame,
    link_key,
    weight_chunks,
)
from xnorflow.hw.passes import compile_network, parse_plan, plan_for_interval
from xnorflow.ir import BIPOLAR, TERNARY, Dataflow, Device, StreamType, int_type, uint_type
from xnorflow.sim.link.faults import Faults, FaultyLine

FAST = LinkOptions(patience_s=0.01)


class PlayedDevice:
    """A port with a device that answers at once, over a line with faults.

    Its network gives a hash of the image: no two images of a test have the same.
    """

    def __init__(
        self, dataflow: Dataflow, faults: Faults | None = None, seed: int = 0, **says: Any
    ) -> None:
        self.identity = replace(LinkIdentity.of(dataflow, 12_000_000), **says)
        self.key = link_key(dataflow)
        self.decoder = FrameDecoder(self.key)
        self.seed = seed
        self.lines = [FaultyLine(faults or Faults(), seed + n) for n in range(2)]
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.numbers: list[int] = []
        self.delays = iter(())
        self.answers = True
        self.busy_for = 0
        self.images = 0
        self.chunks = weight_chunks(dataflow)
        self.loaded: list[bytes] = []
        self.resets = iter(())

    @property
    def has_weights(self) -> bool:
        return len(self.loaded) == len(self.chunks)

    def write(self, octets: bytes) -> None:
        damaged = self.decoder.damaged
        for frame in self.decoder.feed(self.lines[0].carry(octets)):
            self.answer(frame)
        for _ in range(self.decoder.damaged - damaged):
            self.send(Frame(FrameType.DAMAGED, 0))

    def answer(self, frame: Frame) -> None:
        if next(self.resets, False):
            self.loaded.clear()
            return
        expected = len(self.loaded).to_bytes(2, "little")
        is_next = not self.has_weights and frame.payload[:2] == expected
        if frame.type is FrameType.LOAD and is_next:
            self.loaded.append(frame.payload)
        if frame.type is FrameType.LOAD or (frame.type is FrameType.INFER and not self.has_weights):
            there = len(self.loaded).to_bytes(2, "little")
            self.send(Frame(FrameType.LOADED, frame.sequence, there))
            return
        if frame.type is FrameType.IDENTIFY:
            self.send(Frame(FrameType.IDENTITY, frame.sequence, self.identity.to_bytes()))
        if frame.type is FrameType.INFER:
            self.images += 1
            self.numbers.append(frame.sequence)
            if self.busy_for:
                self.busy_for -= 1
                self.send(Frame(FrameType.BUSY, frame.sequence))
                return
            result = b"\x07\x01\x00\x00" + hashed(frame.payload)
            self.send(Frame(FrameType.RESULT, frame.sequence, result))

    def send(self, frame: Frame) -> None:
        if self.answers:
            due = time.monotonic() + next(self.delays, 0.0)
            if self.waiting:
                due = max(due, self.waiting[-1][0])
            self.waiting.append((due, self.lines[1].carry(encode_frame(frame, self.key))))

    def read(self, timeout_s: float) -> bytes:
        if self.waiting and self.waiting[0][0] <= time.monotonic() + timeout_s:
            due, octets = self.waiting.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            return octets
        time.sleep(max(0.0, timeout_s))
        return b""

    def forget(self) -> None:
        pass


def hashed(image: bytes) -> bytes:
    return bytes((zlib.crc32(image) % 5,))


def classes(frames: np.ndarray) -> list[int]:
    rows = frames.reshape(len(frames), -1).astype(np.uint8)
    return [hashed(row.tobytes())[0] for row in rows]


@pytest.fixture(scope="module")
def dataflow(lab: Any) -> Dataflow:
    network = lab.Mlp().network()
    return compile_network(network, plan_for_interval(network, 60))


@pytest.fixture(scope="module")
def frames(lab: Any) -> np.ndarray:
    return lab.random_frames(lab.Mlp().network(), 60)


def test_every_image_gets_its_answer(dataflow: Dataflow, frames: np.ndarray) -> None:
    done = []
    with RemoteAccelerator(dataflow, PlayedDevice(dataflow), FAST) as device:
        result = device.infer(frames, lambda *progress: done.append(progress))
    assert result.outputs.shape == (60, 1)
    assert result.outputs[:, 0].tolist() == classes(frames)
    assert set(result.latency_cycles) == {0x107}
    assert result.latency_s[0] == pytest.approx(0x107 / 12e6)
    assert (result.statistics.sent, result.statistics.errors) == (60, 0)
    assert done == [(n, 60) for n in range(1, 61)]


@settings(max_examples=40)
@given(st.data())
def test_whatever_happens_on_the_line_no_class_is_wrong(
    dataflow: Dataflow, frames: np.ndarray, data: st.DataObject
) -> None:
    rates = st.sampled_from([0.0, 0.001, 0.01, 0.03])
    faults = Faults(*(data.draw(rates) for _ in range(4)))
    port = PlayedDevice(dataflow, faults, data.draw(st.integers(0, 10**6)))
    options = LinkOptions(window=data.draw(st.integers(1, 8)), patience_s=0.001)
    try:
        with RemoteAccelerator(dataflow, port, options) as device:
            result = device.infer(frames)
            again = device.infer(frames[:5])
    except DeviceError:
        return  # an error is right where the line is too bad
    assert result.outputs[:, 0].tolist() == classes(frames)
    assert again.outputs[:, 0].tolist() == classes(frames[:5])


@pytest.fixture(scope="module")
def loaded(lab: Any) -> Dataflow:
    """A design with 20 chunks of weights."""
    network = lab.Mlp().network()
    plan = """{"fc1": {"PE": 1, "SIMD": 1, "ram_style": "spram"}}"""
    return compile_network(network, parse_plan(plan, network), device=Device.ICE40)


def test_weights_are_loaded_before_the_first_image(loaded: Dataflow, frames: np.ndarray) -> None:
    port, told = PlayedDevice(loaded), []
    assert len(port.chunks) == 20
    with RemoteAccelerator(loaded, port, FAST, lambda *progress: told.append(progress)) as device:
        assert tuple(port.loaded) == weight_chunks(loaded)
        result = device.infer(frames)
    assert told == [(n, 20) for n in range(1, 21)]
    assert result.outputs[:, 0].tolist() == classes(frames)
    assert result.statistics.reloads == 0
    with RemoteAccelerator(loaded, port, FAST, lambda *progress: told.append(progress)):
        assert told[20:] == [(20, 20)]


def test_a_device_that_was_reset_gets_its_weights_again(
    loaded: Dataflow, frames: np.ndarray
) -> None:
    port = PlayedDevice(loaded)
    with RemoteAccelerator(loaded, port, FAST) as device:
        port.resets = (n in (20, 70) for n in range(1000))
        result = device.infer(frames)
    assert result.outputs[:, 0].tolist() == classes(frames)
    assert result.statistics.reloads == 2
    assert port.images == 60


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_whatever_happens_to_weights_no_class_is_wrong(
    loaded: Dataflow, frames: np.ndarray, data: st.DataObject
) -> None:
    """As below, and resets too, while weights are loaded or after."""
    rates = st.sampled_from([0.0, 0.001, 0.01])
    faults = Faults(*(data.draw(rates) for _ in range(4)))
    port = PlayedDevice(loaded, faults, data.draw(st.integers(0, 10**6)))
    port.resets = iter((np.random.default_rng(port.seed).random(10**5) < 0.02).tolist())
    options = LinkOptions(window=data.draw(st.integers(1, 8)), patience_s=0.001)
    try:
        with RemoteAccelerator(loaded, port, options) as device:
            result = device.infer(frames)
    except DeviceError:
        return  # an error is right where the line is too bad
    assert result.outputs[:, 0].tolist() == classes(frames)


@pytest.mark.parametrize("seed", range(3))
def test_answers_that_come_too_late_are_not_taken_for_others(
    dataflow: Dataflow, frames: np.ndarray, seed: int
) -> None:
    """The host loses patience, sends again, and gets both answers, in this call or the next."""
    port = PlayedDevice(dataflow)
    with RemoteAccelerator(dataflow, port, LinkOptions(patience_s=0.005)) as device:
        for call in range(3):
            rng = np.random.default_rng(3 * seed + call)
            port.delays = iter((rng.random(200) ** 8 * 0.015).tolist())
            result = device.infer(frames[call:])
            assert result.outputs[:, 0].tolist() == classes(frames[call:])
    assert len(port.numbers) > 180


def test_no_images(dataflow: Dataflow, frames: np.ndarray) -> None:
    with RemoteAccelerator(dataflow, PlayedDevice(dataflow), FAST) as device:
        assert device.infer(frames[:0]).outputs.shape == (0, 1)


def test_numbers_go_on_from_call_to_call(dataflow: Dataflow, frames: np.ndarray) -> None:
    port = PlayedDevice(dataflow)
    with RemoteAccelerator(dataflow, port, FAST) as device:
        for _ in range(9):
            device.infer(frames[:30])
    assert port.numbers == [number % 256 for number in range(270)]


def test_a_busy_device_gets_images_again(dataflow: Dataflow, frames: np.ndarray) -> None:
    port = PlayedDevice(dataflow)
    with RemoteAccelerator(dataflow, port, FAST) as device:
        port.busy_for = 3
        result = device.infer(frames)
    assert result.outputs[:, 0].tolist() == classes(frames)
    assert (result.statistics.refused, result.statistics.resent) == (3, 3)


def test_a_device_that_goes_away_is_told(dataflow: Dataflow, frames: np.ndarray) -> None:
    port = PlayedDevice(dataflow)
    with RemoteAccelerator(dataflow, port, FAST) as device:
        port.answers = False
        with pytest.raises(
            DeviceError,
            match=r"^the device at the port went away: no answer to 5 attempts, 0\.01 s each$",
        ):
            device.infer(frames)
        port.answers = True
        assert device.infer(frames).outputs[:, 0].tolist() == classes(frames)


def test_answers_to_a_talk_that_broke_off_are_not_taken(
    dataflow: Dataflow, frames: np.ndarray
) -> None:
    """They come after the device was given up, with every number that may be used."""
    port = PlayedDevice(dataflow)
    with RemoteAccelerator(dataflow, port, FAST) as device:
        port.answers = False
        with pytest.raises(DeviceError):
            device.infer(frames)
        port.answers = True
        for sequence in range(256):
            port.send(Frame(FrameType.RESULT, sequence, b"\x00\x00\x00\x00\x09"))
        result = device.infer(frames)
    assert result.outputs[:, 0].tolist() == classes(frames)


def test_nobody_there(dataflow: Dataflow) -> None:
    port = PlayedDevice(dataflow)
    port.answers = False
    with pytest.raises(
        DeviceError, match=r"^no device answers at the port with 1000000 baud: is the board on, "
    ):
        RemoteAccelerator(dataflow, port, FAST)


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ({"design": "0123456789abcdef"}, r"^the device has design 0123456789abcdef \(12 bytes an "),
        (
            {"image_bytes": 13},
            r"\(13 bytes an image, 1 a result\), not \w{16} \(12, 1\): load the ",
        ),
        ({"version": 2}, r"^the device speaks version 2 of the protocol, this program 1: build "),
    ],
)
def test_another_device_is_refused(dataflow: Dataflow, says: dict[str, Any], message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        RemoteAccelerator(dataflow, PlayedDevice(dataflow, **says), FAST)


def test_a_device_that_is_exchanged_in_the_middle_gives_nothing(
    dataflow: Dataflow, frames: np.ndarray
) -> None:
    port = PlayedDevice(dataflow)
    with RemoteAccelerator(dataflow, port, FAST) as device:
        port.key ^= 1
        port.decoder = FrameDecoder(port.key)
        with pytest.raises(DeviceError):
            device.infer(frames)
    assert port.images == 0


@pytest.mark.parametrize("bad", [np.zeros((2, 5)), np.full((2, 12), 256)])
def test_images_must_fit(dataflow: Dataflow, bad: np.ndarray) -> None:
    device = RemoteAccelerator(dataflow, PlayedDevice(dataflow), FAST)
    with pytest.raises(DataError, match=r"^frames must h"):
        device.infer(bad)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baud": 0}, "baud must be positive, not 0"),
        ({"window": 0}, "window must be 1 to 8, not 0"),
        ({"window": 9}, "window must be 1 to 8, not 9"),
        ({"patience_s": 0.0}, "patience_s must be positive, not 0"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}$"):
        LinkOptions(**options)


def test_ports_that_cannot_be_opened(dataflow: Dataflow, tmp_path: Path) -> None:
    with pytest.raises(
        DeviceError,
        match=rf"^{tmp_path}/none cannot be opened at 1000000 baud: No such file or directory$",
    ):
        RemoteAccelerator(dataflow, f"{tmp_path}/none")


def test_without_pyserial_it_says_how_to_get_it(
    dataflow: Dataflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(
        ToolError,
        match=r"^pyserial is not installed, needed to reach a board: "
        r"pip install 'xnorflow\[board\]'$",
    ):
        RemoteAccelerator(dataflow, "/dev/ttyUSB9")


def test_a_folder_without_a_design(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"is not a RUN folder: there is no such folder$"):
        RemoteAccelerator(tmp_path / "none", "/dev/ttyUSB9")


ELEMENTS = [BIPOLAR, TERNARY, uint_type(8), int_type(3), int_type(12)]


@given(
    st.sampled_from(ELEMENTS),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_frames_come_back_from_their_octets(
    element: Any, lanes: int, beats: int, vectors: int, seed: int
) -> None:
    stream = StreamType(element, lanes * beats, lanes, vectors)
    codes = np.random.default_rng(seed).integers(0, element.levels, (4, stream.size))
    values = element.min + element.step * codes
    octets = frame_octets(values, stream)
    assert octets.shape == (4, vectors * beats * -(-stream.width_bits // 8))
    np.testing.assert_array_equal(frame_values(octets, stream), values)
