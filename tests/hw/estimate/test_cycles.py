# SPDX-License-Identifier: Apache-2.0
"""Numbers worked out by hand; the layers' own tests compare the formulas with RTL."""

from dataclasses import replace

import numpy as np
import pytest

from xnorflow.hw.estimate.cycles import Timing, frame_interval, layer_timing
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    Dataflow,
    Fifo,
    Folding,
    LabelSelect,
    Layer,
    PadUnit,
    SlidingWindow,
    SparseMVAU,
    StreamInput,
    StreamType,
    Thresholding,
    ThresholdTable,
    UpsampleUnit,
    WidthConverter,
    Window,
    uint_type,
)


def make_mvau(pe: int, simd: int, levels: int = 0, size: int = 256) -> MVAU:
    table = None
    if levels:
        values = np.arange(levels)[None]
        table = ThresholdTable(values, np.array([False]), 0, uint_type(levels.bit_length()))
    return MVAU(
        name="fc",
        inputs=("x",),
        edge="fc",
        weights=np.ones((size, size)),
        weight_type=BIPOLAR,
        table=table,
        folding=Folding(pe, simd),
    )


@pytest.mark.parametrize(
    ("node", "timing"),
    [
        # sf - 1, replay, fetch, product and 3 tree registers (33 leaves), accumulator, output
        (make_mvau(16, 64), Timing(64, 3 + 1 + 1 + 4 + 1 + 1, 64)),
        (make_mvau(16, 64, levels=3), Timing(64, 3 + 1 + 1 + 4 + 1 + 2, 64)),
        # no replay where nf is 1
        (make_mvau(256, 64, levels=1), Timing(4, 3 + 1 + 4 + 1 + 1, 4)),
    ],
    ids=["raw", "two_bits", "unreplayed"],
)
def test_mvau(node: MVAU, timing: Timing) -> None:
    assert layer_timing(node, (StreamType(BIPOLAR, 256, 64),)) == timing


@pytest.mark.parametrize(
    ("kept", "timing"),
    [
        # the last beat of the first fold, table, fetch, product and a register of the tree,
        # accumulator, output
        ([[0, 1, 1, 0], [1, 0, 0, 0], [0, 1, 1, 1]], Timing(6, 2 + 1 + 1 + 2 + 1 + 1, 12)),
        # all beats have to come
        ([[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], Timing(4, 0 + 1 + 1 + 2 + 1 + 1, 8)),
    ],
    ids=["tiles", "beats"],
)
def test_sparse_mvau(kept: list[list[int]], timing: Timing) -> None:
    layer = replace(
        make_mvau(2, 8, levels=1, size=16),
        weights=np.kron(kept, np.ones((2, 8), int)),
        weight_type=TERNARY,
        folding=Folding(2, 8),
        table=ThresholdTable(np.zeros((1, 1)), np.array([False]), 0, uint_type(1)),
    )
    assert layer_timing(SparseMVAU.of(layer), (StreamType(BIPOLAR, 32, 8, 2),)) == timing


TABLE = ThresholdTable(np.arange(3)[None], np.array([False]), 0, uint_type(2))


@pytest.mark.parametrize(
    ("node", "timing"),
    [
        (StreamInput(name="x", edge="x", type=StreamType(BIPOLAR, 12, 4)), Timing(3, 0, 3)),
        (
            Thresholding(
                name="t", inputs=("x",), edge="t", table=TABLE, channels=12, folding=Folding(4)
            ),
            Timing(3, 1 + 2, 3),
        ),
        (WidthConverter(name="d", inputs=("x",), edge="x", lanes=6), Timing(3, 3, 3)),
        (WidthConverter(name="d", inputs=("x",), edge="x", lanes=1), Timing(12, 2, 12)),
        (Fifo(name="f", inputs=("x",), edge="x", depth_beats=2), Timing(3, 1, 3)),
        (Fifo(name="f", inputs=("x",), edge="x", depth_beats=9), Timing(3, 2, 3)),
        (LabelSelect(name="l", inputs=("x",), edge="l"), Timing(3, 2 + 2 + 1, 3)),
    ],
    ids=["input", "thresholding", "dwc_up", "dwc_down", "fifo_2", "fifo_9", "label_select"],
)
def test_other_layers(node: Layer, timing: Timing) -> None:
    inputs = (StreamType(BIPOLAR, 12, 4),) if node.inputs else ()
    assert layer_timing(node, inputs) == timing


def make_windows(taps_per_beat: int, depth_pixels: int) -> SlidingWindow:
    return SlidingWindow(
        name="s",
        inputs=("x",),
        edge="x",
        shape=(4, 5, 12),
        window=Window(kernel=(2, 2)),
        taps_per_beat=taps_per_beat,
        depth_pixels=depth_pixels,
    )


IMAGE = {"inputs": ("x",), "edge": "x", "shape": (4, 5, 12)}


@pytest.mark.parametrize(
    ("node", "timing"),
    [
        # 2 rows and 3 columns more; a row and a pixel before the first one
        (
            PadUnit(name="p", **IMAGE, padding=(1, 1, 1, 2)),
            Timing(3, 1 - (8 + 1) * 3, 6 * 8 * 3),
        ),
        # 12 windows of 4 pixels of 3 beats; the first pixel alone
        (make_windows(1, 20), Timing(12, 2 + 1, 12 * 12)),
        # two pixels at once
        (make_windows(2, 20), Timing(6, 3 + 2 + 1, 12 * 6)),
        # all at once, when the last one has come
        (make_windows(4, 7), Timing(3, 6 * 3 + 1 + 1, 20 * 3)),
        (UpsampleUnit(name="u", **IMAGE, factor=(2, 3)), Timing(3, 2 + 1, 20 * 6 * 3)),
    ],
    ids=["pad", "windows", "pairs", "whole_windows", "upsample"],
)
def test_layers_of_images(node: Layer, timing: Timing) -> None:
    assert layer_timing(node, (StreamType(BIPOLAR, 12, 4, 4 * 5),)) == timing


@pytest.mark.parametrize(
    ("lanes", "pe", "interval"),
    [(1, 12, 2 * 12), (12, 2, 2 * 6), (12, 12, 2 * 1)],
    ids=["input", "mvau", "none"],
)
def test_slowest_layer_sets_the_frame_interval(lanes: int, pe: int, interval: int) -> None:
    source = StreamInput(name="x", edge="x", type=StreamType(BIPOLAR, 12, lanes, vectors=2))
    converter = WidthConverter(name="dwc", inputs=("x",), edge="x", lanes=12)
    mvau = make_mvau(pe, 12, size=12)
    layer = MVAU(
        name="fc",
        inputs=("dwc",),
        edge="fc",
        weights=mvau.weights,
        weight_type=BIPOLAR,
        table=None,
        folding=mvau.folding,
    )
    assert frame_interval(Dataflow((source, converter, layer))) == interval
