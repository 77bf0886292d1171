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
    Line,
    LinkIdentity,
    Spi,
    Uart,
    encode_frame,
    host_link_verilog,
    link_key,
)
from xnorflow.hw.link.host_link import HostLink
from xnorflow.hw.passes import compile_network, plan_for_interval
from xnorflow.ir import BIPOLAR, Dataflow, Input, MatMul, Network, TensorType
from xnorflow.toolchain import find_tool

TESTBENCH = Path(__file__).with_name("uart_testbench.v")


def small(lab: Any) -> Dataflow:
    network = lab.Mlp().network()
    return compile_network(network, plan_for_interval(network, 60))


def test_the_accelerator_in_it_is_the_emitted_one(lab: Any) -> None:
    dataflow = small(lab)
    alone = design_sources(dataflow)
    linked = host_link_verilog(dataflow, 12e6)
    assert linked.verilog.endswith(alone.verilog)
    assert linked.memories == alone.memories
    assert re.search(r"^module linked_accelerator\(", linked.verilog, re.MULTILINE)
    assert not host_link_verilog(dataflow, 12e6, weights=WeightStorage.INLINE).memories


def test_cells_of_a_family_come_along(lab: Any) -> None:
    network = lab.Mlp(widths=(64, 16, 4)).network()
    plan = plan_for_interval(network, 16)
    linked = host_link_verilog(compile_network(network, plan, device=Device.ICE40), 12e6)
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
        host_link_verilog(small(lab), 25e6, Uart(2_000_000))


def link_verilog(line: Line, image_bytes: int, beat_bytes: int) -> str:
    """The link alone, without an accelerator."""
    identity = LinkIdentity(1, "0123456789abcdef", image_bytes, 1, 12_000_000)
    link = HostLink(identity, 0x89ABCDEF, line, beat_bytes, 1)
    return component_verilog(link, "host_link", WeightStorage.INLINE).verilog


@pytest.mark.parametrize("line", [Uart(), Spi()])
@pytest.mark.parametrize(("image_bytes", "beat_bytes", "block_rams"), [(64, 1, 1), (784, 7, 2)])
def test_the_link_takes_few_cells_on_ice40(
    line: Line, image_bytes: int, beat_bytes: int, block_rams: int, tmp_path: Path
) -> None:
    yosys = find_tool("yosys")
    assert yosys is not None
    (tmp_path / "host_link.v").write_text(link_verilog(line, image_bytes, beat_bytes))
    (tmp_path / "synth.ys").write_text(
        "read_verilog host_link.v\nsynth_ice40 -top host_link\ntee -o cells.txt stat\n"
    )
    yosys.run("synth.ys", folder=tmp_path)
    counted = (tmp_path / "cells.txt").read_text()
    cells = {name: int(n) for n, name in re.findall(r"^\s*(\d+)\s+(SB_\w+)", counted, re.M)}
    cells |= {name: int(n) for name, n in re.findall(r"^\s*(SB_\w+)\s+(\d+)", counted, re.M)}
    assert 300 < cells["SB_LUT4"] <= 600
    assert cells["SB_RAM40_4K"] == block_rams


def test_icarus_verilog_sees_the_same_answers(lab: Any, tmp_path: Path) -> None:
    """A whole talk on the line; the clock is 12 MHz, the rate 3 Mbaud."""
    if find_tool("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed")
    network = lab.Mlp(top_k=None).network()
    dataflow = compile_network(network, plan_for_interval(network, 60))
    sources = host_link_verilog(dataflow, 12e6, Uart(3_000_000))
    (tmp_path / "linked_accelerator.v").write_text(sources.verilog)
    for name, text in sources.memories.items():
        (tmp_path / name).write_text(text)
    key, images = link_key(dataflow), lab.random_frames(network, 3).reshape(3, -1)
    requests = [Frame(FrameType.IDENTIFY, 255)]
    requests += [Frame(FrameType.INFER, n, bytes(image.tolist())) for n, image in enumerate(images)]
    line = b"".join(encode_frame(request, key) for request in requests)
    (tmp_path / "octets.txt").write_text(line.hex("\n"))
    commands = [
        ["iverilog", "-g2005", "-o", "talk.vvp", str(TESTBENCH), "linked_accelerator.v"],
        ["vvp", "-n", "talk.vvp", "+octets=octets.txt"],
    ]
    for command in commands:
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    answers = re.findall(r"^octet (\w\w) 1$", result.stdout, re.MULTILINE)
    frames = list(FrameDecoder(key).feed(bytes.fromhex("".join(answers))))
    assert LinkIdentity.from_bytes(frames[0].payload) == LinkIdentity.of(dataflow, 12_000_000)
    scores = lab.evaluate_network(network, images.reshape(3, *network.types["image"].shape))
    stream = dataflow.types[dataflow.output.name]
    want = stream.element.encode(scores[network.output.name].reshape(3, -1))
    assert [frame.sequence for frame in frames[1:]] == [0, 1, 2]
    mask = (1 << stream.element.width_bits) - 1
    for frame, codes in zip(frames[1:], want, strict=True):
        got = np.frombuffer(frame.payload[4:], np.uint8).reshape(stream.beats_per_frame, -1)
        beats = [int.from_bytes(bytes(beat.tolist()), "little") for beat in got]
        lanes = [
            beat >> lane * stream.element.width_bits & mask
            for beat in beats
            for lane in range(stream.lanes)
        ]
        assert lanes == codes.tolist()
