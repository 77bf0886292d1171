# SPDX-License-Identifier: Apache-2.0
"""A network in the form that FINN makes the best of: the same function, other inner sums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from xnorflow.frontends.qonnx.finn import Product, is_absorbed, is_xnor, origin_of, users
from xnorflow.hw.passes.layer_rules import absorbed_threshold
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Conv,
    Depthwise,
    Input,
    Network,
    Node,
    Pad,
    SumPool,
    TensorType,
    Threshold,
    ThresholdTable,
)
from xnorflow.ir.thresholds import MAX_LEVELS

__all__ = ["FinnForm", "finn_form"]

Nodes = dict[str, Node[TensorType]]


@dataclass(frozen=True, slots=True)
class FinnForm:
    """A network for FINN.

    Parameters
    ----------
    network
        The same nodes, by their names, and the same output.
    changes
        What costs something, a sentence each.
    """

    network: Network
    changes: tuple[str, ...]


def finn_form(network: Network) -> FinnForm:
    """``network`` changed, so that FINN computes it rightly and in few layers.

    * Sums of windows become depthwise convolutions of ones: FINN has no other exact one.
    * BIPOLAR values become TERNARY ones, of which none is 0, where FINN would take padding for -1,
      or would give 0 and 1 to several readers, or takes no BIPOLAR values.
    * Neurons whose output counts down have the signs of their weights changed, if the type of the
      weights has them: FINN absorbs no table that is multiplied by -1 first.
    * Sums of ``mw`` products of -1 and +1 are even just if ``mw`` is; so are their thresholds.
      FINN counts equal bits, ``(sum + mw) / 2``, and has whole thresholds then.
    * Tables behind such a sum, and all with a sign, begin at the least value of their type, by
      thresholds that are always reached: FINN wants it so, or lets them begin there anyway.

    What is known to go wrong in FINN, and is none of these, is named by
    :func:`~xnorflow.frontends.qonnx.finn.finn_warnings`.

    Parameters
    ----------
    network
        The integer network.
    """
    network, changes = as_products(network)
    network, more = with_ternary(network)
    return FinnForm(with_friendly_tables(network), (*changes, *more))


def rewritten(network: Network, changed: Nodes) -> Network:
    """``network`` with the nodes in ``changed`` in place of those of their names."""
    return Network(tuple(changed.get(node.name, node) for node in network.nodes))


# ---- sums of windows --------------------------------------------------------------------------


def as_products(network: Network) -> tuple[Network, list[str]]:
    """Every sum of windows as a product with ones."""
    sums = [node for node in network.nodes if isinstance(node, SumPool)]
    changed: Nodes = {node.name: product_of(network, node) for node in sums}
    changes = [f"sum {node.name!r} is a depthwise convolution of ones" for node in sums]
    return rewritten(network, changed), changes


def product_of(network: Network, node: SumPool) -> Depthwise:
    """``node`` as a depthwise convolution."""
    shape = (network.types[node.inputs[0]].channels, *node.window.kernel)
    return Depthwise(
        name=node.name,
        inputs=node.inputs,
        origin=node.origin,
        weights=np.ones(shape, np.int8),
        weight_type=TERNARY,
        window=node.window,
    )


# ---- BIPOLAR values that FINN does not take -----------------------------------------------------


def with_ternary(network: Network) -> tuple[Network, list[str]]:
    """``network`` with TERNARY values, or weights, where BIPOLAR ones go wrong."""
    changed: Nodes = {}
    changes: list[str] = []
    for node in network.nodes:
        if isinstance(node, Threshold) and node.table.output_type == BIPOLAR:
            if reason := why_ternary(network, node):
                changed[node.name] = replace(node, table=in_ternary(node.table))
                changes.append(f"edge {node.name!r} is TERNARY, not BIPOLAR: {reason}")
        elif is_xnor(network, node) and isinstance(origin_of(network, node), Input):
            changed[node.name] = replace(node, weight_type=TERNARY)  # type: ignore[call-arg]
            changes.append(
                f"weights of {node.name!r} are TERNARY, not BIPOLAR: no table gives what it reads"
            )
    return rewritten(network, changed), changes


def in_ternary(table: ThresholdTable) -> ThresholdTable:
    """``table`` with each threshold twice: from -1 to +1 at once."""
    return replace(table, values=np.repeat(table.values, 2, axis=1), output_type=TERNARY)


def why_ternary(network: Network, node: Threshold) -> str:
    """Why FINN takes the BIPOLAR values of ``node`` wrongly, or not at all; "" if it takes them."""
    readers = list(users(network, node))
    if any(is_padded(reader) for reader in readers):
        return "it is padded with 0"
    xnor = [reader for reader in readers if is_xnor(network, reader)]
    if any(isinstance(reader, Depthwise) for reader in xnor):
        return "a depthwise convolution reads it"
    if xnor and len(readers) > 1:
        return "FINN would give 0 and 1 to all its readers"
    if not xnor and not is_absorbed(network, node):
        return "FINN takes no BIPOLAR values of a table alone"
    return ""


def is_padded(node: Node[TensorType]) -> bool:
    """Whether ``node`` puts zeros around what it reads."""
    return isinstance(node, Pad) or (
        isinstance(node, Conv | Depthwise) and any(node.window.padding)
    )


# ---- tables -----------------------------------------------------------------------------------


def with_friendly_tables(network: Network) -> Network:
    """``network`` with other tables behind products, which FINN takes into them."""
    changed: Nodes = {}
    for node in network.nodes:
        threshold = absorbed_threshold(node, network)
        if threshold is not None and isinstance(node, Product):
            changed |= {part.name: part for part in friendly(network, node, threshold)}
    return rewritten(network, changed)


def friendly(network: Network, node: Product, threshold: Threshold) -> Iterator[Node[TensorType]]:
    """A product and the table behind it, changed."""
    node, threshold = ascending(node, threshold)
    table = threshold.table
    if not table.descending.any():
        least = network.types[node.name].element.min
        if is_xnor(network, node):
            least = -int(node.weights[0].size)
            even = (table.values + least) % 2
            table = replace(table, values=np.maximum(table.values + even, least))
        if is_xnor(network, node) or (table.output_type.signed and table.base >= 0):
            table = from_least_value(table, least)
    yield node
    yield replace(threshold, table=table)


def ascending(node: Product, threshold: Threshold) -> tuple[Product, Threshold]:
    """A product with other signs, and a table that counts up, where weights can have them."""
    table = threshold.table
    neurons = np.broadcast_to(table.descending, len(node.weights))
    negated = -node.weights[neurons].astype(np.int64)
    if not neurons.any() or not node.weight_type.contains(negated):
        return node, threshold
    weights = node.weights.astype(np.int64)
    weights[neurons] = negated
    rows = np.where(table.descending[:, np.newaxis], -table.values[:, ::-1], table.values)
    table = replace(table, values=rows, descending=np.zeros_like(table.descending))
    return replace(node, weights=weights.astype(np.int8)), replace(threshold, table=table)


def from_least_value(table: ThresholdTable, always: int) -> ThresholdTable:
    """``table`` with thresholds that are ``always`` reached, so that it begins at the least value.

    One with too many levels for that is given back.
    """
    kind = table.output_type
    missing = (table.base - kind.min) // kind.step
    if kind == BIPOLAR or table.levels + missing > MAX_LEVELS:
        return table
    more = np.full((table.rows, missing), always)
    return replace(table, values=np.hstack([more, table.values]), base=kind.min)
