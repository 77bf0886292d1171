# SPDX-License-Identifier: Apache-2.0
"""What has no exact integer form is refused in one line, with node, tensor and reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx_models import QONNX, Builder, random_weights

from xnorflow.errors import ConfigError, LoweringError, ModelFileError, XnorflowError
from xnorflow.frontends.qonnx.importer import import_qonnx
from xnorflow.frontends.qonnx.input_type import InputType

CASES: dict[str, tuple[Callable[[Builder], object], str]] = {}


def refused(message: str) -> Callable[[Callable[[Builder], object]], object]:
    def add(function: Callable[[Builder], object]) -> object:
        CASES[function.__name__] = (function, message)
        return function

    return add


def signs(b: Builder, *shape: int) -> str:
    return b.bipolar(random_weights(-1, 1, *shape))


def quantised(b: Builder) -> str:
    return b.quant("x", 0.125, 3)


@refused(r"^node 'n0' \(Einsum\) is of no kind that can be imported$")
def unknown_operator(b: Builder) -> None:
    b.node("Einsum", "x", equation="ij->ji")


@refused(r"^node 'n0' \(Quant\) is of no kind that can be imported \(domain 'my.ops'\)$")
def foreign_domain(b: Builder) -> None:
    b.quant("x", domain="my.ops")


@refused(r"^node 'n0' \(Quant\) must have a scale \('c0'\) of powers of two, not 0.3\d*: float32")
def odd_scale(b: Builder) -> None:
    b.quant("x", 0.3)


@refused(r"^node 'n0' \(Quant\) must have a scale \('c0'\) that is positive and finite$")
def zero_scale(b: Builder) -> None:
    b.quant("x", 0.0)


@refused(r"^node 'n0' \(Quant\) must have finite constants, and 'c0' is not$")
def nan_scale(b: Builder) -> None:
    b.quant("x", np.nan)


@refused(r"^node 'n0' \(Quant\) must have whole numbers as its input 4$")
def half_a_bit(b: Builder) -> None:
    b.quant("x", bits=2.5)


@refused(r"^node 'n0' \(Quant\) must have 1 to 32 bits$")
def too_many_bits(b: Builder) -> None:
    b.quant("x", bits=33)


@refused(r"^node 'n0' \(Quant\) must have 2 to 256 levels, not 65536$")
def many_levels(b: Builder) -> None:
    b.quant("x", bits=16)


@refused(r"^node 'n0' \(Quant\) must round by one of ROUND, .*, not 'SOMEHOW'$")
def unknown_rounding(b: Builder) -> None:
    b.quant("x", rounding_mode="SOMEHOW")


@refused(r"^node 'n0' \(Quant\) must have a constant as its input 2, not 'x'$")
def scale_that_depends(b: Builder) -> None:
    b.quant("x", "x")


@refused(r"^node 'n1' \(MatMul\) must have weights of at most 8 bits times a power of two")
def float_weights(b: Builder) -> None:
    b.node("MatMul", quantised(b), np.random.default_rng(0).normal(size=(16, 4)))


@refused(r"^node 'n1' \(MatMul\) must have finite weights$")
def infinite_weights(b: Builder) -> None:
    b.node("MatMul", quantised(b), np.full((16, 4), np.inf))


@refused(r"^node 'n2' \(MatMul\) must have a constant as its second input: the weights$")
def product_of_two_values(b: Builder) -> None:
    x = quantised(b)
    b.node("MatMul", x, b.node("Transpose", x))


@refused(r"^node 'n3' \(MatMul\) must read quantised values, not sums of products$")
def product_of_sums(b: Builder) -> None:
    x = b.node("MatMul", quantised(b), random_weights(-2, 1, 16, 4))
    b.node("MatMul", b.node("Mul", x, 0.5), random_weights(-2, 1, 4, 4))


@refused(r"^node 'n2' \(MatMul\) must read quantised values; node 'n1' \(Mul\) gives others$")
def product_of_floats(b: Builder) -> None:
    b.node("MatMul", b.node("Mul", quantised(b), 0.3), random_weights(-2, 1, 16, 4))


@refused(r"^node 'n1' \(MatMul\) must read 5 values by its weights, not the shape \(1, 16\)$")
def wrong_size(b: Builder) -> None:
    b.node("MatMul", quantised(b), random_weights(-2, 1, 5, 4))


@refused(r"^node 'n1' \(Mul\) must have a constant: of two values that change it has none$")
def square(b: Builder) -> None:
    x = quantised(b)
    b.node("Mul", x, x)


@refused(r"^node 'n4' \(Add\) must read quantised values; node 'n3' \(Mul\) gives others: quantise")
def sum_of_floats(b: Builder) -> None:
    x = b.quant(b.node("MatMul", quantised(b), random_weights(-2, 1, 16, 8)), 1.0, 8)
    b.node("Add", b.node("Mul", x, 0.3), x)


@refused(r"^node 'n2' \(Quant\) must be monotone together with what is before it, channel 0 is not")
def hill(b: Builder) -> None:
    b.quant(b.node("Abs", b.node("Sub", "x", 0.5)), 0.25, 2)


@refused(r"^node 'n0' \(Add\) must have float32 constants, not 'c0' of float64$")
def float64_constant(b: Builder) -> None:
    b.node("Add", "x", b.const(1.0, np.float64))


@refused(r"^node 'n0' \(Add\) must have finite constants, and 'c0' is not$")
def infinite_constant(b: Builder) -> None:
    b.node("Add", "x", np.inf)


@refused(r"^node 'n0' \(Add\) must have constants that fit the shape \(1, 16\), not \(3,\)$")
def wrong_constant(b: Builder) -> None:
    b.node("Add", "x", np.ones(3))


@refused(r"^node 'n0' \(BatchNormalization\) must have variances above 0, and finite results$")
def negative_variance(b: Builder) -> None:
    b.node("BatchNormalization", "x", np.ones(16), *[np.zeros(16)] * 2, -np.ones(16))


@refused(r"^node 'n0' \(BatchNormalization\) must have parameters of shape \(16,\)$")
def wrong_norm(b: Builder) -> None:
    b.node("BatchNormalization", "x", *[np.ones(3)] * 4)


@refused(r"^node 'n0' \(Reshape\) does not fit what it reads: ")
def wrong_reshape(b: Builder) -> None:
    b.node("Reshape", "x", b.const([1, 5], np.int64))


@refused(r"^node 'n0' \(Reshape\) must have a constant as its input 2, not 'x'$")
def shape_that_depends(b: Builder) -> None:
    b.node("Reshape", "x", "x")


@refused(r"^node 'n0' \(Cast\) must keep values in float32: other types round otherwise$")
def cast_to_integers(b: Builder) -> None:
    b.node("Cast", "x", to=6)


@refused(r"^node 'n0' \(Cast\) must keep values in float32: other types round otherwise$")
def cast_to_float64(b: Builder) -> None:
    b.node("Cast", "x", to=11)


@refused(r"^node 'n0' \(Dropout\) must be for inference, not for training$")
def dropout_while_training(b: Builder) -> None:
    b.node("Dropout", "x", 0.5, b.const(True, np.bool_))


@refused(r"^node 'n0' \(Add\) must give at most 67108864 elements, not 3600000000$")
def constants_of_gigabytes(b: Builder) -> None:
    b.node("Add", "x", b.node("Add", np.ones((60000, 1)), np.ones((1, 60000))))


@refused(r"^node 'n0' \(MatMul\) must give at most 67108864 elements, not 3600000000$")
def products_of_gigabytes(b: Builder) -> None:
    b.node("Add", "x", b.node("MatMul", np.ones((60000, 1)), np.ones((1, 60000))))


@refused(r"^node 'n0' \(Concat\) must give at most 67108864 elements, not 100000000$")
def concatenations_of_gigabytes(b: Builder) -> None:
    b.node("Add", "x", b.node("Concat", *[b.const(np.ones(100000))] * 1000, axis=0))


@refused(r"^node 'n0' \(Quant\) must have a scale that fits what it quantises$")
def quantised_gigabytes(b: Builder) -> None:
    b.node("Add", "x", b.quant(np.ones((60000, 1)), np.ones((1, 60000))))


@refused(r"^node 'n1' \(Softmax\) must be the end of the network$")
def softmax_inside(b: Builder) -> None:
    b.quant(b.node("Softmax", quantised(b)))


@refused(r"^node 'n1' \(ArgMax\) must take the first of equal scores$")
def last_of_equal_scores(b: Builder) -> None:
    b.node("ArgMax", quantised(b), axis=1, select_last_index=1)


@refused(r"^node 'n1' \(TopK\) must have a k of 1\.\.16, not 17$")
def too_many_labels(b: Builder) -> None:
    b.node("TopK", quantised(b), b.const([17], np.int64), outputs=2)


@refused(r"^node 'n1' \(Gemm\) must have transA=0 and alpha=1$")
def scaled_gemm(b: Builder) -> None:
    b.node("Gemm", quantised(b), random_weights(-2, 1, 16, 4), alpha=0.5)


@refused(r"^node 'n2' \(Quant\) depends on the order in which sums with a bias are added up")
def bias_near_a_threshold(b: Builder) -> None:
    w = np.ones((16, 1), np.float32)
    b.quant(b.node("Gemm", quantised(b), w, [1 / 16 - 1e-7]), 0.125, 4)


@refused(r"^node 'n0' \(MultiThreshold\) must have thresholds for 1 or 16 channels, not 3$")
def wrong_thresholds(b: Builder) -> None:
    b.node("MultiThreshold", "x", np.zeros((3, 1)), domain=QONNX, out_dtype="UINT1")


@refused(r"^node 'n0' \(MultiThreshold\) must have an out_bias \(0.3\) that is a multiple of its o")
def odd_bias(b: Builder) -> None:
    options = {"out_dtype": "UINT2", "out_bias": 0.3}
    b.node("MultiThreshold", "x", np.zeros((1, 3)), domain=QONNX, **options)


@refused(r"^node 'n1' \(XnorPopcountMatMul\) must read values 0 and 1$")
def product_of_no_bits(b: Builder) -> None:
    w = np.ones((16, 2), np.float32)
    b.node("XnorPopcountMatMul", quantised(b), w, domain=QONNX)


def single_output(b: Builder) -> None:
    x = b.node("MatMul", b.bipolar("x"), random_weights(-1, 1, 16, 1))
    b.node("Sub", x, 0.5)


CASES["single_output"] = (
    single_output,
    r"^node 'n2' \(Sub\) must be followed by a quantiser: a single output has no order to keep$",
)


@refused(r"^node 'n3' \(Mul\) makes \d+ different scores, whose order neither integers plus a num")
def gains_by_class(b: Builder) -> None:
    x = b.node("MatMul", b.quant("x", 1 / 64, 8), random_weights(-2, 1, 16, 4))
    x = b.node("Identity", x)
    b.node("Mul", x, [0.3, 0.7, 0.9, 1.1])


@refused(r"^the model must have one output that depends on its input: 'quant0_0', 'quant1_0'$")
def two_outputs(b: Builder) -> tuple[str, str]:
    return b.quant("x"), b.quant("x")


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str, tmp_path: Path) -> None:
    make, message = CASES[name]
    b = Builder(1, 16)
    outputs = make(b)
    path = b.save(tmp_path, *(outputs if isinstance(outputs, tuple) else ()))
    with pytest.raises(LoweringError, match=message) as caught:
        import_qonnx(path)
    assert "\n" not in str(caught.value)


IMAGES: dict[str, tuple[Callable[[Builder, str], object], str]] = {
    "padding that is not 0": (
        lambda b, x: b.node("Pad", x, b.const([0, 0, 1, 1, 0, 0, 1, 1], np.int64), 1.0),
        r"must add zeros, not other values$",
    ),
    "padding of channels": (
        lambda b, x: b.node("Pad", x, b.const([0, 1, 0, 0, 0, 0, 0, 1], np.int64)),
        r"must pad height and width, and cut nothing off: not \(0, 1, 0, 0, 0, 0, 0, 1\)$",
    ),
    "means at the edge": (
        lambda b, x: b.node("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        r"must have no padding, or count it: means at the edge are of fewer pixels$",
    ),
    "a kernel that is too large": (
        lambda b, x: b.node("MaxPool", x, kernel_shape=[9, 9]),
        r"must give 1 to 4194304 elements on sides of at most 65536, not the shape \(-2, -2, 2\)$",
    ),
    "a kernel of a million": (
        lambda b, x: b.node("MaxPool", x, kernel_shape=[1 << 40, 1]),
        r"must have 2 sizes of 1\.\.1048576 as its kernel, not \(1099511627776, 1\)$",
    ),
    "negative padding": (
        lambda b, x: b.node("Conv", x, np.ones((1, 2, 3, 3)), pads=[-1, 0, 0, 0]),
        r"must have pads of 0\.\.1048576 before and behind each axis, not \(-1, 0, 0, 0\)$",
    ),
    "a huge padding": (
        lambda b, x: b.node("Conv", x, np.ones((1, 2, 3, 3)), pads=[1 << 20] * 4),
        r"elements on sides of at most 65536, not the shape \(2097156, 2097156, 1\)$",
    ),
    "a stride of 0": (
        lambda b, x: b.node("Conv", x, np.ones((1, 2, 3, 3)), strides=[0, 1]),
        r"must have 2 sizes of 1\.\.1048576 as its strides, not \(0, 1\)$",
    ),
    "more channels than there are": (
        lambda b, x: b.node("Conv", x, np.ones((1, 3, 3, 3))),
        r"must have kernels for 2 channels in 1 groups, not of shape \(1, 3, 3, 3\)$",
    ),
    "images that were turned": (
        lambda b, x: b.node(
            "Conv",
            b.node("Transpose", b.node("MaxPool", x, kernel_shape=[1, 1]), perm=[0, 1, 3, 2]),
            np.ones((1, 2, 3, 3)),
        ),
        r"must read images as they are; the axes of 'transpose2_0' were moved or folded since$",
    ),
    "norms of pixels": (
        lambda b, x: b.node("Add", x, np.random.default_rng(0).normal(size=(1, 2, 6, 6))),
        r"must treat all pixels of a channel alike$",
    ),
    "a mean over channels": (
        lambda b, x: b.node("ReduceMean", x, axes=[1]),
        r"must go over the height and width of images, not over \(1,\)$",
    ),
    "two orders of the input": (
        lambda b, x: b.node(
            "Concat",
            b.node("Conv", x, np.ones((2, 2, 1, 1))),
            b.node("Conv", b.node("Transpose", x, perm=[0, 1, 3, 2]), np.ones((2, 2, 1, 1))),
        ),
        r"^the input 'x' must be read in one order of its axes, not in two$",
    ),
    "an image as output": (
        lambda b, x: b.node("Relu", x),
        r"^the output must be one score for each class, not a tensor of \(1, 2, 6, 6\)$",
    ),
    "a concatenation of two types": (
        lambda b, x: b.node("Concat", x, b.quant(x, 1.0, 2), axis=1),
        r"must join values of one type and scale, not INT3 times 0.125, INT2 times 1: quantise",
    ),
    "a sum of two shapes": (
        lambda b, x: b.node("Add", x, b.node("GlobalMaxPool", x)),
        r"must add values of one shape, not \(1, 2, 6, 6\) and \(1, 2, 1, 1\)$",
    ),
    "a scale that is added up": (
        lambda b, x: b.node(
            "Conv", b.quant(x, np.array([1, 256]).reshape(1, 2, 1, 1)), np.ones((1, 2, 1, 1))
        ),
        r"must read values of one scale, or of scales that are closer$",
    ),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_refused(name: str, tmp_path: Path) -> None:
    make, message = IMAGES[name]
    b = Builder(1, 2, 6, 6)
    make(b, b.quant("x", 0.125, 3))
    with pytest.raises(LoweringError, match=message) as caught:
        import_qonnx(b.save(tmp_path))
    assert "\n" not in str(caught.value)


def test_sums_beyond_float32_are_refused(tmp_path: Path) -> None:
    b = Builder(1, 1024)
    x = b.quant("x", 2.0**-8, 8, signed=0)
    w = b.quant(np.full((1024, 2), 127.0), 1.0, 8)
    b.node("MatMul", x, w)
    path = b.save(tmp_path)
    with pytest.raises(
        LoweringError, match=r"^node 'n2' \(MatMul\) makes sums that may reach 33162"
    ):
        import_qonnx(path)
    assert import_qonnx(path, double=True).network.output.name == "label"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("float", r"^input type 'float': unknown element type 'FLOAT' \(known: BIPOLAR, "),
        ("uint16", r"^an input must have at most 8 bits, not UINT16$"),
        ("uint8/0", r"^input type 'uint8/0' must have a divisor of 1\.\.65536 behind the '/'$"),
        ("uint8/", r"^input type 'uint8/' must have a divisor"),
        ("uint8/2.5", r"^input type 'uint8/2.5' must have a divisor"),
    ],
)
def test_input_types_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        InputType.parse(text)


@pytest.mark.parametrize(
    "shape", [(1,), (), (1, 0), (1, -1), (1, 2, 3, 4, 5), (1, 1 << 30), (1, 1 << 62, 1 << 62)]
)
def test_shapes_of_the_input_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    b = Builder(*shape)
    b.quant("x")
    with pytest.raises(ModelFileError, match=r"^the input 'x' must be a batch of vectors, signals"):
        import_qonnx(b.save(tmp_path))


def test_a_free_batch_and_a_fixed_one_are_one_image(tmp_path: Path) -> None:
    for batch, shape in (("n", [-1, 6]), (7, [7, 6]), (3, [3, -1])):
        b = Builder(batch, 2, 3)
        x = b.node("Reshape", b.quant("x"), b.const(shape, np.int64))
        b.node("MatMul", x, random_weights(-2, 1, 6, 4))
        assert import_qonnx(b.save(tmp_path)).network.types["image"].shape == (1, 3, 2)


def test_all_refusals_are_shown_as_one_line() -> None:
    assert issubclass(LoweringError, XnorflowError)
    assert issubclass(ModelFileError, XnorflowError)
