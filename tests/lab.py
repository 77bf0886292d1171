# SPDX-License-Identifier: Apache-2.0
"""Random networks and folding plans, and what they compute in plain numpy: the fixture ``lab``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from xnorflow.hw.passes import FoldingPlan
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    ArgMax,
    Dataflow,
    DataType,
    Flatten,
    Folding,
    Input,
    LabelSelect,
    MatMul,
    Network,
    StreamInput,
    TensorType,
    Threshold,
    Thresholding,
    ThresholdTable,
    accumulator_range,
    divisors,
    int_type,
    uint_type,
)

Array = np.ndarray[Any, Any]
UINT8 = uint_type(8)


@dataclass(frozen=True)
class Mlp:
    """What a random MLP is made of; the default is small and has everything."""

    widths: tuple[int, ...] = (12, 8, 6, 5)
    pixel: DataType = UINT8
    input_type: DataType | None = BIPOLAR
    weight: DataType = BIPOLAR
    activation: DataType = BIPOLAR
    top_k: int | None = 1
    seed: int = 0

    def network(self) -> Network:
        rng = np.random.default_rng(self.seed)
        shape = (self.widths[0] // 2, 2) if self.widths[0] % 2 == 0 else (self.widths[0],)
        nodes: list[Any] = [Input(name="image", type=TensorType(self.pixel, shape))]
        nodes.append(Flatten(name="flat", inputs=("image",)))
        element = self.pixel
        if self.input_type is not None:
            table = random_table(rng, 1, element.min, element.max, self.input_type)
            nodes.append(Threshold(name="input_act", inputs=("flat",), table=table))
            element = self.input_type
        values = np.arange(self.weight.min, self.weight.max + 1, self.weight.step)
        for i, (mw, mh) in enumerate(zip(self.widths, self.widths[1:], strict=False), 1):
            weights = rng.choice(values, (mh, mw))
            source = nodes[-1].name
            nodes.append(
                MatMul(name=f"fc{i}", inputs=(source,), weights=weights, weight_type=self.weight)
            )
            if i < len(self.widths) - 1:
                low, high = accumulator_range(weights.astype(np.int8), element)
                spread = 1 + int((high - low) ** 0.5)
                table = random_table(rng, mh, -spread, spread, self.activation)
                nodes.append(Threshold(name=f"act{i}", inputs=(f"fc{i}",), table=table))
                element = self.activation
        if self.top_k is not None:
            nodes.append(ArgMax(name="label", inputs=(nodes[-1].name,), k=self.top_k))
        return Network(tuple(nodes))


def random_table(
    rng: np.random.Generator, rows: int, low: int, high: int, output: DataType
) -> ThresholdTable:
    levels = output.levels - 1
    return ThresholdTable(
        np.sort(rng.integers(low, high + 2, (rows, levels)), axis=1),
        rng.random(rows) < 0.3,
        output.min,
        output,
    )


def step_function(table: ThresholdTable, sums: Array) -> Array:
    up = (sums[..., None] >= table.values).sum(axis=-1)
    down = (sums[..., None] <= table.values).sum(axis=-1)
    return table.base + table.output_type.step * np.where(table.descending, down, up)


def best(scores: Array, k: int) -> Array:
    return np.argsort(-scores, axis=-1, kind="stable")[..., :k]


def evaluate_network(network: Network, frames: Array) -> dict[str, Array]:
    """Values on every edge, shape ``(frames, *shape)``."""
    edges: dict[str, Array] = {}
    for node in network.nodes:
        x = edges[node.inputs[0]] if node.inputs else frames.astype(np.int64)
        match node:
            case Flatten():
                x = x.reshape(len(x), -1)
            case MatMul():
                x = x @ node.weights.T.astype(np.int64)
            case Threshold():
                x = step_function(node.table, x)
            case ArgMax():
                x = best(x, node.k)
        edges[node.name] = x
    return edges


def evaluate_dataflow(dataflow: Dataflow, frames: Array) -> dict[str, Array]:
    """Values on every stream, shape ``(frames, vectors, channels)``."""
    streams: dict[str, Array] = {}
    for node in dataflow.nodes:
        stream = dataflow.types[node.name]
        x = streams[node.inputs[0]] if node.inputs else frames.astype(np.int64)
        match node:
            case StreamInput():
                x = x.reshape(len(x), stream.vectors, stream.channels)
            case MVAU():
                x = x @ node.weights.T.astype(np.int64)
                x = x if node.table is None else step_function(node.table, x)
            case Thresholding():
                x = step_function(node.table, x)
            case LabelSelect():
                x = best(x, node.k)
        streams[node.name] = x
    return streams


def random_frames(network: Network, count: int, seed: int = 0) -> Array:
    tensor = network.types["image"]
    values = np.arange(tensor.element.min, tensor.element.max + 1, tensor.element.step)
    return np.random.default_rng(seed).choice(values, (count, *tensor.shape))


ELEMENTS = st.sampled_from([BIPOLAR, TERNARY, int_type(2), uint_type(2), int_type(3)])


@st.composite
def mlp_strategy(draw: Any) -> Mlp:
    widths = draw(st.lists(st.integers(1, 12), min_size=2, max_size=4))
    return Mlp(
        widths=tuple(widths),
        pixel=draw(st.sampled_from([uint_type(8), uint_type(1), BIPOLAR, int_type(4)])),
        input_type=draw(st.none() | ELEMENTS),
        weight=draw(st.sampled_from([BIPOLAR, TERNARY, int_type(2), int_type(3)])),
        activation=draw(ELEMENTS),
        top_k=draw(st.none() | st.integers(1, widths[-1])),
        seed=draw(st.integers(0, 1000)),
    )


def plan_strategy(network: Network) -> st.SearchStrategy[FoldingPlan]:
    """Any legal plan of an MLP."""
    lanes = {node.name: divisors(network.types[node.name].size) for node in network.nodes}
    rows: dict[str, st.SearchStrategy[Folding]] = {}
    for node in network.nodes:
        source = node.inputs[0] if node.inputs else node.name
        absorbed = isinstance(node, Threshold) and source.startswith("fc")
        if isinstance(node, MatMul):
            rows[node.name] = st.builds(
                Folding, st.sampled_from(lanes[node.name]), st.sampled_from(lanes[source])
            )
        elif not isinstance(node, Flatten) and not absorbed:
            rows[node.name] = st.builds(Folding, st.sampled_from(lanes[source]))
    return st.fixed_dictionaries(rows).map(FoldingPlan)


@dataclass(frozen=True)
class Lab:
    """All of the above, for tests."""

    Mlp: type[Mlp] = Mlp
    evaluate_network: Callable[[Network, Array], Mapping[str, Array]] = evaluate_network
    evaluate_dataflow: Callable[[Dataflow, Array], Mapping[str, Array]] = evaluate_dataflow
    random_frames: Callable[..., Array] = random_frames
    mlps: Callable[[], st.SearchStrategy[Mlp]] = mlp_strategy
    plans: Callable[[Network], st.SearchStrategy[FoldingPlan]] = plan_strategy


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()
