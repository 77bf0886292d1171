# SPDX-License-Identifier: Apache-2.0
"""The graph: nodes in topological order with explicit, typed edges.

Both stages, :class:`~xnorflow.ir.network.Network` and :class:`~xnorflow.ir.dataflow.Dataflow`,
are graphs. A graph is checked when it is made, so every pass takes a valid graph and, by making
a new one, returns a valid graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from xnorflow.errors import GraphError
from xnorflow.ir.node import Node

__all__ = ["Graph"]

EdgeType = TypeVar("EdgeType")


@dataclass(frozen=True, eq=False)
class Graph(Generic[EdgeType]):
    """An immutable, checked graph with one input and one output.

    Parameters
    ----------
    nodes
        In topological order; the first one is the input. An edge may be read more than once
        (fork), a node may read more than one edge (join).

    Attributes
    ----------
    types
        Type of each edge by its name, in the order of ``nodes``.

    Raises
    ------
    GraphError
        If names repeat, an edge is read before it is made or never read, or a node
        cannot be typed.
    """

    nodes: tuple[Node[EdgeType], ...]
    types: dict[str, EdgeType] = field(init=False, repr=False)

    stage: ClassVar[str]
    kinds: ClassVar[tuple[type[Node[Any]], ...]]
    """Node classes that this stage admits."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", {})
        if not self.nodes or self.nodes[0].inputs:
            raise GraphError(f"the first node of a {self.stage} graph must be its input")
        for node in self.nodes:
            self._admit(node)
        self._check_all_edges_are_read()

    def _admit(self, node: Node[EdgeType]) -> None:
        if not isinstance(node, self.kinds):
            raise node.fail(f"{node.mnemonic} is no node of the {self.stage} stage")
        if node.name in self.types:
            raise node.fail("names of nodes must differ")
        if node.arity == 0 and self.types:
            raise node.fail("a graph must have one input")
        if missing := [edge for edge in node.inputs if edge not in self.types]:
            raise node.fail(f"edge {missing[0]!r} is read before it is made")
        self.types[node.name] = node.infer(tuple(self.types[edge] for edge in node.inputs))

    def _check_all_edges_are_read(self) -> None:
        read = {edge for node in self.nodes for edge in node.inputs}
        for node in self.nodes[:-1]:
            if node.name not in read:
                raise node.fail("every edge but the last must be read")

    @property
    def input(self) -> Node[EdgeType]:
        """The node without inputs."""
        return self.nodes[0]

    @property
    def output(self) -> Node[EdgeType]:
        """The node whose edge leaves the graph."""
        return self.nodes[-1]

    def node(self, name: str) -> Node[EdgeType]:
        """The node called ``name``."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise GraphError(f"no node is called {name!r} (there are: {', '.join(self.types)})")

    def readers(self, edge: str) -> tuple[Node[EdgeType], ...]:
        """The nodes that read ``edge``, in topological order."""
        return tuple(node for node in self.nodes if edge in node.inputs)

    def input_types(self, node: Node[EdgeType]) -> tuple[EdgeType, ...]:
        """Types of the edges that ``node`` reads."""
        return tuple(self.types[edge] for edge in node.inputs)

    def __str__(self) -> str:
        from xnorflow.ir.text import graph_text

        return graph_text(self)
