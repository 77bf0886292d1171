# SPDX-License-Identifier: Apache-2.0
"""Random layers of every kind, of the sizes that networks have, to fit and to test estimates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    VVAU,
    AddUnit,
    ConcatUnit,
    DataType,
    Fifo,
    Folding,
    Fork,
    GlobalPoolUnit,
    LabelSelect,
    Layer,
    PadUnit,
    PoolKind,
    PoolUnit,
    RamStyle,
    SlidingWindow,
    SparseMVAU,
    StreamType,
    ThermometerUnit,
    Thresholding,
    ThresholdTable,
    UpsampleUnit,
    WidthConverter,
    Window,
    int_type,
    uint_type,
)

__all__ = ["SHARES", "UNFITTED", "LayerSample", "draw_layers", "pruned_mvau"]

Drawn = tuple[Layer, tuple[StreamType, ...]]
T = TypeVar("T")

ACTIVATIONS = (BIPOLAR, BIPOLAR, BIPOLAR, TERNARY, uint_type(2), int_type(2), uint_type(4))
WEIGHTS = (BIPOLAR, BIPOLAR, BIPOLAR, TERNARY, int_type(2))
SUMS = (int_type(5), uint_type(6), int_type(9), uint_type(8))
PRODUCTS = (16, 32, 64, 128, 256, 512)
"""Products a cycle (``pe * simd``) at most, of which each layer gets one."""
MOST_THRESHOLDS = 512
"""Levels of all lanes at most, to bound the time that synthesis takes."""


@dataclass(frozen=True, slots=True)
class LayerSample:
    """A layer and the types of the streams that it reads."""

    node: Layer
    inputs: tuple[StreamType, ...]


def draw_layers(seed: int, counts: Mapping[str, int]) -> list[LayerSample]:
    """``counts[kind]`` random layers of each kind of :data:`DRAWS`, the same for the same ``seed``.

    Every kind has a generator of its own, so more of one kind do not change the others.
    """
    samples = []
    for index, (kind, draw) in enumerate(DRAWS.items()):
        rng = np.random.default_rng((seed, index))
        samples += [LayerSample(*draw(rng)) for _ in range(counts.get(kind, 0))]
    return samples


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of ``options``."""
    return options[int(rng.integers(len(options)))]


def header(*inputs: str) -> dict[str, Any]:
    """The fields that every node has."""
    return {"name": "layer", "inputs": inputs or ("source",), "edge": "layer"}


