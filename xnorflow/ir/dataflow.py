# SPDX-License-Identifier: Apache-2.0
"""Stage two, *dataflow*: which hardware layer computes what, on streams, with its folding."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import FoldingError
from xnorflow.ir.datatype import DataType, uint_type
from xnorflow.ir.graph import Graph
from xnorflow.ir.network import accumulator_type, checked_weights
from xnorflow.ir.node import Node, divisors
from xnorflow.ir.thresholds import ThresholdTable

__all__ = [
    "MVAU",
    "Dataflow",
    "Fifo",
    "Folding",
    "LabelSelect",
    "Layer",
    "RamStyle",
    "StreamInput",
    "StreamType",
    "Thresholding",
    "WidthConverter",
]


@dataclass(frozen=True, slots=True)
class StreamType:
    """Type of a stream: a frame is ``vectors`` vectors, a vector is ``beats_per_vector`` beats.

    Lane 0 of a beat is its least significant and its lowest channel; channels go fastest.

    Parameters
    ----------
    element
        Type of a lane.
    channels
        Elements of a vector.
    lanes
        Elements of a beat; divides ``channels``.
    vectors
        Vectors of a frame.
    """

    element: DataType
    channels: int
    lanes: int
    vectors: int = 1

    def __post_init__(self) -> None:
        check_divides("lanes", self.lanes, "channels", self.channels, "")

    @property
    def beats_per_vector(self) -> int:
        """Beats of a vector."""
        return self.channels // self.lanes

    @property
    def beats_per_frame(self) -> int:
        """Beats of a frame."""
        return self.beats_per_vector * self.vectors

    @property
    def width_bits(self) -> int:
        """Bits of a beat's payload."""
        return self.lanes * self.element.width_bits

    def __str__(self) -> str:
        return f"stream<{self.element} x {self.lanes}>[{self.vectors} x {self.channels}]"


def check_divides(part: str, value: int, whole: str, total: int, layer: str) -> None:
    """Raise a :class:`FoldingError` unless ``value`` is a positive divisor of ``total``."""
    if value < 1 or total % value:
        legal = ", ".join(map(str, divisors(total)))
        where = f"layer {layer!r}; " if layer else ""
        raise FoldingError(
            f"{part} must divide {whole}={total}, not {value} ({where}legal: {legal})"
        )


class RamStyle(StrEnum):
    """Where a layer keeps its weights (names as in FINN's folding files)."""

    AUTO = "auto"
    BLOCK = "block"
    DISTRIBUTED = "distributed"


@dataclass(frozen=True, slots=True)
class Folding:
    """How far a layer is time-multiplexed.

    Parameters
    ----------
    pe
        Neurons (channels) computed in parallel.
    simd
        Inputs consumed a cycle by each of them; 1 for layers without a sum.
    ram_style
        Memory for the weights.
    """

    pe: int = 1
    simd: int = 1
    ram_style: RamStyle = RamStyle.AUTO


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Layer(Node[StreamType]):
    """A node of the dataflow stage.

    Parameters
    ----------
    edge
        Edge of the integer network whose values this layer's output stream carries.
    """

    edge: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StreamInput(Layer):
    """The stream that enters the accelerator."""

    mnemonic: ClassVar[str] = "stream_input"
    arity: ClassVar[int] = 0

    type: StreamType

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        return self.type


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MVAU(Layer):
    """Matrix-vector-activation unit: one matrix product, then thresholds if there are any.

    Takes ``simd`` lanes; gives ``pe`` lanes of ``table.output_type``, or of the narrowest type
    that holds every accumulator where ``table`` is None.

    Parameters
    ----------
    weights
        Shape ``(mh, mw)``, values of ``weight_type``.
    weight_type
        Type of the weights.
    table
        Activation, or None for raw sums.
    folding
        ``pe`` divides ``mh``, ``simd`` divides ``mw``.
    """

    mnemonic: ClassVar[str] = "mvau"

    weights: NDArray[np.int8]
    weight_type: DataType
    table: ThresholdTable | None
    folding: Folding

    def __post_init__(self) -> None:
        self.check_header()
        object.__setattr__(self, "weights", checked_weights(self, self.weights, self.weight_type))
        if self.table is not None and not self.table.fits(self.mh):
            raise self.fail(
                f"a threshold table of {self.table.rows} rows does not fit mh={self.mh}"
            )
        check_divides("pe", self.folding.pe, "mh", self.mh, self.name)
        check_divides("simd", self.folding.simd, "mw", self.mw, self.name)

    @property
    def mh(self) -> int:
        """Number of neurons."""
        return int(self.weights.shape[0])

    @property
    def mw(self) -> int:
        """Inputs of a neuron."""
        return int(self.weights.shape[1])

    @property
    def nf(self) -> int:
        """Neuron folds: groups of ``pe`` neurons, one after the other."""
        return self.mh // self.folding.pe

    @property
    def sf(self) -> int:
        """Synapse folds: beats of an input vector."""
        return self.mw // self.folding.simd

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        if source.channels != self.mw or source.lanes != self.folding.simd:
            raise self.fail(
                f"mvau takes vectors of mw={self.mw} in simd={self.folding.simd} lanes, "
                f"not {source}"
            )
        element = (
            self.table.output_type
            if self.table is not None
            else accumulator_type(self, self.weights, source.element)
        )
        return StreamType(element, self.mh, self.folding.pe, source.vectors)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Thresholding(Layer):
    """Thresholding unit: each channel through its step function, ``pe`` channels a cycle."""

    mnemonic: ClassVar[str] = "thresholding"

    table: ThresholdTable
    channels: int
    folding: Folding

    def __post_init__(self) -> None:
        self.check_header()
        if not self.table.fits(self.channels):
            raise self.fail(
                f"a threshold table of {self.table.rows} rows does not fit {self.channels} channels"
            )
        check_divides("pe", self.folding.pe, "channels", self.channels, self.name)

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        if source.channels != self.channels or source.lanes != self.folding.pe:
            raise self.fail(
                f"thresholding takes vectors of {self.channels} in pe={self.folding.pe} lanes, "
                f"not {source}"
            )
        return StreamType(self.table.output_type, self.channels, self.folding.pe, source.vectors)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WidthConverter(Layer):
    """Stream width converter (DWC): the same elements in the same order, ``lanes`` a beat."""

    mnemonic: ClassVar[str] = "dwc"

    lanes: int

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
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
class LabelSelect(Layer):
    """Indices of the ``k`` largest channels, largest first, lowest index on ties, in one beat."""

    mnemonic: ClassVar[str] = "label_select"

    k: int = 1

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        if not 1 <= self.k <= source.channels:
            raise self.fail(
                f"label select of k={self.k} takes {self.k} or more channels, not {source}"
            )
        index = uint_type(max(1, (source.channels - 1).bit_length()))
        return StreamType(index, self.k, self.k, source.vectors)


class Dataflow(Graph[StreamType]):
    """The graph of hardware layers."""

    stage: ClassVar[str] = "dataflow"
    kinds: ClassVar[tuple[type[Node[Any]], ...]] = (
        StreamInput,
        MVAU,
        Thresholding,
        WidthConverter,
        Fifo,
        LabelSelect,
    )
