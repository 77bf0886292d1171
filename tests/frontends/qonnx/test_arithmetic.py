# SPDX-License-Identifier: Apache-2.0
"""What the import takes nodes to compute is what ONNX Runtime computes, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import helper
from onnx_models import Builder

from xnorflow.frontends.qonnx.input_type import InputType
from xnorflow.frontends.qonnx.kinds import KINDS
from xnorflow.frontends.qonnx.model_file import read_model
from xnorflow.frontends.qonnx.value import Value
from xnorflow.frontends.qonnx.walk import Walk, input_layout

Floats = NDArray[np.float32]


def run(node: onnx.NodeProto, opset: int, **given: Floats) -> Floats:
    """The first output of one node in ONNX Runtime."""
    inputs = [helper.make_tensor_value_info(k, 1, a.shape) for k, a in given.items()]
    output = helper.make_tensor_value_info(node.output[0], 1, None)
    graph = helper.make_graph([node], "g", inputs, [output])
    imports = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    result: Floats = session.run(None, given)[0]
    return result


def parameters(channels: int, seed: int) -> list[Floats]:
    """Of a batch normalisation, with what is awkward: scales that are negative, 0 and -0."""
    rng = np.random.default_rng(seed)
    scale, bias, mean = (rng.normal(size=channels).astype(np.float32) for _ in range(3))
    scale[:3] = 0.0, -0.0, -1.0
    mean[3:6] = 3.0, 0.5, -1000.0
    bias[3:5] = 0.0
    return [scale, bias, mean * 20, (rng.random(channels) * 900).astype(np.float32)]


def asked(norm: list[Floats], epsilon: float, integers: NDArray[np.int64], path: Path) -> Floats:
    """What the import takes the batch normalisation of ``integers`` ``(n, channels)`` for."""
    b = Builder(1, integers.shape[1])
    b.node("BatchNormalization", "x", *norm, epsilon=epsilon)
    model = read_model(b.save(path))
    walk = Walk(model, InputType.parse("int8"), input_layout(model))
    for node in model.nodes:
        walk.take(node, KINDS)
    value = walk.tensors[model.nodes[-1].outputs[0]]
    assert isinstance(value, Value)
    return np.asarray(value.ask(integers, np.float32))


@pytest.mark.parametrize("opset", [9, 13, 14, 15, 20])
@pytest.mark.parametrize("sides", [(), (3,), (2, 3)])
def test_batch_normalisation(opset: int, sides: tuple[int, ...], tmp_path: Path) -> None:
    norm, channels = parameters(24, opset), 24
    integers = np.arange(-800, 801)[:, np.newaxis].repeat(channels, axis=1)
    for epsilon in (1e-5, 1e-3):
        x = integers.astype(np.float32).reshape(-1, channels, *[1] * len(sides))
        x = np.ascontiguousarray(np.broadcast_to(x, (*x.shape[:2], *sides)))
        node = helper.make_node("BatchNormalization", [*"xsbmv"], ["y"], epsilon=epsilon)
        given = dict(zip("sbmv", norm, strict=True))
        wanted = run(node, opset, x=x, **given).reshape(len(x), channels, -1)
        got = asked(norm, epsilon, integers, tmp_path)
        assert np.array_equal(wanted, got[..., np.newaxis].repeat(wanted.shape[2], axis=2))


def test_other_formulas_of_a_batch_normalisation_differ() -> None:
    scale, bias, mean, variance = parameters(64, 1)
    integers = np.arange(-800, 801, dtype=np.float32)[:, np.newaxis].repeat(64, axis=1)
    node = helper.make_node("BatchNormalization", [*"xsbmv"], ["y"], epsilon=1e-5)
    wanted = run(node, 13, x=integers, s=scale, b=bias, m=mean, v=variance)
    deviation = np.sqrt(variance + np.float32(1e-5))
    centred = (integers - mean) * (scale / deviation) + bias
    divided = integers * (scale / deviation) + (bias - mean * (scale / deviation))
    assert np.mean(wanted != centred) > 0.1
    assert np.mean(wanted != divided) > 0.1


@pytest.mark.parametrize("sides", [(2, 2), (3, 3), (5, 6), (7, 7), (1, 3)])
def test_means_are_sums_divided_by_the_number_of_pixels(sides: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x = (rng.integers(-50, 51, (1, 500, *sides)) * 0.125).astype(np.float32)
    wanted = x.sum(axis=(2, 3), keepdims=True) / np.float32(np.prod(sides))
    nodes: list[tuple[str, dict[str, Any]]] = [
        ("AveragePool", {"kernel_shape": sides}),
        ("GlobalAveragePool", {}),
        ("ReduceMean", {"axes": [2, 3]}),
    ]
    for operator, attributes in nodes:
        node = helper.make_node(operator, ["x"], ["y"], **attributes)
        assert np.array_equal(run(node, 13, x=x), wanted), operator


@pytest.mark.parametrize(("inputs", "outputs", "group"), [(16, 32, 1), (16, 16, 16), (4, 8, 1)])
def test_the_bias_of_a_convolution_comes_last(inputs: int, outputs: int, group: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-1, 2, (1, inputs, 9, 9)).astype(np.float32)
    w = rng.integers(-1, 2, (outputs, inputs // group, 3, 3)).astype(np.float32)
    b = rng.normal(size=outputs).astype(np.float32)
    with_bias = run(
        helper.make_node("Conv", ["x", "w", "b"], ["y"], group=group), 13, x=x, w=w, b=b
    )
    without = run(helper.make_node("Conv", ["x", "w"], ["y"], group=group), 13, x=x, w=w)
    assert np.array_equal(with_bias, without + b[:, np.newaxis, np.newaxis])
