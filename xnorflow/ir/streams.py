# SPDX-License-Identifier: Apache-2.0
"""What the layers of the dataflow stage share: types of streams, foldings, the base class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from xnorflow.errors import FoldingError, GraphError
from xnorflow.ir.datatype import BIPOLAR, DataType
from xnorflow.ir.node import Node, divisors

__all__ = ["Folding", "Layer", "RamStyle", "StreamType", "check_divides", "check_no_flags"]


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
    zero_flags
        Bits above the lanes, each of which says of ``lanes / zero_flags`` neighbouring lanes,
        lowest first, that their value is 0, whatever their codes are: padding of BIPOLAR
        elements, which have no 0 (see ``docs/design``). None by default.
    """

    element: DataType
    channels: int
    lanes: int
    vectors: int = 1
    zero_flags: int = 0

    def __post_init__(self) -> None:
        if min(self.channels, self.vectors) < 1:
            raise GraphError(
                "a stream must have channels and vectors of 1 or more, "
                f"not {self.channels} and {self.vectors}"
            )
        check_divides("lanes", self.lanes, "channels", self.channels, "")
        if self.zero_flags:
            check_divides("zero_flags", self.zero_flags, "lanes", self.lanes, "")
            if self.element != BIPOLAR:
                raise GraphError(f"only BIPOLAR elements need flags for 0, not {self.element}")

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
        return self.lanes * self.element.width_bits + self.zero_flags

    @property
    def size(self) -> int:
        """Elements of a frame."""
        return self.channels * self.vectors

    def __str__(self) -> str:
        flags = f" + {self.zero_flags}" if self.zero_flags else ""
        return f"stream<{self.element} x {self.lanes}{flags}>[{self.vectors} x {self.channels}]"


def check_divides(part: str, value: int, whole: str, total: int, layer: str) -> None:
    """Raise a :class:`FoldingError` unless ``value`` is a positive divisor of ``total``."""
    if value < 1 or total % value:
        legal = ", ".join(map(str, divisors(total)))
        where = f"layer {layer!r}; " if layer else ""
        raise FoldingError(
            f"{part} must divide {whole}={total}, not {value} ({where}legal: {legal})"
        )


class RamStyle(StrEnum):
    """Where a layer keeps its weights (names as in FINN's folding files, but for ``spram``).

    Attributes
    ----------
    AUTO
        Where synthesis puts them.
    BLOCK
        In block RAM.
    DISTRIBUTED
        In logic.
    SPRAM
        In the large RAMs of iCE40 UltraPlus, which have no initial contents: the accelerator gets
        its weights through a port after reset.
    """

    AUTO = "auto"
    BLOCK = "block"
    DISTRIBUTED = "distributed"
    SPRAM = "spram"


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

    def whole_vectors(self, source: StreamType, channels: int, lanes: int, what: str) -> StreamType:
        """``source`` as vectors of ``channels`` elements, ``lanes`` a beat.

        A frame of several vectors may be read as one: a flattened image.

        Parameters
        ----------
        what
            The layer and what it takes, for the message.

        Raises
        ------
        GraphError
            If the vectors of ``source`` are others.
        """
        if source.lanes != lanes or channels not in (source.channels, source.size):
            raise self.fail(f"{what}, not {source}")
        if channels == source.channels:
            return source
        if source.zero_flags:
            raise self.fail(f"a stream with flags for 0 cannot be flattened: {source}")
        return replace(source, channels=channels, vectors=1)


def check_no_flags(layer: Layer, *sources: StreamType) -> None:
    """Refuse streams with flags for 0, which ``layer`` would lose."""
    for source in sources:
        if source.zero_flags:
            raise layer.fail(f"{layer.mnemonic} takes streams without flags for 0, not {source}")
