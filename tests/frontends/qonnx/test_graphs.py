# SPDX-License-Identifier: Apache-2.0
"""Graphs written node by node, in the styles of QKeras and FINN: equal to QONNX's executor.

On every edge whose integers a tensor of the file has, in the scores, and in the labels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx_models import QONNX, Builder, check_equal, random_weights

from xnorflow.ir import BIPOLAR, TERNARY, Add, ArgMax, Conv, Depthwise, Threshold, uint_type

RNG = np.random.default_rng(3)


def norm(b: Builder, x: str, channels: int) -> str:
    parameters = [RNG.normal(size=channels) for _ in range(3)]
    return b.node(
        "BatchNormalization", x, *parameters, RNG.random(channels) * 9 + 0.1, epsilon=1e-3
    )


def weights(b: Builder, *shape: int, seed: int = 0) -> str:
    return b.quant(random_weights(-2, 1, *shape, seed=seed) * 0.5, 0.5, 2)


def signs(b: Builder, *shape: int, seed: int = 0) -> str:
    return b.bipolar(random_weights(-1, 1, *shape, seed=seed))


def pixels_to_signs(b: Builder) -> str:
    return b.bipolar(b.node("Sub", b.node("Mul", "x", 2.0), 1.0))


def test_qkeras_has_channels_last_and_transposes_around_each_layer(tmp_path: Path) -> None:
    b = Builder(1, 8, 8, 3)
    x = b.node("Transpose", b.quant("x", 1 / 256, 8, signed=0), perm=[0, 3, 1, 2])
    x = b.node("Conv", x, weights(b, 4, 3, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2])
    x = b.node("Add", b.node("Transpose", x, perm=[0, 2, 3, 1]), [0.5, -0.25, 1, 0])
    x = b.quant(b.node("Relu", x), 0.125, 3, signed=0, rounding_mode="HALF_UP")
    x = b.node("MaxPool", b.node("Transpose", x, perm=[0, 3, 1, 2]), kernel_shape=[2, 2])
    x = b.node("Transpose", x, perm=[0, 2, 3, 1])
    x = b.node("Reshape", x, b.const([-1, 36], np.int64))
    b.node("Softmax", b.node("MatMul", x, weights(b, 36, 5)))
    imported = check_equal(b.save(tmp_path))
    assert imported.layout.shape == (8, 8, 3), "the input itself has channels last"
    assert [str(node) for node in imported.ending.dropped] == ["'n14' (Softmax)"]


def test_finn_has_thresholds_and_counts_of_equal_bits(tmp_path: Path) -> None:
    b = Builder(1, 20)
    b.annotations = {"x": "BIPOLAR"}
    w = b.const(random_weights(-1, 1, 20, 12))
    b.annotations[w] = "BIPOLAR"
    x = b.node("MatMul", "x", w)
    x = b.node("MultiThreshold", x, RNG.normal(size=(12, 1)), domain=QONNX, out_dtype="BINARY")
    x = b.node("XnorPopcountMatMul", x, RNG.integers(0, 2, (12, 9)), domain=QONNX)
    steps = np.sort(RNG.integers(0, 12, (9, 3)), axis=1)
    x = b.node("MultiThreshold", x, steps, domain=QONNX, out_dtype="INT2", out_bias=-2.0)
    x = b.node("Mul", b.node("MatMul", x, random_weights(-2, 1, 9, 4)), 0.37)
    b.node("TopK", x, b.const([2], np.int64), outputs=2)
    imported = check_equal(b.save(tmp_path, b.nodes[-1].output[1]))
    assert str(imported.input_type) == "BIPOLAR"
    types = {name: edge.element for name, edge in imported.network.types.items()}
    assert types["act1"] == BIPOLAR, "the bits are taken for signs"
    label = imported.network.output
    assert isinstance(label, ArgMax)
    assert label.k == 2


def test_bits_that_others_read_too_stay_bits(tmp_path: Path) -> None:
    b = Builder(1, 20)
    b.annotations = {"x": "UINT8"}
    x = b.node("MultiThreshold", "x", [[128.0]], domain=QONNX, out_dtype="BINARY")
    w = RNG.integers(0, 2, (20, 9))
    x = b.node("XnorPopcountMatMul", b.node("Identity", x), w, domain=QONNX)
    steps = RNG.integers(0, 20, (9, 1))
    options = {"out_dtype": "BIPOLAR", "out_scale": 2.0, "out_bias": -1.0}
    x = b.node("MultiThreshold", x, steps, domain=QONNX, **options)
    b.node("MatMul", x, random_weights(-1, 1, 9, 4))
    network = check_equal(b.save(tmp_path)).network
    assert network.types["input_act"].element == uint_type(1)


@pytest.mark.parametrize(
    "mode", ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "half_even"]
)
@pytest.mark.parametrize(
    ("signed", "narrow", "bits"), [(1, 0, 3), (1, 1, 4), (0, 0, 2), (0, 1, 3), (1, 0, 1), (1, 1, 2)]
)
def test_every_quantiser_rounds_as_it_says(
    mode: str, signed: int, narrow: int, bits: int, tmp_path: Path
) -> None:
    b = Builder(1, 6)
    x = b.node("MatMul", b.quant("x", 0.25, 4), weights(b, 6, 8))
    x = b.quant(x, 0.5, bits, signed=signed, narrow=narrow, rounding_mode=mode)
    b.node("MatMul", x, weights(b, 8, 4))
    check_equal(b.save(tmp_path), "uint8/16", images=4)


def test_scales_by_channel_go_into_thresholds_and_weights(tmp_path: Path) -> None:
    b = Builder(1, 4, 5, 5)
    scales = np.array([0.5, 1, 2, 0.25]).reshape(1, 4, 1, 1)
    x = b.quant("x", scales / 16, 3)
    x = b.node("Conv", x, weights(b, 4, 1, 3, 3), group=4)
    kernel = random_weights(-2, 1, 6, 4, 1, 1) * [[[[0.5]]], [[[1]]], [[[2]]], *[[[[4]]]] * 3]
    x = b.quant(norm(b, x, 4), 0.5, 2, signed=0)
    x = b.node("Conv", x, b.quant(kernel, np.abs(kernel).max(axis=(1, 2, 3), keepdims=True) / 2))
    x = b.node("Flatten", b.quant(x, 1.0, 2))
    b.node("MatMul", x, weights(b, 54, 3))
    network = check_equal(b.save(tmp_path), "int8/16").network
    assert any(isinstance(node, Depthwise) for node in network.nodes)
    table = next(node for node in network.nodes if isinstance(node, Threshold)).table
    assert table.rows == 4


def test_a_bias_of_any_float_may_stand_in_convolutions_and_small_products(tmp_path: Path) -> None:
    b = Builder(1, 30)
    x = b.node("Gemm", pixels_to_signs(b), signs(b, 16, 30), RNG.normal(size=16), transB=1)
    x = b.quant(norm(b, x, 16), 0.5, 2)
    b.node("Gemm", x, signs(b, 6, 16), np.round(RNG.normal(size=6) * 8) / 2, transB=1)
    imported = check_equal(b.save(tmp_path))
    assert imported.ending.ranked, "the biases of the classes differ"
    assert any(isinstance(node, Add) for node in imported.network.nodes)


def test_convolutions_in_groups_with_bias_and_pools_of_all_sorts(tmp_path: Path) -> None:
    b = Builder(1, 4, 7, 6)
    x = b.quant("x", 0.0625, 4, signed=0)
    bias = RNG.normal(size=4)
    x = b.node("Conv", x, weights(b, 4, 1, 3, 3), bias, group=4, auto_pad="SAME_UPPER")
    x = b.quant(b.node("Clip", x, -3.0, 3.3), 0.25, 4)
    x = b.node("Conv", x, weights(b, 6, 2, 1, 1), group=2)
    x = b.quant(b.node("Relu", norm(b, x, 6)), 0.5, 2, signed=0)
    x = b.node("AveragePool", x, kernel_shape=[3, 2], strides=[2, 2])
    x = b.node("GlobalAveragePool", b.quant(x, 0.25, 3, signed=0))
    x = b.quant(b.node("Flatten", x), 0.125, 4, signed=0)
    b.node("MatMul", x, weights(b, 6, 5))
    network = check_equal(b.save(tmp_path), "uint8/255").network
    grouped = next(node for node in network.nodes if isinstance(node, Conv))
    assert grouped.weights.shape == (6, 1, 1, 4), "dense, with zeros between the groups"


def test_sums_concatenations_and_padding(tmp_path: Path) -> None:
    def conv(x: str, inputs: int, outputs: int, size: int, seed: int = 0) -> str:
        kernel = weights(b, outputs, inputs, size, size, seed=seed)
        return norm(b, b.node("Conv", x, kernel, pads=[size // 2] * 4), outputs)

    b = Builder(1, 2, 6, 6)
    x = b.quant("x", 0.125, 3)
    y = b.quant(conv(x, 2, 4, 3), 0.5, 2, signed=0)
    z = b.quant(conv(y, 4, 4, 3, 1), 0.25, 2, signed=0)
    s = b.quant(b.node("Add", y, z), 0.25, 4, signed=0)
    s = b.node("Concat", s, b.quant(conv(x, 2, 3, 1, 2), 0.25, 4, signed=0), axis=1)
    p = b.node("Pad", s, b.const([0, 0, 1, 0, 0, 0, 0, 2], np.int64), 0.0)
    m = b.node("MaxPool", p, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    m = b.quant(conv(m, 7, 4, 1, 3), 0.5, 2, signed=0)
    b.node("MatMul", b.node("Flatten", m), weights(b, 48, 5))
    check_equal(b.save(tmp_path), "int8")


def test_matrix_products_over_the_channels_of_pixels_are_convolutions(tmp_path: Path) -> None:
    b = Builder(1, 4, 4, 3)
    b.annotations = {"x": "UINT2"}
    x = b.node("MatMul", "x", random_weights(-2, 1, 3, 5))
    steps = np.sort(RNG.integers(-9, 9, (5, 3)), axis=1)
    x = b.node("MultiThreshold", x, steps, domain=QONNX, out_dtype="UINT2", data_layout="NHWC")
    sizes = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 0, 0]}
    x = b.node("MaxPoolNHWC", x, domain=QONNX, **sizes)
    x = b.node("Reshape", x, b.const([1, 20], np.int64))
    b.node("MatMul", x, random_weights(-1, 1, 20, 4))
    network = check_equal(b.save(tmp_path)).network
    assert isinstance(network.nodes[1], Conv)


def test_arithmetic_of_few_values_becomes_a_table(tmp_path: Path) -> None:
    b = Builder(1, 12)
    x = b.bipolar(b.node("Sub", "x", 0.5))
    x = b.node("MatMul", b.node("Add", b.node("Mul", x, 0.5), 0.5), weights(b, 12, 8))
    x = b.node("Relu", b.quant(x, 2.0, 3))
    b.node("ArgMax", b.node("MatMul", x, weights(b, 8, 4)), axis=1, keepdims=0)
    network = check_equal(b.save(tmp_path)).network
    assert [str(network.types[n].element) for n in ("input_act", "input_act_2")] == [
        "BIPOLAR",
        "UINT1",
    ]


@pytest.mark.parametrize("version", [1, 2])
def test_truncation_of_an_average(version: int, tmp_path: Path) -> None:
    b = Builder(1, 3, 4, 4, quantizers=version)
    x = b.node("AveragePool", b.quant("x", 0.0625, 4, signed=0), kernel_shape=[4, 4])
    x = b.node("Mul", x, 16.0)
    widths = (0.0625, 0.0, 8.0, 4.0) if version == 1 else (0.0625, 0.0, 8.0, 1.0, 4.0)
    options = {"rounding_mode": "FLOOR"} | ({"signed": 0, "narrow": 0} if version == 2 else {})
    x = b.node("Trunc", x, *widths, domain=QONNX, **options)
    b.node("MatMul", b.node("Flatten", x), weights(b, 3, 4))
    check_equal(b.save(tmp_path), "uint8/255")


def test_a_table_of_600_features_and_one_answer(tmp_path: Path) -> None:
    b = Builder(1, 600)
    b.annotations = {"x": "BIPOLAR"}
    x = "x"
    for inputs, outputs in ((600, 64), (64, 64)):
        x = b.node("MatMul", x, b.node("Transpose", weights(b, outputs, inputs), perm=[1, 0]))
        x = b.quant(b.node("Relu", norm(b, x, outputs)), 0.5, 2, signed=0)
    b.bipolar(norm(b, b.node("MatMul", x, weights(b, 64, 1)), 1))
    network = check_equal(b.save(tmp_path)).network
    assert isinstance(network.output, Threshold), "there is no label of one class"


@pytest.mark.parametrize("opset", [9, 11, 13, 18, 22])
def test_signals(opset: int, tmp_path: Path) -> None:
    b = Builder(1, 3, 20, opset=opset)
    kernel = signs(b, 6, 3, 5)
    x = b.node("Conv", b.quant("x", 0.125, 4), kernel, pads=[2, 1], strides=[2], dilations=[1])
    x = b.quant(norm(b, x, 6), 0.5, 2, signed=0)
    x = b.node("MaxPool", x, kernel_shape=[2], strides=[2])
    axes = {"axes": [2]} if opset < 18 else {}
    inputs = [] if opset < 18 else [b.const([2], np.int64)]
    x = b.node("ReduceMean", x, *inputs, keepdims=0, **axes)
    x = b.quant(x, 0.25, 4, signed=0)
    b.node("MatMul", x, weights(b, 6, 4))
    check_equal(b.save(tmp_path), "int8/16")


def test_pruned_signs_are_ternary(tmp_path: Path) -> None:
    b = Builder(1, 10)
    mask = RNG.integers(0, 2, (10, 4))
    w = b.node("Mul", signs(b, 10, 4), mask)
    b.node("MatMul", pixels_to_signs(b), w)
    network = check_equal(b.save(tmp_path)).network
    assert network.node("fc1").weight_type == TERNARY


def test_a_quantiser_of_many_bits_that_changes_nothing_is_left_out(tmp_path: Path) -> None:
    b = Builder(1, 10)
    x = b.node("MatMul", pixels_to_signs(b), signs(b, 10, 4))
    b.quant(x, 0.5, 16)
    network = check_equal(b.save(tmp_path)).network
    assert [node.mnemonic for node in network.nodes][-2:] == ["matmul", "argmax"]


def test_an_image_is_pooled_before_its_rising_functions(tmp_path: Path) -> None:
    b = Builder(1, 2, 6, 6)
    x = b.node("Conv", b.quant("x", 0.125, 3), weights(b, 3, 2, 3, 3))
    x = b.node("MaxPool", b.node("Relu", x), kernel_shape=[2, 2], strides=[2, 2])
    x = b.node("Flatten", b.quant(x, 0.25, 2, signed=0))
    b.node("MatMul", x, weights(b, 12, 4))
    kinds = [node.mnemonic for node in check_equal(b.save(tmp_path), "int8/32").network.nodes]
    assert kinds.index("max_pool") < kinds.index("threshold", 2)


def test_scores_that_differ_by_class_are_ranked(tmp_path: Path) -> None:
    b = Builder(1, 12)
    norm(b, b.node("MatMul", pixels_to_signs(b), weights(b, 12, 5)), 5)
    assert check_equal(b.save(tmp_path)).ending.ranked


def test_windows_and_products_of_finn_are_convolutions(tmp_path: Path) -> None:
    b = Builder(1, 2, 8, 8)
    b.annotations = {"x": "INT2"}
    x = b.node("Transpose", "x", perm=[0, 2, 3, 1])
    b.annotations[x] = "INT2"
    padded = {"pad_amount": [1, 0, 1, 0], "stride": [2, 1], "kernel_size": [3, 3]}
    x = b.node("Im2Col", x, domain=QONNX, input_shape="(1,8,8,2)", **padded)
    x = b.node("MatMul", x, random_weights(-1, 1, 18, 6))
    steps, layout = RNG.integers(-9, 9, (6, 1)), {"data_layout": "NHWC"}
    x = b.node("MultiThreshold", x, steps, domain=QONNX, out_dtype="BINARY", **layout)
    b.annotations[x] = "BINARY"
    plain = {"stride": [1, 1], "kernel_size": [3, 3]}
    x = b.node("Im2Col", x, domain=QONNX, input_shape="(1,4,6,6)", **plain)
    x = b.node("XnorPopcountMatMul", x, RNG.integers(0, 2, (54, 4)), domain=QONNX)
    steps = np.sort(RNG.integers(20, 34, (4, 3)), axis=1)
    x = b.node("MultiThreshold", x, steps, domain=QONNX, out_dtype="UINT2", **layout)
    x = b.node("Reshape", x, b.const([1, -1], np.int64))
    b.node("MatMul", x, random_weights(-1, 1, 32, 3))
    network = check_equal(b.save(tmp_path)).network
    kinds = [node.mnemonic for node in network.nodes]
    assert kinds.count("conv") == 2
    assert BIPOLAR in {edge.element for edge in network.types.values()}


def test_hgq_has_a_scale_for_each_weight_and_each_feature(tmp_path: Path) -> None:
    b = Builder(1, 12)
    scales = 2.0 ** RNG.integers(-3, 0, (1, 12))
    x = b.quant("x", scales, 3)
    latent = RNG.normal(size=(12, 6)).astype(np.float32)
    w = b.quant(latent, 2.0 ** RNG.integers(-2, 0, (12, 6)), 3)
    x = b.quant(norm(b, b.node("MatMul", x, w), 6), 0.5, 2)
    b.node("MatMul", x, weights(b, 6, 4))
    network = check_equal(b.save(tmp_path), "int8/64").network
    assert [node.mnemonic for node in network.nodes].count("threshold") == 3


def test_functions_that_change_nothing_do_not_wait(tmp_path: Path) -> None:
    """Else they would be taken for functions of the sum."""
    b = Builder(1, 12)
    first = b.quant("x", 0.125, 2, signed=0)
    second = b.quant(b.node("Neg", first), 0.125, 3)
    same = b.node("Mul", b.node("Max", first, 0.0), 2.0)
    x = b.node("Add", same, second)
    x = b.node("Sub", x, 0.125)
    b.node("MatMul", b.quant(x, 0.125, 3), weights(b, 12, 4))
    network = check_equal(b.save(tmp_path), "uint8/255").network
    assert [node.mnemonic for node in network.nodes].count("add") == 1


def test_parameters_of_quantisers_may_have_an_axis_of_one(tmp_path: Path) -> None:
    b = Builder(1, 8)
    x = b.quant("x", [0.125], [3], [0])
    b.node("MatMul", x, b.quant(random_weights(-2, 1, 8, 3), [1.0], [2], [0.0]))
    check_equal(b.save(tmp_path), "int8/16")
