# SPDX-License-Identifier: Apache-2.0
"""Element types, named as in QONNX: ``BIPOLAR``, ``TERNARY``, ``INT2``, ``UINT8``, ...

A type fixes the set of values of an element and the bit pattern (*code*) of each value:

=========  ========================  ====================================
type       values                    code
=========  ========================  ====================================
BIPOLAR    -1, +1                    one bit: 1 means +1, 0 means -1
TERNARY    -1, 0, +1                 two bits, two's complement
INTk       -2**(k-1) .. 2**(k-1)-1   k bits, two's complement
UINTk      0 .. 2**k - 1             k bits
=========  ========================  ====================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import GraphError

__all__ = [
    "BIPOLAR",
    "TERNARY",
    "DataType",
    "Kind",
    "int_type",
    "quantizer_type",
    "smallest_type",
    "uint_type",
]

MAX_WIDTH_BITS = 32
"""Widest element: accumulators of every supported layer fit."""


class Kind(StrEnum):
    """The families of element types."""

    BIPOLAR = "BIPOLAR"
    TERNARY = "TERNARY"
    INT = "INT"
    UINT = "UINT"


@dataclass(frozen=True, slots=True)
class DataType:
    """The type of one element of a tensor or stream.

    Parameters
    ----------
    kind
        Family of the type.
    width_bits
        Bits of a code; 1 for ``BIPOLAR``, 2 for ``TERNARY``.

    Examples
    --------
    >>> DataType.parse("INT4").min, DataType.parse("INT4").max
    (-8, 7)
    >>> BIPOLAR.encode(np.array([-1, 1])).tolist()
    [0, 1]
    """

    kind: Kind
    width_bits: int

    def __post_init__(self) -> None:
        fixed = {Kind.BIPOLAR: 1, Kind.TERNARY: 2}.get(self.kind)
        low = fixed or (2 if self.kind is Kind.INT else 1)
        high = fixed or MAX_WIDTH_BITS
        if not low <= self.width_bits <= high:
            raise GraphError(
                f"width of {self.kind} must be {low}..{high} bits, not {self.width_bits}"
            )

    @classmethod
    def parse(cls, name: str) -> DataType:
        """The type called ``name`` (its QONNX name)."""
        if name == "BIPOLAR":
            return BIPOLAR
        if name == "TERNARY":
            return TERNARY
        if match := re.fullmatch(r"(U?INT)([1-9][0-9]?)", name):
            return cls(Kind(match[1]), int(match[2]))
        raise GraphError(
            f"unknown element type {name!r} (known: BIPOLAR, TERNARY, INT2..32, UINT1..32)"
        )

    @property
    def name(self) -> str:
        """QONNX name of the type."""
        if self.kind in (Kind.BIPOLAR, Kind.TERNARY):
            return self.kind.value
        return f"{self.kind.value}{self.width_bits}"

    @property
    def signed(self) -> bool:
        """Whether negative values exist."""
        return self.kind is not Kind.UINT

    @property
    def min(self) -> int:
        """Smallest value."""
        if self.kind in (Kind.BIPOLAR, Kind.TERNARY):
            return -1
        return -(1 << (self.width_bits - 1)) if self.kind is Kind.INT else 0

    @property
    def max(self) -> int:
        """Largest value."""
        if self.kind in (Kind.BIPOLAR, Kind.TERNARY):
            return 1
        return (1 << (self.width_bits - (self.kind is Kind.INT))) - 1

    @property
    def step(self) -> int:
        """Distance between neighbouring values: 2 for ``BIPOLAR``, else 1."""
        return 2 if self.kind is Kind.BIPOLAR else 1

    @property
    def levels(self) -> int:
        """Number of values."""
        return (self.max - self.min) // self.step + 1

    def contains(self, values: NDArray[Any]) -> bool:
        """Whether every element of ``values`` is a value of this type."""
        values = np.asarray(values)
        if values.size == 0:
            return True
        if not (values.min() >= self.min and values.max() <= self.max):
            return False
        if np.issubdtype(values.dtype, np.integer):
            return self.step == 1 or bool((values & 1).all())  # a step of 2 is that of -1 and +1
        return bool(np.all((values - self.min) % self.step == 0))

    def encode(self, values: NDArray[Any]) -> NDArray[np.uint32]:
        """Codes of ``values`` (any shape) as unsigned integers.

        Raises
        ------
        GraphError
            If a value is not of this type.
        """
        if not self.contains(values):
            raise GraphError(f"values do not all fit {self}")
        wide = np.asarray(values).astype(np.int64)
        if self.kind is Kind.BIPOLAR:
            return (wide > 0).astype(np.uint32)
        return (wide & ((1 << self.width_bits) - 1)).astype(np.uint32)

    def decode(self, codes: NDArray[Any]) -> NDArray[np.int64]:
        """Values of ``codes`` (any shape), the inverse of :meth:`encode`."""
        wide = np.asarray(codes).astype(np.int64)
        if self.kind is Kind.BIPOLAR:
            return 2 * wide - 1
        if self.kind is Kind.UINT:
            return wide
        sign = 1 << (self.width_bits - 1)
        return (wide ^ sign) - sign

    def __str__(self) -> str:
        return self.name


BIPOLAR = DataType(Kind.BIPOLAR, 1)
TERNARY = DataType(Kind.TERNARY, 2)


def int_type(width_bits: int) -> DataType:
    """The signed type of ``width_bits`` bits."""
    return DataType(Kind.INT, width_bits)


def uint_type(width_bits: int) -> DataType:
    """The unsigned type of ``width_bits`` bits."""
    return DataType(Kind.UINT, width_bits)


def smallest_type(low: int, high: int) -> DataType:
    """The narrowest ``INT`` or ``UINT`` type that holds ``low..high``.

    Examples
    --------
    >>> str(smallest_type(-4, 4)), str(smallest_type(0, 256))
    ('INT4', 'UINT9')
    """
    if low >= 0:
        return uint_type(max(1, high.bit_length()))
    return int_type(max(2, 1 + max(high, -low - 1).bit_length()))


def quantizer_type(bits: int, signed: bool, narrow: bool) -> DataType:
    """The type of the integers of a quantiser, by what Brevitas and QONNX say of it.

    Parameters
    ----------
    bits
        Its width.
    signed
        Whether negative integers exist; of one bit these are -1 and +1.
    narrow
        Whether the range is symmetric: the least integer is missing.

    Examples
    --------
    >>> [str(quantizer_type(bits, True, True)) for bits in (1, 2, 4)]
    ['BIPOLAR', 'TERNARY', 'INT4']
    """
    if not signed:
        return uint_type(bits)
    if bits == 1:
        return BIPOLAR
    return TERNARY if bits == 2 and narrow else int_type(bits)
