# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

from xnorflow.hw.estimate.cycles import frame_interval
from xnorflow.hw.estimate.report import design_report
from xnorflow.hw.estimate.resources import design_resources
from xnorflow.hw.families import Device
from xnorflow.hw.passes import FoldingPlan, compile_network, plan_for_interval
from xnorflow.ir import Folding, Input, MaxPool, Network, TensorType, Window, uint_type


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


def test_every_folded_layer_shows_its_folding():
    network = Network(
        (
            Input(name="image", type=TensorType(uint_type(4), (4, 4, 2))),
            MaxPool(name="pool", inputs=("image",), window=Window((2, 2), (2, 2))),
        )
    )
    plan = FoldingPlan({"image": Folding(2), "pool": Folding(2, 4)})
    rows = {row.name: row for row in design_report(compile_network(network, plan), 100).layers}
    assert (rows["pool"].pe, rows["pool"].simd) == (2, 4)
    assert (rows["swu_pool"].pe, rows["swu_pool"].simd) == (None, None)


def test_report_with_resources(lab, check_golden):
    network = lab.Mlp(widths=(48, 32, 16, 10)).network()
    dataflow = compile_network(network, plan_for_interval(network, 64))
    report = design_report(dataflow, clock_mhz=50, device=Device.ECP5)
    total = design_resources(dataflow, Device.ECP5)
    document = json.loads(json.dumps(report.to_document()))
    assert document["device"] == "ecp5"
    assert document["resources"] == {
        "luts": round(total.luts),
        "flip_flops": round(total.flip_flops),
        "block_rams": round(total.block_rams),
        "dsps": 0,
        "sprams": 0,
    }
    rows = [layer["resources"] for layer in document["layers"]]
    assert sum(row["luts"] for row in rows) <= document["resources"]["luts"] + len(rows)
    check_golden("report_ecp5.txt", f"{report}\n")


def test_without_a_device_there_are_no_resources(lab):
    network = lab.Mlp(widths=(12, 8, 4)).network()
    dataflow = compile_network(network, plan_for_interval(network, 64))
    report = design_report(dataflow, clock_mhz=50)
    document = report.to_document()
    assert "resources" not in document
    assert "device" not in document
    assert all("resources" not in layer for layer in document["layers"])
    assert "LUT" not in str(report)
