# SPDX-License-Identifier: Apache-2.0
"""What all nodes of a graph share, whatever the stage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.errors import GraphError

__all__ = ["Node", "divisors", "frozen_array"]

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]*")

EdgeType = TypeVar("EdgeType")
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Node(Generic[EdgeType]):
    """One operation; its output is the edge that bears its name.

    A subclass is a frozen dataclass that holds the operation's constants, checks them in
    ``__post_init__`` and types its output in :meth:`infer`. What it computes, how long it takes
    and how it is built stand elsewhere (see :mod:`xnorflow.sim.contract`).

    Parameters
    ----------
    name
        Unique in its graph; lower-case letters, digits and ``_``: also a Verilog name.
    inputs
        Names of the edges read, in order.
    origin
        Path of the PyTorch module that computes the same edge, for messages; may be empty.
    """

    name: str
    inputs: tuple[str, ...] = ()
    origin: str = ""

    mnemonic: ClassVar[str]
    """Name of the kind in printed and stored graphs."""
    arity: ClassVar[int | None] = 1
    """Number of inputs; None means two or more."""

    def check_header(self) -> None:
        """Check name and number of inputs; every ``__post_init__`` calls it first."""
        if not NAME_PATTERN.fullmatch(self.name):
            raise GraphError(
                f"a node's name must be lower-case letters, digits and '_', not {self.name!r}"
            )
        count = len(self.inputs)
        if self.arity is None and count < 2:
            raise GraphError(
                f"{self.mnemonic} takes two inputs or more, not {count} (node {self.name!r})"
            )
        if self.arity is not None and count != self.arity:
            raise GraphError(
                f"{self.mnemonic} takes {self.arity} input(s), not {count} (node {self.name!r})"
            )

    def infer(self, inputs: tuple[EdgeType, ...]) -> EdgeType:
        """Type of the output for inputs of the given types.

        Raises
        ------
        GraphError
            If the operation is not defined on such inputs.
        """
        raise NotImplementedError

    def fail(self, rule: str) -> GraphError:
        """A :class:`GraphError` that says which rule this node breaks."""
        where = f"node {self.name!r}" + (f", module {self.origin!r}" if self.origin else "")
        return GraphError(f"{rule} ({where})")


def frozen_array(values: Any, dtype: type[Scalar], ndim: int) -> NDArray[Scalar]:
    """A read-only, C-contiguous copy of ``values`` with ``ndim`` axes."""
    given = np.asarray(values)
    array = np.array(given.astype(dtype), order="C")
    if not np.array_equal(array, given):
        raise GraphError(f"a constant must hold values of {array.dtype}, not {given.dtype} ones")
    if array.ndim != ndim:
        raise GraphError(f"a constant must have {ndim} axes, not shape {array.shape}")
    array.setflags(write=False)
    return array


def divisors(number: int) -> list[int]:
    """All divisors of ``number`` in ascending order.

    Examples
    --------
    >>> divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    return [d for d in range(1, number + 1) if number % d == 0]
