# SPDX-License-Identifier: Apache-2.0
"""The Verilog of an accelerator with its link: modules, size, and another simulator's opinion."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xnorflow.errors import ConfigError, GraphError
from xnorflow.hw.emit import WeightStorage, component_verilog, design_sources
from xnorflow.hw.families import Device
from xnorflow.hw.link import (
    Frame,
    FrameDecoder,
    FrameType,
    LinkIdentity,
    encode_frame,
    host_link_verilog,
    link_key,
)
from xnorflow.hw.link.host_link import HostLink
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.ir import BIPOLAR, Dataflow, Input, MatMul, Network, TensorType
from xnorflow.toolchain import find_tool
from xnorflow.yosys import run_yosys

TESTBENCH = Path(__file__).with_name("uart_testbench.v")
BIT_CYCLES = 4


def small(lab: Any, **options: Any) -> Dataflow:
    network = lab.Mlp().network()
    return compile_network(network, plan_for_interval(network, 60), **options)


@pytest.mark.parametrize("weights", list(WeightStorage))
def test_the_accelerator_in_it_is_the_emitted_one(lab: Any, weights: WeightStorage) -> None:
    dataflow = small(lab)
    alone = design_sources(dataflow, weights=weights)
    linked = host_link_verilog(dataflow, 12e6, weights=weights)
    assert linked.verilog.endswith(alone.verilog)
    assert linked.memories == alone.memories
    assert re.search(r"^module linked_accelerator\(", linked.verilog, re.MULTILINE)
    assert linked == host_link_verilog(dataflow, 12e6, weights=weights)


def test_cells_of_a_family_come_along(lab: Any) -> None:
    linked = host_link_verilog(small(lab, device=Device.ICE40), 12e6)
    assert "SB_CARRY" in linked.verilog


def test_a_layer_with_a_name_of_the_link_is_refused() -> None:
    network = Network(
        (
            Input(name="x", type=TensorType(BIPOLAR, (2,))),
            MatMul(name="link", inputs=("x",), weights=[[1, 1]], weight_type=BIPOLAR),
        )
    )
    dataflow = compile_network(network, plan_for_interval(network, 8))
    with pytest.raises(
        GraphError,
        match=r"^names of layers must leave 'link' to a module of the link: rename one$",
    ):
        host_link_verilog(dataflow, 12e6)


def test_a_rate_that_the_clock_does_not_make_is_refused(lab: Any) -> None:
    with pytest.raises(ConfigError, match=r"^baud must be a rate that a clock of 25 MHz makes"):
        host_link_verilog(small(lab), 25e6, 2_000_000)
