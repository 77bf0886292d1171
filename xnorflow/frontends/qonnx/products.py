# SPDX-License-Identifier: Apache-2.0
"""Matrix products and convolutions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xnorflow.frontends.qonnx.elementwise import check_elements, constant, parameter, value
from xnorflow.frontends.qonnx.lattice import lattice_scale
from xnorflow.frontends.qonnx.model_file import OnnxNode
from xnorflow.frontends.qonnx.quantizers import MAX_LEVELS, Steps, quantised
from xnorflow.frontends.qonnx.settle import settled
from xnorflow.frontends.qonnx.value import (
    Array,
    Constant,
    Floats,
    Integers,
    Patches,
    Tensor,
    Value,
    Waiting,
)
from xnorflow.frontends.qonnx.walk import MAX_SIDE, MAX_SIZE, Walk, image_place
from xnorflow.frontends.qonnx.windows import conv_window, patch_window
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Conv,
    DataType,
    Depthwise,
    MatMul,
    Node,
    TensorType,
    Window,
    int_type,
    smallest_type,
    uint_type,
)
from xnorflow.ir.exact import EXACT_BELOW

__all__ = ["conv", "gemm", "im2col", "matmul", "xnor_popcount_matmul"]

MAX_WEIGHT_BITS = 8

MAX_WEIGHTS = 1 << 24
"""Of one layer."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Integer weights of a product.

    Parameters
    ----------
    codes
        Shape ``(outputs, ...)``.
    scale
        Shape ``(1,)`` or ``(outputs,)``.
    element
        Type of ``codes``.
    """

    codes: Integers
    scale: Array
    element: DataType


def matmul(walk: Walk, node: OnnxNode, first: Tensor, second: Tensor) -> Tensor:
    """Values times a matrix; over the channels of each pixel where channels are last."""
    if isinstance(first, Constant) and isinstance(second, Constant):
        check_elements(node, first.array.size * second.array.size)
        return Constant(np.asarray(np.matmul(first.array, second.array)))
    if not isinstance(second, Constant):
        raise node.fail("must have a constant as its second input: the weights")
    matrix = squeezed(second, node)
    return linear(walk, node, first, matrix.moved(np.transpose), node.inputs[1])


def gemm(
    walk: Walk, node: OnnxNode, first: Tensor, second: Tensor, bias: Tensor | None = None
) -> Value:
    """Values times a matrix, and perhaps a bias."""
    if node.integer("transA", 0) or node.number("alpha", 1.0) != 1.0:
        raise node.fail("must have transA=0 and alpha=1")
    constant(node, second, 1)
    assert isinstance(second, Constant)
    matrix = squeezed(second, node)
    if not node.integer("transB", 0):
        matrix = matrix.moved(np.transpose)
    result = linear(walk, node, first, matrix, node.inputs[1])
    if bias is None:
        return result
    if node.number("beta", 1.0) != 1.0:
        raise node.fail("must have beta=1")
    return biased(walk, node, result, parameter(walk, node, bias, 2), matrix.array.shape[1])


def squeezed(weights: Constant, node: OnnxNode) -> Constant:
    """``weights`` as a matrix."""
    shape = weights.array.shape
    if len(shape) < 2 or any(size != 1 for size in shape[:-2]) or not weights.array.size:
        raise node.fail(f"must have a matrix of weights, not the shape {shape}")
    return weights.moved(lambda array: array.reshape(shape[-2:]))


def linear(walk: Walk, node: OnnxNode, source: Tensor, matrix: Constant, name: str) -> Value:
    """The product with ``matrix`` of shape ``(outputs, inputs)``."""
    if isinstance(source, Patches):
        return of_patches(walk, node, source, matrix, name)
    target = product_input(walk, node, source)
    outputs, inputs = matrix.array.shape
    if not target.shape or target.shape[-1] != inputs:
        raise node.fail(f"must read {inputs} values by its weights, not the shape {target.shape}")
    if target.place.size != inputs:
        return pixelwise(walk, node, target, matrix, name)
    target = walk.flattened(target, node)
    weights = integer_weights(walk, node, matrix, name)
    codes = np.empty_like(weights.codes)
    codes[:, target.place.reshape(-1)] = weights.codes
    label, activation = walk.product("fc")
    made = MatMul(
        name=label,
        inputs=(target.edge,),
        origin=node.origin,
        weights=codes.astype(np.int8),
        weight_type=weights.element,
    )
    place = np.arange(outputs, dtype=np.int32).reshape((*target.shape[:-1], outputs))
    return product(walk, node, target, made, replace(weights, codes=codes), activation, place)


def pixelwise(walk: Walk, node: OnnxNode, target: Value, matrix: Constant, name: str) -> Value:
    """The same product of every pixel: a convolution of one pixel."""
    target = walk.image(target, node, last=True)
    kernels = matrix.moved(lambda array: array.reshape(*array.shape, 1, 1))
    return convolved(walk, node, target, kernels, name, Window(kernel=(1, 1)), last=True)


def im2col(walk: Walk, node: OnnxNode, source: Tensor) -> Patches:
    """The windows that a product will read: with it, they are a convolution."""
    target = walk.image(value(node, source), node, last=True)
    if node.integer("pad_value", 0):
        raise node.fail("must add zeros, not other values")
    if len(target.shape) != 4:
        raise node.fail(f"must read images, not a tensor of shape {target.shape}")
    return Patches(target, patch_window(node))


def of_patches(walk: Walk, node: OnnxNode, patches: Patches, matrix: Constant, name: str) -> Value:
    """The product of every window: a convolution."""
    target = product_input(walk, node, patches.image)
    outputs, inputs = matrix.array.shape
    window, channels = patches.window, target.channels
    if inputs != window.taps * channels:
        raise node.fail(f"must have {window.taps * channels} inputs by what it reads, not {inputs}")

    def kernels(array: Array) -> Array:
        return np.moveaxis(array.reshape(outputs, *window.kernel, channels), -1, 1)

    return convolved(walk, node, target, matrix.moved(kernels), name, window, last=True)


def conv(
    walk: Walk, node: OnnxNode, source: Tensor, kernels: Tensor, bias: Tensor | None = None
) -> Value:
    """A convolution of images or signals, dense or in groups."""
    constant(node, kernels, 1)
    assert isinstance(kernels, Constant)
    axes = kernels.array.ndim - 2
    if axes not in (1, 2) or not kernels.array.size:
        raise node.fail(f"must have kernels of one or two axes, not {kernels.array.shape}")
    target = walk.image(product_input(walk, node, source), node)
    if len(target.shape) != kernels.array.ndim:
        raise node.fail("must have kernels with as many axes as what it reads")
    window = conv_window(node, kernels.array.shape[2:], target.edge_shape[:2])
    result = convolved(
        walk,
        node,
        target,
        kernels if axes == 2 else kernels.moved(lambda array: array[:, :, np.newaxis]),
        node.inputs[1],
        window,
    )
    if bias is None:
        return result
    vector = parameter(walk, node, bias, 2)
    if vector.shape != (len(kernels.array),):
        raise node.fail(f"must have one bias for each of {len(kernels.array)} channels")
    return biased(walk, node, result, vector.reshape((-1,) + (1,) * axes), 0)


def convolved(
    walk: Walk,
    node: OnnxNode,
    target: Value,
    kernels: Constant,
    name: str,
    window: Window,
    *,
    last: bool = False,
) -> Value:
    """The convolution of an image with ``kernels`` of shape ``(outputs, inputs, h, w)``."""
    groups = node.integer("group", 1) if node.op == "Conv" else 1
    outputs, inputs = kernels.array.shape[:2]
    if groups < 1 or inputs * groups != target.channels or outputs % groups:
        raise node.fail(
            f"must have kernels for {target.channels} channels in {groups} groups, "
            f"not of shape {kernels.array.shape}"
        )
    weights = integer_weights(walk, node, kernels, name)
    depthwise = groups > 1 and inputs == 1 and outputs == groups
    if groups > 1 and not depthwise:
        weights = dense(weights, groups)
    target = target if depthwise else alike(walk, node, target)
    label, activation = walk.product("dw" if depthwise else "conv")
    kind: type[Conv] | type[Depthwise] = Depthwise if depthwise else Conv
    codes = weights.codes[:, 0] if depthwise else np.moveaxis(weights.codes, 1, -1)
    made = kind(
        name=label,
        inputs=(target.edge,),
        origin=node.origin,
        weights=codes.astype(np.int8),
        weight_type=weights.element,
        window=window,
    )
    shape = (*window.output_shape(target.edge_shape[:2]), outputs)  # type: ignore[arg-type]
    check_size(node, shape)
    sides = shape[:2] if len(target.shape) == 4 else shape[1:2]
    tensor = (1, *sides, outputs) if last else (1, outputs, *sides)
    place = image_place(shape, tensor, last)
    return product(walk, node, target, made, weights, activation, place)


def dense(weights: Weights, groups: int) -> Weights:
    """Weights in groups as dense ones, with zeros between the groups."""
    outputs, inputs, *kernel = weights.codes.shape
    codes = np.zeros((outputs, inputs * groups, *kernel), np.int64)
    size = outputs // groups
    for group in range(groups):
        rows = slice(group * size, (group + 1) * size)
        codes[rows, group * inputs : (group + 1) * inputs] = weights.codes[rows]
    element = TERNARY if weights.element == BIPOLAR else weights.element
    return Weights(codes, weights.scale, element)


def check_size(node: OnnxNode, shape: tuple[int, ...]) -> None:
    """Refuse results that are empty or too large, before memory is taken for them."""
    fits = min(shape) >= 1 and max(shape[:2]) <= MAX_SIDE
    if not fits or np.prod(shape, dtype=object) > MAX_SIZE:
        raise node.fail(
            f"must give 1 to {MAX_SIZE} elements on sides of at most {MAX_SIDE}, "
            f"not the shape {shape}"
        )


def product_input(walk: Walk, node: OnnxNode, source: Tensor) -> Value:
    """What a product reads: quantised values of one scale."""
    target = settled(walk, node, source)
    if target.element is None:
        raise node.fail("must read quantised values, not sums of products")
    return target if node.op == "Conv" else alike(walk, node, target)


def alike(walk: Walk, node: OnnxNode, target: Value) -> Value:
    """``target`` with one scale for all channels, which are added up; by a table if they differ."""
    if np.all(target.scale == target.scale[0]):
        return replace(target, scale=target.scale[:1])
    step = target.scale.min()
    ratios = target.scale / step
    base = int(np.rint((target.low * ratios).min()))
    top = int(np.rint((target.high * ratios).max())) - base
    if top > MAX_LEVELS or np.any(ratios != np.rint(ratios)):
        raise node.fail("must read values of one scale, or of scales that are closer")
    steps = Steps(
        codes=lambda x: np.rint(x / x.dtype.type(step)),
        scale=np.array([step]),
        element=smallest_type(base, base + top),
        base=base,
        top=top,
    )
    return quantised(walk, node, target, steps)


def product(
    walk: Walk,
    node: OnnxNode,
    source: Value,
    made: Node[TensorType],
    weights: Weights,
    activation: str,
    place: Array,
) -> Value:
    """Append ``made``, whose sums are those of the rows of ``weights``."""
    rows = weights.codes.reshape(len(weights.codes), -1)
    walk.check_exact(
        int(np.abs(rows).sum(axis=1).max()) * source.largest,
        node,
        "use fewer inputs, or fewer bits of weights or inputs",
    )
    low, high = min(0, int(source.low.min())), max(0, int(source.high.max()))
    scale = weights.scale * source.scale
    return Value(
        edge=made.name,
        edge_shape=walk.append(made).shape,
        place=place,
        low=np.minimum(rows * low, rows * high).sum(axis=1),
        high=np.maximum(rows * low, rows * high).sum(axis=1),
        scale=walk.check_scale(scale, node, node.inputs[1]),
        element=None,
        activation=activation,
    )


def integer_weights(walk: Walk, node: OnnxNode, given: Constant, name: str) -> Weights:
    """``given`` as integers: by its quantiser, by its annotation, or as multiples of a scale."""
    if given.array.size > MAX_WEIGHTS:
        raise node.fail(f"must have at most {MAX_WEIGHTS} weights, not {given.array.size}")
    array = given.array.astype(np.float64)
    if not np.isfinite(array).all():
        raise node.fail("must have finite weights")
    for weights in (
        by_annotation(array, walk.model.annotations.get(name, "")),
        by_grid(walk, given),
        by_lattice(array),
    ):
        if weights is not None:
            return weights
    raise node.fail(
        f"must have weights of at most {MAX_WEIGHT_BITS} bits times a power of two for each output"
        ": quantise them with power-of-two scales, or import with --float64"
    )


def by_annotation(array: Array, name: str) -> Weights | None:
    """Weights that are integers of the annotated type."""
    if name == "FLOAT32" or not name:
        return None
    for element in (BIPOLAR, TERNARY, *map(int_type, range(2, MAX_WEIGHT_BITS + 1))):
        if element.name == name and element.contains(array):
            return Weights(array.astype(np.int64), np.array([1.0]), element)
    return None


def by_grid(walk: Walk, given: Constant) -> Weights | None:
    """Weights that a quantiser made, with one scale for all or for each output."""
    grid = given.grid
    if grid is None or grid.element.width_bits > MAX_WEIGHT_BITS:
        return None
    rows = grid.scale.reshape(len(grid.scale), -1)
    if np.any(rows != rows[:, :1]):
        return None
    scale = rows[:, 0]
    if not walk.double and np.any(scale != np.exp2(np.rint(np.log2(scale)))):
        return None
    element = TERNARY if grid.element == BIPOLAR and not grid.codes.all() else grid.element
    return Weights(grid.codes.astype(np.int64), one_if_alike(scale), element)


def by_lattice(array: Array) -> Weights | None:
    """Weights as multiples of the largest power of two that gives integers."""
    scale = np.array([lattice_scale(array)])
    codes = array / scale[0]
    if np.abs(codes).max() > 127:
        scale = np.array([lattice_scale(row) for row in array])
        codes = array / scale.reshape(-1, *[1] * (array.ndim - 1))
    if np.abs(codes).max() > 127 or not np.all((scale >= 2.0**-32) & (scale <= 2.0**32)):
        return None
    whole = codes.astype(np.int64)
    values = set(np.unique(whole).tolist())
    if values <= {-1, 1}:
        return Weights(whole, one_if_alike(scale), BIPOLAR)
    if values <= {-1, 0, 1}:
        return Weights(whole, one_if_alike(scale), TERNARY)
    width = 1 + max(max(values), -min(values) - 1).bit_length()
    return Weights(whole, one_if_alike(scale), int_type(max(2, width)))


def one_if_alike(scale: Array) -> Array:
    """``scale``, of one element if all are the same."""
    return scale[:1] if np.all(scale == scale[0]) else scale


def biased(walk: Walk, node: OnnxNode, source: Value, bias: Array, inputs: int) -> Value:
    """``source`` plus a bias, which the node may add before, between or behind its products.

    Parameters
    ----------
    inputs
        Additions after which the bias may have come; 0 where it always comes last.
    """
    try:
        np.broadcast_to(bias, source.shape)
    except ValueError as error:
        raise node.fail(
            f"must have a bias of shape {source.shape[1:]}, not {bias.shape}"
        ) from error
    largest = float(source.scale.max()) * source.largest + float(np.abs(bias).max())
    step = min(float(source.scale.min()), lattice_scale(bias))
    exact = largest / step < EXACT_BELOW
    doubt = 0.0 if exact or walk.double else (inputs + 1) * largest * 2.0**-24
    target, row = walk.rows(source, bias, node)
    added = Waiting(node, np.add, (row,), doubt if inputs else 0.0)
    return replace(target, waiting=(*target.waiting, added))


def xnor_popcount_matmul(walk: Walk, node: OnnxNode, first: Tensor, second: Tensor) -> Value:
    """FINN's product of bits 0 and 1 that stand for -1 and +1: the number of equal ones."""
    bits = constant(node, second, 1)
    if not np.isin(bits, (0, 1)).all():
        raise node.fail("must have weights 0 and 1")
    patches = first if isinstance(first, Patches) else None
    target = value(node, patches.image if patches else first)
    signs = squeezed(Constant((2.0 * bits - 1.0).astype(np.float32)), node).moved(np.transpose)
    if patches and any(patches.window.padding):
        raise node.fail("must read windows without padding, which is neither -1 nor +1")

    def product_of(plain: Value) -> Value:
        return linear(walk, node, replace(patches, image=plain) if patches else plain, signs, "")

    if target.waiting and target.element == BIPOLAR and is_binary(walk, target):
        result = product_of(replace(target, waiting=()))
        return counted(walk, node, result, np.array(bits.shape[-2]))
    settled_bits = settled(walk, node, target)
    if settled_bits.element != uint_type(1) or settled_bits.scale[0] != 1:
        raise node.fail("must read values 0 and 1")
    result = product_of(settled_bits)
    zeros = (1.0 - bits).sum(axis=-2).reshape(-1)
    return replace(result, waiting=(Waiting(node, np.add, (zeros.astype(walk.dtype),)),))


def is_binary(walk: Walk, target: Value) -> bool:
    """Whether ``target`` is 0 where its edge is -1, and 1 where it is +1."""
    results = target.ask(np.array([[-1], [1]]), walk.dtype) if not target.is_per_channel else None
    return results is not None and results.reshape(-1).tolist() == [0, 1]


def counted(walk: Walk, node: OnnxNode, result: Value, inputs: Array) -> Value:
    """``(sum + inputs) / 2``: how many bits are equal."""

    def function(x: Floats, n: Floats) -> Floats:
        return np.asarray((x + n) * x.dtype.type(0.5))

    count = inputs.reshape(1).astype(walk.dtype)
    return replace(result, waiting=(Waiting(node, function, (count,)),))
