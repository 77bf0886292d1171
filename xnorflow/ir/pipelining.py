# SPDX-License-Identifier: Apache-2.0
"""Where the registers are in the products of a layer and their sums."""

from __future__ import annotations

from dataclasses import dataclass

from xnorflow.errors import GraphError

__all__ = ["USUAL_PIPELINING", "Pipelining"]


@dataclass(frozen=True, slots=True)
class Pipelining:
    """Registers that a layer with weights may have or not: more of them for a faster clock.

    They add to its latency and change nothing else.

    Parameters
    ----------
    operands
        Whether a register follows the weight memory, and another one the input, before anything
        is computed: reading a block RAM then has a cycle of its own.
    levels
        Levels of adders between two registers of the sums of products, 1 or more.
    """

    operands: bool = False
    levels: int = 2

    def __post_init__(self) -> None:
        if self.levels < 1:
            raise GraphError(f"a stage must have 1 or more levels of adders, not {self.levels}")


USUAL_PIPELINING = Pipelining()
"""Of layers of which nothing else is said."""
