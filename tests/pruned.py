# SPDX-License-Identifier: Apache-2.0
"""Networks whose weights are pruned in tiles, made of others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xnorflow.ir import BIPOLAR, TERNARY, Conv, MatMul, Network

__all__ = ["prune"]


def prune(
    network: Network, tile: tuple[int, int] = (2, 2), share: float = 0.6, seed: int = 0
) -> Network:
    """``network`` with about ``share`` of the tiles of all matrix products and convolutions 0.

    A tile is ``tile[0]`` neurons by ``tile[1]`` inputs, smaller at the ends. Bits become TERNARY.
    """
    rng = np.random.default_rng(seed)
    nodes = []
    for node in network.nodes:
        if isinstance(node, MatMul | Conv):
            rows = node.weights.reshape(len(node.weights), -1)
            counts = [-(-size // step) for size, step in zip(rows.shape, tile, strict=True)]
            kept = np.kron(rng.random(counts) >= share, np.ones(tile, np.int8))
            pruned = rows * kept[: rows.shape[0], : rows.shape[1]]
            element = TERNARY if node.weight_type == BIPOLAR else node.weight_type
            node = replace(node, weights=pruned.reshape(node.weights.shape), weight_type=element)
        nodes.append(node)
    return Network(tuple(nodes))
