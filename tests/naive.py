# SPDX-License-Identifier: Apache-2.0
"""The integer network by definition: naive loops over frames, pixels and neurons.

An oracle for the engines. It shares no code with any of them and cares for nothing but being
obviously right: every operation is written as its docstring in ``xnorflow.ir`` has it. Beside it,
random constants for the networks that the engines are tried on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from xnorflow.ir import (
    Add,
    ArgMax,
    Concat,
    Conv,
    DataType,
    Depthwise,
    Flatten,
    MatMul,
    MaxPool,
    Network,
    Pad,
    SumPool,
    TensorType,
    Thermometer,
    Threshold,
    ThresholdTable,
    Upsample,
    Window,
)

__all__ = ["naive_edges", "random_table", "random_values"]


def naive_edges(network: Network, images: np.ndarray) -> dict[str, np.ndarray]:
    """Every edge of ``network`` for ``images``, one image a time."""
    edges: dict[str, list] = {name: [] for name in network.types}
    for image in images:
        frame = {network.input.name: image.astype(np.int64)}
        for node in network.nodes[1:]:
            frame[node.name] = naive_node(node, [frame[edge] for edge in node.inputs])
        for name, value in frame.items():
            edges[name].append(value)
    return {name: np.array(values) for name, values in edges.items()}


def naive_node(node: Any, inputs: list[np.ndarray]) -> np.ndarray:
    """What ``node`` makes of one frame."""
    x = inputs[0]
    match node:
        case Flatten():
            return x.reshape(-1)
        case MatMul():
            return np.array([np.sum(row.astype(np.int64) * x) for row in node.weights])
        case Threshold():
            return naive_threshold(node.table, x)
        case ArgMax():
            return np.array(sorted(range(x.size), key=lambda i: (-x[i], i))[: node.k])
        case Thermometer():
            bits = [1 if value >= level else -1 for value in x.flat for level in node.levels]
            return np.array(bits).reshape(*x.shape[:-1], -1)
        case Add():
            return x * 2 ** node.shifts[0] + inputs[1] * 2 ** node.shifts[1]
        case Concat():
            return np.concatenate(inputs, axis=-1)
        case Pad():
            top, left, bottom, right = node.padding
            return np.pad(x, ((top, bottom), (left, right), (0, 0)))
        case Upsample():
            return np.kron(x, np.ones((*node.factor, 1), np.int64))
        case _:
            return naive_windows(node, x)


def naive_windows(node: Any, x: np.ndarray) -> np.ndarray:
    """A convolution or pooling: window by window."""
    height, width = node.window.output_shape(x.shape[:2])
    rows = []
    for oy in range(height):
        for ox in range(width):
            seen = list(seen_pixels(node.window, x, oy, ox))
            match node:
                case Conv():
                    weights = node.weights.astype(np.int64)
                    terms = [weights[:, ky, kx] @ pixel for ky, kx, pixel in seen]
                    zero = np.zeros(len(weights), np.int64)
                case Depthwise():
                    weights = node.weights.astype(np.int64)
                    terms = [weights[:, ky, kx] * pixel for ky, kx, pixel in seen]
                    zero = np.zeros(x.shape[2], np.int64)
                case SumPool():
                    terms = [pixel for _, _, pixel in seen]
                    zero = np.zeros(x.shape[2], np.int64)
                case MaxPool():
                    rows.append(np.max([pixel for _, _, pixel in seen], axis=0))
                    continue
            rows.append(sum(terms, zero))
    return np.array(rows).reshape(height, width, -1)


def seen_pixels(
    window: Window, x: np.ndarray, oy: int, ox: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    """``(ky, kx, pixel)`` for all pixels of the window at ``(oy, ox)`` that lie in ``x``."""
    for ky, kx in np.ndindex(window.kernel):
        y = oy * window.stride[0] - window.padding[0] + ky * window.dilation[0]
        x_at = ox * window.stride[1] - window.padding[1] + kx * window.dilation[1]
        if 0 <= y < x.shape[0] and 0 <= x_at < x.shape[1]:
            yield ky, kx, x[y, x_at]


def naive_threshold(table: ThresholdTable, x: np.ndarray) -> np.ndarray:
    """Counts as the docstring of :class:`ThresholdTable` has them."""
    y = np.empty_like(x)
    for place in np.ndindex(x.shape):
        row = place[-1] if table.rows > 1 else 0
        limits = table.values[row]
        count = np.sum(x[place] <= limits if table.descending[row] else x[place] >= limits)
        y[place] = table.base + table.output_type.step * count
    return y


def random_values(
    element: DataType, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Random values of a type; one time in four only its extremes."""
    low, high = (0, element.levels)
    counts = rng.integers(low, high, shape)
    if rng.integers(4) == 0:
        counts = np.where(counts * 2 < high, low, high - 1)
    return element.min + element.step * counts


def random_table(
    source: TensorType, output: DataType, levels: int, rows: int, rng: np.random.Generator
) -> ThresholdTable:
    """Thresholds about the middle of the range of ``source``, some of them out of reach."""
    spread = max(2, min(source.element.max, 4 * int(np.sqrt(source.element.max + 1))))
    values = np.sort(rng.integers(-spread, spread, (rows, levels)), axis=1)
    if source.element.min >= 0:
        values = np.abs(values)
    far = rng.integers(0, 8, (rows, levels))
    values = np.where(far == 0, -(2**63), np.where(far == 1, 2**63 - 1, values))
    room = output.levels - 1 - levels
    return ThresholdTable(
        values=np.sort(values, axis=1),
        descending=rng.integers(0, 2, rows).astype(bool),
        base=output.min + output.step * int(rng.integers(0, room + 1)),
        output_type=output,
    )
