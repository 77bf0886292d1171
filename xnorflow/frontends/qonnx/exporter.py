# SPDX-License-Identifier: Apache-2.0
"""From exact integers to a QONNX file: each node of the network as one or two of the file.

Images have channels second there, and every edge of the network is the tensor of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.frontends.qonnx.writer import INT64, QONNX, GraphWriter, channels_second, refused
from xnorflow.ir import (
    BIPOLAR,
    TERNARY,
    Add,
    ArgMax,
    Concat,
    Conv,
    DataType,
    Depthwise,
    Flatten,
    Input,
    MatMul,
    MaxPool,
    Network,
    Pad,
    SumPool,
    Thermometer,
    Threshold,
    Upsample,
    Window,
    smallest_type,
)

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["export_qonnx"]

LAYOUTS = {1: "NC", 2: "NCW", 3: "NCHW"}
"""QONNX's name of a tensor's layout, by the number of axes of the edge."""

LARGEST_MEAN = 1 << 21
"""Below, a sum divided and multiplied in float32 is less than a half off, and rounding mends it."""


def export_qonnx(network: Network) -> ModelProto:
    """``network`` as an ONNX model in the dialect of QONNX and FINN.

    QONNX's executor computes the same integers on every edge, whose tensor has the edge's name;
    an image of shape ``(height, width, channels)`` is a tensor ``(1, channels, height, width)``.
    The input is the integers themselves in float32: bytes from 0 to 255, not from 0 to 1.

    Parameters
    ----------
    network
        The integer network.

    Returns
    -------
    onnx.ModelProto
        Every tensor has its type as annotation ``finn_datatype``.

    Raises
    ------
    ExportError
        If a node cannot be said exactly in the format: names it, and why.
    ToolError
        If the package onnx is not installed.
    """
    writer = GraphWriter(network)
    for node in network.nodes:
        if len(network.types[node.name].shape) not in LAYOUTS:
            raise refused(node, "an edge must have one to three axes to be exported")
        WRITERS[type(node)](writer, node)
    if network.output is network.input:
        raise refused(network.output, "an exported network must have a node behind its input")
    return writer.model()


def write_input(writer: GraphWriter, node: Input) -> None:
    """The input has its type from its annotation."""
    writer.declare(node, magnitude(node.type.element))


def magnitude(element: DataType) -> int:
    """The largest magnitude of a value of ``element``."""
    return max(-element.min, element.max)


def write_flatten(writer: GraphWriter, node: Flatten) -> None:
    """Channels go last first, as on the edges of the network."""
    (source,) = node.inputs
    kind = writer.network.types[source]
    read = source
    if 1 < kind.channels < kind.size:
        rank = len(kind.shape)
        order = [0, *range(2, rank + 1), 1]
        shape = (1, *kind.shape)
        read = writer.step(
            "Transpose", [source], f"{node.name}.hwc", shape, kind.element, perm=order
        )
    writer.operate("Flatten", [read], node.name, axis=1)
    writer.declare(node, writer.reach[source])


def sum_reach(writer: GraphWriter, source: str, matrix: NDArray[np.int8]) -> int:
    """The largest magnitude of sums of ``source`` times the rows of ``matrix``."""
    return int(np.abs(matrix.astype(np.int64)).sum(axis=1).max()) * writer.reach[source]


def write_matmul(writer: GraphWriter, node: MatMul) -> None:
    """A product with the transposed weights."""
    (source,) = node.inputs
    weights = writer.constant(f"{node.name}.weights", node.weights.T, node.weight_type)
    writer.operate("MatMul", [source, weights], node.name)
    writer.declare(node, sum_reach(writer, source, node.weights))


def write_conv(writer: GraphWriter, node: Conv) -> None:
    """A convolution; its padding is exactly 0."""
    (source,) = node.inputs
    kernels = np.moveaxis(node.weights, -1, 1)
    weights = writer.constant(f"{node.name}.weights", kernels, node.weight_type)
    writer.operate("Conv", [source, weights], node.name, group=1, **conv_window(node.window))
    writer.declare(node, sum_reach(writer, source, node.matrix))


def write_depthwise(writer: GraphWriter, node: Depthwise) -> None:
    """A convolution in as many groups as there are channels."""
    (source,) = node.inputs
    kernels = node.weights[:, np.newaxis]
    weights = writer.constant(f"{node.name}.weights", kernels, node.weight_type)
    groups = len(node.weights)
    writer.operate("Conv", [source, weights], node.name, group=groups, **conv_window(node.window))
    writer.declare(node, sum_reach(writer, source, node.matrix))


def conv_window(window: Window) -> dict[str, Any]:
    """The attributes of windows with dilation; pads are in the same order here and there."""
    return {
        "kernel_shape": window.kernel,
        "strides": window.stride,
        "dilations": window.dilation,
        "pads": window.padding,
    }


def write_threshold(writer: GraphWriter, node: Threshold) -> None:
    """Thresholds of the negated value where it counts down: ``a <= t`` just if ``-a >= -t``."""
    (source,) = node.inputs
    table, read = node.table, source
    reach = writer.reach[source]
    near = np.clip(table.values, -reach - 1, reach + 1)  # to be negated without overflow
    rows = np.where(table.descending[:, np.newaxis], -near[:, ::-1], near)
    if table.descending.any():
        read = negated(writer, node, source)
    thresholds(writer, node, read, rows, table.base, table.output_type, reach)


def negated(writer: GraphWriter, node: Threshold, source: str) -> str:
    """``source`` with the sign changed of channels that count down."""
    kind = writer.network.types[source]
    signs = np.where(node.table.descending, -1, 1).reshape(1, -1, *[1] * (len(kind.shape) - 1))
    constant = writer.constant(f"{node.name}.signs", signs.astype(np.float32), BIPOLAR)
    element = kind.element
    if element not in (BIPOLAR, TERNARY):
        element = smallest_type(min(element.min, -element.max), max(element.max, -element.min))
    shape = channels_second(kind.shape)
    return writer.step("Mul", [source, constant], f"{node.name}.signed", shape, element)


def thresholds(
    writer: GraphWriter,
    node: Threshold | Thermometer,
    source: str,
    rows: NDArray[np.int64],
    base: int,
    output: DataType,
    reach: int,
) -> None:
    """How many of ``rows`` of shape ``(channels or 1, levels)`` are reached, as values."""
    clipped = np.clip(rows, -reach, reach + 1)  # reached always, and never
    element = smallest_type(int(clipped.min()), int(clipped.max()))
    table = writer.constant(f"{node.name}.thresholds", clipped.astype(np.float32), element)
    writer.operate(
        "MultiThreshold",
        [source, table],
        node.name,
        domain=QONNX,
        out_dtype=output.name,
        out_scale=float(output.step),
        out_bias=float(base),
        data_layout=LAYOUTS[len(writer.network.types[node.name].shape)],
    )
    writer.declare(node, max(abs(base), abs(base + output.step * rows.shape[1])))


def write_thermometer(writer: GraphWriter, node: Thermometer) -> None:
    """Every channel as often as there are levels, by a product; then a threshold for each."""
    (source,) = node.inputs
    kind, count = writer.network.types[source], len(node.levels)
    matrix = np.repeat(np.eye(kind.channels, dtype=np.int8), count, axis=0)
    sides = len(kind.shape) - 1
    weights = matrix.reshape(*matrix.shape, *[1] * sides) if sides else matrix.T
    constant = writer.constant(f"{node.name}.copies", weights, TERNARY)
    read = writer.step(
        "Conv" if sides else "MatMul",
        [source, constant],
        f"{node.name}.copied",
        channels_second((*kind.shape[:-1], len(matrix))),
        kind.element,
        **(single_pixels(sides) if sides else {}),
    )
    rows = np.tile(node.levels, kind.channels)[:, np.newaxis]
    thresholds(writer, node, read, rows, -1, BIPOLAR, writer.reach[source])


def single_pixels(sides: int) -> dict[str, Any]:
    """The attributes of a convolution of single pixels: all, for FINN wants them written down."""
    ones, zeros = [1] * sides, [0] * (2 * sides)
    return {"group": 1, "kernel_shape": ones, "strides": ones, "dilations": ones, "pads": zeros}


def write_max_pool(writer: GraphWriter, node: MaxPool) -> None:
    """A max pool."""
    (source,) = node.inputs
    check_pool_padding(node)
    writer.operate("MaxPool", [source], node.name, **conv_window(node.window))
    writer.declare(node, writer.reach[source])


def check_pool_padding(node: MaxPool | SumPool) -> None:
    """Refuse more padding than ONNX Runtime's pools take."""
    window = node.window
    if any(pad >= size for pad, size in zip(window.padding, window.kernel * 2, strict=True)):
        raise refused(
            node,
            f"a pool must have less padding {window.padding} than its kernel {window.kernel} "
            "has pixels to be exported",
        )


