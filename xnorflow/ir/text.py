# SPDX-License-Identifier: Apache-2.0
"""Graphs as text that a person reads: a line for each edge."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from xnorflow.ir.graph import Graph
from xnorflow.ir.node import Node

__all__ = ["graph_text"]

HEADER_FIELDS = frozenset({"name", "inputs", "origin", "type"})


def graph_text(graph: Graph[Any]) -> str:
    """The printed form of ``graph``; constants appear by shape and range, not by value.

    What a node need not have and has not is left out.

    Examples
    --------
    >>> from xnorflow.ir import BIPOLAR, Input, Network, TensorType
    >>> print(graph_text(Network((Input(name="image", type=TensorType(BIPOLAR, (4,))),))))
    network {
      %image : BIPOLAR[4] = input()
    }
    """
    lines = [f"  {node_text(node, graph.types[node.name])}" for node in graph.nodes]
    return "\n".join([f"{graph.stage} {{", *lines, "}"])


def node_text(node: Node[Any], edge_type: object) -> str:
    """One line for ``node`` with the type of its output edge."""
    operands = ", ".join(f"%{edge}" for edge in node.inputs)
    constants = "".join(
        f" {f.name}={value_text(getattr(node, f.name))}"
        for f in fields(node)
        if f.name not in HEADER_FIELDS and not is_left_out(getattr(node, f.name), f.default)
    )
    origin = f"  # {node.origin}" if node.origin else ""
    return f"%{node.name} : {edge_type} = {node.mnemonic}({operands}){constants}{origin}"


def is_left_out(value: object, default: object) -> bool:
    """Whether ``value`` says nothing: None where None is the default, or a default record."""
    if is_dataclass(default):
        return value == default
    return value is None and default is None


def value_text(value: object) -> str:
    """A constant in short: arrays by shape and range, nested records by their parts."""
    if isinstance(value, np.ndarray):
        shape = "x".join(map(str, value.shape))
        return f"[{shape}]({value.min()}..{value.max()})" if value.size else f"[{shape}]"
    if (
        is_dataclass(value)
        and not isinstance(value, type)
        and type(value).__str__ is object.__str__
    ):
        parts = ", ".join(f"{f.name}={value_text(getattr(value, f.name))}" for f in fields(value))
        return f"({parts})"
    return str(value)
