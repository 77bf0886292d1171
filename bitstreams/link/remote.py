# SPDX-License-Identifier: Apache-2.0
"""An accelerator on a board, used from Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from xnorflow.bitstreams.link.loading import Loading
from xnorflow.bitstreams.link.payloads import Octets, frame_octets, frame_values
from xnorflow.bitstreams.link.port import Port, SerialPort
from xnorflow.bitstreams.link.requests import MAX_WINDOW, LinkStatistics, Requests
from xnorflow.bitstreams.link.spi_port import FtdiController, SpiPort
from xnorflow.errors import ConfigError, DeviceError
from xnorflow.hw.build import load_design
from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.link import (
    DEFAULT_BAUD,
    Frame,
    FrameDecoder,
    FrameType,
    LinkIdentity,
    encode_frame,
    link_key,
    weight_chunks,
)
from xnorflow.hw.link.identity import IDENTITY_BYTES
from xnorflow.hw.link.protocol import CHUNK_NUMBER_BYTES, LATENCY_BYTES, PROTOCOL_VERSION
from xnorflow.ir import Dataflow
from xnorflow.ir.beats import checked_frames
from xnorflow.rundir import RunFolder

__all__ = ["LinkOptions", "RemoteAccelerator", "RemoteResult"]

GREETINGS = 4
"""Times that a device must say who it is: so many random sequence numbers of a byte each are not
answered by what is left of an earlier talk."""

SILENCES = 5
"""Times in a row that nothing comes after which a device has gone away."""

QUESTIONS = 20
"""Times that a device is asked who it is, while anything comes."""

BITS_PER_BYTE = 10
"""On the line: start bit, 8 data bits, stop bit."""

FTDI_SCHEME = "ftdi://"
"""How names of ports for SPI begin."""

Progress = Callable[[int, int], None]
"""Called with what is done, images that have been answered or chunks of weights, and with all."""


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How to talk with a device.

    Parameters
    ----------
    baud
        Bits a second; over SPI, SCK in Hz, at most a quarter of the design's clock.
    window
        Most images that are sent ahead of their answers. The device's buffer takes one while the
        accelerator has another; with more the line need not wait for the computer. Falls by itself
        where the accelerator is slower than the line.
    patience_s
        Longest time between two answers, beyond what line and accelerator may take, before images
        are sent again.
    """

    baud: int = DEFAULT_BAUD
    window: int = 4
    patience_s: float = 1.0

    def __post_init__(self) -> None:
        if self.baud < 1:
            raise ConfigError(f"baud must be positive, not {self.baud}")
        if not 1 <= self.window <= MAX_WINDOW:
            raise ConfigError(f"window must be 1 to {MAX_WINDOW}, not {self.window}")
        if not self.patience_s > 0:
            raise ConfigError(f"patience_s must be positive, not {self.patience_s:g}")


@dataclass(frozen=True, slots=True)
class RemoteResult:
    """What a device made of images.

    Parameters
    ----------
    outputs
        Output of the network for each image, int64, shape ``(n, outputs)``: labels, or scores.
    latency_cycles
        Clock cycles of the accelerator from the first beat of each image that it took to the first
        beat of its output, int64, shape ``(n,)``.
    clock_hz
        Its clock.
    seconds
        Time from the first image sent to the last answer.
    statistics
        What happened on the link.
    """

    outputs: NDArray[np.int64] = field(repr=False)
    latency_cycles: NDArray[np.int64] = field(repr=False)
    clock_hz: int
    seconds: float
    statistics: LinkStatistics

    @property
    def images_per_second(self) -> float:
        """Images a second, line and computer included."""
        return len(self.outputs) / max(self.seconds, 1e-9)

    @property
    def latency_s(self) -> NDArray[np.float64]:
        """Time that the accelerator took for each image, in seconds, shape ``(n,)``."""
        return self.latency_cycles / self.clock_hz