def write_sum_pool(writer: GraphWriter, node: SumPool) -> None:
    """A mean, times the number of pixels; ONNX has none with dilation, which becomes a product."""
    (source,) = node.inputs
    window, taps = node.window, node.window.taps
    reach = writer.reach[source] * taps
    if max(window.dilation) > 1:
        ones = np.ones((writer.network.types[source].channels, 1, *window.kernel))
        weights = writer.constant(f"{node.name}.ones", ones, TERNARY)
        writer.operate("Conv", [source, weights], node.name, group=len(ones), **conv_window(window))
    else:
        check_pool_padding(node)
        write_mean(writer, node, source, reach)
    writer.declare(node, reach)


def write_mean(writer: GraphWriter, node: SumPool, source: str, reach: int) -> None:
    """A mean and a product, rounded to the sum where the division is not exact."""
    taps = node.window.taps
    shape = channels_second(writer.network.types[node.name].shape)
    op, attributes = mean_operator(writer, node)
    mean = writer.step(op, [source], f"{node.name}.mean", shape, None, **attributes)
    factor = writer.constant(
        f"{node.name}.taps", np.float32(taps).reshape(1), smallest_type(0, taps)
    )
    if taps & (taps - 1) == 0:
        writer.operate("Mul", [mean, factor], node.name)
        return
    writer.check_reach(node, reach, LARGEST_MEAN)
    product = writer.step("Mul", [mean, factor], f"{node.name}.product", shape, None)
    writer.operate("Round", [product], node.name)