def values(rng: np.random.Generator, element: DataType, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Random values of ``element``."""
    codes = rng.integers(0, element.levels, shape)
    return (element.min + element.step * codes).astype(np.int8)


def table(rng: np.random.Generator, output: DataType, rows: int, spread: float) -> ThresholdTable:
    """Random thresholds, about ``spread`` from 0; in a third of the tables half of them descend."""
    levels = output.levels - 1
    drawn = np.sort(np.rint(rng.normal(0, spread, (rows, levels))).astype(np.int64), axis=1)
    descending = rng.random(rows) < pick(rng, (0.0, 0.0, 0.5))
    return ThresholdTable(drawn, descending, output.min, output)


def inside(activation: ThresholdTable, element: DataType) -> ThresholdTable:
    """``activation`` with its thresholds around the middle of the values of ``element``."""
    middle = (element.min + element.max + 1) // 2
    return replace(
        activation, values=np.clip(activation.values + middle, element.min + 1, element.max)
    )


def divisor(rng: np.random.Generator, number: int, limit: int) -> int:
    """A divisor of ``number``, at most ``limit``, each as likely."""
    options = [d for d in range(1, min(number, limit) + 1) if number % d == 0]
    return pick(rng, options)


def draw_folding(rng: np.random.Generator, mh: int, mw: int) -> Folding:
    """A folding of some of :data:`PRODUCTS`."""
    limit = pick(rng, PRODUCTS)
    simd = divisor(rng, mw, min(limit, 128))
    pe = divisor(rng, mh, max(1, limit // simd))
    style = pick(rng, (RamStyle.AUTO, RamStyle.AUTO, RamStyle.AUTO, *RamStyle))
    if style is RamStyle.DISTRIBUTED and mh * mw > 1 << 13:
        style = RamStyle.AUTO
    return Folding(pe, simd, style)


def draw_mvau(rng: np.random.Generator) -> Drawn:
    """A layer with weights in a memory, or one in five all in parallel."""
    weight, element = pick(rng, WEIGHTS), pick(rng, (*ACTIVATIONS, uint_type(8)))
    if rng.random() < 0.2:
        mh, mw = pick(rng, (4, 10, 16, 32)), pick(rng, (8, 16, 27, 36, 64))
        folding = Folding(mh, mw)
    else:
        mh = pick(rng, (10, 16, 32, 64, 128, 256))
        mw = pick(rng, (16, 27, 36, 64, 72, 144, 256, 288, 576, 784))
        folding = draw_folding(rng, mh, mw)
    weights = values(rng, weight, (mh, mw))
    spread = math.sqrt(mw * np.mean(weights.astype(float) ** 2)) * max(1, element.max / 2)
    output = pick(rng, (*ACTIVATIONS, None))
    if output is not None and folding.pe * output.levels > MOST_THRESHOLDS:
        output = BIPOLAR
    activation = None if output is None else table(rng, output, pick(rng, (1, mh, mh)), spread)
    vectors = pick(rng, (1, 16))
    flags = 0
    if element == BIPOLAR and weight != BIPOLAR and folding.simd % 2 == 0 and rng.random() < 0.3:
        flags = 1
    node = MVAU(**header(), weights=weights, weight_type=weight, table=activation, folding=folding)
    return node, (StreamType(element, mw, folding.simd, vectors, flags),)


def draw_vvau(rng: np.random.Generator) -> Drawn:
    """A depthwise convolution."""
    weight, element = pick(rng, WEIGHTS), pick(rng, ACTIVATIONS)
    channels, taps = pick(rng, (8, 16, 32, 64)), pick(rng, (4, 9, 9, 25))
    folding = draw_folding(rng, channels, taps)
    weights = values(rng, weight, (channels, taps))
    output = pick(rng, (*ACTIVATIONS, None))
    activation = None if output is None else table(rng, output, channels, math.sqrt(taps))
    node = VVAU(**header(), weights=weights, weight_type=weight, table=activation, folding=folding)
    return node, (StreamType(element, channels * taps, folding.pe * folding.simd, 16),)


def draw_thresholding(rng: np.random.Generator) -> Drawn:
    """Thresholds on sums or pixels."""
    element, channels = pick(rng, SUMS), pick(rng, (1, 8, 16, 64, 128))
    output = pick(rng, ACTIVATIONS)
    pe = divisor(rng, channels, 32)
    rows = pick(rng, (1, channels))
    activation = inside(table(rng, output, rows, (element.max - element.min) / 6), element)
    node = Thresholding(**header(), table=activation, channels=channels, folding=Folding(pe))
    return node, (StreamType(element, channels, pe, 16),)


def draw_stream(rng: np.random.Generator, elements: Sequence[DataType] = ACTIVATIONS) -> StreamType:
    """A stream of some lanes."""
    channels = pick(rng, (1, 3, 8, 16, 32, 64, 96))
    return StreamType(
        pick(rng, elements), channels, divisor(rng, channels, 48), pick(rng, (16, 64))
    )


def draw_fifo(rng: np.random.Generator) -> Drawn:
    """Of two beats, some, or many."""
    depth = pick(rng, (2, 2, 3, 5, 9, 16, 17, 30, 33, 50, 65, 129, 200, 513, 1000))
    return Fifo(**header(), depth_beats=depth), (draw_stream(rng),)


def draw_width_converter(rng: np.random.Generator) -> Drawn:
    """From some divisor of the channels to another."""
    channels = pick(rng, (8, 12, 16, 24, 32, 48, 64))
    source, lanes = divisor(rng, channels, 48), divisor(rng, channels, 48)
    stream = StreamType(pick(rng, ACTIVATIONS), channels, source, 16)
    return WidthConverter(**header(), lanes=lanes), (stream,)


def draw_pool(rng: np.random.Generator) -> Drawn:
    """The largest value, or the sum, of a window."""
    element, kind = pick(rng, (*ACTIVATIONS, uint_type(8))), pick(rng, tuple(PoolKind))
    channels, taps = pick(rng, (8, 16, 32, 64)), pick(rng, (4, 4, 9))
    folding = Folding(divisor(rng, channels, 32), divisor(rng, taps, 9))
    node = PoolUnit(**header(), kind=kind, channels=channels, taps=taps, folding=folding)
    return node, (StreamType(element, channels * taps, folding.pe * folding.simd, 16),)


def draw_global_pool(rng: np.random.Generator) -> Drawn:
    """The largest value, or the sum, of an image."""
    node = GlobalPoolUnit(**header(), kind=pick(rng, tuple(PoolKind)))
    return node, (draw_stream(rng, (*ACTIVATIONS, uint_type(8))),)


def draw_thermometer(rng: np.random.Generator) -> Drawn:
    """Pixels as some bits."""
    element = pick(rng, (uint_type(8), uint_type(4), int_type(5)))
    levels = np.unique(rng.integers(element.min + 1, element.max + 1, pick(rng, (2, 3, 7, 15))))
    channels = pick(rng, (1, 3, 4))
    stream = StreamType(element, channels, divisor(rng, channels, 4), 16)
    return ThermometerUnit(**header(), levels=levels), (stream,)


def draw_fork(rng: np.random.Generator) -> Drawn:
    """For two or three readers."""
    return Fork(**header(), ways=pick(rng, (2, 3))), (draw_stream(rng),)


def draw_add(rng: np.random.Generator) -> Drawn:
    """Of two streams of some types."""
    first = draw_stream(rng, (*ACTIVATIONS, int_type(5)))
    second = StreamType(pick(rng, ACTIVATIONS), first.channels, first.lanes, first.vectors)
    shifts = (pick(rng, (0, 0, 1)), pick(rng, (0, 0, 1)))
    return AddUnit(**header("a", "b"), shifts=shifts), (first, second)


def draw_concat(rng: np.random.Generator) -> Drawn:
    """Of two or three streams."""
    first = draw_stream(rng)
    count = pick(rng, (2, 2, 3))
    others = [
        StreamType(first.element, first.lanes * pick(rng, (1, 2, 4, 5)), first.lanes, first.vectors)
        for _ in range(count - 1)
    ]
    return ConcatUnit(**header(*"abc"[:count])), (first, *others)


def draw_image(rng: np.random.Generator) -> tuple[StreamType, tuple[int, int, int]]:
    """A stream that carries an image, and its shape."""
    side = pick(rng, (6, 7, 8, 12, 14, 16, 28, 32))
    channels = pick(rng, (1, 3, 4, 8, 16, 32, 64))
    lanes = divisor(rng, channels, 32)
    stream = StreamType(pick(rng, (*ACTIVATIONS, uint_type(8))), channels, lanes, side * side)
    return stream, (side, side, channels)


def draw_pad(rng: np.random.Generator) -> Drawn:
    """By one pixel or two, on all sides or some."""
    stream, shape = draw_image(rng)
    padding = pick(rng, ((1, 1, 1, 1), (1, 1, 1, 1), (2, 2, 2, 2), (0, 0, 1, 1), (1, 0, 1, 0)))
    flags = stream.element == BIPOLAR and shape[2] % 2 == 0 and bool(rng.random() < 0.5)
    value = 0 if flags or stream.element != BIPOLAR else pick(rng, (-1, 0))
    return PadUnit(**header(), shape=shape, padding=padding, value=value, flags=flags), (stream,)


def draw_sliding_window(rng: np.random.Generator) -> Drawn:
    """Windows of convolutions and pools."""
    stream, shape = draw_image(rng)
    kernel, stride = pick(
        rng,
        (((3, 3), 1), ((3, 3), 1), ((3, 3), 1), ((3, 3), 2), ((2, 2), 2), ((5, 5), 1), ((1, 1), 2)),
    )
    dilation = pick(rng, (1, 1, 1, 1, 2)) if kernel == (3, 3) else 1
    window = Window(kernel, (stride, stride), (dilation, dilation))
    taps = pick(rng, (1, 1, divisor(rng, window.taps, 25), window.taps))
    depthwise = bool(rng.random() < 0.3)
    rows, columns = window.extent
    span = (rows - 1) * shape[1] + columns
    depth = span + pick(rng, (1, shape[1] // 2, shape[1]))
    node = SlidingWindow(
        **header(),
        shape=shape,
        window=window,
        depthwise=depthwise,
        taps_per_beat=taps,
        depth_pixels=depth,
    )
    return node, (stream,)


def draw_upsample(rng: np.random.Generator) -> Drawn:
    """Twice as large."""
    stream, shape = draw_image(rng)
    factor = pick(rng, ((2, 2), (2, 2), (1, 2), (2, 1)))
    return UpsampleUnit(**header(), shape=shape, factor=factor), (stream,)


def draw_label_select(rng: np.random.Generator) -> Drawn:
    """The best, or the best few."""
    channels = pick(rng, (8, 10, 10, 16, 20, 100))
    element = pick(rng, (int_type(5), int_type(7), int_type(9), int_type(12), uint_type(8)))
    stream = StreamType(element, channels, divisor(rng, channels, 10), 1)
    return LabelSelect(**header(), k=pick(rng, (1, 1, 1, 1, 2, 3))), (stream,)


def draw_multiplying_mvau(rng: np.random.Generator) -> Drawn:
    """A layer with weights of three bits, of which ECP5 and xc7 make DSP blocks."""
    mh, mw = pick(rng, (10, 16, 32)), pick(rng, (16, 36, 64))
    weight, element = int_type(3), uint_type(pick(rng, (2, 4, 8)))
    simd = divisor(rng, mw, 8)
    folding = Folding(divisor(rng, mh, 16 // simd), simd)
    weights = values(rng, weight, (mh, mw))
    node = MVAU(**header(), weights=weights, weight_type=weight, table=None, folding=folding)
    return node, (StreamType(element, mw, simd, 1),)


def draw_xnor_mvau(rng: np.random.Generator) -> Drawn:
    """A layer of bits, one in three all in parallel; or of bits with flags for 0."""
    if rng.random() < 1 / 3:
        mh, mw = pick(rng, (4, 10, 16, 32)), pick(rng, (8, 16, 27, 36, 64, 100))
        folding = Folding(mh, mw)
    else:
        mh, mw = pick(rng, (10, 16, 32, 64, 128)), pick(rng, (36, 64, 144, 256, 288, 576, 784))
        folding = draw_folding(rng, mh, mw)
    output = pick(rng, (BIPOLAR, BIPOLAR, uint_type(2), None))
    activation = None if output is None else table(rng, output, mh, math.sqrt(mw))
    flags = int(folding.simd % 2 == 0 and bool(rng.random() < 0.25))
    weights = values(rng, BIPOLAR, (mh, mw))
    node = MVAU(**header(), weights=weights, weight_type=BIPOLAR, table=activation, folding=folding)
    return node, (StreamType(BIPOLAR, mw, folding.simd, 16, flags),)


def draw_constant_mvau(rng: np.random.Generator) -> Drawn:
    """A layer whose weights, of more than a bit, are all in parallel."""
    mh, mw = pick(rng, (4, 10, 16)), pick(rng, (8, 16, 27, 36))
    weight, element = pick(rng, (TERNARY, int_type(2))), pick(rng, ACTIVATIONS)
    output = pick(rng, (BIPOLAR, uint_type(2), None))
    activation = None if output is None else table(rng, output, mh, math.sqrt(mw))
    weights, folding = values(rng, weight, (mh, mw)), Folding(mh, mw)
    node = MVAU(**header(), weights=weights, weight_type=weight, table=activation, folding=folding)
    return node, (StreamType(element, mw, mw, 16),)


def draw_maximum(rng: np.random.Generator) -> Drawn:
    """The largest of values of several bits."""
    element = pick(rng, (int_type(3), uint_type(4), int_type(5), uint_type(8)))
    channels, taps = pick(rng, (8, 16, 32)), pick(rng, (4, 9))
    folding = Folding(divisor(rng, channels, 8), taps if rng.random() < 0.7 else 1)
    node = PoolUnit(**header(), kind=PoolKind.MAX, channels=channels, taps=taps, folding=folding)
    return node, (StreamType(element, channels * taps, folding.pe * folding.simd, 16),)


def pruned_mvau(
    rng: np.random.Generator,
    shape: tuple[int, int],
    folding: Folding,
    kept: int,
    types: tuple[DataType, DataType | None] = (BIPOLAR, BIPOLAR),
) -> tuple[MVAU, StreamType]:
    """A layer of bits with so many tiles that are not 0, at least one of every neuron fold.

    Parameters
    ----------
    types
        Of inputs, and of outputs unless it gives sums.
    """
    element, output = types
    mh, mw = shape
    folds, beats = mh // folding.pe, mw // folding.simd
    pattern = np.zeros((folds, beats), np.int8)
    pattern[np.arange(folds), rng.integers(0, beats, folds)] = 1
    others = rng.permutation(np.flatnonzero(pattern == 0))[: kept - folds]
    pattern.reshape(-1)[others] = 1
    mask = np.kron(pattern, np.ones((folding.pe, folding.simd), np.int8))
    weights = values(rng, BIPOLAR, shape) * mask
    spread = math.sqrt(mw * kept / (folds * beats)) * max(1, element.max / 2)
    node = MVAU(
        **header(),
        weights=weights,
        weight_type=BIPOLAR if mask.all() else TERNARY,
        table=None if output is None else table(rng, output, mh, spread),
        folding=folding,
    )
    return node, StreamType(element, mw, folding.simd, 1)


def draw_sparse_mvau(rng: np.random.Generator) -> Drawn:
    """A layer of bits with a tenth to two thirds of its tiles."""
    mh, mw = pick(rng, (32, 64, 128, 256)), pick(rng, (64, 144, 256, 576, 784))
    simd = divisor(rng, mw, 64)
    folding = Folding(divisor(rng, mh, max(1, min(16, 256 // simd))), simd)
    tiles = mh // folding.pe * (mw // simd)
    kept = max(mh // folding.pe, int(tiles * rng.uniform(0.1, 0.65)))
    types = pick(rng, (BIPOLAR, BIPOLAR, uint_type(2))), pick(rng, (BIPOLAR, uint_type(2), None))
    node, source = pruned_mvau(rng, (mh, mw), folding, kept, types)
    return SparseMVAU.of(node), (source,)


DRAWS: dict[str, Callable[[np.random.Generator], Drawn]] = {
    "mvau": draw_mvau,
    "vvau": draw_vvau,
    "thresholding": draw_thresholding,
    "swu": draw_sliding_window,
    "fifo": draw_fifo,
    "dwc": draw_width_converter,
    "pool": draw_pool,
    "global_pool": draw_global_pool,
    "thermometer": draw_thermometer,
    "fork": draw_fork,
    "add": draw_add,
    "concat": draw_concat,
    "pad": draw_pad,
    "upsample": draw_upsample,
    "label_select": draw_label_select,
    "multiplying_mvau": draw_multiplying_mvau,
    "xnor_mvau": draw_xnor_mvau,
    "constant_mvau": draw_constant_mvau,
    "maximum": draw_maximum,
    "sparse_mvau": draw_sparse_mvau,
}
"""By mnemonic."""

SHARES: dict[str, int] = {
    "mvau": 15,
    "vvau": 5,
    "thresholding": 7,
    "swu": 8,
    "fifo": 5,
    "dwc": 4,
    "pool": 6,
    "global_pool": 4,
    "thermometer": 4,
    "fork": 1,
    "add": 3,
    "concat": 2,
    "pad": 3,
    "upsample": 3,
    "label_select": 3,
    "multiplying_mvau": 1,
    "xnor_mvau": 7,
    "constant_mvau": 2,
    "maximum": 2,
}
"""How many of each a sample has for every 85 layers."""

UNFITTED: dict[str, int] = {"sparse_mvau": 4}
"""The same of kinds that nothing is fitted to: they consist of what others consist of."""
