# SPDX-License-Identifier: Apache-2.0
"""The expected clock: what bounds it, and that registers never lower it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from xnorflow.errors import ConfigError
from xnorflow.hw.estimate.clock import DELAYS, design_clock, layer_clock_mhz
from xnorflow.hw.families import Device
from xnorflow.hw.passes.use_cells import in_cells
from xnorflow.ir import (
    BIPOLAR,
    MVAU,
    TERNARY,
    Dataflow,
    Fifo,
    Folding,
    Pipelining,
    RamStyle,
    StreamInput,
    StreamType,
    Thresholding,
    ThresholdTable,
    int_type,
    uint_type,
)

KNOWN = sorted(DELAYS)


def mvau(folding: Folding, weight_type=BIPOLAR, mw: int = 256) -> MVAU:
    rng = np.random.default_rng(0)
    weights = rng.choice([-1, 1] if weight_type == BIPOLAR else [-1, 0, 1], (256, mw))
    values = rng.integers(-8, 8, (256, 1))
    table = ThresholdTable(values, np.zeros(256, bool), -1, BIPOLAR)
    return MVAU(
        name="fc",
        inputs=("x",),
        edge="fc",
        weights=weights,
        weight_type=weight_type,
        table=table,
        folding=folding,
    )


def source(folding: Folding, element=BIPOLAR) -> tuple[StreamType]:
    return (StreamType(element, 256, folding.simd),)


@pytest.mark.parametrize(
    ("device", "folding", "goal_mhz"),
    [(Device.ECP5, Folding(16, 64), 150), (Device.ICE40, Folding(8, 32), 120)],
)
def test_goals_are_met_as_built_for_the_family(
    device: Device, folding: Folding, goal_mhz: float
) -> None:
    node = in_cells(mvau(folding), source(folding), device)
    assert layer_clock_mhz(node, source(folding), device) >= goal_mhz


@pytest.mark.parametrize("device", KNOWN)
@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize("folding", [Folding(16, 64), Folding(8, 16), Folding(1, 8)], ids=str)
def test_registers_never_make_it_slower(device: Device, cells: bool, folding: Folding) -> None:
    node = replace(mvau(folding), device=device if cells else None)

    def clock(operands: bool, levels: int) -> float:
        piped = replace(node, pipelining=Pipelining(operands, levels))
        return layer_clock_mhz(piped, source(folding), device)

    for levels in (1, 2, 3):
        assert clock(True, levels) >= clock(False, levels)
    for operands in (False, True):
        assert clock(operands, 1) >= clock(operands, 2) >= clock(operands, 4)


def test_the_output_register_is_that_of_the_family_whose_cells_are_used() -> None:
    folding = Folding(16, 64)
    piped = replace(mvau(folding), pipelining=Pipelining(True, 1))
    plain = layer_clock_mhz(piped, source(folding), Device.ECP5)
    cells = layer_clock_mhz(replace(piped, device=Device.ECP5), source(folding), Device.ECP5)
    assert plain < 150 < cells


def test_weights_in_logic_need_no_register_behind_a_block_ram() -> None:
    folding = Folding(16, 64)
    block, logic = (
        layer_clock_mhz(mvau(replace(folding, ram_style=style)), source(folding), Device.ECP5)
        for style in (RamStyle.BLOCK, RamStyle.DISTRIBUTED)
    )
    assert block < logic


@pytest.mark.parametrize("device", KNOWN)
def test_wide_sums_are_slower(device: Device) -> None:
    folding, piped = Folding(4, 16, RamStyle.DISTRIBUTED), Pipelining(True, 4)
    node = replace(mvau(folding, TERNARY), pipelining=piped)
    few, many = (
        layer_clock_mhz(node, source(folding, element), device)
        for element in (uint_type(2), int_type(8))
    )
    assert many < few


def test_the_slowest_layer_bounds_the_design() -> None:
    table = ThresholdTable(np.zeros((1, 1), int), np.zeros(1, bool), -1, BIPOLAR)
    wide = Folding(16, 64)
    nodes = (
        StreamInput(name="image", edge="image", type=StreamType(int_type(8), 256, 64)),
        Thresholding(
            name="sign",
            inputs=("image",),
            edge="sign",
            table=table,
            channels=256,
            folding=Folding(64),
        ),
        Fifo(name="fifo", inputs=("sign",), edge="sign", depth_beats=2),
        replace(mvau(wide), inputs=("fifo",)),
    )
    dataflow = Dataflow(nodes)
    clock = design_clock(dataflow, Device.ECP5)
    assert clock.layer == "fc"
    assert clock.expected_mhz == layer_clock_mhz(nodes[3], source(wide), Device.ECP5)


def test_a_family_without_delays_is_refused() -> None:
    folding = Folding(16, 64)
    message = "^no clock can be expected on xc7: its delays were not measured, only those of ice40"
    with pytest.raises(ConfigError, match=message):
        layer_clock_mhz(mvau(folding), source(folding), Device.XC7)
