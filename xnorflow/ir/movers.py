# SPDX-License-Identifier: Apache-2.0
"""Layers that move elements: to another width, another time, another place, and into windows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from xnorflow.ir.datatype import BIPOLAR, TERNARY
from xnorflow.ir.streams import Layer, StreamType, check_divides, check_no_flags
from xnorflow.ir.windows import Window, check_padding, padded_size

__all__ = [
    "ConcatUnit",
    "Fifo",
    "Fork",
    "PadUnit",
    "SlidingWindow",
    "StreamInput",
    "UpsampleUnit",
    "WidthConverter",
]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StreamInput(Layer):
    """The stream that enters the accelerator."""

    mnemonic: ClassVar[str] = "stream_input"
    arity: ClassVar[int | None] = 0

    type: StreamType

    def __post_init__(self) -> None:
        self.check_header()
        check_no_flags(self, self.type)

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        return self.type


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WidthConverter(Layer):
    """Stream width converter (DWC): the same elements in the same order, ``lanes`` a beat.

    Where ``lanes`` do not divide the channels, a frame comes out as one flat vector.
    """

    mnemonic: ClassVar[str] = "dwc"

    lanes: int

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        check_no_flags(self, source)
        if self.lanes < 1 or source.channels % self.lanes:
            check_divides("lanes", self.lanes, "size", source.size, self.name)
            return StreamType(source.element, source.size, self.lanes)
        return StreamType(source.element, source.channels, self.lanes, source.vectors)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fifo(Layer):
    """First-in first-out buffer of ``depth_beats`` beats."""

    mnemonic: ClassVar[str] = "fifo"

    depth_beats: int

    def __post_init__(self) -> None:
        self.check_header()
        if self.depth_beats < 2:
            raise self.fail(f"a FIFO must hold 2 beats or more, not {self.depth_beats}")

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        return inputs[0]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fork(Layer):
    """The same stream for several readers, each of which takes every beat.

    Parameters
    ----------
    ways
        Number of readers, 2 or more.
    """

    mnemonic: ClassVar[str] = "fork"

    ways: int

    def __post_init__(self) -> None:
        self.check_header()
        if self.ways < 2:
            raise self.fail(f"a fork must have 2 readers or more, not {self.ways}")

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        return inputs[0]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PadUnit(Layer):
    """Rows and columns of a constant around an image.

    Padding of a BIPOLAR stream with 0, which it has not, gives a stream with a flag for 0 in
    every beat, or one of TERNARY elements.

    Parameters
    ----------
    shape
        ``(height, width, channels)`` of the image taken.
    padding
        ``(top, left, bottom, right)``.
    value
        What is put around it.
    flags
        Whether 0 around a BIPOLAR image is told by flags. The units behind make sense of them
        if the number of channels is even.
    """

    mnemonic: ClassVar[str] = "pad"

    shape: tuple[int, int, int]
    padding: tuple[int, int, int, int]
    value: int = 0
    flags: bool = False

    def __post_init__(self) -> None:
        self.check_header()
        check_shape(self, self.shape)
        check_padding(self.padding, self.fail)
        if self.flags and (self.value or self.shape[2] % 2):
            raise self.fail(
                "flags for padding need the value 0 and an even number of channels, "
                f"not {self.value} and {self.shape[2]}"
            )

    @property
    def padded_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)`` of the image given."""
        return (*padded_size(self.shape[:2], self.padding), self.shape[2])

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        check_image(self, source, self.shape)
        check_no_flags(self, source)
        height, width, channels = self.padded_shape
        element = source.element
        if element == BIPOLAR and self.value == 0 and not self.flags:
            element = TERNARY
        elif self.flags and element != BIPOLAR:
            raise self.fail(f"only BIPOLAR elements need flags for 0, not {source}")
        elif not self.flags and not element.min <= self.value <= element.max:
            raise self.fail(f"padding must be a value of {element}, not {self.value}")
        return StreamType(element, channels, source.lanes, height * width, int(self.flags))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SlidingWindow(Layer):
    """Sliding-window unit (SWU): for each window all of its pixels, as one vector.

    A beat has ``taps_per_beat`` pixels of a window, each in the lanes of the stream taken.
    Order of the elements, slowest first:

    =========  ===========================================================================
    dense      group of taps; channel group; tap of the group; lane
    depthwise  channel group; group of taps; tap of the group; lane
    =========  ===========================================================================

    Parameters
    ----------
    shape
        ``(height, width, channels)`` of the image taken, with its padding.
    window
        Where the windows lie; its own padding must be 0.
    depthwise
        Whether a channel's taps stay together.
    taps_per_beat
        Divides the taps of the window.
    depth_pixels
        Pixels that the line buffer holds: at least those from the first to the last one of a
        window.
    """

    mnemonic: ClassVar[str] = "swu"

    shape: tuple[int, int, int]
    window: Window
    depthwise: bool = False
    taps_per_beat: int = 1
    depth_pixels: int

    def __post_init__(self) -> None:
        self.check_header()
        check_shape(self, self.shape)
        if any(self.window.padding):
            raise self.fail(
                "a sliding-window unit takes an image that is padded already: "
                f"the window's padding must be 0, not {self.window.padding}"
            )
        if min(self.output_shape) < 1:
            raise self.fail(f"a window of {self.window.extent} must fit into {self.shape}")
        check_divides("taps_per_beat", self.taps_per_beat, "taps", self.window.taps, self.name)
        if self.depth_pixels < self.span_pixels:
            raise self.fail(
                f"depth_pixels must be {self.span_pixels} or more, which a window spans, "
                f"not {self.depth_pixels}"
            )

    @property
    def output_shape(self) -> tuple[int, int]:
        """Number of windows in height and width."""
        return self.window.output_shape(self.shape[:2])

    @property
    def span_pixels(self) -> int:
        """Pixels in row-major order from the first to the last one of a window."""
        rows, columns = self.window.extent
        return (rows - 1) * self.shape[1] + columns

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        check_image(self, source, self.shape)
        return StreamType(
            element=source.element,
            channels=self.window.taps * source.channels,
            lanes=self.taps_per_beat * source.lanes,
            vectors=math.prod(self.output_shape),
            zero_flags=self.taps_per_beat * source.zero_flags,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class UpsampleUnit(Layer):
    """Each pixel ``factor[0]`` times in height and ``factor[1]`` times in width.

    Parameters
    ----------
    shape
        ``(height, width, channels)`` of the image taken.
    factor
        ``(height, width)``.
    """

    mnemonic: ClassVar[str] = "upsample"

    shape: tuple[int, int, int]
    factor: tuple[int, int]

    def __post_init__(self) -> None:
        self.check_header()
        check_shape(self, self.shape)
        if len(self.factor) != 2 or min(self.factor) < 1:
            raise self.fail(f"a factor must be (height, width), 1 or more, not {self.factor}")

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        check_image(self, source, self.shape)
        check_no_flags(self, source)
        vectors = source.vectors * math.prod(self.factor)
        return StreamType(source.element, source.channels, source.lanes, vectors)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ConcatUnit(Layer):
    """Vector by vector: the channels of the first stream, then of the next, in as many lanes."""

    mnemonic: ClassVar[str] = "concat"
    arity: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        check_no_flags(self, *inputs)
        first = inputs[0]
        for other in inputs[1:]:
            if (other.element, other.lanes, other.vectors) != (
                first.element,
                first.lanes,
                first.vectors,
            ):
                raise self.fail(
                    f"concat takes streams of one type, width and length, not {first} and {other}"
                )
        channels = sum(stream.channels for stream in inputs)
        return StreamType(first.element, channels, first.lanes, first.vectors)


def check_shape(layer: Layer, shape: tuple[int, int, int]) -> None:
    """Refuse a ``shape`` that is none of an image."""
    if len(shape) != 3 or min(shape) < 1:
        raise layer.fail(f"a shape must be (height, width, channels), 1 or more each, not {shape}")


def check_image(layer: Layer, source: StreamType, shape: tuple[int, int, int]) -> None:
    """Refuse a stream that does not carry images of ``shape``, a pixel a vector."""
    height, width, channels = shape
    if (source.vectors, source.channels) != (height * width, channels):
        raise layer.fail(f"{layer.mnemonic} takes images of {shape}, not {source}")
