# SPDX-License-Identifier: Apache-2.0
"""Layers that compute."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir.datatype import BIPOLAR, DataType, uint_type
from xnorflow.ir.device import Device
from xnorflow.ir.operations import checked_levels, checked_shifts
from xnorflow.ir.pipelining import USUAL_PIPELINING, Pipelining
from xnorflow.ir.streams import Folding, Layer, StreamType, check_divides, check_no_flags
from xnorflow.ir.tensors import accumulator_type, checked_weights, narrowest_type, sum_type
from xnorflow.ir.thresholds import ThresholdTable

__all__ = [
    "MVAU",
    "VVAU",
    "AddUnit",
    "GlobalPoolUnit",
    "LabelSelect",
    "PoolKind",
    "PoolUnit",
    "ThermometerUnit",
    "Thresholding",
    "mvau_fields",
]


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
    device
        Family whose cells count the matches of 1-bit weights and inputs; None for plain Verilog.
    pipelining
        Registers of the products and their sums.
    """

    mnemonic: ClassVar[str] = "mvau"

    weights: NDArray[np.int8]
    weight_type: DataType
    table: ThresholdTable | None
    folding: Folding
    device: Device | None = None
    pipelining: Pipelining = USUAL_PIPELINING

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
        takes = f"{self.mnemonic} takes vectors of mw={self.mw} in simd={self.folding.simd} lanes"
        source = self.whole_vectors(inputs[0], self.mw, self.folding.simd, takes)
        element = (
            self.table.output_type
            if self.table is not None
            else accumulator_type(self, self.weights, source.element)
        )
        return StreamType(element, self.mh, self.folding.pe, source.vectors)


def mvau_fields(layer: MVAU) -> dict[str, Any]:
    """The arguments that make ``layer``, or what it is as a plain :class:`MVAU`."""
    return {field.name: getattr(layer, field.name) for field in fields(MVAU)}


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
        takes = f"thresholding takes vectors of {self.channels} in pe={self.folding.pe} lanes"
        source = self.whole_vectors(inputs[0], self.channels, self.folding.pe, takes)
        check_no_flags(self, source)
        return StreamType(self.table.output_type, self.channels, self.folding.pe, source.vectors)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LabelSelect(Layer):
    """Indices of the ``k`` largest of a frame, largest first, lowest index on ties, in one beat."""

    mnemonic: ClassVar[str] = "label_select"

    k: int = 1

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        check_no_flags(self, source)
        if not 1 <= self.k <= source.size:
            raise self.fail(
                f"label select of k={self.k} takes {self.k} or more channels, not {source}"
            )
        index = uint_type(max(1, (source.size - 1).bit_length()))
        return StreamType(index, self.k, self.k)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VVAU(Layer):
    """Vector-vector-activation unit: each channel's own weights times its taps, then thresholds.

    Takes windows in depthwise order (see :class:`~xnorflow.ir.SlidingWindow`): ``pe`` channels
    times ``simd`` taps a beat. Gives ``pe`` lanes of ``table.output_type``, or of the narrowest
    type that holds every accumulator where ``table`` is None.

    Parameters
    ----------
    weights
        Shape ``(channels, taps)``, values of ``weight_type``.
    weight_type
        Type of the weights.
    table
        Activation, or None for raw sums.
    folding
        ``pe`` divides the channels, ``simd`` divides the taps.
    device, pipelining
        As of an :class:`MVAU`.
    """

    mnemonic: ClassVar[str] = "vvau"

    weights: NDArray[np.int8]
    weight_type: DataType
    table: ThresholdTable | None
    folding: Folding
    device: Device | None = None
    pipelining: Pipelining = USUAL_PIPELINING

    def __post_init__(self) -> None:
        self.check_header()
        object.__setattr__(self, "weights", checked_weights(self, self.weights, self.weight_type))
        if self.table is not None and not self.table.fits(self.channels):
            raise self.fail(
                f"a threshold table of {self.table.rows} rows does not fit {self.channels} channels"
            )
        check_divides("pe", self.folding.pe, "channels", self.channels, self.name)
        check_divides("simd", self.folding.simd, "taps", self.taps, self.name)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.weights.shape[0])

    @property
    def taps(self) -> int:
        """Inputs of a channel."""
        return int(self.weights.shape[1])

    @property
    def nf(self) -> int:
        """Channel folds: groups of ``pe`` channels, one after the other."""
        return self.channels // self.folding.pe

    @property
    def sf(self) -> int:
        """Synapse folds: beats of a group of channels."""
        return self.taps // self.folding.simd

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        check_windows(self, source, self.channels * self.taps, self.folding)
        element = (
            self.table.output_type
            if self.table is not None
            else accumulator_type(self, self.weights, source.element)
        )
        return StreamType(element, self.channels, self.folding.pe, source.vectors)


