# SPDX-License-Identifier: Apache-2.0
"""An integer network as it grows, with the names that its nodes get."""

from __future__ import annotations

from collections import Counter

from xnorflow.ir.node import Node
from xnorflow.ir.tensors import TensorType

__all__ = ["NetworkBuilder"]


class NetworkBuilder:
    """Nodes so far, each after all that it reads.

    Attributes
    ----------
    nodes
        In the order in which they were added.
    types
        Of the edge of each node, by its name.
    """

    def __init__(self) -> None:
        self.nodes: list[Node[TensorType]] = []
        self.types: dict[str, TensorType] = {}
        self._counts: Counter[str] = Counter()

    def append(self, node: Node[TensorType]) -> TensorType:
        """Add ``node``; gives the type of its edge.

        Raises
        ------
        GraphError
            If it does not fit the edges that it reads.
        """
        result = node.infer(tuple(self.types[edge] for edge in node.inputs))
        self.types[node.name] = result
        self.nodes.append(node)
        return result

    def numbered(self, stem: str) -> str:
        """A new name: ``stem`` with a number."""
        self._counts[stem] += 1
        return f"{stem}{self._counts[stem]}"

    def product(self, stem: str) -> tuple[str, str]:
        """New names of a product and of the quantiser behind it; all products count together."""
        self._counts["product"] += 1
        number = self._counts["product"]
        return f"{stem}{number}", f"act{number}"

    def unique(self, name: str) -> str:
        """``name``, with ``_2`` where it is there already, and so on."""
        self._counts[name] += 1
        return name if self._counts[name] == 1 else f"{name}_{self._counts[name]}"
