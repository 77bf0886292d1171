# SPDX-License-Identifier: Apache-2.0
"""Fast forms of the nodes that multiply and of those that compare with thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorflow.ir import (
    BIPOLAR,
    Conv,
    Depthwise,
    Flatten,
    MatMul,
    Node,
    SumPool,
    TensorType,
    Threshold,
    Window,
)
from xnorflow.sim.reference.formats import (
    Format,
    conversion,
    padded,
    pixel_bytes,
    threshold_packer,
)
from xnorflow.sim.reference.kernels import make_kernel
from xnorflow.sim.reference.planner import Planner, plan_kernel
from xnorflow.sim.reference.products import (
    Form,
    Product,
    make_product,
    tap_product,
    value_product,
)
from xnorflow.sim.reference.rows import row_function
from xnorflow.sim.reference.rules import (
    Rule,
    byte_rule,
    is_one_bit,
    plane_rule,
    sign_rule,
    sum_rule,
)
from xnorflow.sim.reference.windows import Scene, window_function

__all__ = [
    "plan_conv",
    "plan_depthwise",
    "plan_matmul",
    "plan_sum_pool",
    "plan_threshold",
]

Array = NDArray[Any]
MakeRule = Callable[[Product], Rule]


def plan_results(
    planner: Planner, node: Node[TensorType], plan: Callable[[str, MakeRule], None]
) -> None:
    """Let ``plan`` make the edge of ``node``, or of the threshold that alone reads it."""
    activation = planner.fused_threshold(node)
    if activation is None:
        plan(node.name, sum_rule)
        return
    plan(activation.name, rule_maker(planner, activation))
    planner.formats[node.name] = []


def rule_maker(planner: Planner, node: Threshold) -> MakeRule:
    """The rule that gives the results of ``node`` in the form that suits its readers."""
    if is_one_bit(node.table):
        return partial(sign_rule, table=node.table)
    make = plane_rule if planner.wants_bits(node.name) else byte_rule
    return partial(make, table=node.table)


def plan_windows(
    planner: Planner,
    node: Node[TensorType],
    scene: Scene,
    product: Product,
) -> None:
    """The results of ``product`` in all windows of ``scene`` over the edge that ``node`` reads."""
    (edge,) = node.inputs
    bits = product.form is Form.BITS
    source = planner.held(edge, Format.PIXELS) if bits else planner.held_as_numbers(edge)

    def plan(output: str, make_rule: MakeRule) -> None:
        function, native = window_function(scene, product, make_rule)
        planner.add(output, native, (source,), function)

    plan_results(planner, node, plan)


def plan_matmul(planner: Planner, node: MatMul) -> None:
    """A product, with the thresholds behind it where they alone read it."""
    (edge,) = node.inputs
    source, sums = planner.type_of(edge).element, planner.type_of(node.name).element
    if planner.native(edge) is Format.PIXELS:
        pixels, channels = planner.layouts[edge]
        weights = node.weights.reshape(node.mh, pixels, channels)
        product = make_product(weights, node.weight_type, source, sums, 8 * pixel_bytes(channels))
        if product is not None and product.form is Form.BITS:
            image = TensorType(source, (1, pixels, channels))
            plan_windows(planner, node, Scene(image, Window(kernel=(1, pixels))), product)
            return
    flat = node.weights[:, np.newaxis]
    product = make_product(flat, node.weight_type, source, sums, padded(node.mw, 64))
    if product is None:
        plan_kernel(planner, node)
        return
    array = planner.held(edge, Format.BITS if product.form is Form.BITS else Format.WORDS)

    def plan(output: str, make_rule: MakeRule) -> None:
        rule = make_rule(product)
        planner.add(output, rule.format, (array,), row_function(product, rule))

    plan_results(planner, node, plan)


def plan_conv(planner: Planner, node: Conv) -> None:
    """A product of windows, with the thresholds behind it where they alone read it."""
    (edge,) = node.inputs
    source = planner.type_of(edge)
    weights = node.weights.reshape(node.mh, node.window.taps, source.channels)
    product = make_product(
        weights,
        node.weight_type,
        source.element,
        planner.type_of(node.name).element,
        8 * pixel_bytes(source.channels),
    )
    if product is None:
        plan_kernel(planner, node)
        return
    scene = Scene(source, node.window)
    if source.element == BIPOLAR and any(node.window.padding):
        scene = replace(scene, border=weights.sum(axis=2, dtype=np.int64))
    plan_windows(planner, node, scene, product)


def plan_depthwise(planner: Planner, node: Depthwise) -> None:
    """A product of each channel, with the thresholds behind it where they alone read it."""
    plan_taps(planner, node, node.window, node.matrix)


def plan_sum_pool(planner: Planner, node: SumPool) -> None:
    """A depthwise convolution with ones."""
    channels = planner.type_of(node.name).channels
    plan_taps(planner, node, node.window, np.ones((channels, node.window.taps), np.int8))


def plan_taps(
    planner: Planner, node: Node[TensorType], window: Window, weights: NDArray[np.int8]
) -> None:
    """A product of each channel with its row of ``weights``."""
    (edge,) = node.inputs
    source = planner.type_of(edge)
    product = tap_product(weights, source.element, planner.type_of(node.name).element)
    if product is None:
        plan_kernel(planner, node)
    else:
        plan_windows(planner, node, Scene(source, window), product)


def plan_threshold(planner: Planner, node: Threshold) -> None:
    """Thresholds that are not part of a product."""
    (edge,) = node.inputs
    table, source = node.table, planner.type_of(edge)
    from_bytes = planner.native(edge) is Format.BYTES
    readers = planner.network.readers(node.name)
    if table.output_type.width_bits > 8:
        plan_kernel(planner, node)
    elif (
        from_bytes and is_one_bit(table) and all(isinstance(r, (Flatten, MatMul)) for r in readers)
    ):
        repeat = source.size // table.rows
        pack = threshold_packer(
            np.tile(table.values[:, 0], repeat), np.tile(table.descending, repeat), source.element
        )
        planner.add(node.name, Format.BITS, (f"{edge}.{Format.BYTES}",), pack)
    elif from_bytes and table.rows == 1 and not planner.wants_bits(node.name):
        results = byte_results(node, source)
        inputs = (f"{edge}.{Format.BYTES}",)
        planner.add(node.name, Format.BYTES, inputs, lambda x: results[x[:, : source.size]])
    else:
        pixels, channels = source.size // source.channels, source.channels
        scene = Scene(TensorType(source.element, (1, pixels, channels)), Window(kernel=(1, 1)))
        make_rule = rule_maker(planner, node)
        function, native = window_function(scene, value_product(channels), make_rule)
        planner.add(node.name, native, (planner.held_as_numbers(edge),), function)


def byte_results(node: Threshold, source: TensorType) -> NDArray[np.uint8]:
    """Low byte of what ``node``, with one row, makes of each of the 256 input bytes."""
    octets = np.arange(256, dtype=np.uint8)[np.newaxis]
    convert = conversion(Format.BYTES, Format.VALUES, source.element, (1, 256))
    one_row = TensorType(source.element, (256,))
    kernel = make_kernel(node, (one_row,), TensorType(node.table.output_type, (256,)))
    results: NDArray[np.uint8] = kernel(convert(octets))[0].astype(np.uint8)
    return results
