# SPDX-License-Identifier: Apache-2.0
"""The kinds of memory themselves are compared with synthesis in ``test_memory_mapping``."""

from __future__ import annotations

import pytest

from xnorflow.hw.estimate.fifo_storage import FifoStorage, fifo_storage
from xnorflow.hw.estimate.report import design_report
from xnorflow.hw.families import Device
from xnorflow.ir import BIPOLAR, Dataflow, Fifo, StreamInput, StreamType

REGISTERS, LUT_RAM, BLOCK_RAM = FifoStorage


@pytest.mark.parametrize("device", Device)
def test_two_beats_are_registers(device):
    assert storage(2, 500, device) is REGISTERS


@pytest.mark.parametrize(
    ("depth", "lanes", "device", "expected"),
    [
        (17, 32, Device.ECP5, LUT_RAM),
        (17, 32, Device.XC7, LUT_RAM),
        (17, 32, Device.ICE40, BLOCK_RAM),  # which has no LUT RAM
        (1000, 36, Device.ECP5, BLOCK_RAM),
        (1000, 36, Device.XC7, BLOCK_RAM),
        (1000, 36, Device.GOWIN, BLOCK_RAM),
    ],
)
def test_larger_ones_are_what_fits_their_size(depth, lanes, device, expected):
    assert storage(depth, lanes, device) is expected


def storage(depth, lanes, device):
    """By the function, and as the report says it."""
    source = StreamInput(name="x", edge="x", type=StreamType(BIPOLAR, lanes, lanes))
    fifo = Fifo(name="f", inputs=("x",), edge="x", depth_beats=depth)
    report = design_report(Dataflow((source, fifo)), 100.0, device)
    found = fifo_storage(fifo, source.type, device)
    assert (report.layers[1].depth_beats, report.layers[1].storage) == (depth, found)
    assert report.layers[0].storage is None
    return found
