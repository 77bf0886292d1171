# SPDX-License-Identifier: Apache-2.0
"""What leaves the accelerator: the label, the best few labels, or the raw scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from xnorflow.errors import GraphError
from xnorflow.ir import ArgMax, Network

__all__ = ["SelectOutput"]


@dataclass(frozen=True, slots=True)
class SelectOutput:
    """Choose the output of a network that ends in an ArgMax.

    It is a pass on the network, so that every engine agrees on what the output is.

    Parameters
    ----------
    scores
        Leave the ArgMax out: the sums of the last MatMul are the output.
    top_k
        Number of labels, best first; None keeps the network's own.

    Raises
    ------
    GraphError
        If labels are asked of a network without an ArgMax, or both options are given.
    """

    name: ClassVar[str] = "select-output"

    scores: bool = False
    top_k: int | None = None

    def apply(self, network: Network) -> Network:
        """``network`` with the chosen output."""
        if self.scores and self.top_k is not None:
            raise GraphError(f"the output must be raw scores or the top {self.top_k}, not both")
        last = network.output
        if self.scores:
            return Network(network.nodes[:-1]) if isinstance(last, ArgMax) else network
        if self.top_k is None:
            return network
        if not isinstance(last, ArgMax):
            raise last.fail(f"top_k={self.top_k} needs a network that ends in argmax")
        return Network((*network.nodes[:-1], replace(last, k=self.top_k)))
