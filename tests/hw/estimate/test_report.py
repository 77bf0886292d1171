# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.estimate.report import design_report
from xnorflow.hw.passes import compile_network, plan_for_interval


def test_report(lab, check_golden):
    network = lab.Mlp(widths=(48, 32, 16, 10)).network()
    dataflow = compile_network(network, plan_for_interval(network, 64))
    report = design_report(dataflow, clock_mhz=50)
    assert report.interval_cycles == frame_interval(dataflow)
    assert report.throughput_fps * report.interval_cycles == 50e6
    assert [layer.name for layer in report.layers] == [node.name for node in dataflow.nodes]
    assert max(layer.cycles for layer in report.layers) == report.interval_cycles
    assert report.memory.weight_bits == 48 * 32 + 32 * 16 + 16 * 10
    document = json.loads(json.dumps(report.to_document()))
    assert document["layers"][0]["name"] == "image"
    assert document["memory"]["weight_bits"] == report.memory.weight_bits
    check_golden("report.txt", f"{report}\n")