def check_windows(layer: Layer, source: StreamType, size: int, folding: Folding) -> None:
    """Refuse a stream that does not carry windows of ``size`` in the lanes of ``folding``."""
    lanes = folding.pe * folding.simd
    if source.channels != size or source.lanes != lanes or source.zero_flags:
        raise layer.fail(
            f"{layer.mnemonic} takes windows of {size} in pe * simd = {lanes} lanes, not {source}"
        )


class PoolKind(StrEnum):
    """What a pool makes of the values that it sees."""

    MAX = "max"
    SUM = "sum"


def pool_type(layer: Layer, kind: PoolKind, element: DataType, count: int) -> DataType:
    """Type of what ``layer`` makes of ``count`` values of type ``element``."""
    if kind is PoolKind.MAX:
        return element
    return narrowest_type(layer, count * element.min, count * element.max)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PoolUnit(Layer):
    """Largest value or sum over the taps of a window, channel by channel.

    Takes windows in depthwise order: ``pe`` channels times ``simd`` taps a beat. Gives ``pe``
    lanes.

    Parameters
    ----------
    kind
        Largest value or sum.
    channels, taps
        Size of a window.
    folding
        ``pe`` divides ``channels``, ``simd`` divides ``taps``.
    """

    mnemonic: ClassVar[str] = "pool"

    kind: PoolKind
    channels: int
    taps: int
    folding: Folding

    def __post_init__(self) -> None:
        self.check_header()
        check_divides("pe", self.folding.pe, "channels", self.channels, self.name)
        check_divides("simd", self.folding.simd, "taps", self.taps, self.name)

    @property
    def nf(self) -> int:
        """Channel folds: groups of ``pe`` channels, one after the other."""
        return self.channels // self.folding.pe

    @property
    def sf(self) -> int:
        """Beats of a group of channels."""
        return self.taps // self.folding.simd

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        check_windows(self, source, self.channels * self.taps, self.folding)
        element = pool_type(self, self.kind, source.element, self.taps)
        return StreamType(element, self.channels, self.folding.pe, source.vectors)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GlobalPoolUnit(Layer):
    """Largest value or sum over all vectors of a frame, channel by channel, in as many lanes.

    Parameters
    ----------
    kind
        Largest value or sum.
    """

    mnemonic: ClassVar[str] = "global_pool"

    kind: PoolKind

    def __post_init__(self) -> None:
        self.check_header()

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        check_no_flags(self, source)
        element = pool_type(self, self.kind, source.element, source.vectors)
        return StreamType(element, source.channels, source.lanes)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ThermometerUnit(Layer):
    """Each lane as ``T`` bits, one for each level that it reaches.

    Parameters
    ----------
    levels
        Shape ``(T,)``, ascending.
    """

    mnemonic: ClassVar[str] = "thermometer"

    levels: NDArray[np.int64]

    def __post_init__(self) -> None:
        self.check_header()
        object.__setattr__(self, "levels", checked_levels(self, self.levels))

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        (source,) = inputs
        check_no_flags(self, source)
        bits = len(self.levels)
        return StreamType(BIPOLAR, source.channels * bits, source.lanes * bits, source.vectors)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AddUnit(Layer):
    """``(a << shifts[0]) + (b << shifts[1])``, lane by lane, of two streams in step.

    Parameters
    ----------
    shifts
        Places by which each input is shifted up first.
    """

    mnemonic: ClassVar[str] = "add"
    arity: ClassVar[int | None] = 2

    shifts: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self.check_header()
        checked_shifts(self, self.shifts)

    def infer(self, inputs: tuple[StreamType, ...]) -> StreamType:
        first, second = inputs
        check_no_flags(self, first, second)
        if shape_of(first) != shape_of(second):
            raise self.fail(f"add takes two streams of one shape, not {first} and {second}")
        element = sum_type(self, self.shifts, first.element, second.element)
        return StreamType(element, first.channels, first.lanes, first.vectors)


def shape_of(stream: StreamType) -> tuple[int, int, int]:
    """Channels, lanes and vectors of ``stream``."""
    return stream.channels, stream.lanes, stream.vectors
