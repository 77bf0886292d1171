# SPDX-License-Identifier: Apache-2.0
"""An evaluation of integer networks that shares no code with the package."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from xnorflow.ir import ArgMax, Flatten, Input, MatMul, Network, Threshold

Edges = dict[str, NDArray[np.int64]]


def evaluate_plainly(network: Network, images: NDArray[np.uint8]) -> Edges:
    edges: Edges = {}
    for node in network.nodes:
        x = edges[node.inputs[0]] if node.inputs else images.astype(np.int64)
        match node:
            case Input():
                y = x
            case Flatten():
                y = x.reshape(len(x), -1)
            case MatMul():
                y = np.einsum("ni,mi->nm", x, node.weights.astype(np.int64))
            case Threshold(table=table):
                above = (x[..., np.newaxis] >= table.values).sum(axis=-1)
                below = (x[..., np.newaxis] <= table.values).sum(axis=-1)
                count = np.where(table.descending, below, above)
                y = table.base + table.output_type.step * count
            case ArgMax():
                y = np.argmax(x, axis=1)[:, np.newaxis]
        assert network.types[node.name].element.contains(y)
        edges[node.name] = y
    return edges


@pytest.fixture(scope="session")
def evaluate() -> Callable[[Network, NDArray[np.uint8]], Edges]:
    """Integers on every edge, by definition."""
    return evaluate_plainly
