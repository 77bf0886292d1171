# SPDX-License-Identifier: Apache-2.0
"""Random networks and folding plans, and what they compute in plain numpy: the fixture ``lab``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from naive import naive_edges
from pruned import prune
from random_cnn import random_cnn

from xnorflow.hw.emit import write_design
from xnorflow.hw.passes import FoldingPlan, Fuse
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    VVAU,
    AddUnit,
    ArgMax,
    ConcatUnit,
    Dataflow,
    DataType,
    Flatten,
    Folding,
    Fork,
    GlobalPoolUnit,
    Input,
    LabelSelect,
    MatMul,
    Network,
    PadUnit,
    PoolKind,
    PoolUnit,
    SlidingWindow,
    SparseMVAU,
    TensorType,
    ThermometerUnit,
    Threshold,
    Thresholding,
    ThresholdTable,
    UpsampleUnit,
    WidthConverter,
    accumulator_range,
    divisors,
    int_type,
    uint_type,
)
from xnorflow.sim.cycle import CycleEngine
from xnorflow.sim.rtl import ObjectCache, RtlEngine, Stalls
from xnorflow.sim.streams import expected_streams

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


def evaluate_dataflow(dataflow: Dataflow, frames: Array) -> dict[str, Array]:
    """Values on every stream, shape ``(frames, vectors, channels)``."""
    streams: dict[str, Array] = {}
    for node in dataflow.nodes:
        stream = dataflow.types[node.name]
        sources = [streams[edge] for edge in node.inputs] or [frames.astype(np.int64)]
        lanes = dataflow.types[node.inputs[0]].lanes if node.inputs else 0
        values = evaluate_layer(node, sources, lanes)
        streams[node.name] = values.reshape(len(frames), stream.vectors, stream.channels)
    return streams


def evaluate_layer(node: Any, sources: list[Array], lanes: int) -> Array:
    """What a layer makes of its input streams, in the order in which it leaves."""
    x = sources[0]
    count = len(x)
    match node:
        case SparseMVAU():
            kept = np.zeros((node.nf, node.sf, 1, 1), int)
            kept[tuple(node.tiles.T)] = 1
            tiles = node.weights.reshape(node.nf, node.folding.pe, node.sf, -1).swapaxes(1, 2)
            weights = (tiles * kept).swapaxes(1, 2).reshape(node.weights.shape)
            return activate(node.table, x.reshape(count, -1, node.mw) @ weights.T)
        case MVAU():
            return activate(node.table, x.reshape(count, -1, node.mw) @ node.weights.T.astype(int))
        case VVAU():
            pe = node.folding.pe
            taps = x.reshape(count, -1, node.channels // pe, node.taps, pe)
            weights = node.weights.reshape(-1, pe, node.taps).swapaxes(1, 2)
            return activate(
                node.table, (taps * weights).sum(axis=3).reshape(count, -1, node.channels)
            )
        case PoolUnit():
            pe = node.folding.pe
            taps = x.reshape(count, -1, node.channels // pe, node.taps, pe)
            return taps.max(axis=3) if node.kind is PoolKind.MAX else taps.sum(axis=3)
        case GlobalPoolUnit():
            return x.max(axis=1) if node.kind is PoolKind.MAX else x.sum(axis=1)
        case Thresholding():
            return activate(node.table, x.reshape(count, -1, node.channels))
        case ThermometerUnit():
            return np.where(x[..., None] >= node.levels, 1, -1)
        case PadUnit():
            top, left, bottom, right = node.padding
            margins = ((0, 0), (top, bottom), (left, right), (0, 0))
            return np.pad(x.reshape(count, *node.shape), margins, constant_values=node.value)
        case SlidingWindow():
            return evaluate_windows(node, x.reshape(count, *node.shape), lanes)
        case UpsampleUnit():
            return np.kron(x.reshape(count, *node.shape), np.ones((1, *node.factor, 1), int))
        case AddUnit():
            return (x << node.shifts[0]) + (sources[1] << node.shifts[1])
        case ConcatUnit():
            return np.concatenate(sources, axis=2)
        case LabelSelect():
            return best(x.reshape(count, -1), node.k)
    return x


def evaluate_windows(node: SlidingWindow, images: Array, lanes: int) -> Array:
    """Windows, pixel by pixel, in the order of the docstring of :class:`SlidingWindow`."""
    rows, columns = node.output_shape
    window = node.window
    taps = [
        images[:, y : y + (rows - 1) * window.stride[0] + 1 : window.stride[0]][
            :, :, x : x + (columns - 1) * window.stride[1] + 1 : window.stride[1]
        ]
        for y in range(0, window.kernel[0] * window.dilation[0], window.dilation[0])
        for x in range(0, window.kernel[1] * window.dilation[1], window.dilation[1])
    ]
    parts = [
        tap[..., first : first + lanes]
        for group in range(0, window.taps, node.taps_per_beat)
        for first in range(0, node.shape[2], lanes)
        for tap in taps[group : group + node.taps_per_beat]
    ]
    if node.depthwise:
        parts = [
            tap[..., first : first + lanes]
            for first in range(0, node.shape[2], lanes)
            for tap in taps
        ]
    return np.concatenate(parts, axis=-1)


def activate(table: ThresholdTable | None, sums: Array) -> Array:
    """``sums`` through their thresholds, if there are any."""
    if table is None:
        return sums
    up = (sums[..., None] >= table.values).sum(axis=-1)
    down = (sums[..., None] <= table.values).sum(axis=-1)
    return table.base + table.output_type.step * np.where(table.descending, down, up)


def best(scores: Array, k: int) -> Array:
    return np.argsort(-scores, axis=-1, kind="stable")[..., :k]


def random_frames(network: Network, count: int, seed: int = 0) -> Array:
    tensor = network.types["image"]
    values = np.arange(tensor.element.min, tensor.element.max + 1, tensor.element.step)
    return np.random.default_rng(seed).choice(values, (count, *tensor.shape))


@dataclass(frozen=True)
class Cnn:
    """A random convolutional network (:mod:`random_cnn`)."""

    seed: int = 0
    blocks: int = 3

    def network(self) -> Network:
        return random_cnn(self.seed, self.blocks)


def cnn_strategy() -> st.SearchStrategy[Cnn]:
    return st.builds(Cnn, st.integers(0, 10**6), st.integers(1, 3))


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
    """Any legal plan."""
    dataflow = Fuse().apply(network)
    rows = {
        layer.name: st.builds(Folding, *(st.sampled_from(divisors(n)) for n in most))
        for layer, most in foldable(dataflow)
    }
    return st.fixed_dictionaries(rows).map(FoldingPlan)


def random_plan(network: Network, seed: int) -> FoldingPlan:
    """One legal plan."""
    rng = np.random.default_rng(seed)
    dataflow = Fuse().apply(network)
    return FoldingPlan(
        {
            layer.name: Folding(*(int(rng.choice(divisors(n))) for n in most))
            for layer, most in foldable(dataflow)
        }
    )


def largest_plan(network: Network) -> FoldingPlan:
    """All lanes of every layer."""
    dataflow = Fuse().apply(network)
    return FoldingPlan({layer.name: Folding(*most) for layer, most in foldable(dataflow)})


def foldable(dataflow: Dataflow) -> list[tuple[Any, tuple[int, int]]]:
    """The layers that a plan folds, each with its largest folding."""
    layers: list[Any] = [
        layer
        for layer in dataflow.nodes
        if not isinstance(layer, Fork | SlidingWindow | WidthConverter)
    ]
    return [
        (layer, largest_folding(layer, dataflow))
        for layer in layers
        if not isinstance(layer, PadUnit) or layer.name == layer.edge
    ]


def largest_folding(layer: Any, dataflow: Dataflow) -> tuple[int, int]:
    """Channels or neurons of a layer, and inputs of each."""
    streams = [dataflow.types[edge] for edge in layer.inputs] or [layer.type]
    match layer:
        case MVAU():
            return layer.mh, layer.mw
        case VVAU() | PoolUnit():
            return layer.channels, layer.taps
        case Thresholding():
            return layer.channels, 1
        case LabelSelect():
            return streams[0].size, 1
    return math.gcd(*(stream.channels for stream in streams)), 1


def check_rtl(
    network: Network,
    dataflow: Dataflow,
    folder: Path,
    count: int,
    cache: ObjectCache | None = None,
) -> None:
    """RTL against the naive evaluation and the cycle model: every stream, with stalls too."""
    write_design(dataflow, folder)
    frames = random_frames(network, count, 1)
    expected = dict(expected_streams(dataflow, naive_edges(network, frames)))
    engine = RtlEngine(folder, cache)
    for stalls in (None, Stalls(1), Stalls(2, 230, 0), Stalls(3, 0, 230)):
        trace = engine.run(frames.reshape(count, -1), stalls)
        model = CycleEngine(dataflow).run(count, stalls)
        for name, values in expected.items():
            got = trace.values[name].reshape(values.shape)
            np.testing.assert_array_equal(got, values, err_msg=name)
            np.testing.assert_array_equal(model.cycles(name), trace.cycles[name], err_msg=name)


@dataclass(frozen=True)
class Lab:
    """All of the above, for tests."""

    Mlp: type[Mlp] = Mlp
    Cnn: type[Cnn] = Cnn
    prune: Callable[..., Network] = prune
    evaluate_network: Callable[[Network, Array], Mapping[str, Array]] = naive_edges
    evaluate_dataflow: Callable[[Dataflow, Array], Mapping[str, Array]] = evaluate_dataflow
    random_frames: Callable[..., Array] = random_frames
    mlps: Callable[[], st.SearchStrategy[Mlp]] = mlp_strategy
    cnns: Callable[[], st.SearchStrategy[Cnn]] = cnn_strategy
    plans: Callable[[Network], st.SearchStrategy[FoldingPlan]] = plan_strategy
    random_plan: Callable[[Network, int], FoldingPlan] = random_plan
    largest_plan: Callable[[Network], FoldingPlan] = largest_plan
    check_rtl: Callable[..., None] = check_rtl


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()