def mean_operator(writer: GraphWriter, node: SumPool) -> tuple[str, dict[str, Any]]:
    """Operator and attributes of the mean: of the whole image, which FINN knows, or of windows."""
    size = writer.network.types[node.inputs[0]].shape[:2]
    if (node.window.kernel, node.window.stride) == (size, size) and not any(node.window.padding):
        return "GlobalAveragePool", {}
    attributes = conv_window(node.window)
    del attributes["dilations"]
    return "AveragePool", attributes | {"count_include_pad": 1}


def write_pad(writer: GraphWriter, node: Pad) -> None:
    """Zeros around an image."""
    (source,) = node.inputs
    top, left, bottom, right = node.padding
    pads = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    constant = writer.constant(f"{node.name}.pads", pads, None)
    writer.operate("Pad", [source, constant], node.name, mode="constant")
    writer.declare(node, writer.reach[source])


def write_upsample(writer: GraphWriter, node: Upsample) -> None:
    """Pixels to the nearest."""
    (source,) = node.inputs
    region = writer.constant(f"{node.name}.region", np.zeros(0, np.float32), None)
    factors = np.array([1, 1, *node.factor], np.float32)
    scales = writer.constant(f"{node.name}.scales", factors, None)
    writer.operate(
        "Resize",
        [source, region, scales],
        node.name,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    writer.declare(node, writer.reach[source])


def write_add(writer: GraphWriter, node: Add) -> None:
    """A sum, of multiples where an addend is shifted up."""
    addends, reach = [], 0
    for number, (source, shift) in enumerate(zip(node.inputs, node.shifts, strict=True)):
        part = writer.reach[source] << shift
        writer.check_reach(node, part)
        reach += part
        addends.append(shifted(writer, node, number, source, shift) if shift else source)
    writer.operate("Add", addends, node.name)
    writer.declare(node, reach)


def shifted(writer: GraphWriter, node: Add, number: int, source: str, shift: int) -> str:
    """``source`` times a power of two, an addend of ``node``."""
    kind = writer.network.types[source]
    factor = np.float32(1 << shift).reshape(1)
    name = f"{node.name}.factor{number}"
    constant = writer.constant(name, factor, smallest_type(0, 1 << shift))
    element = smallest_type(kind.element.min << shift, kind.element.max << shift)
    shape = channels_second(kind.shape)
    return writer.step("Mul", [source, constant], f"{node.name}.addend{number}", shape, element)


def write_concat(writer: GraphWriter, node: Concat) -> None:
    """Channels behind each other."""
    writer.operate("Concat", node.inputs, node.name, axis=1)
    writer.declare(node, max(writer.reach[source] for source in node.inputs))


def write_argmax(writer: GraphWriter, node: ArgMax) -> None:
    """The best k; of equal scores the first."""
    if node is not writer.network.output:
        raise refused(node, "labels must be the output of a network to be exported")
    (source,) = node.inputs
    kind = writer.network.types[source]
    count = writer.constant(f"{node.name}.k", np.array([node.k], np.int64), None)
    values = f"{node.name}.scores"
    writer.operate("TopK", [source, count], values, node.name, axis=1, largest=1, sorted=1)
    writer.state(values, (1, node.k), kind.element)
    writer.declare(node, magnitude(writer.network.types[node.name].element), INT64)


WRITERS: Mapping[type[Any], Callable[[GraphWriter, Any], None]] = MappingProxyType(
    {
        Input: write_input,
        Thermometer: write_thermometer,
        Threshold: write_threshold,
        MatMul: write_matmul,
        Conv: write_conv,
        Depthwise: write_depthwise,
        MaxPool: write_max_pool,
        SumPool: write_sum_pool,
        Pad: write_pad,
        Upsample: write_upsample,
        Add: write_add,
        Concat: write_concat,
        Flatten: write_flatten,
        ArgMax: write_argmax,
    }
)
"""What writes each kind of node."""