class RemoteAccelerator:
    """The accelerator of a RUN folder on a board.

    When it is opened it asks the device who it is, refuses one with another design, and loads the
    weights that the device has not got. Frames with an error are sent again; none is ever taken for
    another (see ``docs/design``). A device that was reset gets its weights again.

    Parameters
    ----------
    design
        RUN folder that the bitstream was made from, or its dataflow graph.
    port
        Name of the serial port; for SPI pyftdi's name of an FTDI chip's channel,
        ``ftdi://ftdi:2232h/1``; or a :class:`~xnorflow.bitstreams.link.port.Port`.
    options
        Speed and patience.
    progress
        Called with the chunks of weights that the device has, and the chunks in all, whenever
        weights are loaded.

    Attributes
    ----------
    identity
        What the device said of itself.

    Raises
    ------
    ArtifactError
        If ``design`` is a folder without a design.
    ToolError
        If pyserial, or for SPI pyftdi, is not installed.
    DeviceError
        If the port cannot be opened, no device answers, or it has another design.

    Examples
    --------
    ::

        with RemoteAccelerator("runs/demo", "/dev/ttyUSB1") as device:
            result = device.infer(images)
    """

    def __init__(
        self,
        design: str | Path | Dataflow,
        port: str | Port,
        options: LinkOptions | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._options = options or LinkOptions()
        self._loading_progress = progress or (lambda *_: None)
        dataflow = design if isinstance(design, Dataflow) else dataflow_of(Path(design))
        self._input = dataflow.types[dataflow.input.name]
        self._output = dataflow.types[dataflow.output.name]
        self._key = link_key(dataflow)
        self._chunks = weight_chunks(dataflow)
        self._rng = np.random.default_rng()
        self._most_cycles = len(dataflow.nodes) * frame_interval(dataflow)
        self._next_sequence = 0
        self._in_doubt = False
        self._opened = opened(port, self._options.baud) if isinstance(port, str) else None
        self._port: Port = self._opened or port  # type: ignore[assignment]
        self._name = port if isinstance(port, str) else "the port"
        try:
            self.identity = self._greet()
            check_identity(self.identity, LinkIdentity.of(dataflow, self.identity.clock_hz))
            self._load(FrameDecoder(self._key))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the port, if it was opened by its name."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def infer(self, images: NDArray[Any], progress: Progress | None = None) -> RemoteResult:
        """The outputs of the network on the board for ``images``.

        Parameters
        ----------
        images
            Shape ``(n, ...)``: values of the network's input in hardware order.
        progress
            Called after each answer.

        Raises
        ------
        DataError
            If the images do not fit the network's input.
        DeviceError
            If the device goes away, or the line is too bad.
        """
        rows = frame_octets(checked_frames(images, self._input), self._input)
        results = np.zeros((len(rows), self.identity.result_bytes), np.uint8)
        latency = np.zeros(len(rows), np.int64)
        if self._in_doubt:
            self._greet()
        self._in_doubt = True
        statistics = LinkStatistics()
        requests = Requests(len(rows), self._next_sequence, self._options.window, statistics)
        start = time.monotonic()
        for image, payload in self._answers(rows, requests, statistics):
            latency[image] = int.from_bytes(payload[:LATENCY_BYTES], "little")
            results[image] = np.frombuffer(payload[LATENCY_BYTES:], np.uint8)
            if progress is not None:
                progress(len(rows) - requests.unanswered, len(rows))
        self._next_sequence, self._in_doubt = requests.next_sequence, False
        return RemoteResult(
            outputs=frame_values(results, self._output),
            latency_cycles=latency,
            clock_hz=self.identity.clock_hz,
            seconds=time.monotonic() - start,
            statistics=statistics,
        )

    def _answers(
        self, rows: Octets, requests: Requests, statistics: LinkStatistics
    ) -> Iterator[tuple[int, bytes]]:
        """Send all ``rows``; gives image and payload of every answer, in any order."""
        decoder = FrameDecoder(self._key)
        silences, deadline = 0, time.monotonic()
        while requests.unanswered:
            while (request := requests.next()) is not None:
                sequence, image = request
                self._send(Frame(FrameType.INFER, sequence, rows[image].tobytes()))
                deadline = self._deadline(requests.under_way)
            frames = list(decoder.feed(self._port.read(deadline - time.monotonic())))
            statistics.damaged_answers = decoder.damaged
            for frame in frames:
                silences = 0
                # What was damaged may have been flags between frames: no answer is nearer.
                if frame.type is not FrameType.DAMAGED:
                    deadline = self._deadline(requests.under_way)
                yield from self._take(frame, requests, statistics)
            if any(self._lacks_weights(frame) for frame in frames):
                statistics.reloads += 1
                requests.all_lost()
                self._load(decoder)
            if time.monotonic() >= deadline:
                silences, statistics.silences = silences + 1, statistics.silences + 1
                self._check_silences(silences)
                requests.all_lost()
                deadline = self._deadline(0)

    def _take(
        self, frame: Frame, requests: Requests, statistics: LinkStatistics
    ) -> Iterator[tuple[int, bytes]]:
        """Note what ``frame`` says of requests; gives the answer in it, if there is one."""
        result_bytes = LATENCY_BYTES + self.identity.result_bytes
        if frame.type is FrameType.DAMAGED:
            statistics.damaged_requests += 1
            requests.lost(frame.sequence)
        elif frame.type is FrameType.BUSY:
            statistics.refused += 1
            requests.refused(frame.sequence)
        elif frame.type is FrameType.RESULT and len(frame.payload) == result_bytes:
            image = requests.answered(frame.sequence)
            if image is not None:
                yield image, frame.payload

    def _lacks_weights(self, frame: Frame) -> bool:
        """Whether ``frame`` says that the device has not got all its weights."""
        return frame.type is FrameType.LOADED and chunk_in(frame.payload) < len(self._chunks)

    def _load(self, decoder: FrameDecoder) -> None:
        """Load the weights, if there are any to load, and the device has not got them."""
        loading = Loading(len(self._chunks), self._options.window)
        silences, deadline = 0, time.monotonic()
        while not loading.done:
            while (request := loading.next()) is not None:
                sequence, chunk = request
                self._send(Frame(FrameType.LOAD, sequence, self._chunks[chunk]))
                deadline = self._deadline(loading.under_way)
            for frame in decoder.feed(self._port.read(deadline - time.monotonic())):
                silences, deadline = 0, self._deadline(loading.under_way)
                if frame.type is FrameType.LOADED:
                    loading.expects(frame.sequence, chunk_in(frame.payload))
                    self._loading_progress(loading.there, len(self._chunks))
                elif frame.type in (FrameType.DAMAGED, FrameType.BUSY):
                    loading.lost(frame.sequence)
            if time.monotonic() >= deadline:
                silences += 1
                self._check_silences(silences)
                loading.all_lost()

    def _deadline(self, under_way: int) -> float:
        """When an answer must have come, if so many images are still to be sent and computed."""
        octets = (under_way + 1) * (self.identity.image_bytes + self.identity.result_bytes)
        line_s = octets * BITS_PER_BYTE / self._options.baud
        computing_s = self._most_cycles / self.identity.clock_hz
        return time.monotonic() + line_s + computing_s + self._options.patience_s

    def _check_silences(self, silences: int) -> None:
        if silences == SILENCES:
            raise DeviceError(
                f"the device at {self._name} went away: no answer to {SILENCES} attempts, "
                f"{self._options.patience_s:g} s each"
            )

    def _greet(self) -> LinkIdentity:
        """Who is there.

        The device answers after all requests before, so what comes after its answer, with another
        sequence number each time, belongs to this talk.
        """
        self._port.forget()
        decoder = FrameDecoder(self._key)
        return [self._identify(decoder) for _ in range(GREETINGS)][-1]

    def _identify(self, decoder: FrameDecoder) -> LinkIdentity:
        silences = 0
        for _ in range(QUESTIONS):
            sequence = self._sequence()
            self._send(Frame(FrameType.IDENTIFY, sequence))
            heard, identity = self._hear(decoder, sequence)
            if identity is not None:
                return identity
            silences = 0 if heard else silences + 1
            if silences == SILENCES:
                break
        raise DeviceError(
            f"no device answers at {self._name} with {self._options.baud} baud: "
            f"is the board on, its bitstream loaded, and {rate_question(self._name)}?"
        )

    def _hear(self, decoder: FrameDecoder, sequence: int) -> tuple[bool, LinkIdentity | None]:
        """Whether anything came, and who answered question ``sequence``."""
        deadline = time.monotonic() + self._options.patience_s
        heard = False
        while (left := deadline - time.monotonic()) > 0:
            octets = self._port.read(left)
            heard |= bool(octets)
            for frame in decoder.feed(octets):
                if (frame.type, frame.sequence) == (FrameType.IDENTITY, sequence):
                    return True, identity_in(frame.payload)
                if frame.type is FrameType.DAMAGED:
                    return True, None
        return heard, None

    def _send(self, frame: Frame) -> None:
        self._port.write(encode_frame(frame, self._key))

    def _sequence(self) -> int:
        return int(self._rng.integers(256))


def opened(name: str, baud: int) -> SerialPort | SpiPort:
    """The port called ``name``."""
    if name.startswith(FTDI_SCHEME):
        return SpiPort(FtdiController(name, baud))
    return SerialPort(name, baud)


def rate_question(name: str) -> str:
    """What to ask of the rate if no device answers."""
    if name.startswith(FTDI_SCHEME):
        return "built for SPI, the rate at most a quarter of its clock"
    return "the rate the one that it was built for"


def dataflow_of(run: Path) -> Dataflow:
    """The dataflow graph in the RUN folder ``run``."""
    folder = RunFolder(run)
    return load_design(folder, folder.network()).dataflow


def chunk_in(payload: bytes) -> int:
    """The chunk that a device says it expects."""
    return int.from_bytes(payload[:CHUNK_NUMBER_BYTES], "little")


def identity_in(payload: bytes) -> LinkIdentity:
    """The identity that a device sent, if it is of this version of the protocol."""
    if payload[:1] != bytes((PROTOCOL_VERSION,)) or len(payload) != IDENTITY_BYTES:
        version = payload[0] if payload else "none"
        raise DeviceError(
            f"the device speaks version {version} of the protocol, this program "
            f"{PROTOCOL_VERSION}: build its bitstream anew"
        )
    return LinkIdentity.from_bytes(payload)


def check_identity(got: LinkIdentity, want: LinkIdentity) -> None:
    """Refuse a device with another design."""
    if replace(got, clock_hz=want.clock_hz) != want:
        raise DeviceError(
            f"the device has design {got.design} ({got.image_bytes} bytes an image, "
            f"{got.result_bytes} a result), not {want.design} ({want.image_bytes}, "
            f"{want.result_bytes}): load the bitstream that was made from this build"
        )
