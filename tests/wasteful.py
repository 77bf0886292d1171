# SPDX-License-Identifier: Apache-2.0
"""Networks with neurons that no output needs, made of others; and small ones, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from naive import naive_edges
from pruned import prune

from xnorflow.hw.passes import ReducedNetwork
from xnorflow.ir import (
    BIPOLAR,
    ArgMax,
    Conv,
    DataType,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    Network,
    TensorType,
    Threshold,
    ThresholdTable,
)

__all__ = ["check_edges", "layers", "steps", "waste"]


def waste(network: Network, seed: int = 0, share: float = 0.4) -> Network:
    """``network`` with about ``share`` of its weights 0, neurons equal, constant or unread."""
    rng = np.random.default_rng(seed)
    nodes: dict[str, Any] = {node.name: node for node in prune(network, (1, 1), share, seed).nodes}
    for node in [node for node in nodes.values() if isinstance(node, MatMul | Conv)]:
        weights = np.array(node.weights)
        source = np.where(
            rng.random(len(weights)) < share,
            rng.integers(0, np.arange(len(weights)) + 1),
            np.arange(len(weights)),
        )
        weights = weights[source]
        weights[..., rng.random(weights.shape[-1]) < share / 2] = 0
        nodes[node.name] = replace(node, weights=weights)
        for reader in network.readers(node.name):
            if isinstance(reader, Threshold) and reader.table.rows > 1:
                values = reader.table.values[source]
                values[rng.random(len(values)) < share / 2] = int(rng.choice([-(2**62), 2**62]))
                table = replace(
                    reader.table, values=values, descending=reader.table.descending[source]
                )
                nodes[reader.name] = replace(reader, table=table)
    return Network(tuple(nodes.values()))


def steps(
    rows: Sequence[Sequence[int]],
    output: DataType = BIPOLAR,
    *,
    base: int | None = None,
    descending: Sequence[bool] | None = None,
) -> ThresholdTable:
    """A table of so many rows."""
    return ThresholdTable(
        np.array(rows),
        np.zeros(len(rows), bool) if descending is None else np.array(descending),
        output.min if base is None else base,
        output,
    )


def layers(source: TensorType, *nodes: Any, label: bool = True) -> Network:
    """A chain of nodes on an input: pairs of weights and their type, tables, or whole nodes.

    A product of weights with two axes is ``fc1``, ``fc2`` and so on, a table ``act1``, ``act2``. A
    network that is not flat yet is flattened before its first product.
    """
    made: list[Any] = [Input(name="image", type=source)]
    counts = {"fc": 0, "act": 0}
    for node in nodes:
        inputs = (made[-1].name,)
        if isinstance(node, ThresholdTable):
            counts["act"] += 1
            made.append(Threshold(name=f"act{counts['act']}", inputs=inputs, table=node))
        elif isinstance(node, tuple):
            if len(Network(tuple(made)).types[inputs[0]].shape) > 1:
                made.append(Flatten(name="flat", inputs=inputs))
                inputs = ("flat",)
            counts["fc"] += 1
            weights, element = node
            made.append(
                MatMul(
                    name=f"fc{counts['fc']}",
                    inputs=inputs,
                    weights=np.array(weights),
                    weight_type=element,
                )
            )
        else:
            made.append(replace(node, inputs=inputs))
    if label:
        made.append(ArgMax(name="label", inputs=(made[-1].name,)))
    return Network(tuple(made))


def check_edges(reduced: ReducedNetwork, images: np.ndarray) -> dict[str, np.ndarray]:
    """Compare every edge with the original's, on the channels that are kept; gives its values.

    Sums that one Threshold alone reads are no edge of the hardware, and may be shifted.
    """
    network = reduced.original
    expected, got = naive_edges(network, images), naive_edges(reduced.network, images)
    assert list(got) == list(expected)
    for edge, values in expected.items():
        kept = reduced.kept.get(edge, np.arange(values.shape[-1]))
        assert got[edge].shape == (*values.shape[:-1], len(kept)), edge
        readers = network.readers(edge)
        is_absorbed = len(readers) == 1 and isinstance(readers[0], Threshold)
        if not (is_absorbed and isinstance(network.node(edge), MatMul | Conv | Depthwise)):
            np.testing.assert_array_equal(got[edge], values[..., kept], err_msg=edge)
    return expected
