# SPDX-License-Identifier: Apache-2.0
"""Printed graphs, as people read them."""

from collections.abc import Callable

import numpy as np

from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    ArgMax,
    Dataflow,
    Fifo,
    Flatten,
    Folding,
    Input,
    LabelSelect,
    MatMul,
    Network,
    RamStyle,
    StreamInput,
    StreamType,
    TensorType,
    Threshold,
    Thresholding,
    ThresholdTable,
    WidthConverter,
    uint_type,
)

SIGN = ThresholdTable(np.array([[128]]), np.array([False]), -1, BIPOLAR)
LEVELS = ThresholdTable(np.array([[-3, 0, 5], [1, 1, 2]]), np.array([False, True]), 0, uint_type(2))
WEIGHTS = np.array([[1, -1, 1, 1], [0, -1, 0, 1]])


def test_network(check_golden: Callable[[str, str], None]) -> None:
    nodes = (
        Input(name="image", type=TensorType(uint_type(8), (2, 2, 1))),
        Flatten(name="flat", inputs=("image",)),
        Threshold(name="input_act", inputs=("flat",), table=SIGN, origin="input_quant"),
        MatMul(
            name="fc1",
            inputs=("input_act",),
            weights=WEIGHTS,
            weight_type=TERNARY,
            origin="features.0",
        ),
        Threshold(name="act1", inputs=("fc1",), table=LEVELS, origin="features.2"),
        ArgMax(name="label", inputs=("act1",)),
    )
    check_golden("network.txt", str(Network(nodes)) + "\n")


def test_dataflow(check_golden: Callable[[str, str], None]) -> None:
    folding = Folding(pe=2, simd=4, ram_style=RamStyle.DISTRIBUTED)
    nodes = (
        StreamInput(name="image", edge="flat", type=StreamType(uint_type(8), 4, 1)),
        Thresholding(
            name="input_act",
            inputs=("image",),
            edge="input_act",
            table=SIGN,
            channels=4,
            folding=Folding(),
        ),
        WidthConverter(name="fc1_dwc", inputs=("input_act",), edge="input_act", lanes=4),
        Fifo(name="fc1_fifo", inputs=("fc1_dwc",), edge="input_act", depth_beats=16),
        MVAU(
            name="fc1",
            inputs=("fc1_fifo",),
            edge="act1",
            weights=WEIGHTS,
            weight_type=TERNARY,
            table=LEVELS,
            folding=folding,
            origin="features.0",
        ),
        MVAU(
            name="fc2",
            inputs=("fc1",),
            edge="fc2",
            weights=np.ones((4, 2)),
            weight_type=BIPOLAR,
            table=None,
            folding=Folding(pe=1, simd=2),
        ),
        LabelSelect(name="label", inputs=("fc2",), edge="label"),
    )
    check_golden("dataflow.txt", str(Dataflow(nodes)) + "\n")


def test_every_operation(
    every_operation: Network, check_golden: Callable[[str, str], None]
) -> None:
    check_golden("every_operation.txt", f"{every_operation}\n")


def test_every_layer(every_layer: Dataflow, check_golden: Callable[[str, str], None]) -> None:
    check_golden("every_layer.txt", f"{every_layer}\n")
