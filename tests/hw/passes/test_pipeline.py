# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xnorflow.hw.passes import Fuse, compile_network, dataflow_passes, parse_plan, plan_of
from xnorflow.hw.passes.rewrite import is_feeder, layers_of
from xnorflow.ir import Conv, Depthwise, Fifo, Flatten, MatMul, Threshold, WidthConverter


def is_absorbed(node, network):
    """Whether the node's values are on no stream of their own."""
    readers = network.readers(node.name)
    return isinstance(node, Flatten) or (
        isinstance(node, MatMul | Conv | Depthwise)
        and len(readers) == 1
        and isinstance(readers[0], Threshold)
    )


def any_network(lab, data):
    return data.draw(lab.mlps() | lab.cnns()).network()


@given(st.data())
def test_dataflow_computes_the_network_on_every_edge(lab, data):
    network = any_network(lab, data)
    dataflow = compile_network(network, data.draw(lab.plans(network)))
    frames = lab.random_frames(network, 5)
    edges = lab.evaluate_network(network, frames)
    streams = lab.evaluate_dataflow(dataflow, frames)
    for layer in layers_of(dataflow):
        values = streams[layer.name].reshape(len(frames), -1)
        expected = edges[layer.edge].reshape(len(frames), -1)
        if not (is_feeder(layer) or layer.name.startswith("fifo_swu_")):
            np.testing.assert_array_equal(values, expected, err_msg=layer.name)
        stream = dataflow.types[layer.name]
        assert stream.element.contains(values) or (
            stream.zero_flags and set(values.flat) <= {-1, 0, 1}
        )
    covered = {layer.edge for layer in layers_of(dataflow)}
    assert covered == {node.name for node in network.nodes if not is_absorbed(node, network)}
    assert layers_of(dataflow)[-1].edge == network.output.name


@given(st.data())
def test_every_pass_gives_a_valid_graph_of_the_same_function(lab, data):
    network = any_network(lab, data)
    frames = lab.random_frames(network, 3)
    dataflow = Fuse().apply(network)
    expected = lab.evaluate_dataflow(dataflow, frames)[dataflow.output.name]
    for step in dataflow_passes(data.draw(lab.plans(network))):
        dataflow = step.apply(dataflow)
        values = lab.evaluate_dataflow(dataflow, frames)[dataflow.output.name]
        np.testing.assert_array_equal(values, expected, err_msg=step.name)


@given(st.data())
def test_converters_and_fifos_are_where_they_are_needed(lab, data):
    network = data.draw(lab.mlps()).network()
    depth = data.draw(st.integers(2, 9))
    dataflow = compile_network(network, data.draw(lab.plans(network)), fifo_depth_beats=depth)
    between: list[object] = []
    for layer in layers_of(dataflow)[1:]:
        if isinstance(layer, WidthConverter | Fifo):
            between.append(layer)
            continue
        names = [part.name for part in between]
        assert sorted(names) in (
            [f"fifo_{layer.name}"],
            [f"dwc_{layer.name}", f"fifo_{layer.name}"],
        )
        for part in between:
            (before,) = dataflow.input_types(part)
            if isinstance(part, Fifo):
                assert part.depth_beats == depth
                narrow = min(before.lanes, *(dataflow.types[name].lanes for name in names))
                assert before.lanes == narrow
            else:
                assert before.lanes != part.lanes
        between = []
    assert not between


@given(st.data())
def test_plan_survives_compilation_and_its_file(lab, data):
    network = any_network(lab, data)
    plan = data.draw(lab.plans(network))
    assert plan_of(compile_network(network, plan)) == plan
    assert parse_plan(plan.to_json(), network) == plan


def test_golden(lab, check_golden):
    network = lab.Mlp().network()
    plan = parse_plan(
        '{"image": {"PE": 2}, "input_act": {"PE": 3}, "fc1": {"PE": 2, "SIMD": 6, '
        '"ram_style": "block"}, "fc2": {"PE": 3, "SIMD": 2}, "fc3": {"SIMD": 2}}',
        network,
    )
    dataflow = compile_network(network, plan)
    check_golden("folding.json", plan.to_json())
    check_golden("dataflow.txt", f"{dataflow}\n")
