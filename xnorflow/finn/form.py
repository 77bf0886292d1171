# SPDX-License-Identifier: Apache-2.0
"""A network in the form that FINN makes the best of: the same function, other inner sums."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xnorflow.hw.passes.layer_rules import absorbed_threshold
from xnorflow.ir import (
    BIPOLAR,
    Conv,
    Depthwise,
    MatMul,
    Network,
    Node,
    TensorType,
    Threshold,
    ThresholdTable,
)
from xnorflow.ir.thresholds import MAX_LEVELS

__all__ = ["finn_form"]

Product = MatMul | Conv | Depthwise


def finn_form(network: Network) -> Network:
    """``network`` with tables behind products changed, so that FINN takes them into the product.

    What a table gives is the same for all that its product can be:

    * Neurons whose output counts down have the signs of their weights changed, if the type of the
      weights has them: FINN absorbs no table that is multiplied by -1 first.
    * Sums of ``mw`` products of -1 and +1 are even just if ``mw`` is; so are their thresholds.
      FINN counts equal bits, ``(sum + mw) / 2``, and has whole thresholds then.
    * Behind such a sum a table begins at the least value of its type, by thresholds that are always
      reached: FINN lets it begin there anyway.

    Parameters
    ----------
    network
        The integer network.

    Returns
    -------
    Network
        The same nodes, with the same types.
    """
    changed: dict[str, Node[TensorType]] = {}
    for node in network.nodes:
        threshold = absorbed_threshold(node, network)
        if threshold is None or not isinstance(node, Product):
            continue
        node, threshold = ascending(node, threshold)
        if is_counted(network, node):
            threshold = replace(threshold, table=for_counts(threshold.table, fan_in(node)))
        changed |= {node.name: node, threshold.name: threshold}
    return Network(tuple(changed.get(node.name, node) for node in network.nodes))


def is_counted(network: Network, node: Product) -> bool:
    """Whether ``node`` sums up as many products of -1 and +1 everywhere."""
    bipolar = node.weight_type == BIPOLAR and network.types[node.inputs[0]].element == BIPOLAR
    return bipolar and (isinstance(node, MatMul) or not any(node.window.padding))


def fan_in(node: Product) -> int:
    """Products that a sum of ``node`` has."""
    return int(node.weights[0].size)


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


def for_counts(table: ThresholdTable, products: int) -> ThresholdTable:
    """``table`` of sums of ``products`` times -1 or +1, with thresholds that such a sum can be."""
    if table.descending.any():
        return table
    values = table.values + (table.values + products) % 2
    missing = (table.base - table.output_type.min) // table.output_type.step
    if table.output_type == BIPOLAR or table.levels + missing > MAX_LEVELS:
        missing = 0
    always = np.full((table.rows, missing), -products)
    values = np.hstack([always, np.maximum(values, -products)])
    base = table.base - missing * table.output_type.step
    return replace(table, values=values, base=base)
