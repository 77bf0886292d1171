# SPDX-License-Identifier: Apache-2.0
"""What the input of a model is: an element type, and by what its integers are divided."""

from __future__ import annotations

from dataclasses import dataclass

from xnorflow.errors import ConfigError, GraphError
from xnorflow.ir import DataType, Kind

__all__ = ["InputType"]

MAX_DIVISOR = 1 << 16
MAX_WIDTH_BITS = 8


@dataclass(frozen=True, slots=True)
class InputType:
    """The model takes ``integer / divisor`` in float32.

    Parameters
    ----------
    element
        Type of the integers, at most 8 bits wide.
    divisor
        1 where the model takes the integers themselves, 255 for pixels from 0 to 1.

    Examples
    --------
    >>> print(InputType.parse("uint8/255"), InputType.parse("BIPOLAR"))
    UINT8/255 BIPOLAR
    """

    element: DataType
    divisor: int = 1

    @classmethod
    def parse(cls, text: str) -> InputType:
        """The input type that ``text`` names: ``TYPE`` or ``TYPE/DIVISOR``.

        Raises
        ------
        ConfigError
            If it names none.
        """
        text = text[:40]
        name, slash, divisor = text.partition("/")
        try:
            element = DataType.parse(name.strip().upper())
        except GraphError as error:
            raise ConfigError(f"input type {text!r}: {error}") from error
        if element.width_bits > MAX_WIDTH_BITS:
            raise ConfigError(f"an input must have at most {MAX_WIDTH_BITS} bits, not {element}")
        number = divisor.strip() if slash else "1"
        if not (number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= MAX_DIVISOR):
            raise ConfigError(
                f"input type {text!r} must have a divisor of 1..{MAX_DIVISOR} behind the '/'"
            )
        return cls(element, int(number))

    @property
    def integers(self) -> bool:
        """Whether the model takes integers as they are."""
        return self.divisor == 1

    @property
    def is_bipolar(self) -> bool:
        """Whether the integers are -1 and +1."""
        return self.element.kind is Kind.BIPOLAR

    def __str__(self) -> str:
        return self.element.name if self.integers else f"{self.element}/{self.divisor}"
