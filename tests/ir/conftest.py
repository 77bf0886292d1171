# SPDX-License-Identifier: Apache-2.0
"""A graph of each stage with a node of every kind, for storage and printing."""

from __future__ import annotations

import numpy as np
import pytest

from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    VVAU,
    Add,
    AddUnit,
    ArgMax,
    Concat,
    ConcatUnit,
    Conv,
    Dataflow,
    Depthwise,
    Device,
    Fifo,
    Flatten,
    Folding,
    Fork,
    GlobalPoolUnit,
    Input,
    LabelSelect,
    MatMul,
    MaxPool,
    Network,
    Pad,
    PadUnit,
    Pipelining,
    PoolKind,
    PoolUnit,
    RamStyle,
    SlidingWindow,
    SparseMVAU,
    StreamInput,
    StreamType,
    SumPool,
    TensorType,
    Thermometer,
    ThermometerUnit,
    Threshold,
    Thresholding,
    ThresholdTable,
    UnrolledMVAU,
    Upsample,
    UpsampleUnit,
    WidthConverter,
    Window,
    uint_type,
)

LEVELS = np.array([64, 128])
TERNARIES = np.resize(np.array([1, 0, -1, 1, 1]), (2, 3, 3, 2))
SIGNS = np.array([[[1, -1, 1]], [[-1, -1, 1]]])
SIGN_ROWS = np.resize(np.array([1, -1, -1, 1, 1]), (3, 24))
BLOCKS = np.array([[0, 0, 1, 1], [0, 0, -1, 1], [1, -1, 0, 0], [-1, -1, 0, 0]])
SAME = Window((3, 3), padding=(1, 1, 1, 1))
TABLE = ThresholdTable(np.array([[-1, 0, 2], [1, 1, 3]]), np.array([False, True]), 0, uint_type(2))
SHARED = ThresholdTable(np.array([[1, 4, 9]]), np.array([False]), 0, uint_type(2))


@pytest.fixture(scope="package")
def every_operation() -> Network:
    """A network with every kind of operation: a residual one, with a bit of everything."""
    return Network(
        (
            Input(name="image", type=TensorType(uint_type(8), (4, 4, 1))),
            Thermometer(name="bits", inputs=("image",), levels=LEVELS),
            Conv(
                name="conv",
                inputs=("bits",),
                weights=TERNARIES,
                weight_type=TERNARY,
                window=SAME,
                origin="features.0",
            ),
            Threshold(name="act1", inputs=("conv",), table=TABLE, origin="features.1"),
            Depthwise(
                name="dw",
                inputs=("act1",),
                weights=SIGNS,
                weight_type=BIPOLAR,
                window=Window((1, 3), padding=(0, 1, 0, 1)),
            ),
            Threshold(name="act2", inputs=("dw",), table=TABLE),
            Add(name="sum", inputs=("act1", "act2"), shifts=(1, 0)),
            Threshold(name="act3", inputs=("sum",), table=SHARED),
            Concat(name="both", inputs=("act1", "act3")),
            MaxPool(name="pool", inputs=("both",), window=Window((2, 2), stride=(2, 2))),
            Upsample(name="up", inputs=("pool",), factor=(1, 2)),
            Pad(name="pad", inputs=("up",), padding=(0, 1, 1, 0)),
            SumPool(name="total", inputs=("pad",), window=Window((2, 2), dilation=(1, 2))),
            Flatten(name="flat", inputs=("total",)),
            MatMul(name="fc", inputs=("flat",), weights=SIGN_ROWS, weight_type=BIPOLAR),
            ArgMax(name="label", inputs=("fc",), k=2),
        )
    )


@pytest.fixture(scope="package")
def every_layer() -> Dataflow:
    """A dataflow graph with every kind of layer; its forms of folding and lanes differ."""
    windows = SlidingWindow(
        name="swu1",
        inputs=("pad1",),
        edge="bits",
        shape=(6, 6, 2),
        window=Window((3, 3)),
        taps_per_beat=3,
        depth_pixels=16,
    )
    conv = MVAU(
        name="conv",
        inputs=("swu1",),
        edge="act1",
        weights=TERNARIES.reshape(2, 18),
        weight_type=TERNARY,
        table=TABLE,
        folding=Folding(pe=2, simd=6, ram_style=RamStyle.BLOCK),
        origin="features.0 + features.1",
    )
    channel_windows = SlidingWindow(
        name="swu2",
        inputs=("pad2",),
        edge="act1",
        shape=(4, 6, 2),
        window=Window((1, 3)),
        depthwise=True,
        depth_pixels=4,
    )
    depthwise = VVAU(
        name="dw",
        inputs=("swu2",),
        edge="act2",
        weights=SIGNS.reshape(2, 3),
        weight_type=BIPOLAR,
        table=TABLE,
        folding=Folding(pe=2),
    )
    pooled = SlidingWindow(
        name="swu3",
        inputs=("both",),
        edge="both",
        shape=(4, 4, 4),
        window=Window((2, 2), stride=(2, 2)),
        depthwise=True,
        taps_per_beat=2,
        depth_pixels=8,
    )
    pool = PoolUnit(
        name="pool",
        inputs=("swu3",),
        edge="pool",
        kind=PoolKind.MAX,
        channels=4,
        taps=4,
        folding=Folding(pe=2, simd=2),
    )
    return Dataflow(
        (
            StreamInput(name="image", edge="image", type=StreamType(uint_type(8), 1, 1, 16)),
            ThermometerUnit(name="bits", inputs=("image",), edge="bits", levels=LEVELS),
            PadUnit(
                name="pad1",
                inputs=("bits",),
                edge="bits",
                shape=(4, 4, 2),
                padding=(1, 1, 1, 1),
                flags=True,
            ),
            windows,
            conv,
            Fork(name="fork", inputs=("conv",), edge="act1", ways=3),
            PadUnit(
                name="pad2", inputs=("fork",), edge="act1", shape=(4, 4, 2), padding=(0, 1, 0, 1)
            ),
            channel_windows,
            depthwise,
            Fifo(name="skip", inputs=("fork",), edge="act1", depth_beats=32),
            AddUnit(name="sum", inputs=("skip", "dw"), edge="sum", shifts=(1, 0)),
            Thresholding(
                name="act3",
                inputs=("sum",),
                edge="act3",
                table=SHARED,
                channels=2,
                folding=Folding(pe=2),
            ),
            ConcatUnit(name="both", inputs=("fork", "act3"), edge="both"),
            pooled,
            pool,
            UpsampleUnit(name="up", inputs=("pool",), edge="up", shape=(2, 2, 4), factor=(1, 2)),
            GlobalPoolUnit(name="total", inputs=("up",), edge="total", kind=PoolKind.SUM),
            SparseMVAU(
                name="fc",
                inputs=("total",),
                edge="fc",
                weights=BLOCKS,
                weight_type=TERNARY,
                table=None,
                folding=Folding(pe=2, simd=2),
                tiles=np.array([[0, 1], [1, 0]]),
                tile_type=BIPOLAR,
            ),
            WidthConverter(name="dwc", inputs=("fc",), edge="fc", lanes=4),
            UnrolledMVAU(
                name="mix",
                inputs=("dwc",),
                edge="mix",
                weights=BLOCKS,
                weight_type=TERNARY,
                table=None,
                folding=Folding(pe=4, simd=4),
                device=Device.XC7,
                pipelining=Pipelining(levels=3),
            ),
            LabelSelect(name="label", inputs=("mix",), edge="label", k=2),
        )
    )
