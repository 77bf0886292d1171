# SPDX-License-Identifier: Apache-2.0
"""Numbers worked out by hand; the layers' own tests compare the formulas with RTL."""

import numpy as np
import pytest

from xnorflow.hw.estimate.cycles import Timing, frame_interval, layer_timing
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    Dataflow,
    Fifo,
    Folding,
    LabelSelect,
    Layer,
    StreamInput,
    StreamType,
    Thresholding,
    ThresholdTable,
    WidthConverter,
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
        (make_mvau(16, 64), Timing(64, 3 + 1 + 1 + 4 + 1 + 1)),
        (make_mvau(16, 64, levels=3), Timing(64, 3 + 1 + 1 + 4 + 1 + 2)),
        # no replay where nf is 1
        (make_mvau(256, 64, levels=1), Timing(4, 3 + 1 + 4 + 1 + 1)),
    ],
    ids=["raw", "two_bits", "unreplayed"],
)
def test_mvau(node: MVAU, timing: Timing) -> None:
    assert layer_timing(node, (StreamType(BIPOLAR, 256, 64),)) == timing


TABLE = ThresholdTable(np.arange(3)[None], np.array([False]), 0, uint_type(2))


@pytest.mark.parametrize(
    ("node", "timing"),
    [
        (StreamInput(name="x", edge="x", type=StreamType(BIPOLAR, 12, 4)), Timing(3, 0)),
        (
            Thresholding(
                name="t", inputs=("x",), edge="t", table=TABLE, channels=12, folding=Folding(4)
            ),
            Timing(3, 1 + 2),
        ),
        (WidthConverter(name="d", inputs=("x",), edge="x", lanes=6), Timing(3, 3)),
        (WidthConverter(name="d", inputs=("x",), edge="x", lanes=1), Timing(12, 2)),
        (Fifo(name="f", inputs=("x",), edge="x", depth_beats=2), Timing(3, 1)),
        (Fifo(name="f", inputs=("x",), edge="x", depth_beats=9), Timing(3, 2)),
        (LabelSelect(name="l", inputs=("x",), edge="l"), Timing(3, 2 + 2 + 1)),
    ],
    ids=["input", "thresholding", "dwc_up", "dwc_down", "fifo_2", "fifo_9", "label_select"],
)
def test_other_layers(node: Layer, timing: Timing) -> None:
    inputs = (StreamType(BIPOLAR, 12, 4),) if node.inputs else ()
    assert layer_timing(node, inputs) == timing


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
